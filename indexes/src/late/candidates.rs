//! Candidates from postings: which contents are worth scoring exactly.
//!
//! Each query token looks at the postings of its nearest centroids only. A content listed there
//! gets the score of the best of them; one that is not listed can have no better than the next
//! centroid's score, which is taken instead (the imputation of missing similarities of XTR, Lee
//! et al., 2023, and WARP, Scheerer et al., 2025). So a content's estimate is the sum over query
//! tokens of `best listed score - score of the next centroid`, above a sum that all share.

use super::kept::{Block, Kept, blocks};
use super::query::LateQuery;
use super::rank::{Bar, best, places};
use super::set::CodedSet;
use rayon::prelude::*;

/// Contents of one task: their estimates fit into a core's cache.
const BLOCK: usize = 1 << 16;

/// One of 65,536 parts of a cosine: what estimates count in.
const UNIT: f32 = 65_536.0;

/// An estimate holds a sum in these bits and above them the last query token that added to it.
const SUM_BITS: u32 = 24;

const SUM: u32 = (1 << SUM_BITS) - 1;

/// A centroid that a query token looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Probe {
    centroid: u16,
    /// What a listed content gains, in units; higher ones come first.
    gain: u32,
}

/// Which centroids each query token looks at.
#[derive(Debug)]
pub(super) struct Probes(Vec<Vec<Probe>>);

impl Probes {
    /// The nearest `count` centroids of each token.
    pub fn new(query: &LateQuery<'_>, count: usize) -> Probes {
        let tokens = query.nearest(count + 1).into_iter();
        Probes(tokens.map(|nearest| gains(&nearest, count)).collect())
    }
}

/// What each of the first `count` centroids is worth over the one after them.
fn gains(nearest: &[(u16, f32)], count: usize) -> Vec<Probe> {
    let missing = nearest.get(count).map_or(0.0, |&(_, score)| score);
    let probes = nearest.iter().take(count).map(|&(centroid, score)| Probe {
        centroid,
        gain: ((score - missing) * UNIT) as u32, // negative becomes 0
    });
    probes.filter(|probe| probe.gain > 0).collect()
}

/// The `n` contents with the best estimates among `kept`, as places, ascending.
pub(super) fn candidates(
    probes: &Probes,
    sets: &[CodedSet<'_>],
    kept: &Kept,
    n: usize,
) -> Vec<usize> {
    let bar = Bar::default();
    let of_block = |estimates: &mut Vec<u32>, block: &Block| {
        estimates.clear();
        estimates.resize(block.ordinals.len(), 0);
        estimate(probes, &sets[block.set], block.ordinals.start, estimates);
        let place = kept.place(block.set, block.ordinals.start);
        let sums = (place..).zip(estimates.iter().map(|estimate| estimate & SUM));
        let sums = sums.filter(|&(_, sum)| sum > 0);
        best(sums, n, &bar, |place| kept.has(place))
    };
    let ranks = blocks(sets, BLOCK)
        .par_iter()
        .map_init(Vec::new, of_block)
        .flatten_iter()
        .collect();
    places(ranks, n)
}

/// Adds up the gains of the contents from `first` on.
fn estimate(probes: &Probes, set: &CodedSet<'_>, first: usize, estimates: &mut [u32]) {
    let end = first + estimates.len();
    for (token, probes) in probes.0.iter().enumerate() {
        let stamp = (token as u32 % 255 + 1) << SUM_BITS;
        for probe in probes {
            let list = set.postings.of(probe.centroid);
            let list = &list[list.partition_point(|&at| (at as usize) < first)..];
            let list = &list[..list.partition_point(|&at| (at as usize) < end)];
            add(list, first as u32, stamp, probe.gain, estimates);
        }
    }
}

/// Adds `gain` to the listed contents that the token of `stamp` has not added to yet.
fn add(list: &[u32], first: u32, stamp: u32, gain: u32, estimates: &mut [u32]) {
    for &ordinal in list {
        let Some(estimate) = estimates.get_mut(ordinal.wrapping_sub(first) as usize) else {
            continue; // not ascending: damage
        };
        let sum = *estimate & SUM;
        let fresh = *estimate & !SUM != stamp;
        let raised = (sum + gain).min(SUM) | stamp;
        *estimate = if fresh { raised } else { *estimate };
    }
}
