//! Regular expressions over the stored texts of all files that pass the filter: exact and complete.

use std::collections::BTreeMap;

use fathom_indexes::{ChunkRow, FileRow, Snapshot};
use rayon::prelude::*;
use regex::bytes::Regex;

use crate::error::RetrieveError;
use crate::filter::Matcher;
use crate::lines;
use crate::request::{Confidence, SearchHit, SearchOutcome, SearchRequest};
use crate::search::PerFile;
use crate::understand::Understanding;

/// A chunk, its bytes, and its lines that match.
struct Found {
    chunk: ChunkRow,
    text: Vec<u8>,
    lines: Vec<u32>,
}

/// Every matching chunk by path and line, cut at `top_k`; `complete` says whether it was.
pub fn search(
    snapshot: &Snapshot,
    matcher: &Matcher,
    request: &SearchRequest,
    understood: Understanding,
) -> Result<SearchOutcome, RetrieveError> {
    let regex = lines::compile(&request.query)?;
    let mut files = snapshot.files()?;
    files.retain(|file| matcher.keeps_file(&file.record.path, &file.record.language));
    files.sort_by(|a, b| a.record.path.cmp(&b.record.path));
    let found: Vec<Vec<Found>> = files
        .par_iter()
        .map(|file| in_file(snapshot, matcher, &regex, file))
        .collect::<Result<_, _>>()?;
    let all: Vec<Found> = found.into_iter().flatten().collect();
    let total = all.len();
    let mut cap = PerFile::new(request.per_file);
    let hits: Vec<SearchHit> = all
        .into_iter()
        .filter(|one| cap.admits(one.chunk.file))
        .take(request.top_k)
        .map(hit)
        .collect();
    Ok(SearchOutcome {
        complete: hits.len() == total,
        total: Some(total),
        hits,
        generation: snapshot.generation(),
        semantic_coverage: snapshot.coverage(),
        understood,
    })
}

fn in_file(
    snapshot: &Snapshot,
    matcher: &Matcher,
    regex: &Regex,
    file: &FileRow,
) -> Result<Vec<Found>, RetrieveError> {
    let text = snapshot.text(file.id)?;
    let numbers = lines::matching(regex, &text);
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let chunks = snapshot.chunks_of_file(file.id)?;
    let by_chunk = distribute(&chunks, &numbers);
    let found = |(index, lines): (usize, Vec<u32>)| {
        let chunk = chunks[index].clone();
        let range = chunk.record.bytes.start as usize..chunk.record.bytes.end as usize;
        Found {
            text: text.get(range).unwrap_or_default().to_vec(),
            chunk,
            lines,
        }
    };
    let kept = by_chunk
        .into_iter()
        .filter(|(index, _)| matcher.keeps_kind(chunks[*index].record.kind, &file.record.language));
    Ok(kept.map(found).collect())
}

/// Gives each line to the chunk that holds it. A line between chunks is blank; it goes to the chunk before it, or to
/// the first.
fn distribute(chunks: &[ChunkRow], lines: &[u32]) -> BTreeMap<usize, Vec<u32>> {
    let mut by_chunk: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    if chunks.is_empty() {
        return by_chunk;
    }
    for &line in lines {
        let holder = chunks
            .iter()
            .position(|c| c.record.lines.0 <= line && line <= c.record.lines.1);
        let before = || chunks.iter().rposition(|c| c.record.lines.1 < line);
        by_chunk
            .entry(holder.or_else(before).unwrap_or(0))
            .or_default()
            .push(line);
    }
    by_chunk
}

fn hit(found: Found) -> SearchHit {
    SearchHit {
        chunk: found.chunk,
        text: found.text,
        score: 1.0,
        confidence: Confidence::High,
        scores: vec![("regex", 1.0)],
        matches: found.lines,
    }
}
