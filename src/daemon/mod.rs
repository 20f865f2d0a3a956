//! One process per user that keeps indexes fresh and the model loaded.
//!
//! Nothing needs it: a command that finds no daemon, one of another version, or one that does not
//! answer does the same work itself, with the same result. So the daemon has no data of its own.
//! It is a writer of the stores like any other, for as long as one change takes, and commands go
//! on reading the stores themselves; what they ask it for is to catch up with a tree
//! ([`client::catch_up`]) and to encode a query ([`client::Remote`]).
//!
//! It listens on a socket in a folder that only its user may enter ([`place`]).

pub mod client;
mod documents;
mod encoding;
mod frame;
pub mod place;
pub mod protocol;
mod repository;
mod serve;
mod server;
mod watched;

pub use serve::{Ended, Options, SelectedNow, serve};
pub use watched::{OnNote, Watched};

use std::path::PathBuf;

/// Why the daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another one has the socket.
    #[error("a daemon is running already (process {pid}); `fathom daemon stop` ends it")]
    Running {
        /// Its process.
        pid: u32,
    },
    /// Its folder cannot be used.
    #[error("cannot use `{}`: {source}; set XDG_RUNTIME_DIR to a folder of your own with a short path", path.display())]
    Place {
        /// The folder, socket or lock.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A repository cannot be watched.
    #[error(transparent)]
    Workspace(#[from] crate::workspace::WorkspaceError),
    /// The selected model cannot be used.
    #[error(transparent)]
    Choice(#[from] crate::encoder::ChoiceError),
}
