//! Code like a given chunk, by the chunk's own vectors.

use fathom_encoders::Embedding;
use fathom_indexes::lexical::LexicalQuery;
use fathom_indexes::{ChunkId, ChunkRow, Collection, FileId, Hit, Snapshot};

use crate::candidates::{dot, encoded_now, lexical_query, max_sim};
use crate::error::RetrieveError;
use crate::filter::Matcher;
use crate::request::{Confidence, Filter, QueryEncoder, SearchHit, SearchOutcome};
use crate::search::{PerFile, selection, with_texts};
use crate::understand::understand;

/// How many of the nearest dense vectors are compared token by token.
const COMPARED: usize = 200;
/// Bytes of a chunk whose words are looked for.
const WORDS_FROM: usize = 1000;
/// Mean cosines from which hits of this confidence begin.
const HIGH: f32 = 0.85;
const MEDIUM: f32 = 0.7;

/// A request for code like a chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarRequest {
    /// The chunk.
    pub chunk: ChunkId,
    /// How many hits at most.
    pub top_k: usize,
    /// Which chunks may answer.
    pub filter: Filter,
    /// How many hits of one file at most.
    pub per_file: Option<usize>,
}

/// The chunk that holds a line of a file, or the one before it if the line is blank.
pub fn chunk_at(snapshot: &Snapshot, path: &[u8], line: u32) -> Result<ChunkRow, RetrieveError> {
    let no_such = || RetrieveError::NoSuchChunk {
        place: format!("`{}:{line}`", String::from_utf8_lossy(path)),
    };
    let file: FileId = snapshot
        .files()?
        .iter()
        .find(|file| file.record.path == path)
        .ok_or_else(no_such)?
        .id;
    let mut chunks = snapshot.chunks_of_file(file)?;
    let last_begun = chunks
        .iter()
        .rposition(|chunk| chunk.record.lines.0 <= line)
        .unwrap_or_default();
    if last_begun < chunks.len() {
        Ok(chunks.swap_remove(last_begun))
    } else {
        Err(no_such())
    }
}

/// The chunks most like the one asked about, which is left out: the mean of cosine and of MaxSim per token.
/// Where the store still lacks vectors, those that share the most words are encoded for the request.
pub fn similar(
    snapshot: &Snapshot,
    encoder: &dyn QueryEncoder,
    request: &SimilarRequest,
) -> Result<SearchOutcome, RetrieveError> {
    let matcher = Matcher::new(&request.filter)?;
    let within = selection(snapshot, &matcher)?;
    let no_such = || RetrieveError::NoSuchChunk {
        place: format!("chunk {}", request.chunk.0),
    };
    let row = snapshot
        .chunks(&[request.chunk])?
        .pop()
        .ok_or_else(no_such)?;
    let text = snapshot.text(row.file)?;
    let embeddings = encoder.embed_chunks(std::slice::from_ref(&row), &[&text])?;
    let own = embeddings.first().ok_or_else(no_such)?;
    // Vectors of another model cannot be compared with.
    let collection = match snapshot.has_docs() {
        true => Collection::of(row.record.kind),
        false => Collection::Main,
    };
    let (tokens, most) = (own.tokens.as_slice(), COMPARED + 1);
    let mut near = match own.dense.is_empty() {
        true => snapshot.late_in(collection, tokens, most, within.as_ref())?,
        false => snapshot.dense_in(collection, &own.dense, most, within.as_ref())?,
    };
    near.retain(|hit| hit.chunk != request.chunk);
    let mut scored = compare(snapshot, collection, own, &near)?;
    if snapshot.coverage() < 1.0 {
        let found = snapshot.lexical(&chunk_words(&row, &text), COMPARED, within.as_ref())?;
        for (other, embedding) in encoded_now(snapshot, encoder, &found)? {
            let is_comparable =
                !snapshot.has_docs() || Collection::of(other.record.kind) == collection;
            if is_comparable && other.id != request.chunk {
                let late = max_sim(own, &embedding);
                let dense = dot(&own.dense, &embedding.dense);
                scored.push(halves(own, other.id, Some(late), dense));
            }
        }
    }
    scored.sort_by(|a, b| (b.1 + b.2).total_cmp(&(a.1 + a.2)).then(a.0.cmp(&b.0)));
    Ok(SearchOutcome {
        hits: hits(snapshot, &scored, request)?,
        total: None,
        generation: snapshot.generation(),
        semantic_coverage: snapshot.coverage(),
        complete: false,
        understood: understand(&row.record.qualified_name),
    })
}

