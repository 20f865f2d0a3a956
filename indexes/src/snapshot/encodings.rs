//! Which content of which segment belongs to which chunks.

use std::ops::Range;

use crate::catalog::SegmentRow;
use crate::catalog::load::Heads;

/// One encoded content and the chunks that have it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub segment: usize,
    pub ordinal: usize,
    chunks: Range<usize>,
}

/// The encoded contents of the live chunks, in the order of their segments.
#[derive(Debug)]
pub(super) struct Encodings {
    pub items: Vec<Item>,
    /// Positions of chunks, grouped by content.
    positions: Vec<u32>,
    /// Item by position of a chunk; [`NONE`] for one that is not encoded.
    item_of: Vec<u32>,
    /// Distinct contents of the live chunks.
    pub distinct: usize,
}

const NONE: u32 = u32::MAX;

impl Encodings {
    /// Joins chunks and segments by content. `segments` has `None` in place of a damaged one.
    pub fn new(heads: &Heads, segments: &[Option<&SegmentRow>]) -> Encodings {
        let mut slots: Vec<(u32, u32)> = heads
            .heads
            .iter()
            .map(|head| head.content)
            .zip(0..)
            .collect();
        slots.sort_unstable();
        let mut encodings = Encodings {
            items: Vec::new(),
            positions: slots.iter().map(|slot| slot.1).collect(),
            item_of: vec![NONE; slots.len()],
            distinct: slots.chunk_by(|a, b| a.0 == b.0).count(),
        };
        for (segment, row) in segments.iter().enumerate() {
            let contents = row.iter().flat_map(|row| &row.contents);
            for (ordinal, &content) in contents.enumerate() {
                let start = slots.partition_point(|slot| slot.0 < content);
                let same = slots[start..].iter().take_while(|slot| slot.0 == content);
                let chunks = start..start + same.count();
                encodings.add(Item {
                    segment,
                    ordinal,
                    chunks,
                });
            }
        }
        encodings
    }

    /// Adds an item unless no live chunk has it, or an earlier item serves them.
    fn add(&mut self, item: Item) {
        let Some(&first) = self.positions[item.chunks.clone()].first() else {
            return;
        };
        if self.item_of[first as usize] == NONE {
            for &position in &self.positions[item.chunks.clone()] {
                self.item_of[position as usize] = self.items.len() as u32;
            }
            self.items.push(item);
        }
    }

    /// Positions of the chunks that have an item's content.
    pub fn positions(&self, item: &Item) -> impl Iterator<Item = usize> + Clone {
        let positions = self.positions[item.chunks.clone()].iter();
        positions.map(|&position| position as usize)
    }

    /// The encoding of the chunk at a position.
    pub fn of(&self, position: usize) -> Option<&Item> {
        self.items.get(self.item_of[position] as usize)
    }

    /// Number of chunks that are encoded.
    pub fn encoded_chunks(&self) -> usize {
        self.item_of.iter().filter(|&&item| item != NONE).count()
    }
}
