//! Codebooks: centroids and residual values that code token vectors in few bits.
//!
//! A token vector becomes the number of its nearest centroid, a few bits per dimension for what
//! is left of it, and one byte for its length (the coding of ColBERTv2, Santhanam et al., 2022).
//! A codebook belongs to a model, not to a repository: what one repository adds never moves what
//! another has stored, and scores are comparable everywhere. Centroids are int8 rows like token
//! vectors themselves: residuals are taken from the rounded centroid, so the rounding costs
//! nothing.

mod assign;
mod coding;
mod format;
mod train;

pub use coding::Coded;
pub use train::Training;

use crate::ContentHash;
use crate::maxsim::{ResidualValues, Tokens, quantize};
use std::ops::RangeInclusive;

/// Most centroids of a codebook: what 16 bits tell apart.
pub const MOST_CENTROIDS: usize = 1 << 16;

/// Most dimensions of a codebook; a bound for what a file may claim.
const MOST_DIMENSIONS: usize = 4096;

/// Lengths of decoded vectors lie around 1. What a codebook assumes that was not trained here.
const USUAL_NORMS: RangeInclusive<f32> = 0.5..=1.5;

/// Residual bits per dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// Two values.
    One,
    /// Four values.
    Two,
    /// Sixteen values.
    Four,
    /// 256 values.
    Eight,
}

impl Bits {
    /// All of them, fewest first.
    pub const ALL: [Bits; 4] = [Bits::One, Bits::Two, Bits::Four, Bits::Eight];

    /// 1, 2, 4 or 8.
    pub fn count(self) -> usize {
        match self {
            Bits::One => 1,
            Bits::Two => 2,
            Bits::Four => 4,
            Bits::Eight => 8,
        }
    }

    /// Number of residual values that so many bits tell apart.
    pub fn levels(self) -> usize {
        1 << self.count()
    }

    /// The bits of which there are `count`; `None` unless it is 1, 2, 4 or 8.
    pub fn from_count(count: usize) -> Option<Bits> {
        Bits::ALL.into_iter().find(|bits| bits.count() == count)
    }

    /// Bytes of one token's residual. Rows of `dim` must be whole bytes.
    pub fn row_bytes(self, dim: usize) -> usize {
        dim * self.count() / 8
    }

    /// Whether `dim` residuals fill whole bytes.
    fn fit(self, dim: usize) -> bool {
        dim > 0 && (dim * self.count()).is_multiple_of(8)
    }
}

/// Centroids `[K, dim]`, residual values, and what a stored length stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Codebook {
    dim: usize,
    bits: Bits,
    codes: Vec<i8>,
    scales: Vec<f32>,
    /// A residual component gets the level of how many cutoffs it is not below.
    cutoffs: Vec<f32>,
    values: ResidualValues,
    norms: [f32; 256],
    nearest: assign::WhenNeeded,
}

impl Codebook {
    /// Puts a codebook together from `centroids` `[K, dim]`, `cutoffs` `[levels - 1]`, ascending,
    /// and the residual `values` `[levels]` between them.
    ///
    /// # Errors
    /// If a shape or a number is not possible; the error says which.
    pub fn from_parts(
        dim: usize,
        bits: Bits,
        centroids: &[f32],
        cutoffs: &[f32],
        values: &[f32],
    ) -> Result<Codebook, String> {
        check_dim(dim, bits)?;
        if !centroids.len().is_multiple_of(dim) {
            return Err(format!("{} centroid numbers of {dim}", centroids.len()));
        }
        if !centroids.iter().chain(values).all(|x| x.is_finite()) {
            return Err("a centroid or a residual value is not a number".into());
        }
        let (codes, scales) = quantize(centroids, dim);
        let codebook = Codebook {
            dim,
            bits,
            codes,
            scales,
            cutoffs: cutoffs.to_vec(),
            values: ResidualValues::new(values),
            norms: spread(USUAL_NORMS),
            nearest: assign::WhenNeeded::default(),
        };
        codebook.check()?;
        Ok(codebook)
    }

