//! From text to token ids, as a model's profile wants it.

use std::borrow::Cow;
use std::sync::Arc;

use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use crate::tokenizer_file::TokenizerFile;
use crate::wordpiece::WordPiece;
use crate::{Document, EncoderError, Profile, TextRules, identifiers};

/// The text side of a profile. Needs no ONNX Runtime; cheap to clone and to
/// share between threads.
#[derive(Clone)]
pub struct TextEncoder(Arc<Inner>);

struct Inner {
    pieces: WordPiece,
    normalizer: BertNormalizer,
    rules: TextRules,
    first: u32,
    last: u32,
    document_length: usize,
    query_length: usize,
}

impl TextEncoder {
    /// Reads the profile's tokenizer.
    ///
    /// # Errors
    /// If a file of the profile cannot be read, or if its tokenizer is not a
    /// lower-casing BERT WordPiece one.
    pub fn open(profile: &Profile) -> Result<TextEncoder, EncoderError> {
        let bytes = profile.tokenizer_bytes()?;
        Self::parse(&bytes, profile).map_err(|reason| EncoderError::Tokenizer {
            profile: profile.name().to_owned(),
            reason,
        })
    }

    fn parse(bytes: &[u8], profile: &Profile) -> Result<TextEncoder, String> {
        let file = TokenizerFile::parse(bytes)?;
        let rules = profile.text_rules().clone();
        Ok(TextEncoder(Arc::new(Inner {
            pieces: file.word_piece()?,
            normalizer: file.normalizer,
            first: file.id(&rules.first_token)?,
            last: file.id(&rules.last_token)?,
            rules,
            document_length: profile.document_length(),
            query_length: profile.query_length(),
        })))
    }

    /// Token ids of a piece of code or prose exactly as the document encoder
    /// will see it, without special tokens.
    ///
    /// Additive over lines: `ids(a + "\n" + b)` is `ids(a)` followed by
    /// `ids(b)`, so a chunk's length is the sum of its lines' lengths. Text
    /// that spells a special token is text.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let shortcut = self.0.normalizer.lowercase && self.0.normalizer.clean_text;
        for line in text.split('\n') {
            if shortcut && line.bytes().all(is_plain) {
                self.push_plain(line, &mut ids);
            } else {
                self.push_any(line, &mut ids);
            }
        }
        ids
    }

    /// The model input for a document: header, then body, between the special
    /// tokens. What does not fit is cut from the end and counted.
    pub fn document(&self, header: &[u32], body: &[u32]) -> Document {
        self.frame(&[header, body], self.max_document_tokens())
    }

    /// How many tokens of header and body fit into one document, special
    /// tokens excluded.
    pub fn max_document_tokens(&self) -> usize {
        self.0.document_length - 2
    }

    /// The model input for a query. What does not fit is cut and counted.
    pub fn query(&self, text: &str) -> Document {
        self.frame(&[&self.ids(text)], self.0.query_length - 2)
    }

    fn frame(&self, parts: &[&[u32]], room: usize) -> Document {
        let given: usize = parts.iter().map(|part| part.len()).sum();
        let kept = parts.iter().copied().flatten().copied().take(room);
        let mut ids = Vec::with_capacity(given.min(room) + 2);
        ids.push(self.0.first);
        ids.extend(kept);
        ids.push(self.0.last);
        Document {
            ids,
            cut: given.saturating_sub(room),
        }
    }

    /// A line of printable ASCII: what normalisation does to it is known.
    fn push_plain(&self, line: &str, out: &mut Vec<u32>) {
        let mut lowered = String::new();
        for word in PlainWords::new(line) {
            if !word.as_bytes()[0].is_ascii_alphanumeric() {
                if !self.0.rules.drop_punctuation {
                    self.0.pieces.push(word, out);
                }
                continue;
            }
            self.each_part(word, |part| {
                lowered.clear();
                lowered.push_str(part);
                lowered.make_ascii_lowercase();
                self.0.pieces.push(&lowered, out);
            });
        }
    }

    fn each_part(&self, word: &str, mut each: impl FnMut(&str)) {
        if self.0.rules.split_identifiers {
            identifiers::ascii_words(word, each);
        } else {
            each(word);
        }
    }

    /// Any line, by the reference implementation of normalisation.
    fn push_any(&self, line: &str, out: &mut Vec<u32>) {
        let line = match self.0.rules.split_identifiers {
            true => Cow::Owned(identifiers::split(line)),
            false => Cow::Borrowed(line),
        };
        let mut normalized = NormalizedString::from(line.as_ref());
        // Neither step can fail: both only filter, map and split.
        let _ = self.0.normalizer.normalize(&mut normalized);
        let mut words = PreTokenizedString::from(normalized);
        let _ = BertPreTokenizer.pre_tokenize(&mut words);
        for (word, _, _) in words.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            if !self.0.rules.drop_punctuation || word.contains(char::is_alphanumeric) {
                self.0.pieces.push(word, out);
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
