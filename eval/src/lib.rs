//! Questions with known answers about real repositories: read, and made without anybody's labels.
//!
//! [`labels`] is the layout on disk: `repos.json` and `annotations/<name>.json`. [`docstrings`]
//! asks for a function by what its doc comment says, [`commits`] for the files that a commit
//! changed by what its message says. [`pairs`] makes the text that models are trained on.

pub mod commits;
pub mod docstrings;
mod git;
pub mod labels;
pub mod pairs;

use std::path::PathBuf;

/// Why labels cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file or folder cannot be used.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of labels is not as it should be.
    #[error("`{}` is not as expected: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A repository that is asked for has no labels.
    #[error("there is no repository `{name}` in `{}`", dir.display())]
    Unknown {
        /// Its name.
        name: String,
        /// The folder of labels.
        dir: PathBuf,
    },
    /// git failed.
    #[error("`git {command}` failed in `{}`: {message}", dir.display())]
    Git {
        /// What was asked of it.
        command: String,
        /// Where.
        dir: PathBuf,
        /// What it said.
        message: String,
    },
    /// Questions about commits need a checkout of their own.
    #[error(
        "`{}` was not made by `fathom eval build commits`, and other checkouts are left as they are; give `--sources` the folder that was built",
        dir.display()
    )]
    NotOurs {
        /// The checkout.
        dir: PathBuf,
    },
}

/// An error of the system about a path.
fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> EvalError {
    let path = path.into();
    move |source| EvalError::Io { what, path, source }
}
