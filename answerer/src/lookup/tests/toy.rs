//! A model whose scores depend on every token in its memory: a memory that
//! was rolled back wrongly changes everything that follows.

use std::convert::Infallible;
use std::ops::ControlFlow;

use super::super::{Chooser, Chosen, DecodeStats, Drafter, Sampling, Target, Token, generate};

#[derive(Clone)]
pub(super) struct Toy {
    pub(super) vocabulary: i32,
    pub(super) seed: u64,
    /// How much it likes to go on as the text did after the same two tokens.
    pub(super) copying: f32,
    pub(super) capacity: usize,
    memory: Vec<Token>,
    rows: Vec<Vec<f32>>,
    /// Sizes of all passes.
    pub(super) passes: Vec<usize>,
}

impl Toy {
    pub(super) fn new(vocabulary: i32, seed: u64, copying: f32) -> Toy {
        Toy {
            vocabulary,
            seed,
            copying,
            capacity: 4096,
            memory: Vec::new(),
            rows: Vec::new(),
            passes: Vec::new(),
        }
    }

    fn scores(&self) -> Vec<f32> {
        let state = self.memory.iter().fold(self.seed, |state, &token| {
            mix(state ^ (token.cast_unsigned() as u64 + 1))
        });
        let mut scores: Vec<f32> = (0..self.vocabulary)
            .map(|token| {
                (mix(state ^ ((token as u64) << 40)) >> 40) as f32 / (1 << 24) as f32 * 4.0
            })
            .collect();
        if let Some(next) = self.copied() {
            scores[next as usize] += self.copying;
        }
        scores
    }

    fn copied(&self) -> Option<Token> {
        let tail = self.memory.last_chunk::<2>()?;
        let before = &self.memory[..self.memory.len() - 1];
        let at = before.windows(2).rposition(|pair| pair == tail)?;
        self.memory.get(at + 2).copied()
    }
}

pub(super) fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

impl Target for Toy {
    type Error = Infallible;

    fn len(&self) -> usize {
        self.memory.len()
    }

    fn room(&self) -> usize {
        self.capacity - self.memory.len()
    }

    fn feed(&mut self, tokens: &[Token]) -> Result<(), Infallible> {
        self.memory.extend_from_slice(tokens);
        self.rows = vec![self.scores()];
        Ok(())
    }

    fn score(&mut self, tokens: &[Token]) -> Result<(), Infallible> {
        assert!(!tokens.is_empty() && tokens.len() <= self.room());
        self.passes.push(tokens.len());
        self.rows.clear();
        for &token in tokens {
            self.memory.push(token);
            let scores = self.scores();
            self.rows.push(scores);
        }
        Ok(())
    }

    fn logits(&self, row: usize) -> &[f32] {
        &self.rows[row]
    }

    fn keep(&mut self, len: usize) -> Result<(), Infallible> {
        assert!(len <= self.memory.len());
        self.memory.truncate(len);
        Ok(())
    }
}

/// Drafts what a list of numbers says, right or wrong.
pub(super) struct Scripted {
    pub(super) vocabulary: i32,
    pub(super) state: u64,
}

impl Drafter<Infallible> for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn push(&mut self, _token: Token) {}

    fn draft(&mut self, limit: usize, draft: &mut Vec<Token>) -> Result<(), Infallible> {
        self.state = mix(self.state.wrapping_add(1));
        let length = (self.state % 12) as usize;
        for _ in 0..length.min(limit) {
            self.state = mix(self.state.wrapping_add(1));
            draft.push((self.state % self.vocabulary as u64) as Token);
        }
        Ok(())
    }

    fn rearm(&mut self) {}
}

/// Output of `count` tokens, with the model's statistics. Tokens divisible by
/// seven rearm the drafters.
pub(super) fn run(
    model: &mut Toy,
    prompt: &[Token],
    sampling: Sampling,
    drafters: &mut [&mut dyn Drafter<Infallible>],
    count: usize,
) -> (Vec<Chosen>, DecodeStats) {
    let mut output = Vec::new();
    model.feed(prompt).unwrap();
    let mut stats = DecodeStats::default();
    generate(
        model,
        &mut Chooser::new(sampling),
        drafters,
        &|token| token % 7 == 0,
        &mut |chosen| {
            if output.len() == count {
                return ControlFlow::Break(());
            }
            output.push(chosen);
            ControlFlow::Continue(())
        },
        &mut stats,
    )
    .unwrap();
    (output, stats)
}
