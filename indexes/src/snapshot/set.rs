//! A set of chunks of one snapshot, for filters.

use std::sync::Arc;

use crate::catalog::load::Heads;
use crate::records::ChunkId;

/// Some of a snapshot's chunks.
#[derive(Clone, Debug)]
pub struct ChunkSet {
    heads: Arc<Heads>,
    /// One bit by position in the snapshot's list of chunks.
    bits: Vec<u64>,
    len: usize,
}

impl ChunkSet {
    pub(super) fn select(heads: Arc<Heads>, keep: impl Fn(usize) -> bool) -> ChunkSet {
        let count = heads.chunk_ids.len();
        let mut bits = vec![0u64; count.div_ceil(64)];
        let mut len = 0;
        for position in (0..count).filter(|&position| keep(position)) {
            bits[position / 64] |= 1 << (position % 64);
            len += 1;
        }
        ChunkSet { heads, bits, len }
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No chunk at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a chunk is in the set.
    pub fn contains(&self, chunk: ChunkId) -> bool {
        self.heads
            .position(chunk)
            .is_some_and(|position| self.at(position))
    }

    /// The chunks, ascending.
    pub fn iter(&self) -> impl Iterator<Item = ChunkId> {
        let positions = (0..self.heads.chunk_ids.len()).filter(|&position| self.at(position));
        positions.map(|position| self.heads.chunk_ids[position])
    }

    /// Whether the chunk at a position of `heads` is in the set, which may stem
    /// from another snapshot.
    pub(super) fn has(&self, heads: &Arc<Heads>, position: usize) -> bool {
        match Arc::ptr_eq(heads, &self.heads) {
            true => self.at(position),
            false => self.contains(heads.chunk_ids[position]),
        }
    }

    fn at(&self, position: usize) -> bool {
        self.bits[position / 64] >> (position % 64) & 1 == 1
    }
}
