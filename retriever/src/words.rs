//! Words inside identifiers and paths, and when two of them mean the same.

use std::sync::LazyLock;

use fathom_indexes::text;
use rust_stemmers::{Algorithm, Stemmer};

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// Shortest stem that may stand for a longer word (`auth` for `authentication`).
const SHORTEST_PREFIX: usize = 4;
/// Shortest word that is looked for inside a word nobody separated (`print` in `bufprint`).
const SHORTEST_INFIX: usize = 5;

/// A word with its stem, both lower-case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word {
    /// The word as written, lower-cased.
    pub text: String,
    /// Its English (Porter 2) stem.
    pub stem: String,
}

impl Word {
    /// Lower-cases and stems `text`.
    pub fn new(text: &str) -> Word {
        let text = text.to_lowercase();
        let stem = STEMMER.stem(&text).into_owned();
        Word { text, stem }
    }

    /// How far the two words mean the same, 0 to 1: the same stem, a stem that begins the other, or one word
    /// hidden in the other.
    pub fn likeness(&self, other: &Word) -> f32 {
        if self.text == other.text || self.stem == other.stem {
            return 1.0;
        }
        let (short, long) = if self.stem.len() <= other.stem.len() {
            (self, other)
        } else {
            (other, self)
        };
        if short.stem.len() >= SHORTEST_PREFIX && long.stem.starts_with(&short.stem) {
            return 0.7;
        }
        if short.text.len() >= SHORTEST_INFIX && long.text.contains(&short.text) {
            return 0.4;
        }
        0.0
    }
}

/// The parts of an identifier or path as stemmed words, in order.
pub fn words(identifier: &str) -> Vec<Word> {
    text::parts(identifier)
        .iter()
        .map(|part| Word::new(part))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_alike_by_stem_prefix_and_infix() {
        for (a, b, expected) in [
            ("router", "router", 1.0),
            ("redirects", "redirect", 1.0),
            ("validation", "validator", 1.0),
            ("caching", "cache", 1.0),
            ("routing", "router", 0.7),
            ("auth", "authentication", 0.7),
            ("config", "configuration", 0.7),
            ("print", "bufprint", 0.4),
            ("app", "apply", 0.0),
            ("log", "login", 0.0),
            ("read", "write", 0.0),
        ] {
            let (a, b) = (Word::new(a), Word::new(b));
            assert_eq!(a.likeness(&b), expected, "{a:?} {b:?}");
            assert_eq!(b.likeness(&a), expected, "{b:?} {a:?}");
        }
    }
}
