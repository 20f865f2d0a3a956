//! A query against one codebook.

use super::set::CodedSet;
use crate::codebook::Codebook;
use crate::maxsim::{Query, ResidualQuery, ResidualScorer};
use std::cmp::Ordering;

/// A query's token matrix, multiplied with every centroid of a codebook.
#[derive(Debug)]
pub struct LateQuery<'c> {
    codebook: &'c Codebook,
    against: ResidualQuery<'c>,
}

impl<'c> LateQuery<'c> {
    /// Takes `rows`, `[tokens, dim]`, L2-normalised.
    ///
    /// # Panics
    /// If their length is not a multiple of the codebook's dimensions.
    pub fn new(rows: &[f32], codebook: &'c Codebook) -> LateQuery<'c> {
        let query = Query::new(rows, codebook.dim());
        let against = ResidualQuery::new(
            query,
            codebook.centroids(),
            codebook.values(),
            codebook.norms(),
        );
        LateQuery { codebook, against }
    }

    /// Number of tokens.
    pub fn rows(&self) -> usize {
        self.against.query().rows()
    }

    /// Number of centroids of the codebook.
    pub(super) fn centroids(&self) -> usize {
        self.codebook.len()
    }

    /// Products of a centroid with each token, to be multiplied by [`LateQuery::scales`].
    pub(super) fn products(&self, centroid: u16) -> &[f32] {
        self.against.products(centroid)
    }

    /// One for each token.
    pub(super) fn scales(&self) -> &[f32] {
        self.against.query().scales()
    }

    /// The `count` nearest centroids of each token and their cosines, nearest first.
    pub(super) fn nearest(&self, count: usize) -> Vec<Vec<(u16, f32)>> {
        let query = self.against.query();
        let mut nearest = vec![Vec::with_capacity(2 * count); query.rows()];
        let mut bars = vec![f32::NEG_INFINITY; query.lanes()];
        bars[query.rows()..].fill(f32::INFINITY);
        for centroid in 0..self.codebook.len() {
            let centroid = centroid as u16;
            let scores = self.against.products(centroid);
            // No branch inside, so that the compiler compares many at once.
            let above = scores.iter().zip(&bars);
            if !above.fold(false, |any, (score, bar)| any | (score > bar)) {
                continue;
            }
            let tokens = nearest.iter_mut().zip(scores).zip(&mut bars);
            for ((nearest, &score), bar) in tokens.filter(|((_, score), bar)| *score > bar) {
                nearest.push((centroid, score));
                if nearest.len() == 2 * count {
                    *bar = keep_nearest(nearest, count);
                }
            }
        }
        for (nearest, scale) in nearest.iter_mut().zip(query.scales()) {
            keep_nearest(nearest, count);
            nearest.sort_unstable_by(nearer);
            nearest.iter_mut().for_each(|(_, score)| *score *= scale);
        }
        nearest
    }

    /// A scorer with its own working memory; make one per thread.
    pub fn scorer(&self) -> LateScorer<'_> {
        LateScorer {
            row_bytes: self.codebook.row_bytes(),
            scorer: self.against.scorer(),
        }
    }
}

fn nearer(a: &(u16, f32), b: &(u16, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// Drops all but the `count` nearest; gives the score that others must exceed.
fn keep_nearest(nearest: &mut Vec<(u16, f32)>, count: usize) -> f32 {
    if nearest.len() < count || count == 0 {
        return f32::NEG_INFINITY;
    }
    let (_, &mut (_, least), _) = nearest.select_nth_unstable_by(count - 1, nearer);
    nearest.truncate(count);
    least
}

/// Scores contents without allocating.
#[derive(Debug)]
pub struct LateScorer<'q> {
    row_bytes: usize,
    scorer: ResidualScorer<'q>,
}

impl LateScorer<'_> {
    /// MaxSim of one content; `None` if it is not there, or it or the query has no token.
    pub fn score(&mut self, set: &CodedSet<'_>, ordinal: usize) -> Option<f32> {
        self.scorer.score(set.get(ordinal, self.row_bytes)?)
    }
}
