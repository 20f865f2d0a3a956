//! Late interaction with centroids alone: what a content's tokens would score without residuals.
//!
//! Cosines of query tokens and centroids are rounded to bytes, so that one content token costs
//! one row of bytes and one vector maximum (the centroid interaction of PLAID, Santhanam et al.,
//! 2022).

use super::query::LateQuery;

/// Query tokens that share a row.
const LANES: usize = 32;

/// Cosine of each centroid and query token as a byte, 0 for less than 0.
pub(super) struct Interaction {
    /// `[blocks of query tokens][65,536 centroids]`; rows beyond the codebook stay zero and
    /// untouched.
    rows: Vec<[u8; LANES]>,
    blocks: usize,
}

impl Interaction {
    pub fn new(query: &LateQuery<'_>, centroids: usize) -> Interaction {
        const ROWS: usize = 1 << 16;
        let scales = query.scales();
        let blocks = scales.len().div_ceil(LANES);
        let mut rows = vec![[0; LANES]; blocks * ROWS];
        for centroid in 0..centroids {
            let products = query.products(centroid as u16);
            let cosines = products.iter().zip(scales);
            for (token, (product, scale)) in cosines.enumerate() {
                let byte = (product * scale * 255.0) as u8; // saturates
                rows[token / LANES * ROWS + centroid][token % LANES] = byte;
            }
        }
        Interaction { rows, blocks }
    }

    /// Sum over query tokens of the best centroid, 255 for a cosine of 1.
    pub fn score(&self, centroids: &[u16]) -> u32 {
        let block = |block: usize| {
            let mut best = [0_u8; LANES];
            let (rows, _) = self.rows[block << 16..].as_chunks::<{ 1 << 16 }>();
            let Some(rows) = rows.first() else { return 0 };
            for &centroid in centroids {
                let row = &rows[usize::from(centroid)];
                for (best, x) in best.iter_mut().zip(row) {
                    *best = (*best).max(*x);
                }
            }
            best.iter().map(|&x| u32::from(x)).sum()
        };
        (0..self.blocks).map(block).sum()
    }
}
