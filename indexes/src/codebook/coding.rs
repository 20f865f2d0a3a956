//! Coding of vectors, and the vectors that codes stand for.

use super::{Bits, Codebook};
use rayon::prelude::*;

/// Vectors that one thread codes at once.
const SPAN: usize = 1024;

/// Coded vectors, 3 bytes and a residual row each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coded {
    /// Nearest centroid of each vector.
    pub centroids: Vec<u16>,
    /// Levels in the order of the dimensions, lowest bits first, `[vectors, row_bytes]`.
    pub residuals: Vec<u8>,
    /// Place of 1 / |centroid + residual| in [`Codebook::norms`].
    pub norms: Vec<u8>,
}

impl Codebook {
    /// Codes `vectors`, `[n, dim]`, L2-normalised. A vector's code depends on it alone.
    ///
    /// # Panics
    /// If they have another number of dimensions.
    pub fn encode(&self, vectors: &[f32]) -> Coded {
        assert!(vectors.len().is_multiple_of(self.dim), "vector shape");
        let nearest = self.nearest(vectors);
        let spans = vectors.par_chunks(SPAN * self.dim);
        let parts = spans.zip(nearest.par_chunks(SPAN));
        let parts: Vec<Coded> = parts.map(|(v, n)| self.encode_span(v, n)).collect();
        let mut all = Coded::default();
        for mut part in parts {
            all.centroids.append(&mut part.centroids);
            all.residuals.append(&mut part.residuals);
            all.norms.append(&mut part.norms);
        }
        all
    }

    /// A near centroid of each vector, mostly the nearest, and its dot product.
    pub(super) fn nearest(&self, vectors: &[f32]) -> Vec<(u16, f32)> {
        let nearest = self.nearest.of(self.centroids(), self.dim);
        nearest.of(vectors)
    }

    fn encode_span(&self, vectors: &[f32], nearest: &[(u16, f32)]) -> Coded {
        let mut coded = Coded::default();
        let mut levels = vec![0; self.dim];
        for (vector, &(centroid, _)) in vectors.chunks_exact(self.dim).zip(nearest) {
            let length = self.levels(vector, centroid, &mut levels);
            self.pack(&levels, &mut coded.residuals);
            coded.centroids.push(centroid);
            coded.norms.push(self.norm_code(length.recip()));
        }
        coded
    }

    /// The vectors that codes stand for, `[n, dim]`.
    ///
    /// # Panics
    /// If the parts have different lengths, or a centroid does not exist.
    pub fn decode(&self, centroids: &[u16], residuals: &[u8], norms: &[u8]) -> Vec<f32> {
        assert_eq!(centroids.len(), norms.len(), "coded shape");
        assert_eq!(
            residuals.len(),
            norms.len() * self.row_bytes(),
            "coded shape"
        );
        let mut vectors = Vec::with_capacity(centroids.len() * self.dim);
        let rows = residuals.chunks_exact(self.row_bytes());
        for ((packed, &centroid), &norm) in rows.zip(centroids).zip(norms) {
            let scale = self.norms[usize::from(norm)];
            let parts = self.centroid(centroid).zip(self.unpack(packed));
            vectors.extend(parts.map(|(x, level)| (x + self.value(level)) * scale));
        }
        vectors
    }

    /// |centroid + residual| of each coded vector.
    ///
    /// # Panics
    /// If the parts have different lengths, or a centroid does not exist.
    pub fn lengths(&self, centroids: &[u16], residuals: &[u8]) -> Vec<f32> {
        assert_eq!(
            residuals.len(),
            centroids.len() * self.row_bytes(),
            "coded shape"
        );
        let rows = residuals.par_chunks_exact(self.row_bytes());
        let length = |(packed, &centroid): (&[u8], &u16)| {
            let parts = self.centroid(centroid).zip(self.unpack(packed));
            let squares = parts.map(|(base, level)| (base + self.value(level)).powi(2));
            // In the order of `levels`, so that both give the same number.
            squares.fold(0.0, |sum: f32, square| sum + square).sqrt()
        };
        rows.zip(centroids).map(length).collect()
    }

    /// What is stored for vectors of these lengths before they are brought to 1.
    pub fn norm_codes(&self, lengths: &[f32]) -> Vec<u8> {
        let norms = lengths.iter().map(|length| length.recip());
        norms.map(|norm| self.norm_code(norm)).collect()
    }

    /// Finds the level of each component's residual and gives |centroid + residual|.
    pub(super) fn levels(&self, vector: &[f32], centroid: u16, levels: &mut [u8]) -> f32 {
        let parts = vector.iter().zip(self.centroid(centroid));
        let residuals: Vec<f32> = parts.map(|(x, base)| x - base).collect();
        match self.bits {
            Bits::Eight => self.search_levels(&residuals, levels),
            Bits::One | Bits::Two | Bits::Four => self.count_levels(&residuals, levels),
        }
        let parts = self.centroid(centroid).zip(levels);
        let squares = parts.map(|(base, level)| (base + self.value(*level)).powi(2));
        squares.sum::<f32>().sqrt()
    }

    /// Cutoff by cutoff, which few of them allow, for all components at once.
    fn count_levels(&self, residuals: &[f32], levels: &mut [u8]) {
        levels.fill(0);
        for &cutoff in &self.cutoffs {
            for (level, &residual) in levels.iter_mut().zip(residuals) {
                *level += u8::from(residual >= cutoff);
            }
        }
    }

    fn search_levels(&self, residuals: &[f32], levels: &mut [u8]) {
        for (level, &residual) in levels.iter_mut().zip(residuals) {
            let found = self.cutoffs.partition_point(|&cutoff| residual >= cutoff);
            *level = found as u8; // there are 255 cutoffs
        }
    }

    fn pack(&self, levels: &[u8], out: &mut Vec<u8>) {
        let bits = self.bits.count();
        out.extend(levels.chunks_exact(8 / bits).map(|levels| {
            let parts = levels.iter().enumerate();
            parts.fold(0, |byte, (at, level)| byte | level << (at * bits))
        }));
    }

    /// The levels of one residual row.
    pub(crate) fn unpack(&self, packed: &[u8]) -> impl Iterator<Item = u8> {
        let bits = self.bits.count();
        let mask = u8::MAX >> (8 - bits);
        let shifts = move || (0..8).step_by(bits);
        packed
            .iter()
            .flat_map(move |byte| shifts().map(move |shift| byte >> shift & mask))
    }

    /// The nearest place of `norm`, the first or last one beyond the range.
    fn norm_code(&self, norm: f32) -> u8 {
        let (low, high) = (self.norms[0], self.norms[255]);
        ((norm - low) / (high - low) * 255.0).round() as u8 // saturates, NaN becomes 0
    }
}
