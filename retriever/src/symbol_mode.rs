//! Definitions by name: exact, then in any letter case, then longer names that hold all its words.

use std::collections::HashMap;

use fathom_indexes::{ChunkId, ChunkRow, Snapshot, SymbolRow, text};

use crate::definitions;
use crate::error::RetrieveError;
use crate::filter::Matcher;
use crate::request::{Confidence, SearchHit, SearchOutcome, SearchRequest};
use crate::search::{PerFile, selection, with_texts};
use crate::understand::{Identifier, Understanding};
use crate::words::{self, Word};

/// A chunk with the definitions asked for.
struct Defined {
    chunk: ChunkId,
    /// That of its best definition, 0 to 1.
    score: f32,
    lines: Vec<u32>,
}

/// Every definition that the query names, best first, cut at `top_k`; `complete` says whether it was.
pub fn search(
    snapshot: &Snapshot,
    matcher: &Matcher,
    request: &SearchRequest,
    understood: Understanding,
) -> Result<SearchOutcome, RetrieveError> {
    let within = selection(snapshot, matcher)?;
    let mut defined = definitions(snapshot, &understood)?;
    defined.retain(|one| within.as_ref().is_none_or(|set| set.contains(one.chunk)));
    let total = defined.len();
    let hits = hits(snapshot, defined, request)?;
    Ok(SearchOutcome {
        complete: hits.len() == total,
        total: Some(total),
        hits,
        generation: snapshot.generation(),
        semantic_coverage: snapshot.coverage(),
        understood,
    })
}

/// The chunks that define what the query names, best first.
fn definitions(
    snapshot: &Snapshot,
    understood: &Understanding,
) -> Result<Vec<Defined>, RetrieveError> {
    let mut by_chunk: HashMap<ChunkId, Defined> = HashMap::new();
    for wanted in identifiers(understood) {
        let words = words::words(&wanted.name);
        for symbol in symbols(snapshot, &wanted, &words)? {
            let Some(chunk) = symbol.chunk else { continue };
            let one = by_chunk.entry(chunk).or_insert(Defined {
                chunk,
                score: 0.0,
                lines: Vec::new(),
            });
            one.score = one.score.max(score(&wanted, words.len(), &symbol));
            one.lines.push(symbol.record.line);
        }
    }
    let mut all: Vec<Defined> = by_chunk.into_values().collect();
    for one in &mut all {
        one.lines.sort_unstable();
        one.lines.dedup();
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
    Ok(all)
}

/// The definitions of this name in any letter case, and of longer names.
fn symbols(
    snapshot: &Snapshot,
    wanted: &Identifier,
    words: &[Word],
) -> Result<Vec<SymbolRow>, RetrieveError> {
    let mut symbols = snapshot.symbols_named(&wanted.name, false)?;
    let longer = snapshot.symbols_matching(&text::words(&wanted.name), usize::MAX)?;
    symbols.extend(
        longer
            .into_iter()
            .filter(|symbol| holds_all(&symbol.record.name, words)),
    );
    Ok(symbols)
}

/// Whether each word is one of the name's words, or begins one.
fn holds_all(name: &str, wanted: &[Word]) -> bool {
    let words = words::words(name);
    let is_one = |wanted: &Word, word: &Word| {
        word.stem == wanted.stem || word.text.starts_with(&wanted.text)
    };
    let held = |wanted: &Word| words.iter().any(|word| is_one(wanted, word));
    !wanted.is_empty() && wanted.iter().all(held)
}

/// The identifiers of the query, or the whole query as one name.
fn identifiers(understood: &Understanding) -> Vec<Identifier> {
    if !understood.identifiers.is_empty() {
        return understood.identifiers.clone();
    }
    let words: Vec<&str> = understood.query.split_whitespace().collect();
    vec![Identifier {
        name: words.join("_"),
        scope: Vec::new(),
    }]
}

/// An exact or case-insensitive definition keeps its strength (above .5); other names come after, the less they add
/// to the words asked for the better.
fn score(wanted: &Identifier, words: usize, symbol: &SymbolRow) -> f32 {
    let strength = definitions::strength(wanted, &symbol.record);
    if strength > 0.0 {
        return 0.5 + strength / 2.0;
    }
    let held = words as f32 / text::parts(&symbol.record.name).len().max(1) as f32;
    0.5 * held.min(1.0)
}

/// The first hits that the request's limits allow, with their texts.
fn hits(
    snapshot: &Snapshot,
    mut defined: Vec<Defined>,
    request: &SearchRequest,
) -> Result<Vec<SearchHit>, RetrieveError> {
    defined.retain(|one| request.min_score.is_none_or(|least| one.score >= least));
    let ids: Vec<ChunkId> = defined.iter().map(|one| one.chunk).collect();
    let mut of_chunk: HashMap<ChunkId, Defined> =
        defined.into_iter().map(|one| (one.chunk, one)).collect();
    let mut cap = PerFile::new(request.per_file);
    let mut rows = snapshot.chunks(&ids)?;
    rows.retain(|row| cap.admits(row.file));
    rows.truncate(request.top_k);
    let hit = |(chunk, text): (ChunkRow, Vec<u8>)| {
        let one = of_chunk.remove(&chunk.id)?;
        Some(SearchHit {
            chunk,
            text,
            score: one.score,
            confidence: confidence(one.score),
            scores: vec![("definition", one.score)],
            matches: one.lines,
        })
    };
    Ok(with_texts(snapshot, rows)?
        .into_iter()
        .filter_map(hit)
        .collect())
}

fn confidence(score: f32) -> Confidence {
    match score {
        s if s >= 0.8 => Confidence::High,
        s if s >= 0.5 => Confidence::Medium,
        _ => Confidence::Low,
    }
}
