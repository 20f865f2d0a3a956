//! What can go wrong with an index in another program's layout.

use std::io;
use std::path::{Path, PathBuf};

/// An error of reading or writing the shared layout. Every variant names the file or folder.
#[derive(Debug, thiserror::Error)]
pub enum PlaidError {
    /// A file operation failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file does not hold what the layout wants there.
    #[error("cannot read `{}`: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The index is sound as far as it was looked at, and fathom has no way to hold it.
    #[error("cannot use the index `{}`: {problem}", path.display())]
    Unsupported {
        /// The folder of the index.
        path: PathBuf,
        /// What it has, and what would be possible.
        problem: String,
    },
    /// There is something where the index was to be written.
    #[error("`{}` is not empty; give a folder that does not exist", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
}

impl PlaidError {
    /// Wraps an I/O error with what was tried and where.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> PlaidError {
        PlaidError::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    /// A file that does not hold what it must hold.
    pub fn invalid(path: &Path, problem: impl Into<String>) -> PlaidError {
        PlaidError::Invalid {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }

    /// An index that fathom cannot hold.
    pub fn unsupported(path: &Path, problem: impl Into<String>) -> PlaidError {
        PlaidError::Unsupported {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }
}
