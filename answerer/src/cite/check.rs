//! Checks claims while the answer comes.

use std::collections::BTreeSet;

use super::known::Known;
use super::scan::{self, Kind, Part};
use super::{Checked, Claim, Report, Shown, Verdict};

/// Checks an answer piece by piece. Lines are checked when they are complete,
/// fenced code when its fence is closed.
pub struct Checker<'a> {
    known: Known<'a>,
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
        Checker {
            known: Known::new(shown),
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
                let verdict = match self.known.name(&self.answer[part.inner.clone()]) {
                    true => Verdict::Verified,
                    false => Verdict::Marked,
                };
                self.decide(Claim::Identifier, part, verdict, None);
            }
            Kind::Code | Kind::Block | Kind::Words => self.waiting.push(part),
        }
    }

    /// A citation decides what was quoted before it.
    fn cite(&mut self, number: usize, part: Part) {
        let is_shown = self.known.number(number);
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
            let found = self.known.holds(self.cited, quote, part.kind);
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
