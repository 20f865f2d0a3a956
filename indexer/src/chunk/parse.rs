//! Parsing within bounds: no input may cost more than a fixed time, and none
//! may nest so deeply that a recursive grammar runs out of stack.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, Parser, Tree};

use crate::language::Language;

/// Brackets nested deeper than this are not parsed; real code reaches a few dozen.
pub(crate) const MAX_NESTING: usize = 1000;

/// Why a file with a grammar is cut by lines all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooDeep,
    Timeout,
    NoParser,
}

impl Refusal {
    /// The note stored with the file.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Refusal::TooDeep => "too-deep: split by lines",
            Refusal::Timeout => "parse-timeout: split by lines",
            Refusal::NoParser => "no-parser: split by lines",
        }
    }
}

/// The syntax tree of `text`, or why there is none.
pub(crate) fn parse(language: &Language, text: &str, limit: Duration) -> Result<Tree, Refusal> {
    let grammar = language.grammar.ok_or(Refusal::NoParser)?;
    let markup = language.name == "html";
    if nesting(text.as_bytes(), markup) > MAX_NESTING {
        return Err(Refusal::TooDeep);
    }
    let mut parser = Parser::new();
    parser.set_language(&grammar()).map_err(|_| Refusal::NoParser)?;
    let deadline = Instant::now() + limit;
    let mut in_time = |_: &tree_sitter::ParseState| {
        if Instant::now() < deadline { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut in_time);
    let bytes = text.as_bytes();
    parser
        .parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
        .ok_or(Refusal::Timeout)
}

/// The deepest nesting of brackets, and of tags in markup, strings and comments included.
fn nesting(bytes: &[u8], markup: bool) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let (mut tags, mut deepest_tags) = (0usize, 0usize);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'<' if markup => match bytes.get(at + 1) {
                Some(b'/') => tags = tags.saturating_sub(1),
                Some(next) if next.is_ascii_alphabetic() => tags += 1,
                _ => continue,
            },
            b'/' if markup && bytes.get(at + 1) == Some(&b'>') => tags = tags.saturating_sub(1),
            _ => continue,
        }
        deepest = deepest.max(depth);
        deepest_tags = deepest_tags.max(tags);
    }
    deepest.max(deepest_tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_the_deepest_point() {
        let cases = [("", 0), ("a(b[c]{d})", 2), (")))(", 1), ("<a><b/></a>", 2), ("<a<b<c", 3), ("((((", 4)];
        for (text, expected) in cases {
            assert_eq!(nesting(text.as_bytes(), true), expected, "{text}");
        }
    }
}
