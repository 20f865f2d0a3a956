//! Parsing within bounds: no input may cost more than a fixed time, and none
//! may nest so deeply that a recursive grammar runs out of stack.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, Parser, Tree};

use super::nesting;
use crate::language::Language;

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
    if nesting::too_deep(language, text) {
        return Err(Refusal::TooDeep);
    }
    let mut parser = Parser::new();
    parser
        .set_language(&grammar())
        .map_err(|_| Refusal::NoParser)?;
    let deadline = Instant::now() + limit;
    let mut in_time = |_: &tree_sitter::ParseState| {
        if Instant::now() < deadline {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut in_time);
    let bytes = text.as_bytes();
    parser
        .parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(options),
        )
        .ok_or(Refusal::Timeout)
}