/// The near chunks with the late and the dense half of their scores.
fn compare(
    snapshot: &Snapshot,
    collection: Collection,
    own: &Embedding,
    near: &[Hit],
) -> Result<Vec<(ChunkId, f32, f32)>, RetrieveError> {
    let ids: Vec<ChunkId> = near.iter().map(|hit| hit.chunk).collect();
    let tokens = own.tokens.rows();
    let late = match tokens {
        0 => vec![None; ids.len()],
        _ => snapshot.late_scores_in(collection, own.tokens.as_slice(), &ids)?,
    };
    let scored = near.iter().zip(late);
    Ok(scored
        .map(|(hit, late)| halves(own, hit.chunk, late, hit.score))
        .collect())
}

/// A chunk with its halves of the score, of a sum over the tokens and of a cosine.
fn halves(own: &Embedding, chunk: ChunkId, late: Option<f32>, dense: f32) -> (ChunkId, f32, f32) {
    let tokens = own.tokens.rows();
    // A model that makes one kind of vectors has them decide alone.
    let (late_share, dense_share) = match (tokens, own.dense.is_empty()) {
        (0, _) => (0.0, 1.0),
        (_, true) => (1.0, 0.0),
        _ => (0.5, 0.5),
    };
    let per_token = late_share / tokens.max(1) as f32;
    (
        chunk,
        per_token * late.unwrap_or_default(),
        dense_share * dense,
    )
}

/// A chunk's own words, which find what the store has no vectors of yet.
fn chunk_words(row: &ChunkRow, file_text: &[u8]) -> LexicalQuery {
    let bytes = row.record.bytes.start as usize..row.record.bytes.end as usize;
    let text = String::from_utf8_lossy(file_text.get(bytes).unwrap_or_default());
    let beginning = &text[..text.floor_char_boundary(WORDS_FROM)];
    lexical_query(&understand(beginning))
}

fn hits(
    snapshot: &Snapshot,
    scored: &[(ChunkId, f32, f32)],
    request: &SimilarRequest,
) -> Result<Vec<SearchHit>, RetrieveError> {
    let ids: Vec<ChunkId> = scored.iter().map(|(chunk, ..)| *chunk).collect();
    let mut cap = PerFile::new(request.per_file);
    let rows: Vec<ChunkRow> = snapshot
        .chunks(&ids)?
        .into_iter()
        .filter(|row| cap.admits(row.file))
        .take(request.top_k)
        .collect();
    let parts_of = |id| {
        scored
            .iter()
            .find(|(chunk, ..)| *chunk == id)
            .map_or((0.0, 0.0), |s| (s.1, s.2))
    };
    let hit = |(chunk, text): (ChunkRow, Vec<u8>)| {
        let (late, dense) = parts_of(chunk.id);
        SearchHit {
            chunk,
            text,
            score: (late + dense).clamp(0.0, 1.0),
            confidence: confidence(late + dense),
            scores: vec![("late", late), ("dense", dense)],
            matches: Vec::new(),
        }
    };
    Ok(with_texts(snapshot, rows)?.into_iter().map(hit).collect())
}

fn confidence(score: f32) -> Confidence {
    match score {
        s if s >= HIGH => Confidence::High,
        s if s >= MEDIUM => Confidence::Medium,
        _ => Confidence::Low,
    }
}
