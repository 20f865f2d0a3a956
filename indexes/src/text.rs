//! The code tokenizer: turns source text and queries into the words of the lexical index.
//!
//! An identifier gives itself, lower-cased and without its underscores, followed by its parts:
//! `HTTPServer2` becomes `httpserver2`, `http`, `server`, `2`, and `parse_file` becomes
//! `parsefile`, `pars`, `file`, so that `parseFile` finds it too. Parts of four or more ASCII
//! letters are replaced by their English stem (Snowball's Porter2), in documents and queries
//! alike; whole identifiers of several parts are never stemmed, so an exact name stays exact.
//! Numbers and runs longer than [`MAX_WORD_BYTES`] are not split, and each ideograph is a word.

use rust_stemmers::{Algorithm, Stemmer};
use std::cell::Cell;

/// Longest word kept, in bytes; what is longer is cut at a character boundary.
pub const MAX_WORD_BYTES: usize = 128;

/// Parts with fewer letters than this are left unstemmed.
const SHORTEST_STEMMED: usize = 4;

/// All words of `text` in order, with repetitions.
pub fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for_each_word(text, |word| all.push(word.to_owned()));
    all
}

/// Calls `visit` with each word of `text`, without allocating per word.
pub fn for_each_word(text: &str, mut visit: impl FnMut(&str)) {
    thread_local!(static TOKENIZER: Cell<Option<Tokenizer>> = const { Cell::new(None) });
    let mut tokenizer = TOKENIZER.take().unwrap_or_default();
    let mut words = tokenizer.words(text);
    while words.advance() {
        visit(words.word());
    }
    TOKENIZER.set(Some(tokenizer));
}

/// The lower-cased parts of the identifiers in `text`, unstemmed and without the whole names:
/// `HTTPServer2` becomes `http`, `server`, `2`.
pub fn parts(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut runs = Runs { text, next: 0 };
    while let Some(run) = runs.advance() {
        let mut rest = run.start;
        while let Some(part) = next_part(&text[..run.end], rest) {
            rest = part.end;
            let mut word = String::new();
            push_lower(&mut word, &text[part]);
            all.push(word);
        }
    }
    all
}

/// Makes [`Words`] and remembers the stems of frequent words between texts.
#[derive(Clone, Default)]
pub struct Tokenizer {
    word: String,
    stems: StemCache,
}

impl Tokenizer {
    /// The words of `text`.
    pub fn words<'a>(&'a mut self, text: &'a str) -> Words<'a> {
        Words {
            runs: Runs { text, next: 0 },
            run: 0..0,
            tokenizer: self,
        }
    }
}

/// Walks over the words of one text; each is valid until the next [`Words::advance`].
pub struct Words<'a> {
    runs: Runs<'a>,
    /// What is left of the current run to be given as parts.
    run: std::ops::Range<usize>,
    tokenizer: &'a mut Tokenizer,
}

impl Words<'_> {
    /// Moves to the next word; false at the end of the text.
    pub fn advance(&mut self) -> bool {
        loop {
            if let Some(part) = self.next_in_run() {
                self.run.start = part.end;
                self.set_part(part);
                return true;
            }
            let Some(run) = self.runs.advance() else {
                return false;
            };
            if self.enter(run) {
                return true;
            }
        }
    }

    /// The current word.
    pub fn word(&self) -> &str {
        &self.tokenizer.word
    }

    fn next_in_run(&self) -> Option<std::ops::Range<usize>> {
        if self.run.is_empty() {
            return None;
        }
        next_part(&self.runs.text[..self.run.end], self.run.start)
    }

    /// Starts a run; true if it gave a word of its own (several parts, or not to be split).
    fn enter(&mut self, run: std::ops::Range<usize>) -> bool {
        let text = &self.runs.text[..run.end];
        let splits = run.len() <= MAX_WORD_BYTES && !text.as_bytes()[run.start].is_ascii_digit();
        let first = next_part(text, run.start);
        let several = first.is_some_and(|part| next_part(text, part.end).is_some());
        self.run = if splits { run.clone() } else { 0..0 };
        if splits && !several {
            return false;
        }
        self.tokenizer.word.clear();
        push_lower(&mut self.tokenizer.word, &text[run]);
        !self.tokenizer.word.is_empty()
    }

    fn set_part(&mut self, part: std::ops::Range<usize>) {
        let Tokenizer { word, stems } = &mut *self.tokenizer;
        word.clear();
        push_lower(word, &self.runs.text[part]);
        if word.len() >= SHORTEST_STEMMED && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            stems.stem(word);
        }
    }
}

