//! Questions to Qdrant: dense vectors, and MaxSim over what they found.

use std::collections::HashMap;

use fathom_encoders::Embedding;
use fathom_indexes::{ChunkId, Collection, ContentHash, Hit, Snapshot};
use fathom_retriever::{Content, RetrieveError, VectorQuery, Vectors};
use qdrant_client::qdrant::{
    Filter, PrefetchQueryBuilder, Query, QueryPoints, QueryPointsBuilder, ScoredPoint,
    SearchParamsBuilder, VectorInput,
};

use super::points;
use super::sync::collections;
use super::{DENSE, QdrantError, Remote, TOKENS};

/// Contents that dense vectors find for each one that is asked for, and at least; all of them are
/// compared by their tokens.
const PREFETCH: usize = 16;
const LEAST_PREFETCH: usize = 2_000;
/// So few contents are named one by one where a filter says more than the payload does.
const NAMED: usize = 2_000;
/// So many times more contents are asked for where the rest of a filter left too few.
const MORE: usize = 8;

/// The vectors of a snapshot, asked for at Qdrant.
pub struct RemoteVectors<'r> {
    remote: &'r Remote,
    contents: Vec<Contents>,
}

/// The contents of a collection here.
struct Contents {
    chunks: HashMap<ContentHash, Vec<ChunkId>>,
    of: HashMap<ChunkId, ContentHash>,
}

impl Remote {
    /// The vectors of a snapshot, as they are there.
    ///
    /// # Errors
    /// If nothing was uploaded there, or by another model.
    pub fn vectors(&self, snapshot: &Snapshot) -> Result<RemoteVectors<'_>, QdrantError> {
        let mut contents = Vec::new();
        for collection in collections(snapshot) {
            if !self.exists(collection)? {
                return Err(QdrantError::Missing {
                    collection: self.name(collection),
                    address: self.address.server(),
                });
            }
            let chunks: HashMap<ContentHash, Vec<ChunkId>> =
                snapshot.encoded_in(collection).into_iter().collect();
            let of = chunks
                .iter()
                .flat_map(|(content, chunks)| chunks.iter().map(|&chunk| (chunk, *content)))
                .collect();
            contents.push(Contents { chunks, of });
        }
        Ok(RemoteVectors {
            remote: self,
            contents,
        })
    }
}

