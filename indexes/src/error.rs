//! What can go wrong in the store, with the place and the next step.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ContentHash;

/// An error of the store. Every variant names the file or directory it is about.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `open`, `write`, `sync`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// SQLite refused an operation on the catalog.
    #[error("catalog `{}`: {source}", path.display())]
    Catalog {
        /// The catalog file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// The lexical index refused an operation.
    #[error("lexical index `{}`: {problem}", path.display())]
    Lexical {
        /// The folder of the lexical index.
        path: PathBuf,
        /// What tantivy said.
        problem: String,
    },
    /// The dense index refused an operation.
    #[error("dense index `{}`: {problem}", path.display())]
    Dense {
        /// The file of the dense index, or the store for one held in memory.
        path: PathBuf,
        /// What went wrong.
        problem: String,
    },
    /// A file of the store does not hold what it must hold.
    #[error(
        "`{}` is damaged: {problem}; run `fathom check` for a full report, then `fathom index` to repair",
        path.display()
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// The field or section, and what is wrong with it.
        problem: String,
    },
    /// The store, or a segment of it, was written by another version of the format.
    #[error("`{}` has format {found}, this build reads format {supported}; {next_step}", path.display())]
    Version {
        /// The catalog or the segment.
        path: PathBuf,
        /// The format found.
        found: i64,
        /// The format this build reads and writes.
        supported: i64,
        /// Upgrade or rebuild.
        next_step: &'static str,
    },
    /// A segment was coded with a codebook that is not at hand.
    #[error(
        "`{}` was coded with codebook {found}, {}; run `fathom index` to encode its contents again",
        path.display(),
        match known {
            Some(known) => format!("the model profile has {known}"),
            None => "the model profile has none".into(),
        }
    )]
    Codebook {
        /// The segment.
        path: PathBuf,
        /// Id of its codebook.
        found: ContentHash,
        /// Id of the codebook at hand.
        known: Option<ContentHash>,
    },
    /// Token vectors are kept without a codebook, and the caller wants them coded.
    #[error(
        "the store `{}` holds token vectors that are not coded with a codebook; run `fathom index` with a model that has one",
        path.display()
    )]
    NotCoded {
        /// The store's directory.
        path: PathBuf,
    },
    /// The store holds encodings of another model profile.
    #[error(
        "the store `{}` was built with model profile `{found}`, not `{wanted}`; select that profile or rebuild with `fathom index --force`",
        path.display()
    )]
    Profile {
        /// The store's directory.
        path: PathBuf,
        /// The profile the store was built with.
        found: String,
        /// The profile asked for.
        wanted: String,
    },
    /// Another process is writing.
    #[error(
        "the store `{}` is being written by {holder}; waited {:.0} s, try again when it is done",
        path.display(),
        waited.as_secs_f32()
    )]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// Process id and age of the holder as far as known.
        holder: String,
        /// How long this process waited.
        waited: Duration,
    },
    /// An earlier commit of this writer failed, so nothing it says later can be trusted.
    #[error(
        "the writer of `{}` stopped after a failed commit ({cause}); open the store again",
        path.display()
    )]
    Poisoned {
        /// The store's directory.
        path: PathBuf,
        /// The first failure.
        cause: String,
    },
    /// The lexical index was compacted after this snapshot was opened and before it was first searched.
    #[error("the store `{}` was compacted during the search; search again", path.display())]
    Superseded {
        /// The store's directory.
        path: PathBuf,
    },
    /// The caller handed over something the store cannot hold.
    #[error("cannot store {what}: {problem}")]
    Input {
        /// The thing handed over, named as far as possible (a path, a content hash).
        what: String,
        /// Why it is refused.
        problem: String,
    },
}

impl StoreError {
    /// Wraps an I/O error with what was tried and where.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: io::Error) -> StoreError {
        StoreError::Io {
            action,
            path: path.as_ref().to_path_buf(),
            source,
        }
    }

    /// A damaged file: `problem` names the field or section.
    pub fn damaged(path: impl AsRef<Path>, problem: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            path: path.as_ref().to_path_buf(),
            problem: problem.into(),
        }
    }

    /// Something the caller handed over that cannot be stored.
    pub fn input(what: impl Into<String>, problem: impl Into<String>) -> StoreError {
        StoreError::Input {
            what: what.into(),
            problem: problem.into(),
        }
    }
}
