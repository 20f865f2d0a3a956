//! Which documents share a forward pass.

use std::ops::Range;

/// Most tokens in one batch. Small batches keep the activations of a layer in
/// the core's cache, which is where int8 is fastest.
const MAX_TOKENS: usize = 512;

/// Positions of `lengths` from the longest to the shortest, and the ranges of
/// that order that form batches: at most [`MAX_TOKENS`] tokens with padding,
/// and at least one document.
pub(crate) fn plan(lengths: &[usize]) -> (Vec<usize>, Vec<Range<usize>>) {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut batches = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let longest = lengths[order[start]].max(1);
        let end = (start + (MAX_TOKENS / longest).max(1)).min(order.len());
        batches.push(start..end);
        start = end;
    }
    (order, batches)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_document_is_in_one_bounded_batch(lengths in prop::collection::vec(0usize..600, 0..60)) {
            let (order, batches) = plan(&lengths);
            let mut seen: Vec<usize> = batches.iter().cloned().flatten().map(|at| order[at]).collect();
            for batch in batches {
                let longest = order[batch.clone()].iter().map(|&i| lengths[i]).max().unwrap_or(0);
                prop_assert!(batch.len() == 1 || batch.len() * longest <= MAX_TOKENS);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
        }
    }
}
