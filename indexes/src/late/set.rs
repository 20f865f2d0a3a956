//! Coded token matrices of many contents.

use super::postings::Postings;
use crate::maxsim::Residuals;
use std::ops::Range;

/// Coded token matrices of many contents: one segment, or anything else. A content is named by
/// its ordinal. All slices may be memory-mapped; what does not fit together is not found.
#[derive(Clone, Copy, Debug)]
pub struct CodedSet<'a> {
    /// First row of each content, and the end of the last: `[contents + 1]`.
    pub offsets: &'a [u32],
    /// Centroid of each token, `[tokens]`.
    pub centroids: &'a [u16],
    /// Packed residual codes, `[tokens, row_bytes]`.
    pub residuals: &'a [u8],
    /// Norm code of each token, `[tokens]`.
    pub norms: &'a [u8],
    /// Contents by centroid; may be empty, then the set is always scanned.
    pub postings: Postings<'a>,
}

impl<'a> CodedSet<'a> {
    /// Number of contents.
    pub fn contents(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.centroids.len()
    }

    /// Number of tokens of one content; 0 if there is no such content.
    pub(super) fn tokens_of(&self, ordinal: usize) -> usize {
        self.rows(ordinal).map_or(0, |rows| rows.len())
    }

    /// The centroids of one content.
    pub(super) fn centroids_of(&self, ordinal: usize) -> Option<&'a [u16]> {
        self.centroids.get(self.rows(ordinal)?)
    }

    /// The tokens of one content; `None` if there is no such content or its rows are not there.
    pub(super) fn get(&self, ordinal: usize, row_bytes: usize) -> Option<Residuals<'a>> {
        let rows = self.rows(ordinal)?;
        let bytes = rows.start.checked_mul(row_bytes)?..rows.end.checked_mul(row_bytes)?;
        Some(Residuals {
            packed: self.residuals.get(bytes)?,
            centroids: self.centroids.get(rows.clone())?,
            norms: self.norms.get(rows)?,
        })
    }

    fn rows(&self, ordinal: usize) -> Option<Range<usize>> {
        let offset = |at| self.offsets.get(at).map(|&offset| offset as usize);
        Some(offset(ordinal)?..offset(ordinal + 1)?)
    }
}
