//! With sampling, a draft does not change what is drawn.

use std::collections::BTreeMap;

use super::super::{Chooser, Drafter, Sampling, Token};
use super::toy::{Scripted, Toy, run};

const VOCABULARY: i32 = 4;

/// Probability of each two-token output by enumeration of the model.
fn exact(model: &Toy, prompt: &[Token]) -> BTreeMap<[Token; 2], f64> {
    let probabilities = |text: &[Token]| -> Vec<f64> {
        use super::super::Target;
        let mut model = model.clone();
        model.feed(text).unwrap();
        let weights: Vec<f64> = model
            .logits(0)
            .iter()
            .map(|&l| f64::from(l).exp())
            .collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    };
    let mut all = BTreeMap::new();
    for (first, p) in (0..).zip(probabilities(prompt)) {
        let text = [prompt, &[first]].concat();
        for (second, q) in (0..).zip(probabilities(&text)) {
            all.insert([first, second], p * q);
        }
    }
    all
}

/// Drafts the same token whatever happens.
struct Always(Token);

impl Drafter<std::convert::Infallible> for Always {
    fn name(&self) -> &'static str {
        "always"
    }

    fn push(&mut self, _token: Token) {}

    fn draft(
        &mut self,
        limit: usize,
        draft: &mut Vec<Token>,
    ) -> Result<(), std::convert::Infallible> {
        draft.extend(std::iter::repeat_n(self.0, limit.min(2)));
        Ok(())
    }

    fn rearm(&mut self) {}
}

#[test]
fn drafts_leave_the_distribution_as_it_is() {
    let prompt = [1, 2, 3, 1, 2];
    let model = Toy::new(VOCABULARY, 9, 1.5);
    let expected = exact(&model, &prompt);
    let draws = 20_000;
    for kind in 0..=VOCABULARY {
        let mut counts: BTreeMap<[Token; 2], f64> = BTreeMap::new();
        for seed in 0..draws {
            let sampling = Sampling {
                temperature: 1.0,
                top_p: 1.0,
                seed,
            };
            let mut always = Always(kind);
            let mut scripted = Scripted {
                vocabulary: VOCABULARY,
                state: seed,
            };
            let drafter: &mut dyn Drafter<_> = if kind < VOCABULARY {
                &mut always
            } else {
                &mut scripted
            };
            let (output, _) = run(&mut model.clone(), &prompt, sampling, &mut [drafter], 2);
            *counts
                .entry([output[0].token, output[1].token])
                .or_default() += 1.0;
        }
        // Pearson's chi-squared with 15 degrees of freedom: above 37.7 once in 1,000.
        let chi: f64 = expected
            .iter()
            .map(|(pair, p)| {
                let want = p * draws as f64;
                (counts.get(pair).copied().unwrap_or(0.0) - want).powi(2) / want
            })
            .sum();
        assert!(chi < 37.7, "drafts of kind {kind}: chi-squared {chi}");
    }
}

/// For one fixed guess, drawing from the model and comparing is the rejection
/// rule: over all random numbers the token comes out with its probability.
#[test]
fn drawing_gives_each_token_its_probability() {
    let steps = 100_000;
    for (logits, temperature, top_p, want) in [
        ([0.0, 0.0, 0.0, 0.0], 1.0, 1.0, [0.25, 0.25, 0.25, 0.25]),
        (
            [3.0_f32.ln(), 0.0, f32::NEG_INFINITY, 0.0],
            1.0,
            1.0,
            [0.6, 0.2, 0.0, 0.2],
        ),
        (
            [2.0_f32.ln(), 0.0, f32::NEG_INFINITY, 0.0],
            0.5,
            1.0,
            [4.0 / 6.0, 1.0 / 6.0, 0.0, 1.0 / 6.0],
        ),
        (
            [6.0_f32.ln(), 3.0_f32.ln(), 0.0, f32::NEG_INFINITY],
            1.0,
            0.85,
            [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0],
        ),
    ] {
        let mut chooser = Chooser::new(Sampling {
            temperature,
            top_p,
            seed: 0,
        });
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let mut counts = [0.0_f64; 4];
        for step in 0..steps {
            let random = (f64::from(step) + 0.5) / f64::from(steps);
            let token = chooser.draw(&logits, highest, random).unwrap();
            counts[token as usize] += 1.0 / f64::from(steps);
        }
        for (got, want) in counts.iter().zip(want) {
            assert!((got - want).abs() < 2e-5, "{counts:?} instead of {want:?}");
        }
    }
}

#[test]
fn greedy_takes_the_first_of_the_best_and_gives_its_probability() {
    let chosen = Chooser::new(Sampling::GREEDY).choose(&[0.0, 1.0, 1.0, f32::NEG_INFINITY]);
    assert_eq!(chosen.token, 1);
    let expected = (1.0_f32.exp() / (1.0 + 2.0 * 1.0_f32.exp())).ln();
    assert!((chosen.logprob - expected).abs() < 1e-6);
}
