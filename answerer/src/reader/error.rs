//! What can go wrong with a reader model.

use std::path::PathBuf;

/// Why a reader gave no answer, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// A path names no file.
    #[error("`{}` is not a file; give the path of a GGUF file or the name of a model", path.display())]
    NotAFile {
        /// The path as given.
        path: PathBuf,
    },

    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A file of another kind.
    #[error("`{}` is not a GGUF file (it begins with {begins:?}); models for llama.cpp are files named `*.gguf`", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
        /// Its first bytes, as text.
        begins: String,
    },

    /// llama.cpp cannot load the file.
    #[error("`{}` cannot be loaded: {reason}; it may be damaged or of a kind that this version does not know: fetch it again, or choose another model", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// llama.cpp's own words.
        reason: String,
    },

    /// A LoRA adapter cannot be used.
    #[error("adapter `{}` cannot be used: {reason}", path.display())]
    Adapter {
        /// The file.
        path: PathBuf,
        /// llama.cpp's own words.
        reason: String,
    },

    /// The draft model is of another family.
    #[error("`{}` cannot draft for this model: {reason}; choose a smaller model of the same family, or leave the draft model out", path.display())]
    DraftModel {
        /// The draft model's file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// An override is not of the form `key=type:value`.
    #[error(
        "`{0}` is not an override; write `key=int:1`, `key=float:0.5`, `key=bool:true` or `key=str:text` (keys and texts of at most 127 bytes)"
    )]
    Override(String),

    /// The memory for the conversation cannot be set up.
    #[error("no memory for a context of {length} tokens: {reason}; ask for a shorter one")]
    Context {
        /// Tokens asked for.
        length: usize,
        /// llama.cpp's own words.
        reason: String,
    },

    /// The prompt leaves no room for an answer.
    #[error(
        "the prompt does not fit into a context of {length} tokens; show less or ask for a longer context"
    )]
    Full {
        /// Tokens of the context.
        length: usize,
    },

    /// The chat template cannot be applied.
    #[error("the model's chat template is of a kind that llama.cpp does not know")]
    Template,

    /// The model's memory cannot forget its end.
    #[error(
        "this model keeps a running state that cannot be rolled back (recurrent or hybrid architecture), so drafts cannot be verified; switch lookup off and name no draft model"
    )]
    NoRollback,

    /// Cancelled, or the deadline passed.
    #[error("interrupted")]
    Interrupted,

    /// The model failed while running.
    #[error("the model failed: {0}")]
    Run(String),

    /// A server gave no answer.
    #[error(
        "the reader at `{url}` gave no answer: {reason}; check that an OpenAI-compatible server is running there"
    )]
    Server {
        /// The address that was asked.
        url: String,
        /// What went wrong.
        reason: String,
    },

    /// This build has no llama.cpp.
    #[error(
        "this build of fathom has no llama.cpp; name a server with `--reader-url`, or build with the feature `llama`"
    )]
    NotBuilt,
}
