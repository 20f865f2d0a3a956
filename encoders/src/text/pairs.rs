//! Pairs of question and text, as cross-encoders read them.

use std::ops::Range;

use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, TruncationStrategy};
use tokenizers::{Encoding, Tokenizer};

use super::published::{Input, special_tokens, tokenizer};
use crate::EncoderError;
use crate::profile::Published;

/// A cross-encoder's tokenizer.
pub(crate) struct PairText {
    tokenizer: Tokenizer,
    /// Most tokens of a pair.
    length: usize,
    windows: Option<Windows>,
}

/// How a text is read that is too long for one pair.
struct Windows {
    overlap: usize,
    /// Most tokens of a question, special ones included.
    question: usize,
}

/// A question, to be paired with several texts.
pub(crate) enum Question {
    /// Both are cut until they fit.
    Cut(Box<Encoding>),
    /// As it stands before each window of a text.
    Framed { ids: Vec<u32>, overlap: usize },
}

impl PairText {
    pub fn open(published: &Published) -> Result<PairText, EncoderError> {
        let recipe = published.recipe();
        Ok(PairText {
            tokenizer: tokenizer(published)?,
            length: recipe.document.length,
            windows: published.window_overlap().map(|overlap| Windows {
                overlap,
                question: recipe.query.length,
            }),
        })
    }

    pub fn question(&self, text: &str) -> Question {
        let mut question = self.tokenizer.encode(text, false).unwrap_or_default();
        let Some(windows) = &self.windows else {
            return Question::Cut(Box::new(question));
        };
        let special = special_tokens(&self.tokenizer, false);
        let length = windows.question.saturating_sub(special);
        question.truncate(length, 0, TruncationDirection::Right);
        let framed = self.tokenizer.post_process(question, None, true);
        Question::Framed {
            ids: framed.unwrap_or_default().get_ids().to_vec(),
            overlap: windows.overlap,
        }
    }

    /// What the model reads of both: one input, or one for each window of the text.
    pub fn inputs(&self, question: &Question, text: &str) -> Vec<Input> {
        let text = self.tokenizer.encode(text, false).unwrap_or_default();
        match question {
            Question::Cut(question) => vec![self.cut(question, text)],
            Question::Framed { ids, overlap } => {
                // One separator before the window, one behind it.
                let room = self.length.saturating_sub(ids.len() + 2).max(1);
                let text = text.get_ids();
                windows_of(text.len(), room, *overlap)
                    .map(|window| windowed(ids, &text[window]))
                    .collect()
            }
        }
    }

    /// Both texts with what stands between them, the longer one cut until they fit.
    fn cut(&self, question: &Encoding, text: Encoding) -> Input {
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

/// A framed question, a separator, the window, a separator. The question ends with one of its own.
fn windowed(framed: &[u32], window: &[u32]) -> Input {
    let separator = framed.last().copied();
    let behind = || separator.into_iter().chain(window.iter().copied());
    let ids: Vec<u32> = framed
        .iter()
        .copied()
        .chain(behind())
        .chain(separator)
        .collect();
    let types = (0..ids.len()).map(|at| u32::from(at >= framed.len()));
    Input {
        types: types.collect(),
        ids,
        unattended: 0,
    }
}

/// Windows of `room` over so many tokens, each but the last `overlap` before the end of the one
/// before it (a quarter of the room at most); the last one ends with the text.
fn windows_of(tokens: usize, room: usize, overlap: usize) -> impl Iterator<Item = Range<usize>> {
    let step = room - overlap.min(room / 4);
    let before = (0..)
        .map(move |n| n * step)
        .take_while(move |start| start + room < tokens);
    let last = tokens.saturating_sub(room);
    before
        .chain([last])
        .map(move |start| start..tokens.min(start + room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_and_the_last_one_is_full() {
        for (tokens, room, overlap, expected) in [
            (0, 10, 2, &[(0, 0)][..]),
            (10, 10, 2, &[(0, 10)]),
            (11, 10, 2, &[(0, 10), (1, 11)]),
            (18, 10, 2, &[(0, 10), (8, 18)]),
            (19, 10, 2, &[(0, 10), (8, 18), (9, 19)]),
            // A quarter of the room at most.
            (20, 8, 80, &[(0, 8), (6, 14), (12, 20)]),
            (3, 1, 80, &[(0, 1), (1, 2), (2, 3)]),
        ] {
            let windows = windows_of(tokens, room, overlap);
            let windows: Vec<_> = windows.map(|one| (one.start, one.end)).collect();
            assert_eq!(windows, expected, "{tokens} {room} {overlap}");
        }
    }
}
