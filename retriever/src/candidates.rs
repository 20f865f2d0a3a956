//! Candidates: the best of each list, joined into one pool in which every chunk has every score there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fathom_encoders::Embedding;
use fathom_indexes::lexical::{FieldWeights, LexicalQuery, LexicalTerm};
use fathom_indexes::{ChunkHead, ChunkId, ChunkRow, ChunkSet, Collection, Hit, Snapshot};

use crate::definitions;
use crate::error::RetrieveError;
use crate::paths::names_path;
use crate::rank::Candidate;
use crate::request::{Filter, Mode, QueryEncoder};
use crate::understand::Understanding;
use crate::vectors::{VectorQuery, Vectors};

/// How many chunks each list gives.
const LIST_LENGTH: usize = 200;
/// How many chunks that are not encoded yet are encoded for one query.
const MOST_ON_THE_FLY: usize = 16;
/// How many definitions of one name become candidates.
const MOST_DEFINITIONS: usize = 50;

/// The candidates of one search with their rows, both ascending by chunk.
pub struct Pool {
    /// What the ranking looks at.
    pub candidates: Vec<Candidate>,
    /// What is shown.
    pub rows: Vec<ChunkRow>,
    /// The query's vectors, where they were wanted.
    pub query: Option<Embedding>,
}

/// What a search looks for and where.
pub struct Sought<'a> {
    /// The store at one generation.
    pub snapshot: &'a Snapshot,
    /// Its vectors.
    pub vectors: &'a dyn Vectors,
    /// The filter that `within` follows from.
    pub filter: &'a Filter,
    /// The query taken apart.
    pub query: &'a Understanding,
    /// The chunks that may answer; all of them if `None`.
    pub within: Option<&'a ChunkSet>,
    /// Which lists to draw on.
    pub mode: Mode,
}

/// The lists' scores by chunk.
#[derive(Default)]
struct Scores {
    late: HashMap<ChunkId, f32>,
    dense: HashMap<ChunkId, f32>,
    lexical: HashMap<ChunkId, f32>,
    definition: HashMap<ChunkId, f32>,
}

/// The scores by one model.
#[derive(Default)]
pub(crate) struct Lists {
    pub late: HashMap<ChunkId, f32>,
    pub dense: HashMap<ChunkId, f32>,
}

/// Collects the pool. Without an encoder the semantic lists stay empty.
pub fn gather(
    sought: &Sought<'_>,
    encoder: Option<&dyn QueryEncoder>,
) -> Result<Pool, RetrieveError> {
    let mut scores = Scores::default();
    let mut ids = BTreeSet::new();
    let mut embedded = None;
    let lexical = sought.lexical()?;
    if matches!(sought.mode, Mode::Hybrid | Mode::Lexical) {
        scores.lexical = by_chunk(&lexical);
        ids.extend(lexical.iter().map(|hit| hit.chunk));
    }
    scores.definition = sought.definitions()?;
    if sought.mode == Mode::Hybrid {
        ids.extend(scores.definition.keys());
        ids.extend(sought.in_named_paths()?);
    }
    if let Some(encoder) = encoder.filter(|_| sought.mode != Mode::Lexical) {
        let query = encoder.embed(&sought.query.query)?;
        sought.kinds(&query)?;
        let mut lists = Vec::new();
        for (collection, query) in queries(&query) {
            lists.push(sought.semantic(collection, query, &mut ids)?);
        }
        for ((collection, query), lists) in queries(&query).zip(&mut lists) {
            sought.complete(collection, query, &ids, lists)?;
        }
        sought.on_the_fly(encoder, &query, &lexical, &mut lists, &mut ids)?;
        let lists = match (query.docs.as_deref(), lists.pop()) {
            (Some(docs), Some(of_docs)) => {
                let main = lists.pop().unwrap_or_default();
                sought.calibrated([(&query, main), (docs, of_docs)])?
            }
            (_, lists) => lists.unwrap_or_default(),
        };
        (scores.late, scores.dense) = (lists.late, lists.dense);
        embedded = Some(query);
    }
    let ids: Vec<ChunkId> = ids.into_iter().collect();
    let rows = sought.snapshot.chunks(&ids)?;
    let candidates = rows.iter().map(|row| candidate(row, &scores)).collect();
    Ok(Pool {
        candidates,
        rows,
        query: embedded,
    })
}

