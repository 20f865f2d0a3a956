//! Finds what an answer claims: citations, quotations, names.

use std::ops::Range;

/// Shortest and longest quotation in quotation marks, in characters: shorter
/// ones are words, longer ones a mark that nobody closed.
const QUOTED: Range<usize> = 3..400;

/// Something in an answer, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub kind: Kind,
    /// Bytes of the answer, marks included.
    pub at: Range<usize>,
    /// Bytes between the marks.
    pub inner: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Citation(usize),
    /// Between backticks.
    Code,
    /// Between fences.
    Block,
    /// Between quotation marks.
    Words,
    /// A name in the prose.
    Name,
    /// An empty line: the end of what a citation is about.
    Break,
}

/// The parts of a text that is complete: whole lines, no fence left open.
pub(super) fn parts(text: &str, offset: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
        let line = &text[at..line_end];
        if let Some(fence) = fence(line) {
            let (inner, end) = block(text, line_end, fence);
            parts.push(part(Kind::Block, at..end, inner, offset));
            at = end;
            continue;
        }
        if line.trim().is_empty() {
            parts.push(part(Kind::Break, at..line_end, at..at, offset));
        }
        prose(line, offset + at, &mut parts);
        at = line_end;
    }
    parts
}

fn part(kind: Kind, at: Range<usize>, inner: Range<usize>, offset: usize) -> Part {
    let shift = |range: Range<usize>| range.start + offset..range.end + offset;
    Part {
        kind,
        at: shift(at),
        inner: shift(inner),
    }
}

/// Length and sign of the fence that a line opens or closes.
pub(crate) fn fence(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let sign = line.chars().next().filter(|&c| c == '`' || c == '~')?;
    let length = line.chars().take_while(|&c| c == sign).count();
    let info = &line[length..];
    (length >= 3 && !(sign == '`' && info.contains('`'))).then_some((sign, length))
}

/// Whether a line closes the fence.
pub(crate) fn closes(line: &str, (sign, length): (char, usize)) -> bool {
    let line = line.trim();
    line.chars().count() >= length && line.chars().all(|c| c == sign)
}

/// The inside of a fenced block that begins at `from`, and its end with the fence.
fn block(text: &str, from: usize, open: (char, usize)) -> (Range<usize>, usize) {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if closes(line, open) {
            return (from..at, at + line.len());
        }
        at += line.len();
    }
    (from..text.len(), text.len())
}

/// Citations, code, quotations and names of one line of prose.
fn prose(line: &str, offset: usize, parts: &mut Vec<Part>) {
    let mut at = 0;
    while let Some(c) = line[at..].chars().next() {
        let found = match c {
            '`' => code(line, at),
            '[' => citation(line, at),
            '"' => words(line, at, '"'),
            '“' => words(line, at, '”'),
            c if c.is_alphabetic() || c == '_' => Some(name(line, at)),
            _ => None,
        };
        match found {
            Some((Some(kind), end, inner)) => {
                parts.push(part(kind, at..end, inner, offset));
                at = end;
            }
            Some((None, end, _)) => at = end,
            None => at += c.len_utf8(),
        }
    }
}

/// What a sign begins: its kind, if it counts, its end and its inside.
type Sign = Option<(Option<Kind>, usize, Range<usize>)>;

fn code(line: &str, at: usize) -> Sign {
    let ticks = line[at..].chars().take_while(|&c| c == '`').count();
    let from = at + ticks;
    let mark = "`".repeat(ticks);
    let end = from + line[from..].find(&mark)?;
    let kind = (!line[from..end].trim().is_empty()).then_some(Kind::Code);
    Some((kind, end + ticks, from..end))
}

fn citation(line: &str, at: usize) -> Sign {
    let end = at + line[at..].find(']')?;
    let number = line[at + 1..end].trim().parse().ok()?;
    Some((Some(Kind::Citation(number)), end + 1, at + 1..end))
}

fn words(line: &str, at: usize, close: char) -> Sign {
    let from = at + line[at..].chars().next().map_or(1, char::len_utf8);
    let end = from + line[from..].find(close)?;
    let length = line[from..end].chars().count();
    let kind = QUOTED.contains(&length).then_some(Kind::Words);
    Some((kind, end + close.len_utf8(), from..end))
}

fn name(line: &str, at: usize) -> (Option<Kind>, usize, Range<usize>) {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let rest = &line[at..];
    let end = at + rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let kind = looks_like_code(&line[at..end]).then_some(Kind::Name);
    (kind, end, at..end)
}

/// `snake_case`, `camelCase`, `HTTPServer2`: no word of prose is written so.
fn looks_like_code(word: &str) -> bool {
    let inner = word.trim_matches('_');
    let snake = inner.contains('_') && inner.len() >= 3;
    let chars: Vec<char> = inner.chars().collect();
    let humps = chars
        .windows(2)
        .filter(|pair| pair[0].is_lowercase() && pair[1].is_uppercase());
    snake || humps.count() > 0
}
