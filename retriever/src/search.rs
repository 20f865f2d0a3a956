//! The search modes put together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use fathom_encoders::Judge;
use fathom_indexes::{ChunkRow, ChunkSet, FileId, Snapshot};

use crate::candidates::{self, Pool, Sought};
use crate::confidence;
use crate::error::RetrieveError;
use crate::filter::Matcher;
use crate::judging;
use crate::rank::{self, Placed, Signal, Weights, features};
use crate::regex_mode;
use crate::request::{Confidence, Mode, QueryEncoder, SearchHit, SearchOutcome, SearchRequest};
use crate::symbol_mode;
use crate::understand::{Understanding, understand};
use crate::vectors::Vectors;

/// Answers a request from one snapshot. Hybrid mode goes without the semantic lists if there is no `encoder`.
pub fn search(
    snapshot: &Snapshot,
    encoder: Option<&dyn QueryEncoder>,
    request: &SearchRequest,
) -> Result<SearchOutcome, RetrieveError> {
    search_with(snapshot, snapshot, encoder, request)
}

/// [`search`] among vectors that may be elsewhere.
pub fn search_with(
    snapshot: &Snapshot,
    vectors: &dyn Vectors,
    encoder: Option<&dyn QueryEncoder>,
    request: &SearchRequest,
) -> Result<SearchOutcome, RetrieveError> {
    if encoder.is_none() && matches!(request.mode, Mode::Late | Mode::Dense) {
        return Err(RetrieveError::NoEncoder {
            mode: request.mode.as_str(),
        });
    }
    let matcher = Matcher::new(&request.filter)?;
    let understood = understand(&request.query);
    match request.mode {
        Mode::Regex => regex_mode::search(snapshot, &matcher, request, understood),
        Mode::Symbol => symbol_mode::search(snapshot, &matcher, request, understood),
        Mode::Hybrid | Mode::Late | Mode::Dense | Mode::Lexical => {
            ranked((snapshot, vectors), encoder, request, &matcher, understood)
        }
    }
}

fn ranked(
    (snapshot, vectors): (&Snapshot, &dyn Vectors),
    encoder: Option<&dyn QueryEncoder>,
    request: &SearchRequest,
    matcher: &Matcher,
    understood: Understanding,
) -> Result<SearchOutcome, RetrieveError> {
    let within = selection(snapshot, matcher)?;
    let sought = Sought {
        snapshot,
        vectors,
        filter: &request.filter,
        query: &understood,
        within: within.as_ref(),
        mode: request.mode,
    };
    let pool = candidates::gather(&sought, encoder)?;
    let weights = weights(&understood, request);
    let values = features::of(&understood, &pool.candidates);
    let judge = match judging::is_wanted(&pool, request.mode, &weights) {
        true => judge(encoder)?,
        false => None,
    };
    let placed = match judge {
        Some(judge) => judging::order(judge, snapshot, &pool, values, &weights),
        None => rank::order(values, &pool.candidates, &weights),
    };
    let hits = hits(snapshot, &pool, &placed, request)?;
    Ok(SearchOutcome {
        hits,
        total: None,
        generation: snapshot.generation(),
        semantic_coverage: snapshot.coverage(),
        complete: false,
        understood,
    })
}

/// The chunks that pass the filter; `None` for all.
pub(crate) fn selection(
    snapshot: &Snapshot,
    matcher: &Matcher,
) -> Result<Option<ChunkSet>, RetrieveError> {
    if matcher.is_open() {
        return Ok(None);
    }
    Ok(Some(snapshot.select(&|head| matcher.keeps(head))?))
}

fn judge(encoder: Option<&dyn QueryEncoder>) -> Result<Option<&Judge>, RetrieveError> {
    Ok(match encoder {
        Some(encoder) => encoder.judge()?,
        None => None,
    })
}

fn weights(understood: &Understanding, request: &SearchRequest) -> Weights {
    let weights = Weights::of(understood);
    if request.signals {
        weights
    } else {
        weights.only(&Signal::LISTS)
    }
}

/// The first hits that the request's limits allow, with their texts.
fn hits(
    snapshot: &Snapshot,
    pool: &Pool,
    placed: &[Placed],
    request: &SearchRequest,
) -> Result<Vec<SearchHit>, RetrieveError> {
    let mut cap = PerFile::new(request.per_file);
    let confidences = confidence::of(&pool.candidates, placed);
    let shown: Vec<(&Placed, Confidence)> = placed
        .iter()
        .zip(confidences)
        .filter(|(one, _)| {
            let score = confidence::calibrated(one.score);
            request.min_score.is_none_or(|least| score >= least)
                && cap.admits(pool.rows[one.index].file)
        })
        .take(request.top_k)
        .collect();
    let rows = shown
        .iter()
        .map(|(one, _)| pool.rows[one.index].clone())
        .collect();
    let hit = |((one, confidence), (chunk, text)): ((&Placed, Confidence), (ChunkRow, Vec<u8>))| {
        SearchHit {
            chunk,
            text,
            score: confidence::calibrated(one.score),
            confidence,
            scores: one.parts.clone(),
            matches: Vec::new(),
        }
    };
    let texts = with_texts(snapshot, rows)?;
    Ok(shown.into_iter().zip(texts).map(hit).collect())
}

/// Each chunk with its bytes; every file is read once.
pub(crate) fn with_texts(
    snapshot: &Snapshot,
    rows: Vec<ChunkRow>,
) -> Result<Vec<(ChunkRow, Vec<u8>)>, RetrieveError> {
    let mut files: HashMap<FileId, Vec<u8>> = HashMap::new();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let file = match files.entry(row.file) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => unread.insert(snapshot.text(row.file)?),
        };
        let range = row.record.bytes.start as usize..row.record.bytes.end as usize;
        let text = file.get(range).unwrap_or_default().to_vec();
        all.push((row, text));
    }
    Ok(all)
}

/// Counts hits per file against a cap.
pub(crate) struct PerFile {
    cap: usize,
    seen: HashMap<FileId, usize>,
}

impl PerFile {
    /// No cap if `None`.
    pub fn new(cap: Option<usize>) -> PerFile {
        PerFile {
            cap: cap.unwrap_or(usize::MAX),
            seen: HashMap::new(),
        }
    }

    /// Whether a further hit of this file is shown; counts it if so.
    pub fn admits(&mut self, file: FileId) -> bool {
        let seen = self.seen.entry(file).or_default();
        let admitted = *seen < self.cap;
        *seen += usize::from(admitted);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_is_per_file() {
        let mut cap = PerFile::new(Some(2));
        let admitted: Vec<bool> = [1, 1, 2, 1, 2]
            .iter()
            .map(|&file| cap.admits(FileId(file)))
            .collect();
        assert_eq!(admitted, [true, true, true, false, true]);
    }
}
