//! Scoring of encoded contents: MaxSim over coded and int8 tokens, cosine over int8
//! vectors.
//!
//! Filters are applied before scoring, a content that several chunks share is
//! scored once, and nothing is allocated per candidate. Scores of coded and of int8
//! tokens approximate the same cosines, so they are ranked together.

use std::sync::Arc;

use rayon::prelude::*;

use super::encodings::{Encodings, Item};
use super::set::ChunkSet;
use super::top::Top;
use crate::catalog::load::Heads;
use crate::collection::Collection;
use crate::dense::DenseQuery;
use crate::late::{self, CodedSet, LateQuery, SearchOptions};
use crate::maxsim::Query;
use crate::records::Hit;
use crate::segment::{Segment, TokenView};

/// Items scored by one task, small enough to share the work evenly.
const BLOCK: usize = 256;

/// Below this many items the threads cost more than they bring.
const PARALLEL_ITEMS: usize = 2 * BLOCK;

/// Candidates of a dense search that are scored again without the rounding of the query.
const SPARE: usize = 32;

/// A query's token matrix, for the kinds of tokens that a store has.
pub(super) struct TokenQuery<'c> {
    pub int8: Query,
    /// Where there are coded segments.
    pub coded: Option<LateQuery<'c>>,
}

/// Everything that scoring reads.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub heads: &'a Arc<Heads>,
    /// Those of all collections.
    pub all: &'a [Option<Segment>],
    /// The one that is searched.
    pub collection: Collection,
    pub encodings: &'a Encodings,
    pub within: Option<&'a ChunkSet>,
}

impl<'a> Scan<'a> {
    /// A segment, if it is there and of the collection.
    fn segment(self, at: usize) -> Option<&'a Segment> {
        let segment = self.all[at].as_ref();
        segment.filter(|segment| segment.collection == self.collection)
    }

    /// The chunks with the best MaxSim.
    pub fn late(self, query: &TokenQuery<'_>, n: usize) -> Vec<Hit> {
        let mut top = Top::new(n);
        if let Some(coded) = &query.coded {
            top = self.late_coded(coded, n);
        }
        let sets = 0..self.all.len();
        for set in sets.filter(|&set| self.segment(set).is_some_and(is_int8)) {
            let items = self.encodings.of_segment(set);
            top = top.merge(self.best(items, n, || {
                let mut scorer = query.int8.scorer();
                move |segment: &Segment, ordinal| match segment.tokens(ordinal) {
                    TokenView::Int8(tokens) => scorer.score(tokens),
                    TokenView::Coded(_) => None,
                }
            }));
        }
        top.into_hits()
    }

    /// Every content that is found has a chunk that is wanted, so `n` of them suffice.
    fn late_coded(self, query: &LateQuery<'_>, n: usize) -> Top {
        let (places, sets): (Vec<usize>, Vec<CodedSet<'_>>) = (0..self.all.len())
            .filter_map(|at| Some((at, self.segment(at)?.coded()?)))
            .unzip();
        let keep = |set: usize, ordinal: usize| {
            let item = self.encodings.at(places[set], ordinal);
            item.is_some_and(|item| self.wanted(item).next().is_some())
        };
        let found = late::search(query, &sets, n, &keep, &SearchOptions::default());
        let mut top = Top::new(n);
        for found in found {
            let segment = places[found.set as usize];
            let item = self.encodings.at(segment, found.ordinal as usize);
            for position in item.into_iter().flat_map(|item| self.wanted(item)) {
                top.push(self.heads.chunk_ids[position], found.score);
            }
        }
        top
    }

    /// Positions of the chunks of an item that the filter accepts.
    fn wanted(self, item: &Item) -> impl Iterator<Item = usize> {
        let positions = self.encodings.positions(item);
        positions.filter(move |&position| {
            self.within
                .is_none_or(|within| within.has(self.heads, position))
        })
    }

    /// The chunks with the best cosine.
    pub fn dense(self, query: &DenseQuery, n: usize) -> Vec<Hit> {
        let items = &self.encodings.items;
        let about = self.best(items, n.saturating_add(SPARE), || rough(query));
        self.exactly(query, about.into_hits(), n)
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

    /// Scores items with scorers that `scorer` makes, one per task.
    fn best<S>(self, items: &[Item], n: usize, scorer: impl Fn() -> S + Sync) -> Top
    where
        S: FnMut(&Segment, usize) -> Option<f32>,
    {
        let block = |items: &[Item]| self.best_of(items, n, scorer());
        match items.len() < PARALLEL_ITEMS {
            true => block(items),
            false => items
                .par_chunks(BLOCK)
                .map(block)
                .reduce(|| Top::new(n), Top::merge),
        }
    }

    fn best_of(
        self,
        items: &[Item],
        n: usize,
        mut score: impl FnMut(&Segment, usize) -> Option<f32>,
    ) -> Top {
        let mut top = Top::new(n);
        for item in items {
            let mut positions = self.wanted(item).peekable();
            let segment = self.segment(item.segment as usize);
            if let (Some(_), Some(segment)) = (positions.peek(), segment)
                && let Some(score) = score(segment, item.ordinal as usize)
            {
                positions.for_each(|position| top.push(self.heads.chunk_ids[position], score));
            }
        }
        top
    }

    /// MaxSim of single chunks, by position.
    pub fn late_of(self, query: &TokenQuery<'_>, positions: &[Option<usize>]) -> Vec<Option<f32>> {
        let mut int8 = query.int8.scorer();
        let mut coded = query.coded.as_ref().map(LateQuery::scorer);
        self.each(positions, |segment, ordinal| match segment.coded() {
            Some(set) => coded.as_mut()?.score(&set, ordinal),
            None => match segment.tokens(ordinal) {
                TokenView::Int8(tokens) => int8.score(tokens),
                TokenView::Coded(_) => None,
            },
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
            let segment = self.segment(item.segment as usize)?;
            score(segment, item.ordinal as usize)
        };
        positions.iter().map(|position| of((*position)?)).collect()
    }
}

fn is_int8(segment: &Segment) -> bool {
    segment.bits().is_none()
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
