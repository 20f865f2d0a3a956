//! The decoding loop: draft, score in one pass, keep what agrees.

use std::ops::ControlFlow;

use super::sample::{Chooser, Chosen};

/// Number of a token in a model's vocabulary.
pub type Token = i32;

/// A model with a memory that grows by tokens and can be rolled back.
pub trait Target {
    /// Why it could not go on.
    type Error;

    /// Tokens in the memory.
    fn len(&self) -> usize;

    /// Whether the memory is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tokens that still fit into the memory.
    fn room(&self) -> usize;

    /// Appends tokens, at least one; `logits(0)` then belongs to the last.
    ///
    /// # Errors
    /// When the model fails or is interrupted.
    fn feed(&mut self, tokens: &[Token]) -> Result<(), Self::Error>;

    /// Appends tokens, at least one, in one pass; `logits(i)` then belongs to
    /// the i-th of them.
    ///
    /// # Errors
    /// When the model fails or is interrupted.
    fn score(&mut self, tokens: &[Token]) -> Result<(), Self::Error>;

    /// Scores of all tokens of the vocabulary to come after a token of the
    /// last `feed` or `score`.
    fn logits(&self, row: usize) -> &[f32];

    /// Removes all but the first `len` tokens.
    ///
    /// # Errors
    /// When the model's memory cannot be rolled back.
    fn keep(&mut self, len: usize) -> Result<(), Self::Error>;
}

impl<T: Target> Target for &mut T {
    type Error = T::Error;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn room(&self) -> usize {
        (**self).room()
    }

    fn feed(&mut self, tokens: &[Token]) -> Result<(), T::Error> {
        (**self).feed(tokens)
    }

    fn score(&mut self, tokens: &[Token]) -> Result<(), T::Error> {
        (**self).score(tokens)
    }

    fn logits(&self, row: usize) -> &[f32] {
        (**self).logits(row)
    }

    fn keep(&mut self, len: usize) -> Result<(), T::Error> {
        (**self).keep(len)
    }
}

/// Something that guesses how a text goes on. It knows the prompt already.
pub trait Drafter<E> {
    /// A word for statistics.
    fn name(&self) -> &'static str;

    /// Takes note of the next token of the output.
    fn push(&mut self, token: Token);

    /// Appends at most `limit` tokens that are expected next, none if a draft
    /// would not pay.
    ///
    /// # Errors
    /// When it is interrupted.
    fn draft(&mut self, limit: usize, draft: &mut Vec<Token>) -> Result<(), E>;

    /// A quotation or a code block begins: earlier failures no longer count.
    fn rearm(&mut self);
}

/// Tokens that one drafter proposed, and those that were right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftCount {
    /// [`Drafter::name`].
    pub name: &'static str,
    /// Tokens proposed.
    pub drafted: usize,
    /// Tokens kept.
    pub accepted: usize,
}

/// What one generation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeStats {
    /// Tokens of the output.
    pub tokens: usize,
    /// Passes through the model, the prompt's not counted.
    pub steps: usize,
    /// Steps that scored a draft.
    pub drafted_steps: usize,
    /// By drafter.
    pub drafts: Vec<DraftCount>,
}

/// Where a quotation may begin: tells drafters to forget failures.
pub type RearmAt<'a> = &'a dyn Fn(Token) -> bool;

/// Generates until `on` breaks or the memory is full.
///
/// `target` holds the prompt (`feed`, not empty) and its last scores. Each
/// step scores the last chosen token and a draft in one pass; the tokens are
/// chosen one after the other from the model's own scores, and the draft
/// counts as long as it says the same. So each token has the distribution of
/// plain decoding, and with the same seed it is the same token: the draft is
/// one fixed guess, for which the rejection rule of speculative sampling
/// (accept with the model's probability of it, else draw from the rest) is
/// to draw from the model and compare.
///
/// On return the memory holds the prompt and the output, except the token on
/// which `on` broke and any after it.
///
/// # Errors
/// Whatever the target or a drafter fails with.
pub fn generate<T: Target>(
    target: &mut T,
    chooser: &mut Chooser,
    drafters: &mut [&mut dyn Drafter<T::Error>],
    rearm_at: RearmAt<'_>,
    on: &mut dyn FnMut(Chosen) -> ControlFlow<()>,
    stats: &mut DecodeStats,
) -> Result<(), T::Error> {
    let mut run = Run {
        drafters,
        rearm_at,
        on,
        stats,
    };
    run.begin();
    let mut draft = Vec::new();
    let mut chosen = chooser.choose(target.logits(0));
    while run.emit(chosen).is_continue() && target.room() > 0 {
        let drafter = run.draft(target.room() - 1, &mut draft)?;
        let start = target.len();
        let mut batch = vec![chosen.token];
        batch.extend_from_slice(&draft);
        target.score(&batch)?;
        run.stats.steps += 1;
        let (accepted, next) = run.accept(target, chooser, &draft);
        if let Some(drafter) = drafter {
            run.stats.drafts[drafter].accepted += accepted;
        }
        if accepted < draft.len() {
            target.keep(start + 1 + accepted)?;
        }
        match next {
            Some(next) => chosen = next,
            None => break,
        }
    }
    Ok(())
}

struct Run<'a, 'd, E> {
    drafters: &'a mut [&'d mut dyn Drafter<E>],
    rearm_at: RearmAt<'a>,
    on: &'a mut dyn FnMut(Chosen) -> ControlFlow<()>,
    stats: &'a mut DecodeStats,
}

impl<E> Run<'_, '_, E> {
    fn begin(&mut self) {
        let count = |drafter: &&mut dyn Drafter<E>| DraftCount {
            name: drafter.name(),
            drafted: 0,
            accepted: 0,
        };
        self.stats.drafts = self.drafters.iter().map(count).collect();
    }

    fn emit(&mut self, chosen: Chosen) -> ControlFlow<()> {
        (self.on)(chosen)?;
        self.stats.tokens += 1;
        let rearm = (self.rearm_at)(chosen.token);
        for drafter in self.drafters.iter_mut() {
            drafter.push(chosen.token);
            if rearm {
                drafter.rearm();
            }
        }
        ControlFlow::Continue(())
    }

    /// The first drafter that has an idea; says which.
    fn draft(&mut self, limit: usize, draft: &mut Vec<Token>) -> Result<Option<usize>, E> {
        draft.clear();
        for (index, drafter) in self.drafters.iter_mut().enumerate() {
            drafter.draft(limit, draft)?;
            draft.truncate(limit);
            if !draft.is_empty() {
                self.stats.drafted_steps += 1;
                self.stats.drafts[index].drafted += draft.len();
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// Chooses tokens as long as they are the drafted ones, and the one after.
    /// Gives the number that was drafted right and the last token chosen;
    /// `None` for it if the output ends inside of the draft.
    fn accept<T: Target<Error = E>>(
        &mut self,
        target: &T,
        chooser: &mut Chooser,
        draft: &[Token],
    ) -> (usize, Option<Chosen>) {
        for (row, &guess) in draft.iter().enumerate() {
            let chosen = chooser.choose(target.logits(row));
            if chosen.token != guess {
                return (row, Some(chosen));
            }
            if self.emit(chosen).is_break() {
                return (row, None);
            }
        }
        (
            draft.len(),
            Some(chooser.choose(target.logits(draft.len()))),
        )
    }
}
