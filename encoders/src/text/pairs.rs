//! Pairs of question and text, as cross-encoders read them.

use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, TruncationStrategy};
use tokenizers::{Encoding, Tokenizer};

use super::published::{Input, special_tokens, tokenizer};
use crate::EncoderError;
use crate::profile::Published;

/// A cross-encoder's tokenizer.
pub(crate) struct PairText {
    tokenizer: Tokenizer,
    length: usize,
}

impl PairText {
    pub fn open(published: &Published) -> Result<PairText, EncoderError> {
        Ok(PairText {
            tokenizer: tokenizer(published)?,
            length: published.recipe().document.length,
        })
    }

    /// A question, to be paired with several texts.
    pub fn question(&self, text: &str) -> Encoding {
        self.tokenizer.encode(text, false).unwrap_or_default()
    }

    /// Both texts with what stands between them, the longer one cut until they fit.
    pub fn pair(&self, question: &Encoding, text: &str) -> Input {
        let text = self.tokenizer.encode(text, false).unwrap_or_default();
        let special = special_tokens(&self.tokenizer, true);
        let limits = TruncationParams {
            max_length: self.length.saturating_sub(special),
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: TruncationDirection::Right,
        };
        let cut = tokenizers::utils::truncation::truncate_encodings(
            question.clone(),
            Some(text),
            &limits,
        );
        let (question, text) = cut.unwrap_or_default();
        let framed = self.tokenizer.post_process(question, text, true);
        let framed = framed.unwrap_or_default();
        Input {
            ids: framed.get_ids().to_vec(),
            unattended: 0,
            types: framed.get_type_ids().to_vec(),
        }
    }
}
