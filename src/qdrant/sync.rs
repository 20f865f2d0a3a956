//! Bringing Qdrant up to date with the store: what is new is sent, what is gone deleted, where
//! something stands elsewhere its payload is replaced.

use std::collections::HashMap;

use fathom_indexes::{Collection, ContentHash, Snapshot};
use qdrant_client::qdrant::{
    DeletePointsBuilder, NamedVectors, PayloadIncludeSelector, PointId, PointStruct, PointsIdsList,
    ScrollPointsBuilder, SetPayloadPointsBuilder, UpsertPointsBuilder, Vector, Vectors,
};

use super::points::{self, Places, STAMP};
use super::{DENSE, QdrantError, Remote, TOKENS};

/// Points that are listed, deleted or changed by one request.
const LISTED: usize = 5_000;
/// Numbers in the vectors of one request: 8 MiB.
const NUMBERS: usize = 2 << 20;

/// What an update did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Contents whose vectors were sent.
    pub uploaded: usize,
    /// Contents that stand elsewhere now.
    pub moved: usize,
    /// Contents that are gone.
    pub deleted: usize,
    /// Contents that were right already.
    pub unchanged: usize,
    /// Contents that are not encoded yet; the next update sends them.
    pub left: usize,
}

/// One content here.
struct Local {
    stamp: String,
    chunks: Vec<fathom_indexes::ChunkId>,
}

impl Remote {
    /// Makes Qdrant hold what a snapshot holds, making its collections where they are missing.
    /// `on` hears how many contents were sent, and of how many.
    ///
    /// # Errors
    /// [`QdrantError`]; what was sent stays, and the next update goes on from there.
    pub fn sync(
        &self,
        snapshot: &Snapshot,
        on: &dyn Fn(usize, usize),
    ) -> Result<SyncReport, QdrantError> {
        let places = Places::of(snapshot)?;
        let mut report = SyncReport {
            left: snapshot.missing() as usize,
            ..SyncReport::default()
        };
        for collection in collections(snapshot) {
            if !self.exists(collection)? {
                self.create(collection)?;
            }
            self.sync_collection(snapshot, collection, &places, &mut report, on)?;
        }
        Ok(report)
    }

    fn sync_collection(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        places: &Places,
        report: &mut SyncReport,
        on: &dyn Fn(usize, usize),
    ) -> Result<(), QdrantError> {
        let local = |(content, chunks): (ContentHash, Vec<_>)| {
            let stamp = places.payload(&chunks).stamp();
            (content, Local { stamp, chunks })
        };
        let encoded = snapshot.encoded_in(collection).into_iter();
        let here: HashMap<ContentHash, Local> = encoded.map(local).collect();
        let there = self.stamps(collection)?;
        let mut gone: Vec<PointId> = Vec::new();
        for (id, _) in &there {
            if points::content(id).is_none_or(|content| !here.contains_key(&content)) {
                gone.push(id.clone());
            }
        }
        let there: HashMap<ContentHash, String> = there
            .into_iter()
            .filter_map(|(id, stamp)| Some((points::content(&id)?, stamp)))
            .collect();
        let (mut new, mut moved) = (Vec::new(), Vec::new());
        for (content, local) in &here {
            match there.get(content) {
                None => new.push((*content, local)),
                Some(stamp) if *stamp != local.stamp => moved.push((*content, local)),
                Some(_) => report.unchanged += 1,
            }
        }
        // The same store gives the same requests.
        new.sort_by_key(|(_, local)| local.chunks.first().copied());
        self.upload(snapshot, collection, &new, places, on)?;
        for (content, local) in &moved {
            self.replace_payload(collection, *content, places.payload(&local.chunks))?;
        }
        self.delete(collection, &gone)?;
        report.uploaded += new.len();
        report.moved += moved.len();
        report.deleted += gone.len();
        Ok(())
    }

