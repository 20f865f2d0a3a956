//! Drafts from the text itself.

use std::ops::Range;

use super::Token;
use super::acceptance::Acceptance;
use super::cost::CostCurve;
use super::decode::Drafter;
use super::ngrams::{Match, Ngrams};

/// Least gain in tokens per time for which a draft is worth its risk: the
/// chances are estimates, and a draft that fails costs at once.
const LEAST_GAIN: f32 = 1.15;

/// Longest draft, whatever the costs say: with the token before it a pass of 64.
const LONGEST_DRAFT: usize = 63;

/// Prompt lookup: looks the last tokens up in the prompt and the output so
/// far and drafts what followed them there.
///
/// The length of a draft is the one with the highest expected tokens per
/// time: acceptance so far, by length of the match, against the measured
/// [`CostCurve`]. None may be: then it only watches what it would have
/// drafted, and begins again when that turns out right or at a quotation
/// ([`Drafter::rearm`]).
#[derive(Debug)]
pub struct Lookup {
    ngrams: Ngrams,
    /// Token ranges of the quoted chunks in the prompt, ascending.
    chunks: Vec<Range<usize>>,
    costs: CostCurve,
    acceptance: Acceptance,
    /// Where the text is being copied from.
    source: Option<Match>,
    /// Where it was copied from last.
    last_source: usize,
}

impl Lookup {
    /// An index of `prompt`. `chunks` are the token ranges of the pieces of
    /// code in it: while one is being quoted, its own lines are preferred to
    /// the same tokens elsewhere.
    #[must_use]
    pub fn new(prompt: &[Token], chunks: Vec<Range<usize>>, costs: CostCurve) -> Lookup {
        let mut lookup = Lookup {
            ngrams: Ngrams::default(),
            chunks,
            costs,
            acceptance: Acceptance::default(),
            source: None,
            last_source: 0,
        };
        for &token in prompt {
            lookup.ngrams.push(token);
        }
        lookup.search();
        lookup
    }

    /// Adds a token of the output. Takes constant time.
    pub fn observe(&mut self, token: Token) {
        if let Some(source) = self.source.take() {
            let right = self.ngrams.text()[source.next] == token;
            self.acceptance.note(source.length, right);
            self.last_source = source.next;
            self.source = right.then_some(Match {
                next: source.next + 1,
                length: source.length + 1,
            });
        }
        self.ngrams.push(token);
        if self.source.is_none() {
            self.search();
        }
    }

    fn search(&mut self) {
        self.source = self.ngrams.find(|next| self.nearness(next));
    }

    /// The chunk that was quoted last comes first, its later lines before its
    /// earlier ones.
    fn nearness(&self, next: usize) -> u32 {
        let chunk = self.chunk_of(self.last_source);
        let same = chunk.is_some() && chunk == self.chunk_of(next);
        u32::from(same) + u32::from(same && next > self.last_source)
    }

    fn chunk_of(&self, position: usize) -> Option<usize> {
        let after = self.chunks.partition_point(|chunk| chunk.start <= position);
        let chunk = after.checked_sub(1)?;
        self.chunks[chunk].contains(&position).then_some(chunk)
    }

    /// What is expected to come next, at most `limit` tokens: empty if
    /// nothing matches or a draft would not pay.
    #[must_use]
    pub fn propose(&self, limit: usize) -> &[Token] {
        let Some(source) = self.source else {
            return &[];
        };
        let text = self.ngrams.text();
        let available = (text.len() - source.next).min(limit).min(LONGEST_DRAFT);
        let length = self.best_length(source.length, available);
        &text[source.next..source.next + length]
    }

    /// The draft length of highest expected tokens per time; 0 if none gains.
    fn best_length(&self, matched: usize, available: usize) -> usize {
        let (mut best, mut best_gain) = (0, LEAST_GAIN);
        let (mut survives, mut expected) = (1.0_f32, 1.0_f32);
        for length in 1..=available {
            survives *= self.acceptance.chance(matched + length - 1);
            expected += survives;
            let gain = expected / self.costs.of(length + 1);
            if gain > best_gain {
                (best, best_gain) = (length, gain);
            }
        }
        best
    }
}

impl<E> Drafter<E> for Lookup {
    fn name(&self) -> &'static str {
        "lookup"
    }

    fn push(&mut self, token: Token) {
        self.observe(token);
    }

    fn draft(&mut self, limit: usize, draft: &mut Vec<Token>) -> Result<(), E> {
        draft.extend_from_slice(self.propose(limit));
        Ok(())
    }

    fn rearm(&mut self) {
        self.acceptance.rearm();
    }
}
