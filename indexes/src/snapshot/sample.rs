//! A sample of the stored token vectors, for training a codebook.

use super::Snapshot;
use crate::Collection;
use crate::segment::{TokenView, floats};

impl Snapshot {
    /// Length of a token vector of a collection.
    pub fn token_dim(&self, collection: Collection) -> usize {
        self.place.layout(collection).identity.token_dim
    }

    /// Number of files with a chunk that is encoded.
    pub fn encoded_files(&self) -> usize {
        let files = self.heads.files().iter();
        let encoded = files.filter(|file| {
            let mut positions = file.positions.clone();
            positions.any(|position| self.encodings().of(position).is_some())
        });
        encoded.count()
    }

    /// Token vectors of a collection's contents that are stored in int8, evenly over all of them,
    /// `[tokens, dim]`, `most` at the most.
    pub fn sample_tokens(&self, collection: Collection, most: usize) -> Vec<f32> {
        let views = || {
            let items = self.encodings().items.iter();
            items.filter_map(|item| {
                let segment = self.segments[item.segment as usize].as_ref()?;
                if segment.collection != collection {
                    return None;
                }
                match segment.tokens(item.ordinal as usize) {
                    TokenView::Int8(tokens) => Some(tokens),
                    TokenView::Coded(_) => None,
                }
            })
        };
        let dim = self.token_dim(collection);
        let total: usize = views().map(|tokens| tokens.scales.len()).sum();
        let step = total.div_ceil(most.max(1)).max(1);
        let mut sample = Vec::with_capacity(total / step * dim);
        let mut seen = 0usize;
        for tokens in views() {
            let rows = floats(tokens, dim);
            for row in rows.chunks_exact(dim) {
                if seen.is_multiple_of(step) {
                    sample.extend_from_slice(row);
                }
                seen += 1;
            }
        }
        sample
    }
}
