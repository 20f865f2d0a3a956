//! Late-interaction scoring on int8 token matrices: `MaxSim = Σ_q max_d q·d`.
//!
//! Token vectors are stored as one signed byte per dimension with one scale per row
//! ([`quantize`]); a query is quantised the same way. The kernels put query rows in the lanes
//! of a vector register, so that four document bytes are broadcast once and meet 16 (AVX-512),
//! 8 (AVX2) or 4 (NEON) query rows per instruction and no sum across lanes is needed. All of
//! them work in integers up to one multiplication by the row's scale, so they give bit for bit
//! what the scalar twin gives. MaxSim is the late interaction of ColBERT (Khattab and Zaharia,
//! 2020).

mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
mod quantize;
mod residual;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_unpack;

pub use quantize::{quantize, quantize_row};
pub use residual::{ResidualQuery, ResidualScorer, ResidualValues, Residuals};

use kernel::{Kernel, Packed, Rows};

/// One document's token matrix: `codes` is `[tokens, dim]`, `scales` is `[tokens]`.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// Signed bytes, row-major.
    pub codes: &'a [i8],
    /// What a row's bytes are multiplied by.
    pub scales: &'a [f32],
}

/// A query's token matrix, quantised and packed for the fastest kernel of this machine.
#[derive(Debug)]
pub struct Query {
    dim: usize,
    scales: Vec<f32>,
    packed: Packed,
    kernel: &'static Kernel,
}

impl Query {
    /// Packs `rows`, `[tokens, dim]`, L2-normalised for cosine.
    ///
    /// # Panics
    /// If `dim` is zero or does not divide the length of `rows`.
    pub fn new(rows: &[f32], dim: usize) -> Query {
        Query::with_kernel(rows, dim, kernel::fastest())
    }

    fn with_kernel(rows: &[f32], dim: usize, kernel: &'static Kernel) -> Query {
        let (codes, scales) = quantize(rows, dim);
        Query {
            dim,
            scales,
            packed: Packed::new(&codes, dim, kernel),
            kernel,
        }
    }

    /// Number of query tokens.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Query rows rounded up to what the kernel handles at once.
    pub fn lanes(&self) -> usize {
        self.packed.lanes()
    }

    /// What the dot products of each query row are multiplied by, `[tokens]`.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Dot products of all rows of `tokens` with all query rows, not yet multiplied by
    /// [`Query::scales`]: `[rows, lanes]`.
    ///
    /// # Panics
    /// If `tokens` has another number of dimensions.
    pub fn products(&self, tokens: Tokens<'_>, out: &mut Vec<f32>) {
        out.resize(tokens.scales.len() * self.lanes(), 0.0);
        self.kernel.table(&self.packed, tokens, out);
    }

    /// Adds up the best score of each lane.
    fn total(&self, maxima: &[f32]) -> f32 {
        let best = maxima.iter().zip(&self.scales);
        best.map(|(best, scale)| best * scale).sum()
    }

    /// A scorer with its own working memory; make one per thread.
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer {
            query: self,
            maxima: vec![0.0; self.packed.lanes()],
            wide: Vec::new(),
        }
    }
}

/// Scores documents against one [`Query`] without allocating.
#[derive(Debug)]
pub struct Scorer<'q> {
    query: &'q Query,
    maxima: Vec<f32>,
    wide: Vec<i16>,
}

impl Scorer<'_> {
    /// MaxSim of one document; `None` if it or the query has no token.
    ///
    /// # Panics
    /// If `tokens.codes` is not `[tokens.scales.len(), dim]`.
    pub fn score(&mut self, tokens: Tokens<'_>) -> Option<f32> {
        let Tokens { codes, scales } = tokens;
        let query = self.query;
        if scales.is_empty() || query.scales.is_empty() {
            return None;
        }
        let rows = Rows {
            codes,
            scales,
            bases: None,
        };
        query
            .kernel
            .maxima(&query.packed, rows, &mut self.wide, &mut self.maxima);
        Some(query.total(&self.maxima))
    }
}

/// `query · row` for each row of `rows`, `[out.len(), query.len()]`, exactly, in integers.
///
/// # Panics
/// If `rows` has another shape.
pub fn dots(query: &[i8], rows: &[i8], out: &mut [i32]) {
    kernel::fastest().dots(query, rows, out);
}

/// Name of the kernel in use: `avx512-vnni`, `avx2`, `neon` or `scalar`.
pub fn kernel_name() -> &'static str {
    kernel::fastest().name
}

#[cfg(test)]
mod tests;
