//! From a folder to a searchable store: [`refresh`] brings files, chunks,
//! symbols and words up to date in one commit; [`encode_missing`] then encodes
//! what has no encoding yet, in batches that each survive an interruption.

mod encode;
mod encoders;
mod refresh;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use fathom_encoders::EncoderError;
use fathom_indexes::StoreError;

use crate::chunk::ChunkOptions;
use crate::walk::WalkOptions;

pub use crate::document::{document_for, document_of};
pub use encode::{embed, encode_missing};
pub use encoders::Encoders;
pub use refresh::refresh;

/// How to index.
#[derive(Debug, Clone)]
pub struct IndexOptions {
    /// Read and cut every file again.
    pub force: bool,
    /// Worker threads for reading, cutting and encoding.
    pub threads: usize,
    /// How long to wait for another writer.
    pub wait: Duration,
    /// Chunks that one run encodes at most.
    pub at_most: usize,
    /// Encode at low priority, in smaller segments.
    pub background: bool,
    /// What to list.
    pub walk: WalkOptions,
    /// How to cut.
    pub chunk: ChunkOptions,
}

impl RefreshReport {
    /// Whether it changed what a search finds.
    pub fn changed_anything(&self) -> bool {
        self.added + self.changed + self.renamed + self.removed + self.unreadable > 0
    }
}

impl Default for IndexOptions {
    fn default() -> Self {
        IndexOptions {
            force: false,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            wait: Duration::from_secs(30),
            at_most: usize::MAX,
            background: false,
            walk: WalkOptions::default(),
            chunk: ChunkOptions::default(),
        }
    }
}

/// Progress of [`refresh`] and [`encode_missing`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// The tree was listed.
    Walked {
        /// Files that are to be indexed, changed or not.
        files: usize,
    },
    /// Files were read, cut and put into the catalog and the lexical index.
    Lexical {
        /// Files so far.
        done: usize,
        /// Files to be looked at.
        total: usize,
    },
    /// Everything can be found by its words.
    LexicalReady {
        /// The store's generation.
        generation: u64,
        /// Since the refresh began.
        took: Duration,
    },
    /// Chunks were encoded.
    Encoding {
        /// Distinct chunks so far.
        done: usize,
        /// Distinct chunks to be encoded.
        total: usize,
        /// Tokens encoded so far.
        tokens: u64,
    },
    /// A batch was made durable: an interruption from here on does not lose it.
    Saved {
        /// Distinct chunks that are safe.
        done: usize,
    },
}

/// What a refresh did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshReport {
    /// The store's generation afterwards.
    pub generation: u64,
    /// New files.
    pub added: usize,
    /// Files with another content than before.
    pub changed: usize,
    /// Files that moved.
    pub renamed: usize,
    /// Files that only look different to `stat`.
    pub touched: usize,
    /// Files that are gone or no longer wanted.
    pub removed: usize,
    /// Files whose last good entry was kept because they cannot be read.
    pub unreadable: usize,
    /// Files that needed nothing.
    pub unchanged: usize,
    /// Paths that are not indexed.
    pub skipped: usize,
    /// Distinct chunks whose vectors another index had; whoever calls may have looked for such.
    pub borrowed: usize,
    /// Folders of the tree that were entered, relative to its root, by path.
    pub folders: Vec<Vec<u8>>,
    /// Wall time.
    pub took: Duration,
}

/// What an encoding run did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EncodeReport {
    /// Distinct chunks encoded.
    pub encoded: usize,
    /// Distinct chunks still without an encoding, after an interruption.
    pub left: usize,
    /// Tokens encoded, special ones included.
    pub tokens: u64,
    /// It was told to stop; what was encoded is kept.
    pub cancelled: bool,
    /// Wall time.
    pub took: Duration,
}

/// Why indexing stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The folder itself cannot be listed.
    #[error("cannot index `{}`: {source}; the stored index is kept", path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Most of the index would be dropped although the tree could not be listed completely.
    #[error(
        "refusing to drop {dropped} of {known} indexed files: `{unlisted}` could not be listed; check its permissions, or remove the index with `fathom clear` to start anew"
    )]
    TooManyGone {
        /// Files that would be dropped.
        dropped: usize,
        /// Files in the index.
        known: usize,
        /// A folder that could not be listed.
        unlisted: String,
    },
    /// It was told to stop; the index is as it was.
    #[error("indexing was interrupted; the index is as it was before")]
    Cancelled,
    /// A worker thread could not be started or died.
    #[error("a worker thread failed: {0}; run again, with fewer threads if memory is short")]
    Worker(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
}
