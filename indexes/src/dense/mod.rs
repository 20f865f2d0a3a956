//! Dense vectors: an exact scan of int8 rows, and faiss where there are too many to scan.
//!
//! The scan reads a quarter of the bytes that faiss's flat index of floats reads and needs no
//! file beyond the segments, so it is the faster of the two at every size; faiss's clustered
//! index overtakes it from about [`SCAN_UP_TO`] vectors.

use crate::maxsim;

#[cfg(feature = "faiss")]
mod faiss;

#[cfg(feature = "faiss")]
pub use faiss::DenseIndex;

/// Up to this many vectors a scan takes a few milliseconds and no index is worth its upkeep
/// (measured with 384 dimensions on two cores, `examples/dense_speed.rs`).
pub const SCAN_UP_TO: usize = 200_000;

/// A query vector, quantised for the scan and kept as it is for exact scores.
#[derive(Clone, Debug)]
pub struct DenseQuery {
    codes: Vec<i8>,
    scale: f32,
    vector: Vec<f32>,
}

impl DenseQuery {
    /// `vector` is `[dim]`, L2-normalised for cosine.
    pub fn new(vector: &[f32]) -> DenseQuery {
        let mut codes = vec![0; vector.len()];
        let scale = maxsim::quantize_row(vector, &mut codes);
        DenseQuery {
            codes,
            scale,
            vector: vector.to_vec(),
        }
    }

    /// Writes the approximate dot product with each row of `codes`, `[scales.len(), dim]`.
    ///
    /// # Panics
    /// If `codes` or `out` has another shape.
    pub fn scores(&self, codes: &[i8], scales: &[f32], out: &mut [f32]) {
        const BLOCK: usize = 256;
        assert_eq!(scales.len(), out.len(), "one score per row");
        let dim = self.codes.len();
        assert_eq!(codes.len(), scales.len() * dim, "row shape");
        let mut dots = [0; BLOCK];
        for (at, (scales, out)) in scales.chunks(BLOCK).zip(out.chunks_mut(BLOCK)).enumerate() {
            let rows = &codes[at * BLOCK * dim..][..scales.len() * dim];
            let dots = &mut dots[..scales.len()];
            maxsim::dots(&self.codes, rows, dots);
            for ((out, dot), scale) in out.iter_mut().zip(dots).zip(scales) {
                *out = *dot as f32 * scale * self.scale;
            }
        }
    }

    /// The dot product of the unquantised query with one row.
    pub fn exact(&self, codes: &[i8], scale: f32) -> f32 {
        let dot: f32 = self
            .vector
            .iter()
            .zip(codes)
            .map(|(x, &code)| x * f32::from(code))
            .sum();
        dot * scale
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scan_and_exact_score_are_near_the_product(
            (dim, query, rows) in (1..80_usize, 0..600_usize).prop_flat_map(|(dim, count)| {
                (Just(dim), vec(-1.0..1.0_f32, dim), vec(-1.0..1.0_f32, dim * count))
            })
        ) {
            let (codes, scales) = maxsim::quantize(&rows, dim);
            let dense = DenseQuery::new(&query);
            let mut scores = vec![0.0; scales.len()];
            dense.scores(&codes, &scales, &mut scores);
            for (at, row) in rows.chunks_exact(dim).enumerate() {
                let product: f32 = row.iter().zip(&query).map(|(a, b)| a * b).sum();
                let exact = dense.exact(&codes[at * dim..][..dim], scales[at]);
                let step = dim as f32 / 127.0 / 2.0;
                prop_assert!((exact - product).abs() <= step * 1.01 + 1e-4);
                prop_assert!((scores[at] - product).abs() <= 2.0 * step * 1.01 + 1e-4);
            }
        }
    }
}
