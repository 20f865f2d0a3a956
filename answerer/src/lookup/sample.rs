//! From scores to a token.

use super::Token;

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// 0: always the most likely token. Else scores are divided by it.
    pub temperature: f32,
    /// Only the most likely tokens that together reach this probability; 1: all.
    pub top_p: f32,
    /// The same seed, prompt and machine give the same output.
    pub seed: u64,
}

impl Sampling {
    /// Always the most likely token.
    pub const GREEDY: Sampling = Sampling {
        temperature: 0.0,
        top_p: 1.0,
        seed: 0,
    };
}

/// A token with its probability under the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// The token.
    pub token: Token,
    /// Natural logarithm of the probability that the model gives it, before
    /// temperature and `top_p`.
    pub logprob: f32,
}

/// Chooses tokens, with a random state of its own: one number per token, so
/// that drafts do not change what is drawn.
#[derive(Clone, Debug)]
pub struct Chooser {
    sampling: Sampling,
    state: u64,
    candidates: Vec<(f32, Token)>,
}

impl Chooser {
    /// A chooser at the beginning of its random sequence.
    #[must_use]
    pub fn new(sampling: Sampling) -> Chooser {
        Chooser {
            sampling,
            state: sampling.seed,
            candidates: Vec::new(),
        }
    }

    /// Chooses a token. Of equal scores the first wins when greedy.
    pub fn choose(&mut self, logits: &[f32]) -> Chosen {
        let (best, highest) = largest(logits);
        let token = if self.sampling.temperature > 0.0 {
            let random = self.random();
            self.draw(logits, highest, random).unwrap_or(best)
        } else {
            best
        };
        let score = logits.get(token as usize).copied().unwrap_or(highest);
        Chosen {
            token,
            logprob: score - highest - total(logits, highest).ln(),
        }
    }

    /// The token at which the cumulated probability passes `random` (0..1).
    pub(super) fn draw(&mut self, logits: &[f32], highest: f32, random: f64) -> Option<Token> {
        let scale = 1.0 / self.sampling.temperature;
        self.candidates.clear();
        self.candidates.extend(
            (0..)
                .zip(logits)
                .map(|(token, &logit)| (((logit - highest) * scale).exp(), token))
                .filter(|&(weight, _)| weight > 0.0),
        );
        if self.sampling.top_p < 1.0 {
            self.keep_likely();
        }
        let sum: f64 = self
            .candidates
            .iter()
            .map(|&(weight, _)| f64::from(weight))
            .sum();
        let mut left = random * sum;
        for &(weight, token) in &self.candidates {
            left -= f64::from(weight);
            if left < 0.0 {
                return Some(token);
            }
        }
        self.candidates.last().map(|&(_, token)| token)
    }

    /// Drops the tokens beyond the share `top_p`, likely ones first.
    fn keep_likely(&mut self) {
        self.candidates
            .sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let sum: f32 = self.candidates.iter().map(|&(weight, _)| weight).sum();
        let mut left = self.sampling.top_p * sum;
        let more = |&(weight, _): &(f32, Token)| {
            let keep = left > 0.0;
            left -= weight;
            keep
        };
        let kept = self
            .candidates
            .iter()
            .map(more)
            .take_while(|&keep| keep)
            .count();
        self.candidates.truncate(kept.max(1));
    }

    /// The next number in 0..1 (SplitMix64, G. L. Steele et al., 2014).
    fn random(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The first of the largest scores and its token.
pub(super) fn largest(logits: &[f32]) -> (Token, f32) {
    // A maximum without indices is one vector instruction per eight scores.
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let at = logits.iter().position(|&logit| logit == highest);
    (at.unwrap_or(0) as Token, highest)
}

/// Sum of `exp(logit - highest)`. What is below e⁻²⁰ is left out: all of a
/// vocabulary of 150,000 such tokens would change the sum by 0.03 %.
pub(super) fn total(logits: &[f32], highest: f32) -> f32 {
    let least = highest - 20.0;
    logits
        .iter()
        .filter(|&&logit| logit > least)
        .map(|&logit| (logit - highest).exp())
        .sum()
}
