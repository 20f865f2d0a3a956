//! Encodings as they are stored, for those who carry them elsewhere.

use super::{Item, Snapshot};
use crate::StoreError;
use crate::codebook::Codebook;
use crate::collection::Collection;
use crate::records::{ChunkId, ContentHash};
use crate::segment::TokenView;

/// One encoded content, its tokens coded with [`Snapshot::coded_with`].
#[derive(Clone, Debug)]
pub struct CodedContent<'s> {
    /// What was encoded.
    pub content: ContentHash,
    /// The chunks that have it, ascending.
    pub chunks: Vec<ChunkId>,
    /// Centroid of each token.
    pub centroids: &'s [u16],
    /// Residual rows.
    pub residuals: &'s [u8],
    /// Lengths as stored.
    pub norms: &'s [u8],
    /// The dense vector.
    pub dense: Vec<f32>,
}

impl Snapshot {
    /// What tokens are coded with.
    pub fn coded_with(&self) -> Option<&Codebook> {
        self.place.codebook().map(|known| &*known.codebook)
    }

    /// The encoded contents of the live chunks, but for docs with vectors of their own, each once, in the order of their first chunks.
    ///
    /// # Errors
    /// [`StoreError::NotCoded`] if the tokens of one are kept without a codebook.
    pub fn coded_contents(&self) -> Result<Vec<CodedContent<'_>>, StoreError> {
        let encodings = self.encodings();
        let is_main = |item: &&Item| {
            let segment = self.segments[item.segment as usize].as_ref();
            segment.is_none_or(|segment| segment.collection == Collection::Main)
        };
        let mut items: Vec<(usize, &Item)> = encodings
            .items
            .iter()
            .filter(is_main)
            .filter_map(|item| Some((encodings.positions(item).next()?, item)))
            .collect();
        items.sort_unstable_by_key(|&(first, _)| first);
        items
            .into_iter()
            .map(|(_, item)| self.coded(item))
            .collect()
    }

    fn coded(&self, item: &Item) -> Result<CodedContent<'_>, StoreError> {
        let not_coded = || StoreError::NotCoded {
            path: self.place.dir.clone(),
        };
        let segment = self.segments[item.segment as usize]
            .as_ref()
            .ok_or_else(not_coded)?;
        let TokenView::Coded(tokens) = segment.tokens(item.ordinal as usize) else {
            return Err(not_coded());
        };
        let dense = segment.dense(item.ordinal as usize);
        let values = dense
            .codes
            .iter()
            .map(|&code| f32::from(code) * dense.scale);
        let positions = self.encodings().positions(item);
        Ok(CodedContent {
            content: segment.hash(item.ordinal as usize),
            chunks: positions.map(|at| self.heads.chunk_ids[at]).collect(),
            centroids: tokens.centroids,
            residuals: tokens.residuals,
            norms: tokens.norms,
            dense: values.collect(),
        })
    }
}
