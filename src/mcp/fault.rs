//! Why a call has no result, in words that an agent can act on.

use fathom::engine::EngineError;
use fathom::engine::requests::RequestError;
use fathom::output::escape;
use fathom::workspace::WorkspaceError;
use fathom_indexes::StoreError;

/// Why a call has no result. It is told as the tool's result, where agents see it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The arguments do not fit.
    #[error("invalid arguments for `{tool}`: {reason}; see the tool's input schema")]
    Arguments {
        /// The tool.
        tool: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// An argument is out of bounds.
    #[error("{0}")]
    Request(String),
    /// A path that is no file of the index, and why.
    #[error("`{path}` {why}")]
    NotIndexed {
        /// As it was asked for.
        path: String,
        /// What is known of it, and what to do.
        why: String,
    },
    /// The repository cannot answer.
    #[error("{0}")]
    Engine(EngineError),
    /// The client has cancelled the call.
    #[error("cancelled")]
    Cancelled,
    /// Too many calls at once.
    #[error("{0} calls wait already; call again when some of them are answered")]
    Busy(usize),
    /// A defect of fathom.
    #[error("internal: {0}; other calls are not affected")]
    Internal(String),
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Fault {
        match error {
            EngineError::Workspace(error) if error.is_cancelled() => Fault::Cancelled,
            EngineError::Outside { path, served } => Fault::Request(format!(
                "`{}` is not in the repositories that are served: {served}; give a path as `search` or `repo_map` shows it",
                escape::path(path.as_bytes())
            )),
            other => Fault::Engine(other),
        }
    }
}

impl From<WorkspaceError> for Fault {
    fn from(error: WorkspaceError) -> Fault {
        EngineError::from(error).into()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        WorkspaceError::from(error).into()
    }
}

impl From<RequestError> for Fault {
    fn from(error: RequestError) -> Fault {
        Fault::Request(error.to_string())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        Fault::Internal(error.to_string())
    }
}
