//! How token matrices are kept in a segment: int8 codes and one scale per row.
//!
//! This is the one place that knows it. Another codec replaces this module and
//! its sections; everything else asks for a [`TokenView`].

use super::cast;
use super::format::{Section, SegmentWriter};
use crate::maxsim::{Scorer, Tokens};
use std::io;

/// The token matrices of a segment.
#[derive(Debug)]
pub(crate) struct TokenIndex {
    dim: usize,
    /// Row at which each content begins, and the end of the last.
    offsets: Vec<u32>,
}

impl TokenIndex {
    /// Reads the token counts, which must add up to `tokens`.
    pub fn open(counts: &[u8], tokens: u64, dim: usize) -> Result<TokenIndex, String> {
        let (counts, _) = counts.as_chunks::<4>();
        let mut offsets = Vec::with_capacity(counts.len() + 1);
        let mut end = 0u32;
        offsets.push(end);
        for count in counts {
            end = end
                .checked_add(u32::from_le_bytes(*count))
                .ok_or("token counts: sum overflows")?;
            offsets.push(end);
        }
        match u64::from(end) == tokens {
            true => Ok(TokenIndex { dim, offsets }),
            false => Err(format!("token counts: sum is {end}, not {tokens}")),
        }
    }

    /// The matrix of one content, given the sections of codes and scales.
    pub fn get<'a>(&self, codes: &'a [u8], scales: &'a [f32], ordinal: usize) -> TokenView<'a> {
        let rows = self.offsets[ordinal] as usize..self.offsets[ordinal + 1] as usize;
        let codes = cast::signed(&codes[rows.start * self.dim..rows.end * self.dim]);
        TokenView(Tokens {
            codes,
            scales: &scales[rows],
        })
    }
}

/// One stored token matrix.
#[derive(Clone, Copy)]
pub(crate) struct TokenView<'a>(pub Tokens<'a>);

impl TokenView<'_> {
    /// MaxSim against the scorer's query; `None` for a content without tokens.
    pub fn score(&self, scorer: &mut Scorer<'_>) -> Option<f32> {
        scorer.score(self.0)
    }
}

/// Writes the token sections of `views`, in [`Section`] order.
pub(super) fn write(out: &mut SegmentWriter, views: &[TokenView<'_>]) -> io::Result<u64> {
    let counts: Vec<u32> = views.iter().map(|v| v.0.scales.len() as u32).collect();
    debug_assert_eq!(Section::TokenCounts as usize, 1, "after the content hashes");
    out.section(std::iter::once(cast::bytes_of(&counts)))?;
    out.section(views.iter().map(|v| cast::unsigned(v.0.codes)))?;
    out.section(views.iter().map(|v| cast::bytes_of(v.0.scales)))?;
    Ok(counts.iter().map(|&count| u64::from(count)).sum())
}