impl Sought<'_> {
    fn lexical(&self) -> Result<Vec<Hit>, RetrieveError> {
        Ok(self
            .snapshot
            .lexical(&lexical_query(self.query), LIST_LENGTH, self.within)?)
    }

    /// The chunks that define an identifier of the query, with the strength of the definition.
    fn definitions(&self) -> Result<HashMap<ChunkId, f32>, RetrieveError> {
        let mut found: HashMap<ChunkId, f32> = HashMap::new();
        for wanted in &self.query.identifiers {
            let symbols = self.snapshot.symbols_named(&wanted.name, false)?;
            let placed = symbols
                .iter()
                .filter_map(|symbol| Some((symbol.chunk?, &symbol.record)));
            let allowed = placed.filter(|(chunk, _)| self.allows(*chunk));
            for (chunk, record) in allowed.take(MOST_DEFINITIONS) {
                let best = found.entry(chunk).or_default();
                *best = best.max(definitions::strength(wanted, record));
            }
        }
        Ok(found)
    }

    /// The first chunks of files whose paths the query names.
    fn in_named_paths(&self) -> Result<Vec<ChunkId>, RetrieveError> {
        let paths = &self.query.paths;
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let named = |head: &ChunkHead<'_>| paths.iter().any(|path| names_path(path, head.path));
        let chunks = self.snapshot.select(&named)?;
        Ok(chunks
            .iter()
            .filter(|&chunk| self.allows(chunk))
            .take(LIST_LENGTH)
            .collect())
    }

    fn allows(&self, chunk: ChunkId) -> bool {
        self.within.is_none_or(|set| set.contains(chunk))
    }

    /// Which vectors the mode wants and the query has: models may make one kind only.
    fn kinds(&self, query: &Embedding) -> Result<(), RetrieveError> {
        let lacking = match self.mode {
            Mode::Late if !has_any(query, has_tokens) => Some("token vectors"),
            Mode::Dense if !has_any(query, has_dense) => Some("dense vectors"),
            _ => None,
        };
        match lacking {
            Some(what) => Err(RetrieveError::NoVectors {
                mode: self.mode.as_str(),
                what,
            }),
            None => Ok(()),
        }
    }

    /// The late and dense lists of a collection, and the scores of all other candidates in them.
    fn semantic(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &mut BTreeSet<ChunkId>,
    ) -> Result<Lists, RetrieveError> {
        let (late, dense) = (self.wants_late(query), self.wants_dense(query));
        let query = VectorQuery {
            collection,
            embedding: query,
            within: self.within,
            filter: self.filter,
        };
        let mut lists = Lists::default();
        if late {
            lists.late = by_chunk(&self.vectors.late(&query, LIST_LENGTH)?);
        }
        if dense {
            lists.dense = by_chunk(&self.vectors.dense(&query, LIST_LENGTH)?);
        }
        ids.extend(lists.late.keys().chain(lists.dense.keys()));
        Ok(lists)
    }

    /// The scores of candidates that are in one list and not in the other, or that words found.
    fn complete(
        &self,
        collection: Collection,
        query: &Embedding,
        ids: &BTreeSet<ChunkId>,
        lists: &mut Lists,
    ) -> Result<(), RetrieveError> {
        let vectors = self.vectors;
        if !self.wants_late(query) || !self.wants_dense(query) {
            return Ok(());
        }
        let unknown = missing(ids, &lists.late);
        let found = vectors.late_scores(collection, query, &unknown)?;
        fill(&mut lists.late, &unknown, found);
        let unknown = missing(ids, &lists.dense);
        let found = vectors.dense_scores(collection, query, &unknown)?;
        fill(&mut lists.dense, &unknown, found);
        Ok(())
    }

    fn wants_late(&self, query: &Embedding) -> bool {
        has_tokens(query) && self.mode != Mode::Dense
    }

    fn wants_dense(&self, query: &Embedding) -> bool {
        has_dense(query) && self.mode != Mode::Late
    }

    /// Encodes the best lexical candidates that the store has no vectors of yet.
    fn on_the_fly(
        &self,
        encoder: &dyn QueryEncoder,
        query: &Embedding,
        lexical: &[Hit],
        lists: &mut [Lists],
        ids: &mut BTreeSet<ChunkId>,
    ) -> Result<(), RetrieveError> {
        for (row, chunk) in encoded_now(self.snapshot, encoder, lexical)? {
            ids.insert(row.id);
            let at = match query.docs {
                Some(_) => Collection::of(row.record.kind) as usize,
                None => 0,
            };
            let query = query.docs.as_deref().filter(|_| at > 0).unwrap_or(query);
            if self.wants_late(query) {
                lists[at].late.insert(row.id, max_sim(query, &chunk));
            }
            if self.wants_dense(query) {
                let score = dot(&query.dense, &chunk.dense);
                lists[at].dense.insert(row.id, score);
            }
        }
        Ok(())
    }
}

