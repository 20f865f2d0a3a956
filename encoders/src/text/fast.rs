//! The bundled model's preparation of text: WordPiece over lower-cased words, identifiers split,
//! at ten times the speed of the general way.

use std::borrow::Cow;

use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use super::identifiers;
use super::tokenizer_file::TokenizerFile;
use super::wordpiece::WordPiece;
use crate::profile::Described;
use crate::{EncoderError, TextRules};

/// From text to the ids of a lower-casing BERT WordPiece vocabulary.
pub(crate) struct Fast {
    pieces: WordPiece,
    normalizer: BertNormalizer,
    rules: TextRules,
    first: u32,
    last: u32,
    document_length: usize,
    query_length: usize,
}

impl Fast {
    /// Reads the profile's tokenizer.
    pub(super) fn open(profile: &Described) -> Result<Fast, EncoderError> {
        let bytes = profile.tokenizer_bytes()?;
        Self::parse(&bytes, profile).map_err(|reason| EncoderError::Tokenizer {
            profile: profile.name().to_owned(),
            reason,
        })
    }

    fn parse(bytes: &[u8], profile: &Described) -> Result<Fast, String> {
        let file = TokenizerFile::parse(bytes)?;
        let rules = profile.text_rules().clone();
        Ok(Fast {
            pieces: file.word_piece()?,
            normalizer: file.normalizer,
            first: file.id(&rules.first_token)?,
            last: file.id(&rules.last_token)?,
            rules,
            document_length: profile.document_length(),
            query_length: profile.query_length(),
        })
    }

    /// Token ids of a piece of code or prose exactly as the document encoder
    /// will see it, without special tokens.
    ///
    /// Additive over lines: `ids(a + "\n" + b)` is `ids(a)` followed by
    /// `ids(b)`, so a chunk's length is the sum of its lines' lengths. Text
    /// that spells a special token is text.
    pub(super) fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let shortcut = self.normalizer.lowercase && self.normalizer.clean_text;
        for line in text.split('\n') {
            if shortcut && line.bytes().all(is_plain) {
                self.push_plain(line, &mut ids);
            } else {
                self.push_any(line, &mut ids);
            }
        }
        ids
    }

    /// How many tokens fit into one document, special tokens excluded.
    pub(super) fn max_document_tokens(&self) -> usize {
        self.document_length - 2
    }

    /// `parts` between the special tokens, and how many tokens of them did not fit.
    pub(super) fn document(&self, parts: &[&[u32]]) -> (Vec<u32>, usize) {
        self.frame(parts, self.max_document_tokens())
    }

    pub(super) fn query(&self, text: &str) -> (Vec<u32>, usize) {
        self.frame(&[&self.ids(text)], self.query_length - 2)
    }

    fn frame(&self, parts: &[&[u32]], room: usize) -> (Vec<u32>, usize) {
        let given: usize = parts.iter().map(|part| part.len()).sum();
        let kept = parts.iter().copied().flatten().copied().take(room);
        let mut ids = Vec::with_capacity(given.min(room) + 2);
        ids.push(self.first);
        ids.extend(kept);
        ids.push(self.last);
        (ids, given.saturating_sub(room))
    }

    /// A line of printable ASCII: what normalisation does to it is known.
    fn push_plain(&self, line: &str, out: &mut Vec<u32>) {
        let mut lowered = String::new();
        for word in PlainWords::new(line) {
            if !word.as_bytes()[0].is_ascii_alphanumeric() {
                if !self.rules.drop_punctuation {
                    self.pieces.push(word, out);
                }
                continue;
            }
            self.each_part(word, |part| {
                lowered.clear();
                lowered.push_str(part);
                lowered.make_ascii_lowercase();
                self.pieces.push(&lowered, out);
            });
        }
    }

    fn each_part(&self, word: &str, mut each: impl FnMut(&str)) {
        if self.rules.split_identifiers {
            identifiers::ascii_words(word, each);
        } else {
            each(word);
        }
    }

    /// Any line, by the reference implementation of normalisation.
    fn push_any(&self, line: &str, out: &mut Vec<u32>) {
        let line = match self.rules.split_identifiers {
            true => Cow::Owned(identifiers::split(line)),
            false => Cow::Borrowed(line),
        };
        let mut normalized = NormalizedString::from(line.as_ref());
        // Neither step can fail: both only filter, map and split.
        let _ = self.normalizer.normalize(&mut normalized);
        let mut words = PreTokenizedString::from(normalized);
        let _ = BertPreTokenizer.pre_tokenize(&mut words);
        for (word, _, _) in words.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            if !self.rules.drop_punctuation || word.contains(char::is_alphanumeric) {
                self.pieces.push(word, out);
            }
        }
    }
}

/// Whether a byte means the same before and after normalisation, but for case.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r')
}

/// Runs of letters and digits, and single punctuation characters, of a plain
/// line.
struct PlainWords<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> PlainWords<'a> {
    fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }
}

impl<'a> Iterator for PlainWords<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.line.as_bytes();
        let start = self.at + bytes[self.at..].iter().position(|b| b.is_ascii_graphic())?;
        let run = bytes[start..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        self.at = start + run.max(1);
        Some(&self.line[start..self.at])
    }
}
