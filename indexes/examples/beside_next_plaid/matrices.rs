//! Token matrices on disk.

use std::path::Path;

use fathom_indexes::plaid::npy::NpyReader;

use crate::Result;

/// Matrices one after the other.
pub struct Matrices {
    pub dim: usize,
    pub rows: Vec<f32>,
    /// First row of each and the end of the last.
    pub offsets: Vec<usize>,
}

impl Matrices {
    pub fn documents(folder: &Path) -> Result<Matrices> {
        Matrices::read(folder, "tokens.npy", "lengths.npy")
    }

    pub fn queries(folder: &Path) -> Result<Matrices> {
        Matrices::read(folder, "queries.npy", "query_lengths.npy")
    }

    fn read(folder: &Path, rows: &str, lengths: &str) -> Result<Matrices> {
        let mut rows = NpyReader::open(&folder.join(rows))?;
        let mut lengths = NpyReader::open(&folder.join(lengths))?;
        let mut offsets = vec![0];
        for length in lengths.integers(usize::MAX)? {
            offsets.push(offsets[offsets.len() - 1] + usize::try_from(length)?);
        }
        if offsets.last() != Some(&rows.rows()) {
            return Err("lengths and rows differ".into());
        }
        Ok(Matrices {
            dim: rows.columns(),
            rows: rows.floats(usize::MAX)?,
            offsets,
        })
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn get(&self, at: usize) -> &[f32] {
        &self.rows[self.offsets[at] * self.dim..self.offsets[at + 1] * self.dim]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.len()).map(|at| self.get(at))
    }
}
