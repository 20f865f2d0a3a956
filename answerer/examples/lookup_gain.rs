//! How much faster prompt lookup makes answers, from pairs of a context and
//! the answer that was given to it, and the measured cost curve of a machine.
//! No model runs: the answer is known, so what would have been drafted and
//! accepted is known, too.
//!
//! ```text
//! cargo run --release -p fathom-answerer --example lookup_gain -- PAIRS 1:1,2:1.93,4:3.5,8:6.3,16:6.8,32:11.6,64:20.9
//! ```
//!
//! `PAIRS` holds a folder per kind of task, with files `NAME.context` and
//! `NAME.answer` in it. Tokens are words, single digits, runs of signs and of
//! space: about what the vocabularies of coder models make of code.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use fathom_answerer::lookup::{CostCurve, Lookup, Token};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let pairs = arguments.next().ok_or("name a folder of pairs")?;
    let times = parse(
        &arguments
            .next()
            .ok_or("give a cost curve, such as 1:1,8:2.5")?,
    )?;
    let costs = CostCurve::measured(&times).ok_or("the curve must begin with 1 and ascend")?;
    println!(
        "task | answers | tokens | copied in drafts | tokens per pass | speed-up | worst answer"
    );
    let mut kinds: Vec<_> = fs::read_dir(pairs)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    kinds.sort_unstable();
    for kind in kinds.iter().filter(|path| path.is_dir()) {
        report(kind, &costs)?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<(usize, f64)>, Box<dyn Error>> {
    let point = |point: &str| -> Result<(usize, f64), Box<dyn Error>> {
        let (size, cost) = point.split_once(':').ok_or("a point is `size:cost`")?;
        Ok((size.parse()?, cost.parse()?))
    };
    text.split(',').map(point).collect()
}

/// What was done for one answer.
#[derive(Default)]
struct Run {
    tokens: usize,
    accepted: usize,
    passes: usize,
    cost: f64,
}

fn report(kind: &Path, costs: &CostCurve) -> Result<(), Box<dyn Error>> {
    let mut all = Run::default();
    let (mut answers, mut worst) = (0, f64::INFINITY);
    for entry in fs::read_dir(kind)?.flatten() {
        let path = entry.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "context")
        {
            continue;
        }
        let context = fs::read_to_string(&path)?;
        let answer = fs::read_to_string(path.with_extension("answer"))?;
        let run = replay(&context, &answer, costs);
        answers += 1;
        worst = worst.min(run.tokens as f64 / run.cost);
        all.tokens += run.tokens;
        all.accepted += run.accepted;
        all.passes += run.passes;
        all.cost += run.cost;
    }
    println!(
        "{} | {answers} | {} | {:.0} % | {:.2} | {:.2} | {worst:.2}",
        kind.file_name().unwrap_or_default().to_string_lossy(),
        all.tokens,
        100.0 * all.accepted as f64 / all.tokens as f64,
        all.tokens as f64 / all.passes as f64,
        all.tokens as f64 / all.cost,
    );
    Ok(())
}

/// Goes through an answer as decoding would.
fn replay(context: &str, answer: &str, costs: &CostCurve) -> Run {
    let mut words = HashMap::new();
    let prompt = tokens(context, &mut words);
    let (answer, fences) = (tokens(answer, &mut words), fences(answer));
    let mut lookup = Lookup::new(&prompt, Vec::new(), costs.clone());
    let mut run = Run {
        tokens: answer.len(),
        ..Run::default()
    };
    let mut at = 0;
    while at < answer.len() {
        let draft = lookup.propose(63).to_vec();
        let right = draft
            .iter()
            .zip(&answer[at..])
            .take_while(|(a, b)| a == b)
            .count();
        // The token after the draft comes from the same pass.
        let end = (at + right + 1).min(answer.len());
        for (next, &token) in (at..end).zip(&answer[at..end]) {
            lookup.observe(token);
            if fences.contains(&next) {
                fathom_answerer::lookup::Drafter::<()>::rearm(&mut lookup);
            }
        }
        run.passes += 1;
        run.accepted += right;
        run.cost += f64::from(costs.of(draft.len() + 1));
        at = end;
    }
    run
}

/// Which tokens of an answer begin a quotation.
fn fences(answer: &str) -> Vec<usize> {
    let begins = |piece: &str| piece.contains("```") || piece.contains('"');
    let pieces = pieces(answer).into_iter().enumerate();
    pieces
        .filter(|(_, piece)| begins(piece))
        .map(|(index, _)| index)
        .collect()
}

fn tokens<'a>(text: &'a str, words: &mut HashMap<&'a str, Token>) -> Vec<Token> {
    let number = |piece| {
        let next = words.len() as Token;
        *words.entry(piece).or_insert(next)
    };
    pieces(text).into_iter().map(number).collect()
}

/// Words with the space or sign before them in one piece, digits one by one,
/// long words in pieces of eight characters.
fn pieces(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphabetic() => 0,
        c if c.is_numeric() => 1,
        c if c.is_whitespace() => 2,
        _ => 3,
    };
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut previous = None;
    let mut length = 0;
    for (at, c) in text.char_indices() {
        let joined = match previous {
            None => true,
            Some((before, before_kind)) => {
                let leads = length == 1 && kind(c) != 1 && before_kind >= 2 && before != '\n';
                let same = before_kind == kind(c) && kind(c) != 1 && length < 8;
                (leads || same) && !(before == '\n' && c != '\n')
            }
        };
        if !joined {
            pieces.push(&text[start..at]);
            (start, length) = (at, 0);
        }
        length += 1;
        previous = Some((c, kind(c)));
    }
    pieces.push(&text[start..]);
    pieces
}
