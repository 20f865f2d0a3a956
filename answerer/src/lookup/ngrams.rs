//! Where the last tokens of a text occurred before.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Token;

/// Lengths of the n-grams that are indexed, shortest first. A text without an
/// earlier occurrence of its last three tokens costs one probe.
const LENGTHS: [usize; 3] = [3, 6, 16];

/// Earlier occurrences that are compared, latest first: bounds the work per
/// token for text that repeats one n-gram all the time.
const CANDIDATES: usize = 8;

/// Longest match that is told apart: beyond it a copy is a copy.
const LONGEST: usize = 32;

/// No earlier occurrence.
const NONE: u32 = u32::MAX;

/// A growing text with, for each n-gram, the places where it occurred.
///
/// Adding a token and looking up the end of the text take constant time.
#[derive(Debug, Default)]
pub(super) struct Ngrams {
    text: Vec<Token>,
    levels: [Level; LENGTHS.len()],
}

/// Occurrences of the n-grams of one length.
#[derive(Debug, Default)]
struct Level {
    /// Hash of an n-gram → position after its latest occurrence.
    latest: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    /// Position after an occurrence → position after the one before it.
    /// Begins at position `n`.
    previous: Vec<u32>,
}

/// An earlier occurrence of the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Position of the token that followed.
    pub(super) next: usize,
    /// Tokens that agree before it, at most 32.
    pub(super) length: usize,
}

impl Ngrams {
    pub(super) fn text(&self) -> &[Token] {
        &self.text
    }

    /// Adds a token. The n-grams that end just before it become findable:
    /// something follows them now.
    pub(super) fn push(&mut self, token: Token) {
        let end = self.text.len();
        for (level, n) in self.levels.iter_mut().zip(LENGTHS) {
            if end >= n {
                level.insert(hash(&self.text[end - n..]), end);
            }
        }
        self.text.push(token);
    }

    /// The best earlier occurrence of the end of the text: of the longest
    /// indexed n-gram that occurred, the one with the highest `rank`, then
    /// with the longest match, then the latest.
    pub(super) fn find(&self, rank: impl Fn(usize) -> u32) -> Option<Match> {
        let shortest = self.best(0, &rank)?;
        let longer = (1..LENGTHS.len())
            .rev()
            .find_map(|level| self.best(level, &rank));
        Some(longer.unwrap_or(shortest))
    }

    fn best(&self, level: usize, rank: impl Fn(usize) -> u32) -> Option<Match> {
        let n = LENGTHS[level];
        let tail = &self.text[self.text.len().checked_sub(n)?..];
        self.levels[level]
            .occurrences(hash(tail), n)
            .take(CANDIDATES)
            .map(|next| Match {
                next,
                length: self.agreement(next),
            })
            // Two n-grams may share a hash.
            .filter(|found| found.length >= n)
            .min_by_key(|found| std::cmp::Reverse((rank(found.next), found.length, found.next)))
    }

    /// Tokens before `next` that equal those at the end of the text.
    fn agreement(&self, next: usize) -> usize {
        let before = self.text[..next].iter().rev();
        let end = self.text.iter().rev();
        before
            .zip(end)
            .take(LONGEST)
            .take_while(|(a, b)| a == b)
            .count()
    }
}

impl Level {
    fn insert(&mut self, hash: u64, after: usize) {
        let after = u32::try_from(after).unwrap_or(NONE);
        let before = self.latest.insert(hash, after);
        self.previous.push(before.unwrap_or(NONE));
    }

    /// Positions after the occurrences of an n-gram, latest first.
    fn occurrences(&self, hash: u64, n: usize) -> impl Iterator<Item = usize> {
        let latest = self.latest.get(&hash).copied().filter(|&at| at != NONE);
        std::iter::successors(latest, move |&at| {
            let previous = self.previous.get((at as usize).checked_sub(n)?);
            previous.copied().filter(|&at| at != NONE)
        })
        .map(|at| at as usize)
    }
}

/// A 64-bit hash of an n-gram (multiply and rotate per token, mixed at the end).
fn hash(tokens: &[Token]) -> u64 {
    let folded = tokens.iter().fold(tokens.len() as u64, |hash, &token| {
        (hash.rotate_left(23) ^ u64::from(token.cast_unsigned()))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (folded ^ (folded >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Takes keys that are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(text: &[Token]) -> Ngrams {
        let mut ngrams = Ngrams::default();
        for &token in text {
            ngrams.push(token);
        }
        ngrams
    }

    fn found(text: &[Token]) -> Option<(usize, usize)> {
        index(text)
            .find(|_| 0)
            .map(|found| (found.next, found.length))
    }

    #[test]
    fn the_end_of_the_text_is_found_where_it_occurred_before() {
        assert_eq!(found(&[]), None);
        assert_eq!(found(&[1, 2, 3]), None);
        assert_eq!(found(&[1, 2, 3, 9, 1, 2, 3]), Some((3, 3)));
        assert_eq!(found(&[7, 1, 2, 3, 9, 7, 1, 2, 3]), Some((4, 4)));
        // The latest of equals, and an overlap with itself.
        assert_eq!(found(&[1, 2, 3, 8, 1, 2, 3, 9, 1, 2, 3]), Some((7, 3)));
        assert_eq!(found(&[5, 5, 5, 5]), Some((3, 3)));
    }

    #[test]
    fn a_longer_match_beats_a_later_one() {
        let long: Vec<Token> = (0..20).collect();
        let text = [&long[..], &[99, 17, 18, 19, 98], &long[..]].concat();
        assert_eq!(found(&text), Some((20, 20)));
    }

    #[test]
    fn rank_decides_between_matches_of_one_length() {
        let ngrams = index(&[1, 2, 3, 8, 1, 2, 3, 9, 1, 2, 3]);
        let found = ngrams.find(|next| u32::from(next == 3));
        assert_eq!(found, Some(Match { next: 3, length: 3 }));
    }

    proptest! {
        #[test]
        fn a_match_is_an_earlier_occurrence_and_none_is_missed(
            text in prop::collection::vec(0..4_i32, 0..200)
        ) {
            let occurs = |n: usize| text.len() > n
                && (n..text.len()).any(|end| text[end - n..end] == text[text.len() - n..]);
            match index(&text).find(|_| 0) {
                None => prop_assert!(!occurs(3)),
                Some(found) => {
                    prop_assert!(found.next < text.len() && found.length >= 3);
                    let start = found.next - found.length;
                    prop_assert_eq!(&text[start..found.next], &text[text.len() - found.length..]);
                    for n in LENGTHS {
                        prop_assert!(!occurs(n) || found.length >= n);
                    }
                }
            }
        }
    }
}
