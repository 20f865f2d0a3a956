//! Citations in an answer, checked against the lines they name.
//!
//! An answer says where it has something from by `[n]`, the number of a chunk
//! that was shown. What it quotes, as code or in quotation marks, must stand in
//! the chunk that it cites, and names that look like code must stand in some
//! chunk that was shown. What does not is marked; a citation of a chunk that was
//! not shown is dropped.

mod check;
mod known;
mod mark;
pub(crate) mod scan;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use check::Checker;
pub use mark::{MARK, Marks};

/// A chunk that the reader was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What `[n]` says.
    pub number: usize,
    /// `path:start-end`.
    pub label: String,
    /// Its text, byte for byte as shown.
    pub text: String,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It stands in the chunk that is cited, or in one that was shown.
    Verified,
    /// It stands nowhere in what was shown: to be shown with a mark.
    Marked,
    /// It names a chunk that was not shown: not to be shown.
    Dropped,
}

impl Verdict {
    /// A word for JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Marked => "marked",
            Verdict::Dropped => "dropped",
        }
    }
}

/// What kind of claim it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `[n]`.
    Citation(usize),
    /// Code or words in quotation marks.
    Quote,
    /// A name in the prose that looks like code.
    Identifier,
}

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it is.
    pub claim: Claim,
    /// Its bytes in the answer.
    pub at: Range<usize>,
    /// What became of it.
    pub verdict: Verdict,
    /// Number of the chunk that holds it.
    pub chunk: Option<usize>,
}

/// How many claims there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stand where they should.
    pub verified: usize,
    /// Stand nowhere.
    pub marked: usize,
    /// Cite what was not shown.
    pub dropped: usize,
}

/// An answer after all of it was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// All claims in the order of the answer.
    pub claims: Vec<Checked>,
    /// Numbers of the chunks that are cited rightly, ascending.
    pub sources: Vec<usize>,
}

impl Report {
    /// Claims by verdict.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |verdict| {
            self.claims
                .iter()
                .filter(|claim| claim.verdict == verdict)
                .count()
        };
        Counts {
            verified: of(Verdict::Verified),
            marked: of(Verdict::Marked),
            dropped: of(Verdict::Dropped),
        }
    }

    /// Share of the claims that are verified; 0 without any.
    #[must_use]
    pub fn verified_share(&self) -> f32 {
        let verified = self.counts().verified as f32;
        verified / self.claims.len().max(1) as f32
    }

    /// Whether anything shown supports the answer: a verified quotation, or, where nothing is
    /// quoted, a right citation; and no more doubtful claims than verified ones.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        let counts = self.counts();
        let mut quotes = self.claims.iter().filter(|one| one.claim == Claim::Quote);
        let stands = match quotes.clone().next() {
            Some(_) => quotes.any(|quote| quote.verdict == Verdict::Verified),
            None => !self.sources.is_empty(),
        };
        stands && counts.verified >= counts.marked + counts.dropped
    }
}

/// What is said of an answer that nothing supports.
pub const UNSUPPORTED: &str = "the code that was found does not support this answer";

/// Checks a whole answer at once.
#[must_use]
pub fn check(answer: &str, shown: &[Shown]) -> Report {
    let mut checker = Checker::new(shown);
    checker.push(answer);
    checker.finish()
}
