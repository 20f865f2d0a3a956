//! MaxSim on token vectors stored as a centroid and a 4-bit residual per dimension.
//!
//! A token is `scale · (centroid + residual)`. The query meets every centroid once, in a table;
//! per token only its residual is looked up (one byte value per nibble), multiplied in integers
//! like any int8 row, and added to the table's entry. The coding is that of ColBERTv2 (Santhanam
//! et al., 2022) with one set of sixteen values for all dimensions.

use super::kernel::{Bases, Rows};
use super::{Query, Scorer, Tokens};

/// One document's tokens.
#[derive(Clone, Copy, Debug)]
pub struct Residuals<'a> {
    /// Two dimensions per byte, the first in the low nibble: `[tokens, dim / 2]`.
    pub packed: &'a [u8],
    /// Each token's centroid.
    pub centroids: &'a [u32],
    /// What a token's centroid plus residual is multiplied by: one over its length.
    pub scales: &'a [f32],
}

/// Up to 256 residual values as bytes: `value ≈ step · byte`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResidualValues {
    /// What the bytes are multiplied by.
    pub step: f32,
    /// Value of each level.
    pub bytes: Vec<i8>,
}

impl ResidualValues {
    /// Rounds the values of all levels.
    pub fn new(values: &[f32]) -> ResidualValues {
        let mut bytes = vec![0; values.len()];
        let step = super::quantize_row(values, &mut bytes);
        ResidualValues { step, bytes }
    }
}

/// A query against one codebook.
#[derive(Debug)]
pub struct ResidualQuery<'q> {
    query: &'q Query,
    step: f32,
    /// Value of each nibble.
    values: [i8; 16],
    /// Dot product of each centroid with each query lane, `[centroids, lanes]`.
    table: Vec<f32>,
}

impl<'q> ResidualQuery<'q> {
    /// Multiplies all `centroids` with `query`.
    ///
    /// # Panics
    /// If the dimensions differ or are odd, or there are not sixteen values.
    pub fn new(query: &'q Query, centroids: Tokens<'_>, values: &ResidualValues) -> Self {
        assert!(query.dim.is_multiple_of(2), "an even number of dimensions");
        let mut sixteen = [0; 16];
        sixteen.copy_from_slice(&values.bytes);
        let mut table = Vec::new();
        query.products(centroids, &mut table);
        ResidualQuery {
            query,
            step: values.step,
            values: sixteen,
            table,
        }
    }

    /// A scorer with its own working memory; make one per thread.
    pub fn scorer(&self) -> ResidualScorer<'_> {
        ResidualScorer {
            query: self,
            scorer: self.query.scorer(),
            codes: Vec::new(),
        }
    }
}

/// Scores documents against one [`ResidualQuery`] without allocating.
#[derive(Debug)]
pub struct ResidualScorer<'q> {
    query: &'q ResidualQuery<'q>,
    scorer: Scorer<'q>,
    codes: Vec<i8>,
}

impl ResidualScorer<'_> {
    /// MaxSim of one document; `None` if it or the query has no token.
    ///
    /// # Panics
    /// If the parts of `tokens` have different lengths, or a centroid does not exist.
    pub fn score(&mut self, tokens: Residuals<'_>) -> Option<f32> {
        let ResidualQuery {
            query,
            step,
            values,
            table,
        } = self.query;
        assert_eq!(tokens.packed.len(), tokens.scales.len() * query.dim / 2);
        self.codes.resize(tokens.packed.len() * 2, 0);
        query.kernel.unpack(tokens.packed, values, &mut self.codes);
        self.scorer.score_rows(Rows {
            codes: &self.codes,
            scales: tokens.scales,
            bases: Some(Bases {
                step: *step,
                table,
                rows: tokens.centroids,
            }),
        })
    }
}
