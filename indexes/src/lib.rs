//! The on-disk store of one repository: a SQLite catalog, immutable segments of
//! token matrices and dense vectors, a tantivy index, and a dense index.
//!
//! Three types are enough to use it: [`Store`] is a directory, [`Writer`] is the
//! one process that may change it, [`Snapshot`] is a consistent view of one
//! generation. The catalog is the truth and holds the one commit point:
//! everything else is written and made durable before the catalog names it, and
//! can be rebuilt from the catalog when it is damaged.
//!
//! This crate knows nothing of models, of source code, or of queries in words.

mod catalog;
mod check;
mod collection;
mod error;
mod follower;
mod lock;
mod records;
mod segment;
mod snapshot;
mod store;
mod writer;

pub mod codebook;
pub mod dense;
#[doc(hidden)]
pub mod fuzzing;
pub mod late;
pub mod lexical;
pub mod maxsim;
pub mod plaid;
pub mod storage;
pub mod text;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use check::{CheckReport, Finding};
pub use collection::Collection;
pub use error::StoreError;
pub use follower::Follower;
pub use lexical::{FieldWeights, LexicalQuery, LexicalTerm};
pub use records::{
    ChunkHead, ChunkId, ChunkKind, ChunkRecord, ChunkRow, ContentHash, Counts, Encoding, FileId,
    FileRecord, FileRow, FileStat, Hit, NewFile, ReferenceRecord, SkipReason, SkipRecord,
    SymbolRecord, SymbolRow,
};
pub use segment::Prepared;
pub use snapshot::{ChunkSet, CodedContent, Snapshot, TokenUsage};
pub use store::{EncodingClaim, Store, StoreOptions};
pub use writer::{CodedEncoding, MaintainReport, Update, Writer};
