//! Why a repository cannot be used.

use std::path::{Path, PathBuf};

use fathom_encoders::EncoderError;
use fathom_indexer::pipeline::IndexError;
use fathom_indexes::StoreError;
use fathom_indexes::plaid::PlaidError;
use fathom_retriever::RetrieveError;

use super::ImportError;
use crate::encoder::ChoiceError;

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The path does not lead anywhere.
    #[error("cannot open `{}`: {source}; give the path of a folder or file", path.display())]
    Path {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no index, and the command does not make one.
    #[error("`{}` is not indexed; run `fathom index` there first", root.display())]
    NotIndexed {
        /// The root that was looked for.
        root: PathBuf,
    },
    /// A search would index everything that a user has.
    #[error(
        "`{}` is a home folder or the whole file system; search in a folder below it, or run `fathom index` there if all of it is meant",
        root.display()
    )]
    TooMuch {
        /// The folder.
        root: PathBuf,
    },
    /// The codebook of a model profile is not usable.
    #[error(
        "codebook `{}`: {problem}; if it was trained here, remove it and another will be",
        path.display()
    )]
    Codebook {
        /// The file, or the profile that brings it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Walking, chunking or committing failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The selected model cannot be used.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// An index could not be exported.
    #[error(transparent)]
    Export(#[from] PlaidError),
    /// An index could not be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The search failed.
    #[error(transparent)]
    Retrieve(#[from] RetrieveError),
}

impl WorkspaceError {
    /// Whether another process is writing to the index.
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            WorkspaceError::Store(StoreError::Busy { .. })
                | WorkspaceError::Index(IndexError::Store(StoreError::Busy { .. }))
        )
    }

    /// Whether the index cannot be written, be it that another process does or that it may not be.
    pub fn is_of_store(&self) -> bool {
        matches!(
            self,
            WorkspaceError::Store(_) | WorkspaceError::Index(IndexError::Store(_))
        )
    }

    /// Whether the work was stopped from outside.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, WorkspaceError::Index(IndexError::Cancelled))
    }

    /// Whether the model or its runtime is at fault, not the index.
    pub fn is_of_model(&self) -> bool {
        matches!(
            self,
            WorkspaceError::Encoder(_)
                | WorkspaceError::Choice(_)
                | WorkspaceError::Index(IndexError::Encoder(_))
        )
    }
}

/// An error of the system about a path.
pub(super) fn path_error(path: &Path, source: std::io::Error) -> WorkspaceError {
    WorkspaceError::Path {
        path: path.to_owned(),
        source,
    }
}
