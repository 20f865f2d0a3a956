//! Answers in which nothing is rendered: no links, images, markup, terminal
//! escapes, or characters that hide or reorder text.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Lines;
use crate::cite::scan;

/// Addresses that a terminal or a browser makes a link of.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:[a-z][a-z0-9+.-]{0,20}://|(?:javascript|vbscript|data|mailto|file|tel):[^\s]|www\.)[^\s`<>]*";
    Regex::new(pattern).ok()
});

/// Makes an answer safe to show, piece by piece.
pub struct Neutral<'a> {
    /// What the reader was shown; addresses that it quotes from there stay as they are.
    shown: Vec<&'a str>,
    incoming: Lines,
    fence: Option<(char, usize)>,
}

impl<'a> Neutral<'a> {
    /// For an answer to what was shown.
    #[must_use]
    pub fn new(shown: impl IntoIterator<Item = &'a str>) -> Neutral<'a> {
        Neutral {
            shown: shown.into_iter().collect(),
            incoming: Lines::default(),
            fence: None,
        }
    }

    /// Adds what came; returns what can be shown: complete lines.
    pub fn push(&mut self, piece: &str) -> String {
        let complete = self.incoming.push(piece);
        let lines = complete.split_inclusive('\n');
        lines.map(|line| self.line(line)).collect()
    }

    /// The rest.
    #[must_use]
    pub fn finish(mut self) -> String {
        let rest = self.incoming.rest();
        self.line(&rest)
    }

    fn line(&mut self, line: &str) -> String {
        let line = visible(line);
        let is_code = self.fence.is_some();
        match self.fence {
            Some(open) if scan::closes(&line, open) => self.fence = None,
            Some(_) => {}
            None => self.fence = scan::fence(&line),
        }
        match is_code {
            true => self.addresses(&line, true).into_owned(),
            false => self.prose(&line),
        }
    }

    /// A line of prose: code between backticks keeps its signs.
    fn prose(&self, line: &str) -> String {
        let mut out = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((before, code, after)) = code_span(rest) {
            out.push_str(&inert(&self.addresses(before, false)));
            out.push_str(&self.addresses(code, true));
            rest = after;
        }
        out.push_str(&inert(&self.addresses(rest, false)));
        out
    }

    /// Breaks addresses, but those in code that stand in what was shown.
    fn addresses<'t>(&self, text: &'t str, is_code: bool) -> Cow<'t, str> {
        let Some(pattern) = ADDRESS.as_ref() else {
            return Cow::Borrowed(text);
        };
        pattern.replace_all(text, |found: &Captures<'_>| {
            let address = &found[0];
            let known = is_code && self.shown.iter().any(|shown| shown.contains(address));
            match known {
                true => address.to_owned(),
                false => broken(address),
            }
        })
    }
}

/// Makes a whole answer safe to show.
#[must_use]
pub fn neutral(answer: &str, shown: &[&str]) -> String {
    let mut neutral = Neutral::new(shown.iter().copied());
    let mut out = neutral.push(answer);
    out.push_str(&neutral.finish());
    out
}

fn broken(address: &str) -> String {
    match address.find(':') {
        Some(at) => format!(
            "{}[:]{}",
            &address[..at],
            address[at + 1..].replace("://", "[:]//")
        ),
        None => address.replacen('.', "[.]", 1),
    }
}

/// The first code span of a line: what is before it, it with its backticks, what is after it.
fn code_span(line: &str) -> Option<(&str, &str, &str)> {
    let start = line.find('`')?;
    let ticks = line[start..].chars().take_while(|&c| c == '`').count();
    let inner = start + ticks;
    let end = inner + line[inner..].find(&line[start..inner])? + ticks;
    Some((&line[..start], &line[start..end], &line[end..]))
}

/// Markdown and HTML signs that begin something, taken apart.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        match (c, next) {
            ('!', '[') => out.push_str("! "),
            (']', '(' | ':' | '[') => out.push_str("] "),
            ('<', next) if next.is_ascii_alphabetic() || "/!?".contains(next) => out.push('‹'),
            ('&', '#') => out.push_str("& "),
            _ => out.push(c),
        }
    }
    out
}

/// Shows characters that steer terminals, hide or reorder text.
fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let line = match line.strip_suffix("\r\n") {
        Some(line) => Cow::Owned(format!("{line}\n")),
        None => Cow::Borrowed(line),
    };
    for c in line.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Control, bidirectional, zero-width and tag characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
