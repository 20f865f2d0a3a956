//! What was shown, asked for numbers, names and quotations.

use std::collections::HashSet;

use super::Shown;
use super::scan::Kind;

/// The chunks that an answer is held against.
pub(super) struct Known<'a> {
    shown: &'a [Shown],
    names: HashSet<&'a str>,
}

impl<'a> Known<'a> {
    pub(super) fn new(shown: &'a [Shown]) -> Known<'a> {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let of = |text: &'a str| text.split(move |c| !is_name(c));
        let names = shown
            .iter()
            .flat_map(|one| of(&one.text).chain(of(&one.label)));
        Known {
            names: names.filter(|name| !name.is_empty()).collect(),
            shown,
        }
    }

    /// Whether a chunk of this number was shown.
    pub(super) fn number(&self, number: usize) -> bool {
        self.shown.iter().any(|one| one.number == number)
    }

    /// Whether a name stands in any chunk.
    pub(super) fn name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The chunk that holds a quotation: the one cited, else any that was shown.
    pub(super) fn holds(&self, cited: Option<usize>, quote: &str, kind: Kind) -> Option<usize> {
        let inside = |one: &&Shown| match kind {
            Kind::Block => has_lines(&one.text, quote),
            Kind::Code => has(&one.text, quote) || has(&one.label, quote),
            _ => has(&one.text, quote),
        };
        let first = self.shown.iter().filter(|one| Some(one.number) == cited);
        let found = first.chain(self.shown.iter()).find(inside);
        found.map(|one| one.number)
    }
}

/// Whether a text holds a quotation as whole words: `log` is not in `login`.
fn has(text: &str, quote: &str) -> bool {
    let quote = quote.trim();
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let first = is_word(quote.chars().next());
    let last = is_word(quote.chars().next_back());
    let whole = |at: usize| {
        let before = is_word(text[..at].chars().next_back());
        let after = is_word(text[at + quote.len()..].chars().next());
        !(first && before || last && after)
    };
    !quote.is_empty() && text.match_indices(quote).any(|(at, _)| whole(at))
}

/// Whether a text holds the lines of a block in a row. How far they are indented
/// may differ, all alike; `...` and `…` stand for lines left out.
fn has_lines(text: &str, block: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let block: Vec<&str> = block.lines().map(str::trim_end).collect();
    let gap = |line: &str| {
        let inner = line.trim().trim_start_matches(['/', '#', '-', ' ']);
        inner == "..." || inner == "…"
    };
    let mut from = 0;
    let mut pieces = 0;
    for piece in block.split(|line| gap(line)) {
        let piece = without_empty_ends(piece);
        if piece.is_empty() {
            continue;
        }
        pieces += 1;
        let found = (from..lines.len()).find(|&at| is_at(&lines[at..], piece));
        match found {
            Some(at) => from = at + piece.len(),
            None => return false,
        }
    }
    pieces > 0
}

fn without_empty_ends<'p, 't>(lines: &'p [&'t str]) -> &'p [&'t str] {
    let first = lines.iter().position(|line| !line.is_empty());
    let last = lines.iter().rposition(|line| !line.is_empty());
    match (first, last) {
        (Some(first), Some(last)) => &lines[first..=last],
        _ => &[],
    }
}

/// Whether lines begin with those of a piece, all shifted by the same indentation.
fn is_at(lines: &[&str], piece: &[&str]) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (Some(here), Some(there)) = (lines.first(), piece.first()) else {
        return false;
    };
    let (here, there) = (&here[..indent(here)], &there[..indent(there)]);
    lines.len() >= piece.len()
        && lines.iter().zip(piece).all(|(line, quoted)| {
            line.strip_prefix(here) == quoted.strip_prefix(there)
                && (line.strip_prefix(here).is_some() || line == quoted)
        })
}