/// The first of `found` that the store has no vectors of yet, encoded for this one query.
pub(crate) fn encoded_now(
    snapshot: &Snapshot,
    encoder: &dyn QueryEncoder,
    found: &[Hit],
) -> Result<Vec<(ChunkRow, Embedding)>, RetrieveError> {
    if snapshot.coverage() >= 1.0 {
        return Ok(Vec::new());
    }
    let found = found.iter().map(|hit| hit.chunk);
    let unencoded = found.filter(|&chunk| !snapshot.is_encoded(chunk));
    let chosen: Vec<ChunkId> = unencoded.take(MOST_ON_THE_FLY).collect();
    let rows = snapshot.chunks(&chosen)?;
    let texts: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| snapshot.text(row.file))
        .collect::<Result<_, _>>()?;
    let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
    let embeddings = encoder.embed_chunks(&rows, &texts)?;
    Ok(rows.into_iter().zip(embeddings).collect())
}

/// The query for each collection.
fn queries(query: &Embedding) -> impl Iterator<Item = (Collection, &Embedding)> {
    let docs = query.docs.as_deref().map(|docs| (Collection::Docs, docs));
    std::iter::once((Collection::Main, query)).chain(docs)
}

pub(crate) fn has_tokens(query: &Embedding) -> bool {
    query.tokens.dim() > 0
}

pub(crate) fn has_dense(query: &Embedding) -> bool {
    !query.dense.is_empty()
}

fn has_any(query: &Embedding, has: impl Fn(&Embedding) -> bool) -> bool {
    queries(query).any(|(_, query)| has(query))
}

/// The query's words, each distinct word once.
pub(crate) fn lexical_query(query: &Understanding) -> LexicalQuery {
    let mut weights: BTreeMap<String, f32> = BTreeMap::new();
    for word in query.lexical_words() {
        weights.entry(word).or_insert(1.0);
    }
    LexicalQuery {
        terms: weights
            .into_iter()
            .map(|(text, weight)| LexicalTerm { text, weight })
            .collect(),
        field_weights: FieldWeights::default(),
    }
}

fn by_chunk(hits: &[Hit]) -> HashMap<ChunkId, f32> {
    hits.iter().map(|hit| (hit.chunk, hit.score)).collect()
}

fn missing(ids: &BTreeSet<ChunkId>, scores: &HashMap<ChunkId, f32>) -> Vec<ChunkId> {
    ids.iter()
        .filter(|id| !scores.contains_key(id))
        .copied()
        .collect()
}

fn fill(scores: &mut HashMap<ChunkId, f32>, ids: &[ChunkId], found: Vec<Option<f32>>) {
    scores.extend(
        ids.iter()
            .zip(found)
            .filter_map(|(id, score)| Some((*id, score?))),
    );
}

/// Sum over the query's tokens of the best cosine with a token of the chunk.
pub(crate) fn max_sim(query: &Embedding, chunk: &Embedding) -> f32 {
    let best = |q: &[f32]| {
        (0..chunk.tokens.rows())
            .map(|i| dot(q, chunk.tokens.row(i)))
            .fold(0.0, f32::max)
    };
    (0..query.tokens.rows())
        .map(|i| best(query.tokens.row(i)))
        .sum()
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn candidate(row: &ChunkRow, scores: &Scores) -> Candidate {
    let of = |list: &HashMap<ChunkId, f32>| list.get(&row.id).copied();
    Candidate {
        chunk: row.id,
        file: row.file,
        path: String::from_utf8_lossy(&row.path).into_owned(),
        kind: row.record.kind,
        name: row.record.name.clone(),
        generated: row.generated,
        late: of(&scores.late),
        dense: of(&scores.dense),
        lexical: of(&scores.lexical),
        definition: of(&scores.definition).unwrap_or_default(),
    }
}
