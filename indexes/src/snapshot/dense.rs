//! Search by dense vectors: an exact scan, or faiss's clusters in a large store.

use super::set::ChunkSet;
use super::{Snapshot, wrong_query};
use crate::StoreError;
use crate::collection::Collection;
use crate::dense::DenseQuery;
use crate::records::{ChunkId, Hit};

#[cfg(feature = "faiss")]
pub(super) use clusters::Clusters;
#[cfg(feature = "faiss")]
pub(crate) use clusters::worth_clusters;

impl Snapshot {
    /// The chunks with the best cosine to `query`, `[dense_dim]`, L2-normalised.
    /// Exact but for large stores, where faiss proposes the candidates.
    pub fn dense(
        &self,
        query: &[f32],
        n: usize,
        within: Option<&ChunkSet>,
    ) -> Result<Vec<Hit>, StoreError> {
        self.dense_in(Collection::Main, query, n, within)
    }

    /// [`Snapshot::dense`] among the vectors of a collection, for a query by its model.
    pub fn dense_in(
        &self,
        collection: Collection,
        query: &[f32],
        n: usize,
        within: Option<&ChunkSet>,
    ) -> Result<Vec<Hit>, StoreError> {
        self.expect_dense(collection, query)?;
        let exact = DenseQuery::new(query);
        #[cfg(feature = "faiss")]
        if let (Collection::Main, None) = (collection, within)
            && let Some(items) = self.dense_candidates(query, n)?
        {
            return Ok(self.scan(collection, None).dense_among(&exact, &items, n));
        }
        Ok(self.scan(collection, within).dense(&exact, n))
    }

    /// Cosine of single chunks; `None` for one that is not encoded or is of another generation.
    pub fn dense_scores(
        &self,
        query: &[f32],
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, StoreError> {
        self.dense_scores_in(Collection::Main, query, ids)
    }

    /// [`Snapshot::dense_scores`] among the vectors of a collection; `None` for chunks of another.
    pub fn dense_scores_in(
        &self,
        collection: Collection,
        query: &[f32],
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, StoreError> {
        self.expect_dense(collection, query)?;
        let query = DenseQuery::new(query);
        let scan = self.scan(collection, None);
        Ok(scan.dense_of(&query, &self.positions(ids)))
    }

    fn expect_dense(&self, collection: Collection, query: &[f32]) -> Result<(), StoreError> {
        let dim = self.place.layout(collection).identity.dense_dim;
        match query.len() == dim {
            true => Ok(()),
            false => Err(wrong_query(format!(
                "{} values instead of {dim}",
                query.len()
            ))),
        }
    }
}

#[cfg(feature = "faiss")]
mod clusters {
    //! The saved index of clusters, if there is one and it pays to load it.

    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::StoreError;
    use crate::dense::{DenseIndex, SCAN_UP_TO};
    use crate::snapshot::Snapshot;
    use crate::snapshot::encodings::Item;

    /// The search that loads the index: all before it are done sooner by scanning.
    const LOADING_SEARCH: usize = if cfg!(test) { 1 } else { 16 };

    /// Candidates fetched for each result wanted.
    const CANDIDATES: usize = 4;

    /// Whether clusters beat the scan of as many vectors; tests have few.
    pub(crate) fn worth_clusters(vectors: usize) -> bool {
        vectors > if cfg!(test) { 5 } else { SCAN_UP_TO }
    }

    #[derive(Default)]
    pub(in crate::snapshot) struct Clusters {
        searches: AtomicUsize,
        index: OnceLock<Option<DenseIndex>>,
    }

    impl Snapshot {
        /// What may be among the `n` best; `None` when everything is to be scanned.
        pub(super) fn dense_candidates(
            &self,
            query: &[f32],
            n: usize,
        ) -> Result<Option<Vec<Item>>, StoreError> {
            let searches = self.dense.searches.fetch_add(1, Ordering::Relaxed) + 1;
            if !worth_clusters(self.encodings().items.len()) || searches < LOADING_SEARCH {
                return Ok(None);
            }
            let Some(index) = self.dense_clusters() else {
                return Ok(None);
            };
            let near = index.candidates(query, n.saturating_mul(CANDIDATES))?;
            let mut items: Vec<Item> = near
                .into_iter()
                .filter_map(|content| self.encodings().of_content(&self.heads, content))
                .cloned()
                .collect();
            let newer = |item: &&Item| self.content_of(item) >= index.end();
            items.extend(self.encodings().items.iter().filter(newer).cloned());
            Ok(Some(items))
        }

        fn dense_clusters(&self) -> Option<&DenseIndex> {
            let load = || {
                let place = &self.place;
                DenseIndex::load(&*place.storage, place.identity.dense_dim).map(|(index, _)| index)
            };
            self.dense.index.get_or_init(load).as_ref()
        }

        fn content_of(&self, item: &Item) -> u32 {
            self.rows[item.segment as usize].contents[item.ordinal as usize]
        }
    }
}