/// Finds maximal stretches of letters, digits and underscores.
struct Runs<'a> {
    text: &'a str,
    next: usize,
}

impl Runs<'_> {
    fn advance(&mut self) -> Option<std::ops::Range<usize>> {
        let mut at = self.next;
        let mut start = None;
        while let Some((class, width)) = class_at(self.text, at) {
            match (class, start) {
                (Class::Other, None) => {}
                (Class::Other, Some(_)) => break,
                (Class::Ideograph, None) => {
                    start = Some(at);
                    at += width;
                    break;
                }
                (Class::Ideograph, Some(_)) => break,
                (_, None) => start = Some(at),
                (_, Some(_)) => {}
            }
            at += width;
        }
        self.next = at;
        start.map(|start| start..at)
    }
}

/// The first part of the run `text[from..]`, which holds no [`Class::Other`].
fn next_part(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let mut start = from;
    let (mut before, width) = loop {
        match class_at(text, start)? {
            (Class::Joiner, width) => start += width,
            other => break other,
        }
    };
    let mut at = start + width;
    let mut last = start;
    let mut uppers = usize::from(before == Class::Upper);
    while let Some((class, width)) = class_at(text, at) {
        match (before, class) {
            (Class::Upper, Class::Lower) if uppers > 1 && !plural(text, at) => {
                return Some(start..last);
            }
            (Class::Upper, Class::Lower) => {}
            (a, b) if a != b => break,
            _ => uppers += usize::from(class == Class::Upper),
        }
        before = class;
        last = at;
        at += width;
    }
    Some(start..at)
}

/// Is the lower-case letter at `at` only the plural of an acronym, as in `URLs`?
fn plural(text: &str, at: usize) -> bool {
    text.as_bytes()[at] == b's' && !matches!(class_at(text, at + 1), Some((Class::Lower, _)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    Lower,
    Upper,
    Digit,
    Joiner,
    Ideograph,
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            b'_' => Class::Joiner,
            _ => Class::Other,
        };
        byte += 1;
    }
    table
};

/// Class and width in bytes of the character at `at`, a character boundary.
#[inline]
fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if byte < 128 {
        return Some((ASCII[byte as usize], 1));
    }
    let character = text[at..].chars().next()?;
    Some((wide_class(character), character.len_utf8()))
}

fn wide_class(character: char) -> Class {
    match character {
        '\u{300}'..='\u{36f}' => Class::Lower, // accents written as characters of their own
        '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Class::Ideograph,
        _ if character.is_uppercase() => Class::Upper,
        _ if character.is_alphabetic() => Class::Lower,
        _ if character.is_numeric() => Class::Digit,
        _ => Class::Other,
    }
}

/// Appends `source` lower-cased and without underscores, at most [`MAX_WORD_BYTES`] in all.
fn push_lower(word: &mut String, source: &str) {
    for character in source.chars() {
        if character.is_ascii() {
            if character != '_' {
                word.push(character.to_ascii_lowercase());
            }
        } else {
            word.extend(character.to_lowercase());
        }
        if word.len() >= MAX_WORD_BYTES {
            word.truncate(word.floor_char_boundary(MAX_WORD_BYTES));
            return;
        }
    }
}

/// Stems by word in a direct-mapped table: source text repeats a small vocabulary, and the
/// stemmer costs ten times as much as all the rest.
struct StemCache {
    stemmer: Stemmer,
    slots: Vec<Slot>,
}

const SLOTS: usize = 4096;
const LONGEST_CACHED: usize = 22;

#[derive(Clone, Copy, Default)]
struct Slot {
    word: [u8; LONGEST_CACHED],
    stem: [u8; LONGEST_CACHED],
    word_len: u8,
    stem_len: u8,
}

