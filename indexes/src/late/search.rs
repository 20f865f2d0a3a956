//! The search: which way it goes.

use super::query::LateQuery;
use super::scan::scan;
use super::set::CodedSet;
use super::top::Found;

/// What a search may cost and how much of the ranking it may risk.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchOptions {}

/// The `n` best contents among those that `keep` accepts (by set and ordinal), best first, ties
/// by set and ordinal. All sets are coded with the query's codebook.
pub fn search(
    query: &LateQuery<'_>,
    sets: &[CodedSet<'_>],
    n: usize,
    keep: &(dyn Fn(usize, usize) -> bool + Sync),
    _options: &SearchOptions,
) -> Vec<Found> {
    scan(query, sets, n, keep).into_sorted()
}
