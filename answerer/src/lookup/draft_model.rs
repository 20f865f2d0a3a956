//! Drafts from a second, smaller model of the same vocabulary.

use super::Token;
use super::cost::CostCurve;
use super::decode::{Drafter, Target};
use super::sample::{largest, total};

/// Longest draft: a small model strays soon.
const LONGEST_DRAFT: usize = 16;

/// A token that the draft model itself gives less is not worth a guess.
const LEAST_CHANCE: f32 = 0.4;

/// Tokens of the output after which a draft model that did not pay is tried again.
const PAUSE: usize = 64;

/// What a right or wrong guess still counts at the next one.
const DECAY: f32 = 0.95;

/// Share of right guesses that is assumed at first, and its weight.
const PRIOR: (f32, f32) = (0.7, 4.0);

/// Greedy drafts of a small model that follows the same text.
///
/// The draft length is the one with the highest expected tokens per time,
/// from the share of right guesses, the target's [`CostCurve`] and the cost
/// of the draft model's own tokens.
pub struct DraftModel<D: Target> {
    model: D,
    /// Prompt and output.
    text: Vec<Token>,
    /// The text as the model guessed it, from its beginning: its memory holds
    /// this or less. Agrees with `text` up to `agreed`.
    guessed: Vec<Token>,
    agreed: usize,
    costs: CostCurve,
    /// Time of one token of the draft model in units of the target's.
    own_cost: f32,
    /// Tokens that the target knows.
    vocabulary: usize,
    right: f32,
    all: f32,
    waiting: usize,
}

impl<D: Target> DraftModel<D> {
    /// A draft model that has read nothing yet. `costs` are the target's,
    /// `own_cost` is the time of one of the draft model's tokens in units of
    /// one of the target's, which knows `vocabulary` tokens.
    pub fn new(
        model: D,
        prompt: &[Token],
        costs: CostCurve,
        own_cost: f32,
        vocabulary: usize,
    ) -> DraftModel<D> {
        DraftModel {
            model,
            text: prompt.to_vec(),
            guessed: Vec::new(),
            agreed: 0,
            costs,
            own_cost,
            vocabulary,
            right: 0.0,
            all: 0.0,
            waiting: 0,
        }
    }

    fn chance(&self) -> f32 {
        (self.right + PRIOR.0 * PRIOR.1) / (self.all + PRIOR.1)
    }

    /// The draft length of highest expected tokens per time; 0 if none gains.
    fn best_length(&self) -> usize {
        let chance = self.chance();
        let (mut best, mut best_gain) = (0, 1.05);
        let (mut survives, mut expected) = (1.0, 1.0);
        for length in 1..=LONGEST_DRAFT {
            survives *= chance;
            expected += survives;
            let cost = self.costs.of(length + 1) + self.own_cost * length as f32;
            if expected / cost > best_gain {
                (best, best_gain) = (length, expected / cost);
            }
        }
        best
    }

    /// Brings the model's memory to the end of the text.
    fn catch_up(&mut self) -> Result<(), D::Error> {
        // The last token is always fed: its scores are needed.
        let last = self.text.len() - 1;
        let known = self.agreed.min(last).min(self.model.len());
        if self.model.len() > known {
            self.model.keep(known)?;
        }
        self.model.feed(&self.text[known..])?;
        self.guessed.truncate(self.agreed);
        self.guessed
            .extend_from_slice(&self.text[self.guessed.len()..]);
        self.agreed = self.text.len();
        Ok(())
    }
}

impl<D: Target> Drafter<D::Error> for DraftModel<D> {
    fn name(&self) -> &'static str {
        "draft model"
    }

    fn push(&mut self, token: Token) {
        // Was this one guessed, and were all before it right?
        if self.agreed == self.text.len()
            && let Some(&guess) = self.guessed.get(self.agreed)
        {
            let right = guess == token;
            self.right = self.right * DECAY + f32::from(u8::from(right));
            self.all = self.all * DECAY + 1.0;
            self.agreed += usize::from(right);
        }
        self.text.push(token);
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 1 {
            self.rearm();
        }
    }

    fn draft(&mut self, limit: usize, draft: &mut Vec<Token>) -> Result<(), D::Error> {
        let wanted = self.best_length().min(limit);
        if wanted == 0 && self.waiting == 0 {
            self.waiting = PAUSE;
        }
        if wanted == 0 || self.text.is_empty() {
            return Ok(());
        }
        if self.model.len() + self.model.room() < self.text.len() + wanted {
            return Ok(());
        }
        self.catch_up()?;
        while draft.len() < wanted {
            let logits = self.model.logits(0);
            let (token, highest) = largest(logits);
            let unknown = token as usize >= self.vocabulary;
            if unknown || 1.0 / total(logits, highest) < LEAST_CHANCE {
                break;
            }
            draft.push(token);
            self.guessed.push(token);
            if draft.len() < wanted {
                self.model.feed(&[token])?;
            }
        }
        Ok(())
    }

    fn rearm(&mut self) {
        if self.chance() < PRIOR.0 {
            (self.right, self.all, self.waiting) = (0.0, 0.0, 0);
        }
    }
}
