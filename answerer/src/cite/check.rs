//! Checks claims while the answer comes.

use std::collections::{BTreeSet, HashSet};

use super::scan::{self, Kind, Part};
use super::{Checked, Claim, Report, Shown, Verdict};

/// Checks an answer piece by piece. Lines are checked when they are complete,
/// fenced code when its fence is closed.
pub struct Checker<'a> {
    shown: &'a [Shown],
    names: HashSet<&'a str>,
    answer: String,
    /// Bytes of the answer that were checked.
    done: usize,
    claims: Vec<Checked>,
    /// Quotations of this paragraph that wait for the citation behind them.
    waiting: Vec<Part>,
    /// The last chunk cited in this paragraph.
    cited: Option<usize>,
}

impl<'a> Checker<'a> {
    /// For an answer to be held against these chunks.
    #[must_use]
    pub fn new(shown: &'a [Shown]) -> Checker<'a> {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let of = |text: &'a str| text.split(move |c| !is_name(c));
        let names = shown
            .iter()
            .flat_map(|one| of(&one.text).chain(of(&one.label)));
        Checker {
            names: names.filter(|name| !name.is_empty()).collect(),
            shown,
            answer: String::new(),
            done: 0,
            claims: Vec::new(),
            waiting: Vec::new(),
            cited: None,
        }
    }

    /// Adds what came and returns the claims that are decided by it.
    pub fn push(&mut self, piece: &str) -> &[Checked] {
        self.answer.push_str(piece);
        let before = self.claims.len();
        let end = complete(&self.answer[self.done..]);
        self.check_up_to(self.done + end);
        &self.claims[before..]
    }

    /// Checks the rest.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.check_up_to(self.answer.len());
        self.decide_waiting();
        self.claims.sort_by_key(|claim| claim.at.start);
        let right = |claim: &Checked| match (&claim.claim, claim.verdict) {
            (Claim::Citation(number), Verdict::Verified) => Some(*number),
            _ => None,
        };
        let sources: BTreeSet<usize> = self.claims.iter().filter_map(right).collect();
        Report {
            sources: sources.into_iter().collect(),
            claims: self.claims,
        }
    }

    fn check_up_to(&mut self, end: usize) {
        let parts = scan::parts(&self.answer[self.done..end], self.done);
        self.done = end;
        for part in parts {
            self.see(part);
        }
    }

    fn see(&mut self, part: Part) {
        match part.kind {
            Kind::Break => {
                self.decide_waiting();
                self.cited = None;
            }
            Kind::Citation(number) => self.cite(number, part),
            Kind::Name => {
                let known = self.names.contains(&self.answer[part.inner.clone()]);
                let verdict = if known {
                    Verdict::Verified
                } else {
                    Verdict::Marked
                };
                self.decide(Claim::Identifier, part, verdict, None);
            }
            Kind::Code | Kind::Block | Kind::Words => self.waiting.push(part),
        }
    }

    /// A citation decides what was quoted before it.
    fn cite(&mut self, number: usize, part: Part) {
        let is_shown = self.shown.iter().any(|one| one.number == number);
        if is_shown {
            self.cited = Some(number);
        }
        self.decide_waiting();
        match is_shown {
            true => self.decide(
                Claim::Citation(number),
                part,
                Verdict::Verified,
                Some(number),
            ),
            false => self.decide(Claim::Citation(number), part, Verdict::Dropped, None),
        }
    }

    fn decide_waiting(&mut self) {
        for part in std::mem::take(&mut self.waiting) {
            let quote = &self.answer[part.inner.clone()];
            let found = holds(self.shown, self.cited, quote, part.kind);
            let verdict = match found {
                Some(_) => Verdict::Verified,
                None => Verdict::Marked,
            };
            self.decide(Claim::Quote, part, verdict, found);
        }
    }

    fn decide(&mut self, claim: Claim, part: Part, verdict: Verdict, chunk: Option<usize>) {
        self.claims.push(Checked {
            claim,
            at: part.at,
            verdict,
            chunk,
        });
    }
}

/// How much of a text is complete: whole lines, and nothing of an open fence.
fn complete(text: &str) -> usize {
    let (mut at, mut end) = (0, 0);
    let mut open = None;
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        at += line.len();
        open = match open {
            Some(fence) if scan::closes(line, fence) => None,
            Some(fence) => Some(fence),
            None => scan::fence(line),
        };
        if open.is_none() {
            end = at;
        }
    }
    end
}

/// The chunk that holds a quotation: the one cited, else any that was shown.
fn holds(shown: &[Shown], cited: Option<usize>, quote: &str, kind: Kind) -> Option<usize> {
    let inside = |one: &&Shown| match kind {
        Kind::Block => has_lines(&one.text, quote),
        Kind::Code => has(&one.text, quote) || has(&one.label, quote),
        _ => has(&one.text, quote),
    };
    let first = shown.iter().filter(|one| Some(one.number) == cited);
    let found = first.chain(shown.iter()).find(inside);
    found.map(|one| one.number)
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