    /// The same with stored lengths spread evenly over `range` of 1 / |centroid + residual|.
    ///
    /// # Errors
    /// If the range is not one of positive numbers.
    pub fn with_norms(mut self, range: RangeInclusive<f32>) -> Result<Codebook, String> {
        self.norms = spread(range);
        self.check()?;
        Ok(self)
    }

    /// Names the codebook in segments: the hash of [`Codebook::to_bytes`].
    pub fn id(&self) -> ContentHash {
        ContentHash::of(&self.to_bytes())
    }

    /// Number of dimensions.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Residual bits per dimension.
    pub fn bits(&self) -> Bits {
        self.bits
    }

    /// Number of centroids, at least 1 and at most [`MOST_CENTROIDS`].
    #[allow(clippy::len_without_is_empty)] // there is no empty codebook
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Bytes of one token's residual.
    pub fn row_bytes(&self) -> usize {
        self.bits.row_bytes(self.dim)
    }

    /// The centroids.
    pub fn centroids(&self) -> Tokens<'_> {
        Tokens {
            codes: &self.codes,
            scales: &self.scales,
        }
    }

    /// The value of each level, ascending.
    pub fn values(&self) -> &ResidualValues {
        &self.values
    }

    /// Where levels begin: a residual is of the level of how many cutoffs it is not below.
    pub fn cutoffs(&self) -> &[f32] {
        &self.cutoffs
    }

    /// What a stored length stands for: 1 / |centroid + residual|.
    pub fn norms(&self) -> &[f32; 256] {
        &self.norms
    }

    fn centroid(&self, centroid: u16) -> impl Iterator<Item = f32> {
        let row = &self.codes[usize::from(centroid) * self.dim..][..self.dim];
        let scale = self.scales[usize::from(centroid)];
        row.iter().map(move |&code| f32::from(code) * scale)
    }

    fn value(&self, level: u8) -> f32 {
        f32::from(self.values.bytes[usize::from(level)]) * self.values.step
    }

    /// What holds for every codebook, wherever it comes from.
    fn check(&self) -> Result<(), String> {
        let Codebook { dim, bits, .. } = *self;
        check_dim(dim, bits)?;
        if !(1..=MOST_CENTROIDS).contains(&self.len()) {
            return Err(format!(
                "{} centroids, not 1 to {MOST_CENTROIDS}",
                self.len()
            ));
        }
        if self.codes.len() != self.len() * dim {
            return Err(format!("{} centroid bytes", self.codes.len()));
        }
        if self.values.bytes.len() != bits.levels() || self.cutoffs.len() + 1 != bits.levels() {
            return Err(format!(
                "{} cutoffs and {} values for {} bits",
                self.cutoffs.len(),
                self.values.bytes.len(),
                bits.count()
            ));
        }
        let finite = |numbers: &[f32]| numbers.iter().all(|x| x.is_finite());
        if !finite(&self.scales) || !finite(&self.cutoffs) || !self.values.step.is_finite() {
            return Err("a scale or a cutoff is not a number".into());
        }
        if !self.cutoffs.is_sorted() {
            return Err("cutoffs do not ascend".into());
        }
        if !finite(&self.norms) || self.norms[0] <= 0.0 || !self.norms.is_sorted() {
            return Err("the range of lengths is not one of positive numbers".into());
        }
        Ok(())
    }
}

fn check_dim(dim: usize, bits: Bits) -> Result<(), String> {
    if dim > MOST_DIMENSIONS || !bits.fit(dim) {
        let bits = bits.count();
        return Err(format!(
            "{dim} dimensions of {bits} bits, not whole bytes of 1 to {MOST_DIMENSIONS} dimensions"
        ));
    }
    Ok(())
}

/// 256 numbers spread evenly over a range, its ends included.
fn spread(range: RangeInclusive<f32>) -> [f32; 256] {
    let (low, high) = range.into_inner();
    std::array::from_fn(|at| low + (high - low) * (at as f32 / 255.0))
}

#[cfg(test)]
mod tests;
