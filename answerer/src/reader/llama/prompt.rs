//! From messages to token ids.

use std::ops::Range;

use super::model::Model;
use crate::lookup::Token;
use crate::reader::{Message, ReaderError, Role};

/// A conversation as the model reads it.
pub(super) struct Prompt {
    pub(super) tokens: Vec<Token>,
    /// Tokens at the beginning that are the same for every question.
    pub(super) fixed: usize,
    /// Token ranges of what may be quoted.
    pub(super) chunks: Vec<Range<usize>>,
}

/// Applies the model's template. What the messages say is text and nothing
/// else: a `<|im_end|>` in a source file ends no message.
pub(super) fn prompt(
    model: &Model,
    messages: &[Message],
    quotable: &[Range<usize>],
) -> Result<Prompt, ReaderError> {
    let rendered = model.render(messages)?;
    let mut prompt = Prompt {
        tokens: Vec::new(),
        fixed: 0,
        chunks: Vec::new(),
    };
    let mut done = 0;
    for (index, message) in messages.iter().enumerate() {
        let content = find(&rendered, done, &message.content).ok_or(ReaderError::Template)?;
        prompt
            .tokens
            .extend(model.tokens(&rendered[done..content.start], true));
        if index == 1 && messages[0].role == Role::System {
            prompt.fixed = prompt.tokens.len();
        }
        let before = prompt.tokens.len();
        prompt
            .tokens
            .extend(model.tokens(&rendered[content.clone()], false));
        if index + 1 == messages.len() {
            let skipped = message
                .content
                .find(&rendered[content.clone()])
                .unwrap_or(0);
            prompt.chunks =
                token_ranges(model, &prompt.tokens[before..], before, skipped, quotable);
        }
        done = content.end;
    }
    prompt.tokens.extend(model.tokens(&rendered[done..], true));
    Ok(prompt)
}

/// Where a template put a content: as it is, or without the space around it.
fn find(rendered: &str, from: usize, content: &str) -> Option<Range<usize>> {
    // As in what the template was given.
    let content = content.replace('\0', "\u{fffd}");
    [content.as_str(), content.trim()]
        .into_iter()
        .find_map(|text| {
            let start = from + rendered[from..].find(text)?;
            Some(start..start + text.len())
        })
}

/// Byte ranges of a content as token ranges, given its tokens, of which the
/// first is token `first` of the prompt and byte `skipped` of the content.
fn token_ranges(
    model: &Model,
    tokens: &[Token],
    first: usize,
    skipped: usize,
    ranges: &[Range<usize>],
) -> Vec<Range<usize>> {
    if ranges.is_empty() {
        return Vec::new();
    }
    let mut piece = Vec::new();
    let ends: Vec<usize> = tokens
        .iter()
        .scan(skipped, |end, &token| {
            model.piece(token, false, &mut piece);
            *end += piece.len();
            Some(*end)
        })
        .collect();
    let token_at = |byte: usize| first + ends.partition_point(|&end| end <= byte);
    ranges
        .iter()
        .map(|range| token_at(range.start)..token_at(range.end.saturating_sub(1)) + 1)
        .collect()
}
