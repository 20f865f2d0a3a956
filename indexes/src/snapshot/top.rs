//! The n best hits of a stream, in a fixed order whatever the order of the stream.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::records::{ChunkId, Hit};

/// Keeps the `n` best hits seen so far.
pub(super) struct Top {
    n: usize,
    heap: BinaryHeap<WorstFirst>,
}

struct WorstFirst(Hit);

impl Ord for WorstFirst {
    fn cmp(&self, other: &Self) -> Ordering {
        Hit::best_first(&self.0, &other.0)
    }
}

impl PartialOrd for WorstFirst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for WorstFirst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for WorstFirst {}

impl Top {
    pub fn new(n: usize) -> Top {
        Top {
            n,
            heap: BinaryHeap::new(),
        }
    }

    pub fn push(&mut self, chunk: ChunkId, score: f32) {
        let hit = WorstFirst(Hit { chunk, score });
        if self.heap.len() < self.n {
            self.heap.push(hit);
        } else if self.heap.peek().is_some_and(|worst| hit < *worst) {
            self.heap.pop();
            self.heap.push(hit);
        }
    }

    pub fn merge(mut self, other: Top) -> Top {
        for WorstFirst(hit) in other.heap {
            self.push(hit.chunk, hit.score);
        }
        self
    }

    /// Best first.
    pub fn into_hits(self) -> Vec<Hit> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|WorstFirst(hit)| hit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_of_two_halves_are_the_best_of_the_whole(
            scores in proptest::collection::vec(0u8..20, 0..60), n in 0usize..20, cut in 0usize..60,
        ) {
            let all: Vec<Hit> = (0..).zip(&scores)
                .map(|(id, &score)| Hit { chunk: ChunkId(id), score: f32::from(score) })
                .collect();
            let top = |hits: &[Hit]| {
                let mut top = Top::new(n);
                hits.iter().for_each(|hit| top.push(hit.chunk, hit.score));
                top
            };
            let (left, right) = all.split_at(cut.min(all.len()));
            let mut expected = all.clone();
            expected.sort_by(Hit::best_first);
            expected.truncate(n);
            prop_assert_eq!(top(right).merge(top(left)).into_hits(), expected);
        }
    }
}
