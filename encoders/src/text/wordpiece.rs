//! WordPiece: a word becomes the longest known piece, then the longest known
//! continuation, and so on (Wu et al. 2016, as in BERT).
//!
//! The `tokenizers` crate does the same with offsets and alignments that
//! nobody here needs, at a tenth of the speed. Tests hold the two equal.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// FNV-1a over the bytes, good enough for short keys that nobody chooses to
/// collide: the table holds the model's vocabulary and is only read.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Pieces = HashMap<Box<[u8]>, u32, BuildHasherDefault<Fnv>>;

/// A vocabulary ready for greedy matching.
pub(crate) struct WordPiece {
    starts: Pieces,
    continuations: Pieces,
    unknown: u32,
    longest_word: usize,
    longest_piece: usize,
}

impl WordPiece {
    /// A matcher over `(piece, id)`; pieces that begin with `prefix` continue
    /// a word. Words of more than `longest_word` characters are `unknown`.
    pub(crate) fn new<'a>(
        vocabulary: impl IntoIterator<Item = (&'a str, u32)>,
        prefix: &str,
        unknown: u32,
        longest_word: usize,
    ) -> Self {
        let mut matcher = Self {
            starts: Pieces::default(),
            continuations: Pieces::default(),
            unknown,
            longest_word,
            longest_piece: 0,
        };
        for (piece, id) in vocabulary {
            matcher.insert(piece, prefix, id);
        }
        matcher
    }

    fn insert(&mut self, piece: &str, prefix: &str, id: u32) {
        let (pieces, text) = match piece.strip_prefix(prefix) {
            Some(rest) if !rest.is_empty() => (&mut self.continuations, rest),
            _ => (&mut self.starts, piece),
        };
        self.longest_piece = self.longest_piece.max(text.len());
        pieces.insert(text.as_bytes().into(), id);
    }

    /// Appends the ids of one word that is already lower-cased and cleaned.
    pub(crate) fn push(&self, word: &str, out: &mut Vec<u32>) {
        if word.len() > self.longest_word && word.chars().count() > self.longest_word {
            out.push(self.unknown);
            return;
        }
        let before = out.len();
        let mut rest = word;
        let mut pieces = &self.starts;
        while !rest.is_empty() {
            let Some((length, id)) = self.longest_match(pieces, rest) else {
                out.truncate(before);
                out.push(self.unknown);
                return;
            };
            out.push(id);
            rest = &rest[length..];
            pieces = &self.continuations;
        }
    }

    /// Length in bytes and id of the longest piece that `text` begins with.
    fn longest_match(&self, pieces: &Pieces, text: &str) -> Option<(usize, u32)> {
        let longest = text.len().min(self.longest_piece);
        (1..=longest)
            .rev()
            .filter(|&length| text.is_char_boundary(length))
            .find_map(|length| {
                let id = pieces.get(&text.as_bytes()[..length])?;
                Some((length, *id))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_piece_wins() {
        let vocabulary = [
            ("[UNK]", 0),
            ("un", 1),
            ("una", 2),
            ("##aff", 3),
            ("##able", 4),
            ("##ff", 5),
            ("é", 6),
            ("##", 7),
        ];
        let matcher = WordPiece::new(vocabulary, "##", 0, 8);
        for (word, expected) in [
            ("un", &[1][..]),
            ("unaff", &[2, 5]),
            ("unaffable", &[0]), // nine characters
            ("unaffab", &[0]),   // no piece for `ab`
            ("é", &[6]),
            ("éé", &[0]),
            ("##", &[7]),
            ("", &[]),
        ] {
            let mut ids = Vec::new();
            matcher.push(word, &mut ids);
            assert_eq!(ids, expected, "{word}");
        }
    }
}