impl Vectors for RemoteVectors<'_> {
    fn late(&self, query: &VectorQuery<'_>, n: usize) -> Result<Vec<Hit>, RetrieveError> {
        let tokens = maxsim(query.embedding);
        let dense = &query.embedding.dense;
        self.find(query, n, &|ask, filter, limit| {
            let ask = ask.query(tokens.clone()).using(TOKENS);
            if dense.is_empty() {
                // Nothing finds candidates: every content is compared.
                return with(ask, filter).params(SearchParamsBuilder::default().exact(true));
            }
            let candidates = PrefetchQueryBuilder::default()
                .query(nearest(dense))
                .using(DENSE)
                .limit((limit * PREFETCH).max(LEAST_PREFETCH) as u64);
            ask.add_prefetch(match filter {
                None => candidates,
                Some(filter) => candidates.filter(filter),
            })
        })
    }

    fn dense(&self, query: &VectorQuery<'_>, n: usize) -> Result<Vec<Hit>, RetrieveError> {
        let dense = nearest(&query.embedding.dense);
        self.find(query, n, &|ask, filter, _| {
            with(ask.query(dense.clone()).using(DENSE), filter)
        })
    }

    fn late_scores(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError> {
        self.scores(collection, maxsim(query), TOKENS, ids)
    }

    fn dense_scores(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError> {
        self.scores(collection, nearest(&query.dense), DENSE, ids)
    }
}

impl RemoteVectors<'_> {
    fn contents(&self, collection: Collection) -> &Contents {
        &self.contents[collection as usize]
    }

    /// The best chunks that pass the filter. Where it says more than a payload can, so much more is
    /// asked for that enough is left.
    fn find(
        &self,
        query: &VectorQuery<'_>,
        n: usize,
        build: &dyn Fn(QueryPointsBuilder, Option<Filter>, usize) -> QueryPointsBuilder,
    ) -> Result<Vec<Hit>, RetrieveError> {
        let name = self.remote.name(query.collection);
        let filter = self.within(query);
        let mut limit = n;
        loop {
            let ask = QueryPointsBuilder::new(&name);
            let ask = build(ask, filter.clone(), limit).limit(limit as u64);
            let points = self.ask(ask.build())?;
            let is_all = points.len() < limit;
            let mut hits = self.chunks(query, &points);
            if is_all || hits.len() >= n {
                hits.sort_unstable_by(Hit::best_first);
                hits.truncate(n);
                return Ok(hits);
            }
            limit = (limit * MORE).max(1);
        }
    }

    /// What Qdrant is to leave out by itself.
    fn within(&self, query: &VectorQuery<'_>) -> Option<Filter> {
        let within = query.within?;
        let is_said = query.filter.globs.is_empty() && query.filter.content == Content::All;
        if !is_said && within.len() <= NAMED {
            let of = &self.contents(query.collection).of;
            let named = within.iter().filter_map(|chunk| of.get(&chunk).copied());
            return Some(points::only(named));
        }
        let conditions = points::conditions(query.filter);
        (!conditions.is_empty()).then(|| Filter::must(conditions))
    }

    fn ask(&self, ask: QueryPoints) -> Result<Vec<ScoredPoint>, RetrieveError> {
        let answer = self.remote.client.query(ask);
        let answer = self.remote.ask("answer a query", answer);
        let answer = answer.map_err(|error| RetrieveError::Elsewhere(error.to_string()))?;
        Ok(answer.result)
    }

    /// The chunks of the contents found, those that pass the filter.
    fn chunks(&self, query: &VectorQuery<'_>, points: &[ScoredPoint]) -> Vec<Hit> {
        let contents = self.contents(query.collection);
        let mut hits = Vec::new();
        for point in points {
            let content = point.id.as_ref().and_then(points::content);
            // What was deleted here and not there yet is no result.
            let chunks = content.and_then(|content| contents.chunks.get(&content));
            let wanted = |chunk: &&ChunkId| query.within.is_none_or(|set| set.contains(**chunk));
            let chunks = chunks.into_iter().flatten().filter(wanted);
            hits.extend(chunks.map(|&chunk| Hit {
                chunk,
                score: point.score,
            }));
        }
        hits
    }

    fn scores(
        &self,
        collection: Collection,
        query: Query,
        using: &str,
        ids: &[ChunkId],
    ) -> Result<Vec<Option<f32>>, RetrieveError> {
        let contents = self.contents(collection);
        let wanted: Vec<Option<ContentHash>> = ids
            .iter()
            .map(|chunk| contents.of.get(chunk).copied())
            .collect();
        let mut distinct: Vec<ContentHash> = wanted.iter().flatten().copied().collect();
        distinct.sort_unstable_by_key(|content| content.0);
        distinct.dedup();
        let mut scores = HashMap::new();
        for contents in distinct.chunks(NAMED) {
            let ask = QueryPointsBuilder::new(self.remote.name(collection))
                .query(query.clone())
                .using(using)
                .filter(points::only(contents.iter().copied()))
                .params(SearchParamsBuilder::default().exact(true))
                .limit(contents.len() as u64);
            for point in self.ask(ask.build())? {
                let content = point.id.as_ref().and_then(points::content);
                scores.extend(content.map(|content| (content, point.score)));
            }
        }
        let score = |content: Option<ContentHash>| scores.get(&content?).copied();
        Ok(wanted.into_iter().map(score).collect())
    }
}

fn with(ask: QueryPointsBuilder, filter: Option<Filter>) -> QueryPointsBuilder {
    match filter {
        None => ask,
        Some(filter) => ask.filter(filter),
    }
}

fn nearest(dense: &[f32]) -> Query {
    Query::new_nearest(VectorInput::new_dense(dense.to_vec()))
}

fn maxsim(query: &Embedding) -> Query {
    let rows = (0..query.tokens.rows()).map(|row| query.tokens.row(row).to_vec());
    Query::new_nearest(VectorInput::new_multi(rows.collect::<Vec<_>>()))
}
