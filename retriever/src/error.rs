//! What can go wrong in a search.

use fathom_encoders::EncoderError;
use fathom_indexes::StoreError;

/// Why a search gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RetrieveError {
    /// The query is not a regular expression, or one too large.
    #[error(
        "`{pattern}` is not a usable regular expression: {reason}; escape special characters or search without `--mode regex`"
    )]
    Regex {
        /// The pattern as given.
        pattern: String,
        /// What the parser says.
        reason: String,
    },
    /// A glob of the filter cannot be read.
    #[error("`{glob}` is not a usable glob: {reason}; see the rules of .gitignore")]
    Glob {
        /// The glob as given.
        glob: String,
        /// What the parser says.
        reason: String,
    },
    /// The mode needs the query's embedding and there is no encoder.
    #[error(
        "mode `{mode}` needs an encoder and none is loaded; search with `--mode lexical`, or run `fathom doctor`"
    )]
    NoEncoder {
        /// The mode asked for.
        mode: &'static str,
    },
    /// The mode compares vectors that the model does not make.
    #[error(
        "mode `{mode}` needs {what}, which the selected model does not make; search without `--mode`, or select two models, as with `fathom model use lateon-code embeddinggemma`"
    )]
    NoVectors {
        /// The mode asked for.
        mode: &'static str,
        /// What is lacking.
        what: &'static str,
    },
    /// The encoder failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// There is no such chunk in this generation.
    #[error(
        "no indexed code at {place}; refresh the index with `fathom index`, or see `fathom status` for why the file is skipped"
    )]
    NoSuchChunk {
        /// What was asked for.
        place: String,
    },
    /// Those who keep a copy of the vectors failed; they say what to do.
    #[error("{0}")]
    Elsewhere(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
