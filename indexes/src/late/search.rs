//! The search: which way it goes.

use super::candidates::{Probes, candidates};
use super::interaction::Interaction;
use super::kept::{Kept, blocks};
use super::query::LateQuery;
use super::rank::{Bar, best, places};
use super::set::CodedSet;
use super::top::{Found, Top};
use rayon::prelude::*;

/// Contents scored by one task, small enough to share the work evenly.
const BLOCK: usize = 256;

/// Candidates scored by one task.
const FEW: usize = 32;

/// One of so many contents is scored exactly, at least.
const LEAST_SHARE: usize = 128;

/// Contents that are scored exactly for each one that is asked for, at least.
const LEAST_FACTOR: usize = 16;

/// Contents taken from the postings for each one that is scored exactly.
const LISTED: usize = 4;

/// What a search may cost and how much of the ranking it may risk.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions {
    /// Up to so many tokens everything is scored.
    pub scan_tokens: usize,
    /// Centroids whose postings each query token looks at.
    pub probes: usize,
    /// Contents that are scored exactly: at least so many, more in very large stores and if more
    /// are asked for. Four times as many are compared by their centroids alone.
    pub candidates: usize,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            scan_tokens: 300_000,
            probes: 16,
            candidates: 1024,
        }
    }
}

/// The `n` best contents among those that `keep` accepts (by set and ordinal), best first, ties
/// by set and ordinal. All sets are coded with the query's codebook.
pub fn search(
    query: &LateQuery<'_>,
    sets: &[CodedSet<'_>],
    n: usize,
    keep: &(dyn Fn(usize, usize) -> bool + Sync),
    options: &SearchOptions,
) -> Vec<Found> {
    let kept = Kept::new(sets, keep);
    let top = match kept.tokens <= options.scan_tokens {
        true => scan(query, sets, &kept, n),
        false => score(
            query,
            sets,
            &kept,
            n,
            &likely(query, sets, &kept, n, options),
        ),
    };
    top.into_sorted()
}

/// Scores everything that is kept.
fn scan(query: &LateQuery<'_>, sets: &[CodedSet<'_>], kept: &Kept, n: usize) -> Top {
    let blocks = blocks(sets, BLOCK);
    let tops = blocks.par_iter().map(|block| {
        let mut scorer = query.scorer();
        top_of(kept.of(block), n, kept, |set, at| {
            scorer.score(&sets[set], at)
        })
    });
    tops.reduce(|| Top::new(n), Top::merge)
}

/// Scores what stands at some places.
fn score(
    query: &LateQuery<'_>,
    sets: &[CodedSet<'_>],
    kept: &Kept,
    n: usize,
    places: &[usize],
) -> Top {
    let tops = places.par_chunks(FEW).map(|places| {
        let mut scorer = query.scorer();
        let places = places.iter().copied();
        top_of(places, n, kept, |set, at| scorer.score(&sets[set], at))
    });
    tops.reduce(|| Top::new(n), Top::merge)
}

fn top_of(
    places: impl Iterator<Item = usize>,
    n: usize,
    kept: &Kept,
    mut score: impl FnMut(usize, usize) -> Option<f32>,
) -> Top {
    let mut top = Top::new(n);
    for place in places {
        let (set, ordinal) = kept.content(place);
        if let Some(score) = score(set, ordinal) {
            top.push(Found {
                set: set as u32,
                ordinal: ordinal as u32,
                score,
            });
        }
    }
    top
}

/// Places of the contents that are worth an exact score: from the postings, then by centroids
/// alone; and all contents of sets without postings.
fn likely(
    query: &LateQuery<'_>,
    sets: &[CodedSet<'_>],
    kept: &Kept,
    n: usize,
    options: &SearchOptions,
) -> Vec<usize> {
    let probes = Probes::new(query, options.probes);
    let contents: usize = sets.iter().map(CodedSet::contents).sum();
    let wanted = n.saturating_mul(LEAST_FACTOR);
    let most = options.candidates.max(wanted).max(contents / LEAST_SHARE);
    let listed = candidates(&probes, sets, kept, most.saturating_mul(LISTED));
    let interaction = Interaction::new(query, query.centroids());
    let bar = Bar::default();
    let blocks = listed.par_chunks(BLOCK).flat_map_iter(|block| {
        let scores = block.iter().map(|&place| {
            let (set, ordinal) = kept.content(place);
            let centroids = sets[set].centroids_of(ordinal).unwrap_or_default();
            (place, interaction.score(centroids))
        });
        best(scores, most, &bar, |_| true)
    });
    let mut likely = places(blocks.collect(), most);
    let unlisted = blocks_without_postings(sets);
    likely.extend(unlisted.iter().flat_map(|block| kept.of(block)));
    likely
}

fn blocks_without_postings(sets: &[CodedSet<'_>]) -> Vec<super::kept::Block> {
    let mut blocks = blocks(sets, BLOCK);
    blocks.retain(|block| sets[block.set].postings.is_empty());
    blocks
}
