//! The exhaustive search: every content that may be found is scored.

use super::query::LateQuery;
use super::set::CodedSet;
use super::top::{Found, Top};
use rayon::prelude::*;

/// Contents scored by one task, small enough to share the work evenly.
const BLOCK: usize = 256;

/// Scores all contents of `sets` that `keep` accepts.
pub(super) fn scan(
    query: &LateQuery<'_>,
    sets: &[CodedSet<'_>],
    n: usize,
    keep: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Top {
    let blocks: Vec<(usize, usize)> = (0..)
        .zip(sets)
        .flat_map(|(at, set)| {
            (0..set.contents())
                .step_by(BLOCK)
                .map(move |first| (at, first))
        })
        .collect();
    let block = |&(at, first): &(usize, usize)| {
        let set = &sets[at];
        let end = set.contents().min(first + BLOCK);
        let wanted = (first..end).filter(|&ordinal| keep(at, ordinal));
        score_all(query, n, wanted.map(|ordinal| (at, ordinal)), sets)
    };
    match blocks.len() {
        0 | 1 => blocks.iter().map(block).fold(Top::new(n), Top::merge),
        _ => blocks
            .par_iter()
            .map(block)
            .reduce(|| Top::new(n), Top::merge),
    }
}

/// Scores contents, named by set and ordinal, with one scorer.
pub(super) fn score_all(
    query: &LateQuery<'_>,
    n: usize,
    contents: impl Iterator<Item = (usize, usize)>,
    sets: &[CodedSet<'_>],
) -> Top {
    let mut scorer = query.scorer();
    let mut top = Top::new(n);
    for (set, ordinal) in contents {
        if let Some(score) = scorer.score(&sets[set], ordinal) {
            top.push(Found {
                set: set as u32,
                ordinal: ordinal as u32,
                score,
            });
        }
    }
    top
}
