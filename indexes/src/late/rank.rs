//! The best of many rough scores, found in parallel, always the same.

use std::sync::atomic::{AtomicU64, Ordering};

/// A content as one number: a higher score is a higher number, then a lower place.
fn rank(score: u32, place: usize) -> u64 {
    u64::from(score) << 32 | u64::from(!(place as u32))
}

/// A rank that so many contents reach as are wanted: what lies below can be dropped anywhere.
#[derive(Default)]
pub(super) struct Bar(AtomicU64);

/// The ranks of the `n` best of some places and scores, of those that `keep` accepts.
pub(super) fn best(
    scores: impl Iterator<Item = (usize, u32)>,
    n: usize,
    bar: &Bar,
    keep: impl Fn(usize) -> bool,
) -> Vec<u64> {
    let mut least = bar.0.load(Ordering::Relaxed);
    let mut ranks = Vec::new();
    for (place, score) in scores {
        let rank = rank(score, place);
        if rank < least || !keep(place) {
            continue;
        }
        ranks.push(rank);
        if ranks.len() >= 2 * n {
            least = least.max(keep_best(&mut ranks, n));
            least = least.max(bar.0.fetch_max(least, Ordering::Relaxed));
        }
    }
    if ranks.len() >= n {
        bar.0.fetch_max(keep_best(&mut ranks, n), Ordering::Relaxed);
    }
    ranks
}

/// The places of the `n` highest ranks, ascending.
pub(super) fn places(mut ranks: Vec<u64>, n: usize) -> Vec<usize> {
    keep_best(&mut ranks, n);
    let places = ranks.into_iter().map(|rank| !(rank as u32) as usize);
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places
}

/// Drops all but the `n` highest; gives the lowest of them if there are so many, else 0.
fn keep_best(ranks: &mut Vec<u64>, n: usize) -> u64 {
    if ranks.len() < n || n == 0 {
        ranks.truncate(n);
        return 0;
    }
    let (_, &mut least, _) = ranks.select_nth_unstable_by(n - 1, |a, b| b.cmp(a));
    ranks.truncate(n);
    least
}
