//! What prompt lookup costs where it never finds anything: a prompt and an answer without a
//! repetition, token by token.
//!
//! `cargo run --release -p fathom-answerer --example lookup_cost -- [PROMPT_TOKENS]`
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use fathom_answerer::lookup::{CostCurve, Lookup, Token};

/// Tokens of the answer.
const ANSWER: Token = 600;
/// Repetitions; the fastest counts.
const ROUNDS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let length: Token = match std::env::args().nth(1) {
        Some(tokens) => tokens.parse()?,
        None => 8_192,
    };
    let prompt: Vec<Token> = (0..length).collect();
    let (mut built, mut asked) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut lookup = Lookup::new(&prompt, Vec::new(), CostCurve::assumed());
        built = built.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for token in length..length + ANSWER {
            assert!(
                black_box(lookup.propose(64)).is_empty(),
                "nothing is there twice"
            );
            lookup.observe(token);
        }
        asked = asked.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{length} tokens of prompt: {:.2} ms once, {:.2} µs per token of the answer",
        built * 1e3,
        asked * 1e6 / f64::from(ANSWER)
    );
    Ok(())
}