impl Default for StemCache {
    fn default() -> Self {
        StemCache {
            stemmer: Stemmer::create(Algorithm::English),
            slots: Vec::new(),
        }
    }
}

impl Clone for StemCache {
    fn clone(&self) -> Self {
        StemCache::default()
    }
}

impl StemCache {
    /// Replaces `word`, of ASCII letters only, by its stem.
    fn stem(&mut self, word: &mut String) {
        if word.len() > LONGEST_CACHED {
            *word = self.stemmer.stem(word).into_owned();
            return;
        }
        self.slots.resize(SLOTS, Slot::default());
        let slot = &mut self.slots[slot_of(word.as_bytes())];
        if slot.word[..slot.word_len as usize] != *word.as_bytes() {
            let stem = self.stemmer.stem(word);
            let stem = stem.as_bytes();
            let stem = &stem[..stem.len().min(LONGEST_CACHED)];
            slot.word[..word.len()].copy_from_slice(word.as_bytes());
            slot.word_len = word.len() as u8;
            slot.stem[..stem.len()].copy_from_slice(stem);
            slot.stem_len = stem.len() as u8;
        }
        word.clear();
        word.extend(
            slot.stem[..slot.stem_len as usize]
                .iter()
                .map(|&byte| char::from(byte)),
        );
    }
}

/// FNV-1a over the word's bytes.
fn slot_of(word: &[u8]) -> usize {
    let hash = word.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 40) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(words(text).join(" "), expected, "words of {text:?}");
    }

    #[test]
    fn identifiers_give_themselves_and_their_parts() {
        check("HTTPServer2", "httpserver2 http server 2");
        check("parse_file", "parsefile pars file");
        check("parseFile", "parsefile pars file");
        check("MAX_LEN", "maxlen max len");
        check("kebab-case-name", "kebab case name");
        check("src/lexical/mod.rs", "src lexic mod rs");
        check("__init__", "init");
        check("fetchURLs", "fetchurls fetch url");
        check("URLSet", "urlset url set");
        check("utf8", "utf8 utf 8");
        check("x", "x");
    }

    #[test]
    fn prose_is_lower_cased_and_stemmed() {
        check("Parsing files, quickly!", "pars file quick");
        check("the cat's ids", "the cat s ids");
    }

    #[test]
    fn numbers_are_not_split() {
        check("0x1F 10px 3.14", "0x1f 10px 3 14");
    }

    #[test]
    fn other_scripts_have_words_too() {
        check("ÜberGröße", "übergröße über größe");
        check("найти_Файл", "найтифайл найти файл");
        check("検索する", "検 索 す る");
        check("", "");
        check("___ -- ;", "");
    }

    #[test]
    fn parts_are_unstemmed() {
        assert_eq!(
            parts("HTTPServer2 parsing_x"),
            ["http", "server", "2", "parsing", "x"]
        );
    }

    #[test]
    fn a_blob_is_one_bounded_word() {
        let blob = "aB3".repeat(1000);
        assert_eq!(words(&blob), [blob[..MAX_WORD_BYTES].to_lowercase()]);
    }

    #[test]
    fn cached_stems_equal_fresh_ones() {
        let text = "generate generated generation running runner flies ".repeat(3);
        let twice = words(&text);
        assert_eq!(twice[..6], twice[6..12]);
        assert_eq!(twice[0], "generat");
    }

    proptest! {
        #[test]
        fn words_are_short_lower_case_and_never_empty(text in "\\PC{0,200}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty() && word.len() <= MAX_WORD_BYTES);
                prop_assert!(!word.contains(|c: char| c.is_whitespace() || c == '_'));
                prop_assert!(word.chars().all(|c| !c.is_ascii_uppercase()));
            }
        }

        #[test]
        fn separated_texts_have_the_words_of_both(a in "\\PC{0,60}", b in "\\PC{0,60}") {
            let mut both = words(&a);
            both.extend(words(&b));
            prop_assert_eq!(words(&format!("{a}\n{b}")), both);
        }
    }
}
