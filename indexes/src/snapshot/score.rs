//! Exhaustive exact scoring of encoded contents: MaxSim and cosine over int8 vectors.
//!
//! Filters are applied before scoring, a content that several chunks share is
//! scored once, and nothing is allocated per candidate.

use std::sync::Arc;

use rayon::prelude::*;

use super::encodings::{Encodings, Item};
use super::set::ChunkSet;
use super::top::Top;
use crate::catalog::load::Heads;
use crate::dense::DenseQuery;
use crate::maxsim::Query;
use crate::records::Hit;
use crate::segment::Segment;

/// Items scored by one task, small enough to share the work evenly.
const BLOCK: usize = 256;

/// Below this many items the threads cost more than they bring.
const PARALLEL_ITEMS: usize = 2 * BLOCK;

/// Candidates of a dense search that are scored again without the rounding of the query.
const SPARE: usize = 32;

/// Everything that scoring reads.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub heads: &'a Arc<Heads>,
    pub segments: &'a [Option<Segment>],
    pub encodings: &'a Encodings,
    pub within: Option<&'a ChunkSet>,
}

impl Scan<'_> {
    /// The chunks with the best MaxSim.
    pub fn late(self, query: &Query, n: usize) -> Vec<Hit> {
        self.best(n, || {
            let mut scorer = query.scorer();
            move |segment: &Segment, ordinal| segment.tokens(ordinal).score(&mut scorer)
        })
    }

    /// The chunks with the best cosine.
    pub fn dense(self, query: &DenseQuery, n: usize) -> Vec<Hit> {
        let about = self.best(n.saturating_add(SPARE), || rough(query));
        self.exactly(query, about, n)
    }

    /// The chunks with the best cosine among those of some items.
    #[cfg(feature = "faiss")]
    pub fn dense_among(self, query: &DenseQuery, items: &[Item], n: usize) -> Vec<Hit> {
        let about = self.best_of(items, n.saturating_add(SPARE), rough(query));
        self.exactly(query, about.into_hits(), n)
    }

    /// Scores hits again, without the rounding of the query.
    fn exactly(self, query: &DenseQuery, mut hits: Vec<Hit>, n: usize) -> Vec<Hit> {
        let positions: Vec<_> = hits
            .iter()
            .map(|hit| self.heads.position(hit.chunk))
            .collect();
        for (hit, score) in hits.iter_mut().zip(self.dense_of(query, &positions)) {
            hit.score = score.unwrap_or(hit.score);
        }
        hits.sort_unstable_by(Hit::best_first);
        hits.truncate(n);
        hits
    }

    /// Scores all items with scorers that `scorer` makes, one per task.
    fn best<S>(self, n: usize, scorer: impl Fn() -> S + Sync) -> Vec<Hit>
    where
        S: FnMut(&Segment, usize) -> Option<f32>,
    {
        let block = |items: &[Item]| self.best_of(items, n, scorer());
        let items = &self.encodings.items;
        let top = match items.len() < PARALLEL_ITEMS {
            true => block(items),
            false => items
                .par_chunks(BLOCK)
                .map(block)
                .reduce(|| Top::new(n), Top::merge),
        };
        top.into_hits()
    }

    fn best_of(
        self,
        items: &[Item],
        n: usize,
        mut score: impl FnMut(&Segment, usize) -> Option<f32>,
    ) -> Top {
        let mut top = Top::new(n);
        for item in items {
            let wanted = |&position: &usize| {
                self.within
                    .is_none_or(|within| within.has(self.heads, position))
            };
            let mut positions = self.encodings.positions(item).filter(wanted).peekable();
            let segment = self.segments[item.segment].as_ref();
            if let (Some(_), Some(segment)) = (positions.peek(), segment)
                && let Some(score) = score(segment, item.ordinal)
            {
                positions.for_each(|position| top.push(self.heads.chunk_ids[position], score));
            }
        }
        top
    }

    /// MaxSim of single chunks, by position.
    pub fn late_of(self, query: &Query, positions: &[Option<usize>]) -> Vec<Option<f32>> {
        let mut scorer = query.scorer();
        self.each(positions, |segment, ordinal| {
            segment.tokens(ordinal).score(&mut scorer)
        })
    }

    /// Cosine of single chunks, by position.
    pub fn dense_of(self, query: &DenseQuery, positions: &[Option<usize>]) -> Vec<Option<f32>> {
        self.each(positions, |segment, ordinal| {
            Some(exact(query, segment, ordinal))
        })
    }

    fn each(
        self,
        positions: &[Option<usize>],
        mut score: impl FnMut(&Segment, usize) -> Option<f32>,
    ) -> Vec<Option<f32>> {
        let mut of = |position: usize| {
            let item = self.encodings.of(position)?;
            score(self.segments[item.segment].as_ref()?, item.ordinal)
        };
        positions.iter().map(|position| of((*position)?)).collect()
    }
}

/// A scorer by cosine of the quantised query.
fn rough(query: &DenseQuery) -> impl FnMut(&Segment, usize) -> Option<f32> {
    |segment, ordinal| {
        let dense = segment.dense(ordinal);
        let mut score = [0.0];
        query.scores(dense.codes, &[dense.scale], &mut score);
        Some(score[0])
    }
}

/// The cosine of the query as it came.
fn exact(query: &DenseQuery, segment: &Segment, ordinal: usize) -> f32 {
    let dense = segment.dense(ordinal);
    query.exact(dense.codes, dense.scale)
}
