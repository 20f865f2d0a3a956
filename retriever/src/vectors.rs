//! Where vectors are compared: in the store itself, or elsewhere.
//!
//! Words, symbols and texts always come from the store; a copy of its vectors may be kept by a server,
//! which is asked in its place.

use fathom_encoders::Embedding;
use fathom_indexes::{ChunkId, ChunkSet, Collection, Hit, Snapshot};

use crate::error::RetrieveError;
use crate::request::Filter;

/// A query among the vectors of a collection.
#[derive(Clone, Copy)]
pub struct VectorQuery<'a> {
    /// Whose vectors.
    pub collection: Collection,
    /// The query by the collection's model.
    pub embedding: &'a Embedding,
    /// The chunks that may answer; all of them if `None`.
    pub within: Option<&'a ChunkSet>,
    /// The same, as it was asked for.
    pub filter: &'a Filter,
}

/// The vectors of one generation. Scores are those of [`Snapshot`], as far as the precision of what
/// is stored goes.
pub trait Vectors {
    /// The chunks with the best MaxSim, best first.
    fn late(&self, query: &VectorQuery<'_>, n: usize) -> Result<Vec<Hit>, RetrieveError>;

    /// The chunks with the best cosine, best first.
    fn dense(&self, query: &VectorQuery<'_>, n: usize) -> Result<Vec<Hit>, RetrieveError>;

    /// MaxSim of single chunks; `None` where there is none.
    fn late_scores(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError>;

    /// Cosine of single chunks; `None` where there is none.
    fn dense_scores(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError>;
}

impl Vectors for Snapshot {
    fn late(&self, query: &VectorQuery<'_>, n: usize) -> Result<Vec<Hit>, RetrieveError> {
        let tokens = query.embedding.tokens.as_slice();
        Ok(self.late_in(query.collection, tokens, n, query.within)?)
    }

    fn dense(&self, query: &VectorQuery<'_>, n: usize) -> Result<Vec<Hit>, RetrieveError> {
        let dense = &query.embedding.dense;
        Ok(self.dense_in(query.collection, dense, n, query.within)?)
    }

    fn late_scores(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError> {
        Ok(self.late_scores_in(collection, query.tokens.as_slice(), ids)?)
    }

    fn dense_scores(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError> {
        Ok(self.dense_scores_in(collection, &query.dense, ids)?)
    }
}
