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
    /// Content and position of every chunk, sorted.
    slots: Vec<(u32, u32)>,
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
            item_of: vec![NONE; slots.len()],
            distinct: slots.chunk_by(|a, b| a.0 == b.0).count(),
            slots,
        };
        for (segment, row) in segments.iter().enumerate() {
            let contents = row.iter().flat_map(|row| &row.contents);
            for (ordinal, &content) in contents.enumerate() {
                let chunks = encodings.slots_of(content);
                encodings.add(Item {
                    segment,
                    ordinal,
                    chunks,
                });
            }
        }
        encodings
    }

    fn slots_of(&self, content: u32) -> Range<usize> {
        let start = self.slots.partition_point(|slot| slot.0 < content);
        let same = self.slots[start..]
            .iter()
            .take_while(|slot| slot.0 == content);
        start..start + same.count()
    }

    /// Adds an item unless no live chunk has it, or an earlier item serves them.
    fn add(&mut self, item: Item) {
        let Some(&(_, first)) = self.slots[item.chunks.clone()].first() else {
            return;
        };
        if self.item_of[first as usize] == NONE {
            for &(_, position) in &self.slots[item.chunks.clone()] {
                self.item_of[position as usize] = self.items.len() as u32;
            }
            self.items.push(item);
        }
    }

    /// Positions of the chunks that have an item's content.
    pub fn positions(&self, item: &Item) -> impl Iterator<Item = usize> + Clone {
        let slots = self.slots[item.chunks.clone()].iter();
        slots.map(|&(_, position)| position as usize)
    }

    /// The encoding of a content, if a live chunk has it.
    #[cfg(feature = "faiss")]
    pub fn of_content(&self, content: u32) -> Option<&Item> {
        let (_, position) = self.slots[self.slots_of(content)].first()?;
        self.of(*position as usize)
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