    /// All points with the stamps of their payloads.
    fn stamps(&self, collection: Collection) -> Result<Vec<(PointId, String)>, QdrantError> {
        let mut all = Vec::new();
        let mut from: Option<PointId> = None;
        loop {
            let mut scroll = ScrollPointsBuilder::new(self.name(collection))
                .limit(LISTED as u32)
                .with_payload(PayloadIncludeSelector {
                    fields: vec![STAMP.to_owned()],
                })
                .with_vectors(false);
            if let Some(from) = from {
                scroll = scroll.offset(from);
            }
            let page = self.ask("list its points", self.client.scroll(scroll))?;
            for point in page.result {
                let stamp = point
                    .payload
                    .get(STAMP)
                    .and_then(|stamp| stamp.as_str().cloned());
                all.extend(point.id.map(|id| (id, stamp.unwrap_or_default())));
            }
            match page.next_page_offset {
                None => return Ok(all),
                next => from = next,
            }
        }
    }

    fn upload(
        &self,
        snapshot: &Snapshot,
        collection: Collection,
        new: &[(ContentHash, &Local)],
        places: &Places,
        on: &dyn Fn(usize, usize),
    ) -> Result<(), QdrantError> {
        let (mut batch, mut numbers) = (Vec::new(), 0);
        for (at, (content, local)) in new.iter().enumerate() {
            let is_last = at + 1 == new.len();
            let first = local.chunks.first();
            let vectors = first.and_then(|&chunk| snapshot.vectors_of(collection, chunk));
            // A segment that cannot be read any more: the content is missing, and said to be.
            if let Some((tokens, dense)) = vectors {
                numbers += tokens.len() + dense.len();
                let dim = self.profile(collection).token_dim();
                let payload = places.payload(&local.chunks).into_map();
                let vectors = named(tokens, dim, dense);
                batch.push(PointStruct::new(points::id(*content), vectors, payload));
            }
            if (numbers >= NUMBERS || is_last) && !batch.is_empty() {
                let points = std::mem::take(&mut batch);
                let upsert = UpsertPointsBuilder::new(self.name(collection), points);
                let upsert = self.client.upsert_points(upsert.wait(true));
                self.ask("take the vectors", upsert)?;
                numbers = 0;
                on(at + 1, new.len());
            }
        }
        Ok(())
    }

    fn replace_payload(
        &self,
        collection: Collection,
        content: ContentHash,
        payload: points::Payload,
    ) -> Result<(), QdrantError> {
        let ids = PointsIdsList {
            ids: vec![points::id(content)],
        };
        let set = SetPayloadPointsBuilder::new(self.name(collection), payload.into_map());
        let set = set.points_selector(ids).wait(true);
        self.ask("replace a payload", self.client.overwrite_payload(set))?;
        Ok(())
    }

    fn delete(&self, collection: Collection, gone: &[PointId]) -> Result<(), QdrantError> {
        for ids in gone.chunks(LISTED) {
            let ids = PointsIdsList { ids: ids.to_vec() };
            let delete = DeletePointsBuilder::new(self.name(collection)).points(ids);
            let delete = self.client.delete_points(delete.wait(true));
            self.ask("delete what is gone", delete)?;
        }
        Ok(())
    }
}

/// The collections of a store.
pub(super) fn collections(snapshot: &Snapshot) -> impl Iterator<Item = Collection> {
    let docs = snapshot.has_docs().then_some(Collection::Docs);
    std::iter::once(Collection::Main).chain(docs)
}

/// The vectors of a point: those that the model makes. A content without tokens has none to compare.
fn named(tokens: Vec<f32>, dim: usize, dense: Vec<f32>) -> Vectors {
    let mut vectors = NamedVectors::default();
    if !tokens.is_empty() && dim > 0 {
        let rows: Vec<Vec<f32>> = tokens.chunks_exact(dim).map(<[f32]>::to_vec).collect();
        vectors = vectors.add_vector(TOKENS, Vector::new_multi(rows));
    }
    if !dense.is_empty() {
        vectors = vectors.add_vector(DENSE, Vector::new_dense(dense));
    }
    vectors.into()
}
