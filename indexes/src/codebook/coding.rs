//! Coding of vectors, and the vectors that codes stand for.

use super::Codebook;
use crate::maxsim::{Query, Tokens};
use rayon::prelude::*;

/// Vectors compared with the centroids at once: what fills the lanes of a kernel.
const BLOCK: usize = 32;

/// Centroids compared at once, so that their scores stay in the cache.
const CENTROIDS: usize = 256;

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
        let nearest = nearest(vectors, self.centroids(), self.dim);
        let mut coded = Coded::default();
        let mut levels = vec![0; self.dim];
        for (vector, (centroid, _)) in vectors.chunks_exact(self.dim).zip(nearest) {
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
        let mut square = 0.0;
        for ((level, x), base) in levels.iter_mut().zip(vector).zip(self.centroid(centroid)) {
            *level = self.level(x - base);
            square += (base + self.value(*level)).powi(2);
        }
        square.sqrt()
    }

    fn level(&self, residual: f32) -> u8 {
        let found = self.cutoffs.partition_point(|&cutoff| residual >= cutoff);
        found as u8 // there are at most 255 cutoffs
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

/// The nearest centroid of each vector and its dot product, both sides in int8.
pub(super) fn nearest(vectors: &[f32], centroids: Tokens<'_>, dim: usize) -> Vec<(u16, f32)> {
    vectors
        .par_chunks(BLOCK * dim)
        .flat_map_iter(|block| nearest_of_block(&Query::new(block, dim), centroids))
        .collect()
}

fn nearest_of_block(block: &Query, centroids: Tokens<'_>) -> Vec<(u16, f32)> {
    let mut best = vec![(0, f32::NEG_INFINITY); block.rows()];
    let mut scores = Vec::new();
    let rows = centroids.codes.chunks(CENTROIDS * block.dim());
    for (first, (codes, scales)) in (0..)
        .step_by(CENTROIDS)
        .zip(rows.zip(centroids.scales.chunks(CENTROIDS)))
    {
        block.products(Tokens { codes, scales }, &mut scores);
        for (centroid, scores) in (first..).zip(scores.chunks_exact(block.lanes())) {
            for (best, &score) in best.iter_mut().zip(scores) {
                if score > best.1 {
                    *best = (centroid, score);
                }
            }
        }
    }
    let scales = block.scales().iter();
    best.iter()
        .zip(scales)
        .map(|(&(at, score), scale): (&(u32, f32), _)| (at as u16, score * scale))
        .collect()
}
