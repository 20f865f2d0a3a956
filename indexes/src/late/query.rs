//! A query against one codebook.

use super::set::CodedSet;
use crate::codebook::Codebook;
use crate::maxsim::{Query, ResidualQuery, ResidualScorer};

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

    /// A scorer with its own working memory; make one per thread.
    pub fn scorer(&self) -> LateScorer<'_> {
        LateScorer {
            row_bytes: self.codebook.row_bytes(),
            scorer: self.against.scorer(),
        }
    }
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
