//! The value of each signal for each candidate of a pool.

use std::collections::HashMap;

use fathom_indexes::{ChunkKind, FileId};

use super::roles::Roles;
use super::{Candidate, Signal, Weights};
use crate::paths::names_path;
use crate::understand::{QueryKind, Understanding};
use crate::words::{self, Word};

/// One value per signal.
pub type Values = [f32; Signal::ALL.len()];

/// How many further chunks of a file count towards its coherence.
const COHERENT_CHUNKS: usize = 5;
/// Relevance from which a chunk counts towards it: what is worse says little but that its file is long.
const COHERENT_FROM: f32 = 0.2;

/// The values of every candidate, but for those that depend on weights or on the order, and the judge's.
pub fn of(query: &Understanding, pool: &[Candidate]) -> Vec<Values> {
    let mut values: Vec<Values> = vec![[0.0; Signal::ALL.len()]; pool.len()];
    lists(pool, &mut values);
    // Candidates of one file follow each other.
    let mut last: Option<(&str, OfPath)> = None;
    for (candidate, values) in pool.iter().zip(&mut values) {
        let path = candidate.path.as_str();
        let of_path = match last {
            Some((known, of_path)) if known == path => of_path,
            _ => OfPath::new(query, path),
        };
        last = Some((path, of_path));
        values[Signal::Path as usize] = of_path.named;
        values[Signal::Stem as usize] = of_path.stem;
        values[Signal::Folders as usize] = of_path.folders;
        let name = words::words(&candidate.name);
        values[Signal::Name as usize] = covered(&name, &query.words);
        values[Signal::Definition as usize] = candidate.definition;
        penalties(query, candidate, of_path.roles, values);
    }
    values
}

/// What a path says, whatever the chunk.
#[derive(Clone, Copy)]
struct OfPath {
    named: f32,
    stem: f32,
    folders: f32,
    roles: Roles,
}

impl OfPath {
    fn new(query: &Understanding, path: &str) -> OfPath {
        let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let is_named = query
            .paths
            .iter()
            .any(|named| names_path(named, path.as_bytes()));
        OfPath {
            named: f32::from(is_named),
            stem: covered(&words::words(stem), &query.words),
            folders: covered(&query.words, &words::words(folders)),
            roles: Roles::of(path),
        }
    }
}

/// The three lists' scores on one scale.
fn lists(pool: &[Candidate], values: &mut [Values]) {
    let late: Vec<Option<f32>> = pool.iter().map(|c| c.late).collect();
    let dense: Vec<Option<f32>> = pool.iter().map(|c| c.dense).collect();
    let lexical: Vec<Option<f32>> = pool.iter().map(|c| c.lexical).collect();
    set(values, Signal::Late, &min_max(&late));
    set(values, Signal::Dense, &min_max(&dense));
    set(values, Signal::Lexical, &share_of_best(&lexical));
}

fn set(values: &mut [Values], signal: Signal, column: &[f32]) {
    for (values, value) in values.iter_mut().zip(column) {
        values[signal as usize] = *value;
    }
}

/// (score − worst) / (best − worst); 0 where there is no score, 1 where all are equal.
fn min_max(scores: &[Option<f32>]) -> Vec<f32> {
    let known = || scores.iter().flatten().copied().filter(|s| s.is_finite());
    let (low, high) = known().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), s| {
        (l.min(s), h.max(s))
    });
    let scale = |s: f32| {
        if high > low {
            (s - low) / (high - low)
        } else {
            1.0
        }
    };
    scores
        .iter()
        .map(|s| s.filter(|s| s.is_finite()).map_or(0.0, scale))
        .collect()
}

/// score / best; BM25 has a natural zero.
fn share_of_best(scores: &[Option<f32>]) -> Vec<f32> {
    let best = scores
        .iter()
        .flatten()
        .copied()
        .filter(|s| s.is_finite())
        .fold(0.0, f32::max);
    let scale = |s: f32| {
        if best > 0.0 && s.is_finite() {
            (s / best).max(0.0)
        } else {
            0.0
        }
    };
    scores.iter().map(|s| s.map_or(0.0, scale)).collect()
}

/// The share of `words` that `by` holds.
fn covered(words: &[Word], by: &[Word]) -> f32 {
    let sum: f32 = words.iter().map(|word| best_likeness(word, by)).sum();
    sum / words.len().max(1) as f32
}

fn best_likeness(word: &Word, among: &[Word]) -> f32 {
    among
        .iter()
        .map(|other| word.likeness(other))
        .fold(0.0, f32::max)
}

/// What speaks against a candidate, unless the query asks for it.
fn penalties(query: &Understanding, candidate: &Candidate, roles: Roles, values: &mut Values) {
    let wants = query.intents;
    let asked_path = query.kind == QueryKind::Path;
    let prose = candidate.kind == ChunkKind::Section;
    let defines_nothing = matches!(candidate.kind, ChunkKind::Code | ChunkKind::Module);
    let against = [
        (
            Signal::Test,
            roles.test || candidate.kind == ChunkKind::Test,
            wants.tests,
        ),
        (Signal::Example, roles.example, wants.examples),
        (Signal::Benchmark, roles.benchmark, wants.benchmarks),
        (Signal::Vendored, roles.vendored, wants.vendored),
        (
            Signal::Generated,
            roles.generated || candidate.generated,
            wants.generated,
        ),
        (Signal::Legacy, roles.legacy, wants.legacy),
        (Signal::Docs, roles.docs || prose, wants.docs),
        (
            Signal::Data,
            candidate.kind == ChunkKind::Data,
            wants.config,
        ),
        (Signal::Declaration, roles.declaration, wants.declarations),
        (
            Signal::Reexport,
            roles.entry && defines_nothing,
            wants.exports,
        ),
    ];
    for (signal, is_one, asked_for) in against {
        values[signal as usize] = f32::from(is_one && !asked_for && !asked_path);
    }
}

/// The mean relevance of a file's next best chunks, of what is above [`COHERENT_FROM`].
pub(super) fn coherence(pool: &[Candidate], weights: &Weights, values: &mut [Values]) {
    let mut by_file: HashMap<FileId, Vec<f32>> = HashMap::new();
    for (candidate, values) in pool.iter().zip(values.iter()) {
        by_file
            .entry(candidate.file)
            .or_default()
            .push(coherent(relevance(values, weights)));
    }
    let coherence_of = |mut scores: Vec<f32>| -> f32 {
        scores.sort_by(|a, b| b.total_cmp(a));
        scores.iter().skip(1).take(COHERENT_CHUNKS).sum::<f32>() / COHERENT_CHUNKS as f32
    };
    let of_file: HashMap<FileId, f32> = by_file
        .into_iter()
        .map(|(file, s)| (file, coherence_of(s)))
        .collect();
    for (candidate, values) in pool.iter().zip(values) {
        values[Signal::Coherence as usize] =
            of_file.get(&candidate.file).copied().unwrap_or_default();
    }
}

/// Relevance on a scale from [`COHERENT_FROM`] to 1.
fn coherent(relevance: f32) -> f32 {
    (relevance - COHERENT_FROM).max(0.0) / (1.0 - COHERENT_FROM)
}

/// The weighted mean of the three lists.
fn relevance(values: &Values, weights: &Weights) -> f32 {
    let total: f32 = Signal::LISTS.iter().map(|&list| weights.get(list)).sum();
    let sum: f32 = Signal::LISTS
        .iter()
        .map(|&list| weights.get(list) * values[list as usize])
        .sum();
    if total > 0.0 { sum / total } else { 0.0 }
}
