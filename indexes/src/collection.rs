//! Collections: parts of a repository that may be encoded by models of their own.

use crate::records::ChunkKind;

/// Whose vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// Code and configuration; everything where docs have no model of their own.
    Main,
    /// Prose in files of its own.
    Docs,
}

impl Collection {
    /// Both, in the order of their numbers.
    pub const ALL: [Collection; 2] = [Collection::Main, Collection::Docs];

    /// What a chunk belongs to: sections of prose are docs.
    pub fn of(kind: ChunkKind) -> Collection {
        match kind {
            ChunkKind::Section => Collection::Docs,
            _ => Collection::Main,
        }
    }
}
