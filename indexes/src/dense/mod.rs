//! Dense vectors: an exact scan of int8 rows, and faiss where there are too many to scan.

use crate::maxsim;

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
