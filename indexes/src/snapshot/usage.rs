//! What token vectors are stored as, and what they cost.

use super::Snapshot;
use crate::segment::Segment;
use crate::{Collection, ContentHash};

/// The token vectors of one codec in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Residual bits per dimension; `None` for int8 rows.
    pub bits: Option<usize>,
    /// Segments.
    pub segments: u64,
    /// Token vectors.
    pub tokens: u64,
    /// Bytes of the vectors on disk.
    pub vector_bytes: u64,
    /// Bytes of their postings by centroid on disk.
    pub posting_bytes: u64,
}

impl TokenUsage {
    /// `int8` or `residual-4`.
    pub fn codec(&self) -> String {
        match self.bits {
            None => "int8".into(),
            Some(bits) => format!("residual-{bits}"),
        }
    }

    fn add(&mut self, segment: &Segment) {
        let (vectors, postings) = segment.token_bytes();
        self.segments += 1;
        self.tokens += segment.rows();
        self.vector_bytes += vectors;
        self.posting_bytes += postings;
    }
}

impl Snapshot {
    /// The codecs in use, int8 first. Contents that no chunk has any more count until they
    /// are dropped.
    pub fn token_usage(&self) -> Vec<TokenUsage> {
        self.usage_of(&|_| true)
    }

    /// [`Snapshot::token_usage`] of one collection.
    pub fn token_usage_in(&self, collection: Collection) -> Vec<TokenUsage> {
        self.usage_of(&|segment| segment.collection == collection)
    }

    fn usage_of(&self, counts: &dyn Fn(&Segment) -> bool) -> Vec<TokenUsage> {
        let mut all: Vec<TokenUsage> = Vec::new();
        for segment in self.segments.iter().flatten().filter(|one| counts(one)) {
            let bits = segment.bits();
            let at = all.iter().position(|usage| usage.bits == bits);
            let at = at.unwrap_or_else(|| {
                all.push(TokenUsage {
                    bits,
                    ..TokenUsage::default()
                });
                all.len() - 1
            });
            all[at].add(segment);
        }
        all.sort_by_key(|usage| usage.bits);
        all
    }

    /// The codebook that the store was opened with.
    pub fn codebook(&self) -> Option<ContentHash> {
        self.codebook_in(Collection::Main)
    }

    /// The codebook that a collection was opened with.
    pub fn codebook_in(&self, collection: Collection) -> Option<ContentHash> {
        let known = self.place.layout(collection).codebook;
        known.map(|known| known.id)
    }
}
