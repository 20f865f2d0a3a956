//! MaxSim on token vectors stored as a centroid and a few bits of residual per dimension.
//!
//! A token is `norm · (centroid + residual)`. The query meets every centroid once, in a table;
//! per token only its residual is looked up (one byte value per code), multiplied in integers
//! like any int8 row, and added to the table's entry. The coding is that of ColBERTv2 (Santhanam
//! et al., 2022) with one set of values for all dimensions.

use super::kernel::{Bases, Rows};
use super::{Query, Tokens};

/// Rows of the table: one for every centroid code there can be, so that a code beyond the
/// codebook (damage) meets zeros. Memory that no centroid fills is never touched.
const TABLE_ROWS: usize = 1 << 16;

/// One document's tokens.
#[derive(Clone, Copy, Debug)]
pub struct Residuals<'a> {
    /// Codes of all dimensions, the first in the lowest bits of a byte:
    /// `[tokens, dim * bits / 8]`.
    pub packed: &'a [u8],
    /// Each token's centroid.
    pub centroids: &'a [u16],
    /// Which of 256 norms a token's centroid plus residual is multiplied by.
    pub norms: &'a [u8],
}

/// 2, 4, 16 or 256 residual values as bytes: `value ≈ step · byte`.
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

/// Residual values as the kernels look them up.
#[derive(Debug)]
pub(super) struct Levels {
    /// Bits of a code: 1, 2, 4 or 8.
    pub bits: usize,
    /// Value of each code, zero past the last.
    pub bytes: [i8; 256],
    /// Value of the lower, and of the upper, 2-bit code of each nibble.
    pub nibbles: [[i8; 16]; 2],
}

impl Levels {
    fn new(values: &[i8]) -> Levels {
        let bits = values.len().ilog2() as usize;
        assert!(
            values.len() == 1 << bits && matches!(bits, 1 | 2 | 4 | 8),
            "2, 4, 16 or 256 values"
        );
        let mut bytes = [0; 256];
        bytes[..values.len()].copy_from_slice(values);
        Levels {
            bits,
            bytes,
            nibbles: [
                std::array::from_fn(|nibble| bytes[nibble & 3]),
                std::array::from_fn(|nibble| bytes[nibble >> 2]),
            ],
        }
    }

    /// Codes in a byte.
    pub fn per_byte(&self) -> usize {
        8 / self.bits
    }
}

/// A query against one codebook.
#[derive(Debug)]
pub struct ResidualQuery<'c> {
    query: Query,
    step: f32,
    levels: Levels,
    norms: &'c [f32; 256],
    /// Dot product of each centroid with each query lane, `[TABLE_ROWS, lanes]`.
    table: Vec<f32>,
}

impl<'c> ResidualQuery<'c> {
    /// Multiplies all `centroids` with `query`.
    ///
    /// # Panics
    /// If the dimensions differ, a row of codes is not a whole number of bytes, there are more
    /// than 65,536 centroids, or another number of values than 2, 4, 16 or 256.
    pub fn new(
        query: Query,
        centroids: Tokens<'_>,
        values: &ResidualValues,
        norms: &'c [f32; 256],
    ) -> Self {
        let levels = Levels::new(&values.bytes);
        assert!(
            query.dim.is_multiple_of(levels.per_byte()),
            "a row of whole bytes"
        );
        let mut table = vec![0.0; TABLE_ROWS * query.lanes()];
        let used = &mut table[..centroids.scales.len() * query.lanes()];
        query.kernel.table(&query.packed, centroids, used);
        ResidualQuery {
            query,
            step: values.step,
            levels,
            norms,
            table,
        }
    }

    /// The query's token matrix.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Dot product of a centroid with each query lane, not yet multiplied by
    /// [`Query::scales`].
    pub fn products(&self, centroid: u16) -> &[f32] {
        &self.table[usize::from(centroid) * self.query.lanes()..][..self.query.lanes()]
    }

    /// A scorer with its own working memory; make one per thread.
    pub fn scorer(&self) -> ResidualScorer<'_> {
        ResidualScorer {
            against: self,
            maxima: vec![0.0; self.query.lanes()],
            wide: Vec::new(),
            codes: Vec::new(),
            scales: Vec::new(),
        }
    }
}

/// Scores documents against one [`ResidualQuery`] without allocating.
#[derive(Debug)]
pub struct ResidualScorer<'q> {
    against: &'q ResidualQuery<'q>,
    maxima: Vec<f32>,
    wide: Vec<i16>,
    codes: Vec<i8>,
    scales: Vec<f32>,
}

impl ResidualScorer<'_> {
    /// MaxSim of one document; `None` if it or the query has no token.
    ///
    /// # Panics
    /// If the parts of `tokens` have different lengths.
    pub fn score(&mut self, tokens: Residuals<'_>) -> Option<f32> {
        let ResidualQuery {
            query,
            step,
            levels,
            norms,
            table,
        } = self.against;
        if tokens.norms.is_empty() || query.rows() == 0 {
            return None;
        }
        self.codes.resize(tokens.norms.len() * query.dim, 0);
        query.kernel.unpack(tokens.packed, levels, &mut self.codes);
        self.scales.clear();
        let scales = tokens.norms.iter().map(|&norm| norms[usize::from(norm)]);
        self.scales.extend(scales);
        let rows = Rows {
            codes: &self.codes,
            scales: &self.scales,
            bases: Some(Bases {
                step: *step,
                table,
                rows: tokens.centroids,
            }),
        };
        query
            .kernel
            .maxima(&query.packed, rows, &mut self.wide, &mut self.maxima);
        Some(query.total(&self.maxima))
    }
}
