//! The contents that are encoded.

use crate::catalog::SegmentRow;

/// A set of contents: their ids are dense, so one bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct ContentSet(Vec<u64>);

impl ContentSet {
    /// Adds a content; answers whether it is new.
    pub fn insert(&mut self, content: u32) -> bool {
        let (word, bit) = (content as usize / 64, 1 << (content % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    pub fn contains(&self, content: u32) -> bool {
        let word = self.0.get(content as usize / 64);
        word.is_some_and(|word| word >> (content % 64) & 1 == 1)
    }

    /// Adds the contents of a segment.
    pub fn extend(&mut self, row: &SegmentRow) {
        row.contents.iter().for_each(|&content| {
            self.insert(content);
        });
    }
}

impl<'r> FromIterator<&'r SegmentRow> for ContentSet {
    fn from_iter<I: IntoIterator<Item = &'r SegmentRow>>(rows: I) -> ContentSet {
        let mut set = ContentSet::default();
        rows.into_iter().for_each(|row| set.extend(row));
        set
    }
}
