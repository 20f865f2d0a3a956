//! Code-aware ranking: one linear scorer over named signals. A candidate's parts sum to its score.
//!
//! The signals follow what is known to help code search: fusion of several lists, definitions, words of names and
//! paths, several good chunks in one file, one chunk per file first, and penalties for tests, documentation, generated
//! and similar files, lifted when the query asks for them.

pub mod features;
mod roles;
mod weights;

use std::collections::HashMap;

use fathom_indexes::{ChunkId, ChunkKind, FileId};

use crate::understand::Understanding;
use features::Values;
pub use roles::Roles;
pub use weights::{Signal, Weights};

/// A chunk with everything that the ranking may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its file.
    pub file: FileId,
    /// The file's path, lossily decoded.
    pub path: String,
    /// What it is.
    pub kind: ChunkKind,
    /// Its bare name, may be empty.
    pub name: String,
    /// Its file was written by a program.
    pub generated: bool,
    /// Late-interaction score, if it was scored.
    pub late: Option<f32>,
    /// Cosine with the query's dense vector, if it was scored.
    pub dense: Option<f32>,
    /// BM25 score, if it was found.
    pub lexical: Option<f32>,
    /// How well it defines an identifier that the query names, 0 to 1.
    pub definition: f32,
}

/// A candidate's place in the ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Index into the pool.
    pub index: usize,
    /// The sum of the parts.
    pub score: f32,
    /// The signals that are not zero, with weight × value.
    pub parts: Vec<(&'static str, f32)>,
}

/// Orders the pool, best first; ties by chunk id.
pub fn rank(query: &Understanding, pool: &[Candidate], weights: &Weights) -> Vec<Placed> {
    order(features::of(query, pool), pool, weights)
}

/// Orders a pool whose values are known.
pub fn order(mut features: Vec<Values>, pool: &[Candidate], weights: &Weights) -> Vec<Placed> {
    let weights = &for_lists_of(pool, weights);
    features::coherence(pool, weights, &mut features);
    let mut placed: Vec<Placed> = features
        .iter()
        .enumerate()
        .map(|(index, values)| place(index, values, weights))
        .collect();
    sort(&mut placed, pool);
    mark_repeats(&mut placed, pool, weights);
    sort(&mut placed, pool);
    placed
}

/// Adjusts the weights to a pool in which only one list has scores.
fn for_lists_of(pool: &[Candidate], weights: &Weights) -> Weights {
    let scored = |list: &Signal| match list {
        Signal::Late => pool.iter().any(|c| c.late.is_some()),
        Signal::Dense => pool.iter().any(|c| c.dense.is_some()),
        _ => pool.iter().any(|c| c.lexical.is_some()),
    };
    let present: Vec<Signal> = Signal::LISTS.into_iter().filter(scored).collect();
    match present[..] {
        [alone] => weights.clone().with_only_list(alone),
        _ => weights.clone(),
    }
}

fn place(index: usize, values: &features::Values, weights: &Weights) -> Placed {
    let parts: Vec<(&'static str, f32)> = Signal::ALL
        .iter()
        .map(|&signal| (signal.name(), weights.get(signal) * values[signal as usize]))
        .filter(|(_, part)| *part != 0.0)
        .collect();
    Placed {
        index,
        score: sum(&parts),
        parts,
    }
}

fn sum(parts: &[(&'static str, f32)]) -> f32 {
    parts.iter().map(|(_, part)| part).sum()
}

fn sort(placed: &mut [Placed], pool: &[Candidate]) {
    placed.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| pool[a.index].chunk.cmp(&pool[b.index].chunk))
    });
}

/// Moves the further chunks of a file down, each more than the one before: 1 − 2^-n of the weight for the n-th.
fn mark_repeats(placed: &mut [Placed], pool: &[Candidate], weights: &Weights) {
    let weight = weights.get(Signal::Repeat);
    let mut seen: HashMap<FileId, i32> = HashMap::new();
    for one in placed {
        let before = seen.entry(pool[one.index].file).or_default();
        if *before > 0 && weight != 0.0 {
            one.parts.push((
                Signal::Repeat.name(),
                weight * 2.0 * (1.0 - 0.5f32.powi(*before)),
            ));
            one.score = sum(&one.parts);
        }
        *before += 1;
    }
}

#[cfg(test)]
mod tests;
