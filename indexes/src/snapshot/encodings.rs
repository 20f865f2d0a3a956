//! Which content of which segment belongs to which chunks.

use std::ops::Range;

use crate::catalog::SegmentRow;
use crate::catalog::load::Heads;

/// One encoded content and the chunks that have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub segment: u32,
    pub ordinal: u32,
    /// Where its chunks begin in [`Encodings::by_content`], and how many there are.
    first: u32,
    count: u32,
}

/// The encoded contents of the live chunks, in the order of their segments.
#[derive(Debug)]
pub(super) struct Encodings {
    pub items: Vec<Item>,
    /// Items of each segment.
    of_segment: Vec<Range<usize>>,
    /// Positions of all chunks, sorted by content.
    by_content: Vec<u32>,
    /// Item by position of a chunk; [`NONE`] for one that is not encoded.
    item_of: Vec<u32>,
    /// Distinct contents of the live chunks.
    pub distinct: usize,
}

const NONE: u32 = u32::MAX;

impl Encodings {
    /// Joins chunks and segments by content. `segments` has `None` in place of one
    /// that cannot be read.
    pub fn new(heads: &Heads, segments: &[Option<&SegmentRow>]) -> Encodings {
        let heads = &heads.heads;
        let mut by_content: Vec<u32> = (0..heads.len() as u32).collect();
        by_content.sort_unstable_by_key(|&at| (heads[at as usize].content, at));
        let mut contents: Vec<(u32, u32)> = Vec::new();
        let of = |&at: &u32| heads[at as usize].content;
        for (first, at) in (0..).zip(&by_content) {
            if contents.last().is_none_or(|last| last.0 != of(at)) {
                contents.push((of(at), first));
            }
        }
        let mut encodings = Encodings {
            items: Vec::new(),
            of_segment: Vec::new(),
            item_of: vec![NONE; heads.len()],
            distinct: contents.len(),
            by_content,
        };
        for (segment, row) in (0..).zip(segments) {
            let first = encodings.items.len();
            let rows = row.iter().flat_map(|row| &row.contents);
            for (ordinal, content) in (0..).zip(rows) {
                if let Ok(at) = contents.binary_search_by_key(content, |pair| pair.0) {
                    let end = contents
                        .get(at + 1)
                        .map_or(heads.len() as u32, |next| next.1);
                    encodings.add(Item {
                        segment,
                        ordinal,
                        first: contents[at].1,
                        count: end - contents[at].1,
                    });
                }
            }
            encodings.of_segment.push(first..encodings.items.len());
        }
        encodings
    }

    /// Adds an item unless an earlier one serves its chunks.
    fn add(&mut self, item: Item) {
        let places = item.first as usize..(item.first + item.count) as usize;
        let positions = &self.by_content[places];
        if self.item_of[positions[0] as usize] == NONE {
            for &position in positions {
                self.item_of[position as usize] = self.items.len() as u32;
            }
            self.items.push(item);
        }
    }

    /// The items of a segment, by ordinal.
    pub fn of_segment(&self, segment: usize) -> &[Item] {
        &self.items[self.of_segment[segment].clone()]
    }

    /// What a segment has of a content, if it serves live chunks.
    pub fn at(&self, segment: usize, ordinal: usize) -> Option<&Item> {
        let items = self.of_segment(segment);
        // Mostly every content of a segment is live.
        match items.get(ordinal) {
            Some(item) if item.ordinal as usize == ordinal => Some(item),
            _ => {
                let at = items.binary_search_by_key(&(ordinal as u32), |item| item.ordinal);
                at.ok().map(|at| &items[at])
            }
        }
    }

    /// Positions of the chunks that have an item's content, ascending.
    pub fn positions(&self, item: &Item) -> impl Iterator<Item = usize> + Clone {
        let places = item.first as usize..(item.first + item.count) as usize;
        let positions = self.by_content[places].iter();
        positions.map(|&position| position as usize)
    }

    /// The encoding of a content, if a live chunk has it.
    #[cfg(feature = "faiss")]
    pub fn of_content(&self, heads: &Heads, content: u32) -> Option<&Item> {
        let of = |&at: &u32| heads.heads[at as usize].content;
        let at = self.by_content.partition_point(|at| of(at) < content);
        let position = *self.by_content.get(at)?;
        match of(&position) == content {
            true => self.of(position as usize),
            false => None,
        }
    }

    /// The encoding of the chunk at a position.
    pub fn of(&self, position: usize) -> Option<&Item> {
        self.items.get(self.item_of[position] as usize)
    }

    /// Positions of the first chunks of the contents that are not encoded.
    pub fn missing(&self, heads: &Heads) -> Vec<u32> {
        let is_missing = |&at: &u32| self.item_of[at as usize] == NONE;
        let mut missing: Vec<u32> = self.by_content.iter().copied().filter(is_missing).collect();
        missing.dedup_by_key(|at| heads.heads[*at as usize].content);
        missing.sort_unstable();
        missing
    }

    /// Number of chunks that are encoded.
    pub fn encoded_chunks(&self) -> usize {
        self.item_of.iter().filter(|&&item| item != NONE).count()
    }
}
