//! Reading what is needed of a `tokenizer.json`, without a copy of the
//! vocabulary.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

use super::wordpiece::WordPiece;

/// A tokenizer of the BERT family. Deserialising fails for any other.
#[derive(Deserialize)]
pub(crate) struct TokenizerFile<'a> {
    #[serde(borrow)]
    model: Model<'a>,
    pub(crate) normalizer: BertNormalizer,
    #[serde(rename = "pre_tokenizer")]
    _pre_tokenizer: BertPreTokenizer,
}

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    unk_token: Cow<'a, str>,
    continuing_subword_prefix: Cow<'a, str>,
    max_input_chars_per_word: usize,
    #[serde(borrow)]
    vocab: Vocabulary<'a>,
}

/// Pieces and ids in file order.
struct Vocabulary<'a>(Vec<(Cow<'a, str>, u32)>);

impl<'a> TokenizerFile<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("`tokenizer.json` is not a BERT tokenizer: {error}"))?;
        if file.model.kind != "WordPiece" {
            return Err(format!(
                "its model is `{}`, not `WordPiece`",
                file.model.kind
            ));
        }
        Ok(file)
    }

    /// The id of a piece that has to exist.
    pub(crate) fn id(&self, piece: &str) -> Result<u32, String> {
        let mut entries = self.model.vocab.0.iter();
        let found = entries.find(|(text, _)| text == piece);
        found
            .map(|&(_, id)| id)
            .ok_or_else(|| format!("`{piece}` is not in its vocabulary"))
    }

    pub(crate) fn word_piece(&self) -> Result<WordPiece, String> {
        Ok(WordPiece::new(
            self.model
                .vocab
                .0
                .iter()
                .map(|(text, id)| (text.as_ref(), *id)),
            &self.model.continuing_subword_prefix,
            self.id(&self.model.unk_token)?,
            self.model.max_input_chars_per_word,
        ))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Vocabulary<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VocabularyVisitor)
    }
}

struct VocabularyVisitor;

impl<'de> Visitor<'de> for VocabularyVisitor {
    type Value = Vocabulary<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from pieces to ids")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        // `Cow` borrows only where serde is told so, which a map key cannot be.
        #[derive(Deserialize)]
        struct Piece<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(1 << 15));
        while let Some((Piece(piece), id)) = map.next_entry::<Piece<'de>, u32>()? {
            entries.push((piece, id));
        }
        Ok(Vocabulary(entries))
    }
}
