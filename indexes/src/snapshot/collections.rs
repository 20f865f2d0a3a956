//! Late interaction, and what is asked of each collection's vectors.

use super::encodings::Item;
use super::score::TokenQuery;
use super::set::ChunkSet;
use super::{Snapshot, wrong_query};
use crate::StoreError;
use crate::collection::Collection;
use crate::late::LateQuery;
use crate::maxsim::Query;
use crate::records::{ChunkId, ContentHash, Hit};
use crate::segment::{TokenView, floats};

impl Snapshot {
    /// The chunks with the best MaxSim: the sum over the tokens of `query`,
    /// `[tokens, token_dim]`, of the best cosine of any token of the chunk.
    pub fn late(
        &self,
        query: &[f32],
        n: usize,
        within: Option<&ChunkSet>,
    ) -> Result<Vec<Hit>, StoreError> {
        self.late_in(Collection::Main, query, n, within)
    }

    /// [`Snapshot::late`] among the vectors of a collection, for a query by its model.
    pub fn late_in(
        &self,
        collection: Collection,
        query: &[f32],
        n: usize,
        within: Option<&ChunkSet>,
    ) -> Result<Vec<Hit>, StoreError> {
        let query = self.token_query(collection, query)?;
        Ok(self.scan(collection, within).late(&query, n))
    }

    /// MaxSim of single chunks; `None` for one that is not encoded, has no token,
    /// or is of another generation.
    pub fn late_scores(
        &self,
        query: &[f32],
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, StoreError> {
        self.late_scores_in(Collection::Main, query, ids)
    }

    /// [`Snapshot::late_scores`] among the vectors of a collection; `None` for chunks of another.
    pub fn late_scores_in(
        &self,
        collection: Collection,
        query: &[f32],
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, StoreError> {
        let query = self.token_query(collection, query)?;
        let scan = self.scan(collection, None);
        Ok(scan.late_of(&query, &self.positions(ids)))
    }

    pub(super) fn positions(&self, ids: &[ChunkId]) -> Vec<Option<usize>> {
        ids.iter().map(|&id| self.heads.position(id)).collect()
    }

    fn token_query(
        &self,
        collection: Collection,
        rows: &[f32],
    ) -> Result<TokenQuery<'_>, StoreError> {
        let layout = self.place.layout(collection);
        let dim = layout.identity.token_dim;
        if !rows.len().is_multiple_of(dim) {
            return Err(wrong_query(format!(
                "{} values are not rows of {dim}",
                rows.len()
            )));
        }
        let mut segments = self.segments.iter().flatten();
        let any_coded =
            segments.any(|segment| segment.collection == collection && segment.bits().is_some());
        let codebook = layout.codebook.filter(|_| any_coded);
        Ok(TokenQuery {
            int8: Query::new(rows, dim),
            coded: codebook.map(|known| LateQuery::new(rows, &known.codebook)),
        })
    }

    /// Whether a chunk is encoded; none of another generation is.
    pub fn is_encoded(&self, chunk: ChunkId) -> bool {
        let position = self.heads.position(chunk);
        position.is_some_and(|position| self.encodings().of(position).is_some())
    }

    /// Whether docs have vectors of their own.
    pub fn has_docs(&self) -> bool {
        self.place.has_docs()
    }

    /// Chunks of a collection that are encoded, `most` at most, evenly over all of them.
    pub fn cohort(&self, collection: Collection, most: usize) -> Vec<ChunkId> {
        let of = |item: &&Item| {
            let segment = self.segments[item.segment as usize].as_ref();
            segment.is_some_and(|segment| segment.collection == collection)
        };
        let items: Vec<&Item> = self.encodings().items.iter().filter(of).collect();
        let step = items.len().div_ceil(most.max(1)).max(1);
        let first = |item: &&Item| self.encodings().positions(item).next();
        let positions = items.iter().step_by(step).filter_map(first);
        positions.map(|at| self.heads.chunk_ids[at]).collect()
    }

    /// The contents of a collection that are encoded, each with its chunks.
    pub fn encoded_in(&self, collection: Collection) -> Vec<(ContentHash, Vec<ChunkId>)> {
        let encodings = self.encodings();
        let of = |item: &Item| {
            let segment = self.segments[item.segment as usize].as_ref()?;
            let positions = encodings.positions(item);
            let chunks = positions.map(|at| self.heads.chunk_ids[at]).collect();
            let is_of = segment.collection == collection;
            is_of.then(|| (segment.hash(item.ordinal as usize), chunks))
        };
        encodings.items.iter().filter_map(of).collect()
    }

    /// A chunk's vectors of a collection as they are stored: token rows, then the dense vector.
    pub fn vectors_of(
        &self,
        collection: Collection,
        chunk: ChunkId,
    ) -> Option<(Vec<f32>, Vec<f32>)> {
        let item = self.encodings().of(self.heads.position(chunk)?)?;
        let segment = self.segments[item.segment as usize].as_ref()?;
        if segment.collection != collection {
            return None;
        }
        let layout = self.place.layout(collection);
        let tokens = match segment.tokens(item.ordinal as usize) {
            TokenView::Int8(tokens) => floats(tokens, layout.identity.token_dim),
            TokenView::Coded(tokens) => {
                let codebook = &layout.codebook?.codebook;
                // Bytes of a file, which only `check` looks at one by one.
                let is_known = |&centroid: &u16| usize::from(centroid) < codebook.len();
                if !tokens.centroids.iter().all(is_known) {
                    return None;
                }
                codebook.decode(tokens.centroids, tokens.residuals, tokens.norms)
            }
        };
        let dense = segment.dense(item.ordinal as usize);
        let dense = dense
            .codes
            .iter()
            .map(|&code| f32::from(code) * dense.scale);
        Some((tokens, dense.collect()))
    }
}
