//! What can go wrong with model files on this machine.

use std::io;
use std::path::{Path, PathBuf};

use crate::gguf::GgufError;
use crate::space;

/// Why a file is not imported, verified or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system said no.
    #[error("cannot {what} `{path}`: {source}", path = .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// No model in it.
    #[error("there is no GGUF file in `{}`; give a file that ends in `.gguf`, a folder or a tar archive that holds one", .0.display())]
    Nothing(PathBuf),

    /// More than one model in it.
    #[error("`{path}` holds several models ({names}); unpack it and give the file of one", path = .path.display())]
    Several {
        /// Folder or archive.
        path: PathBuf,
        /// The files.
        names: String,
    },

    /// A part of a model in several files is not there.
    #[error("`{path}` lacks `{missing}`, a part of the model; put all parts into one folder and give that", path = .path.display())]
    MissingPart {
        /// Folder or archive.
        path: PathBuf,
        /// The part.
        missing: String,
    },

    /// It is no sound model.
    #[error("`{path}` cannot be used: {source}; get the file again", path = .path.display())]
    NotSound {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: GgufError,
    },

    /// Another file has its place.
    #[error("`{path}` is there already, with other bytes; remove it with `fathom model remove {name}`, or import under another `--name`", path = .path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// The model's name.
        name: String,
    },

    /// Not enough room.
    #[error("{needed} are needed in `{folder}`, but only {free} are free; free some, or give `--data-dir` on another disk", needed = space::shown(*.needed), folder = .folder.display(), free = space::shown(*.free))]
    NoRoom {
        /// Bytes to be written.
        needed: u64,
        /// Bytes free.
        free: u64,
        /// fathom's folder of models.
        folder: PathBuf,
    },

    /// A record that cannot be understood.
    #[error("`{path}` is damaged: {reason}; delete it: the model is found without it", path = .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },

    /// The files of an encoder make no model.
    #[error("`{path}` cannot be used: {reason}", path = .path.display())]
    NoEncoder {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// Interrupted; nothing was changed.
    #[error("interrupted")]
    Cancelled,
}

impl StoreError {
    /// Wraps an error of the system.
    pub(super) fn file<'a>(
        what: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> StoreError + use<'a> {
        move |source| StoreError::File {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
