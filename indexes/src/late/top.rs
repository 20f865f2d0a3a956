//! The n best contents of a stream, in a fixed order whatever the order of the stream.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A content and its MaxSim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Which of the sets.
    pub set: u32,
    /// Which content of it.
    pub ordinal: u32,
    /// Sum over the query's tokens of the best cosine.
    pub score: f32,
}

impl Found {
    /// Higher scores first, ties by set and ordinal.
    pub(super) fn best_first(&self, other: &Found) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.set.cmp(&other.set))
            .then(self.ordinal.cmp(&other.ordinal))
    }
}

/// Keeps the `n` best contents seen so far.
pub(super) struct Top {
    n: usize,
    heap: BinaryHeap<WorstFirst>,
}

struct WorstFirst(Found);

impl Ord for WorstFirst {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.best_first(&other.0)
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

    pub fn push(&mut self, found: Found) {
        let found = WorstFirst(found);
        if self.heap.len() < self.n {
            self.heap.push(found);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && found < *worst
        {
            *worst = found;
        }
    }

    pub fn merge(mut self, other: Top) -> Top {
        other
            .heap
            .into_iter()
            .for_each(|WorstFirst(found)| self.push(found));
        self
    }

    /// Best first.
    pub fn into_sorted(self) -> Vec<Found> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|WorstFirst(found)| found).collect()
    }
}
