//! Turns the outcome of a search into what is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use fathom_indexer::current::State;
use fathom_indexes::{Snapshot, StoreError};
use fathom_retriever::{SearchHit, SearchOutcome};

use crate::output::{Answer, Item};
use crate::workspace::{Workspace, WorkspaceError};

/// The answer to `query`, each result compared with its file as it is now: what was found may
/// have been edited since. With `whole_files` each result carries its file.
///
/// # Errors
/// If the index cannot be read.
pub fn answer(
    workspace: &Workspace,
    snapshot: &Snapshot,
    (query, mode): (&str, &'static str),
    outcome: SearchOutcome,
    whole_files: bool,
) -> Result<Answer, WorkspaceError> {
    let mut results = Vec::with_capacity(outcome.hits.len());
    for hit in outcome.hits {
        let file_text = match whole_files {
            true => Some(snapshot.text(hit.chunk.file)?),
            false => None,
        };
        let mut item = item(hit, file_text);
        item.state = workspace.compare(snapshot, &item.path, item.start_line, &item.text)?;
        results.push(item);
    }
    Ok(Answer {
        query: query.to_owned(),
        mode,
        generation: outcome.generation,
        semantic_coverage: outcome.semantic_coverage,
        took: Duration::ZERO,
        results,
        skipped: skipped(snapshot)?,
    })
}

/// How many files are not indexed, by reason.
fn skipped(snapshot: &Snapshot) -> Result<BTreeMap<&'static str, u64>, StoreError> {
    let counts = snapshot.skip_counts()?.iter();
    Ok(counts
        .map(|&(reason, count)| (reason.as_str(), count))
        .collect())
}

fn item(hit: SearchHit, file_text: Option<Vec<u8>>) -> Item {
    let record = hit.chunk.record;
    Item {
        path: hit.chunk.path,
        start_line: record.lines.0,
        end_line: record.lines.1,
        score: hit.score,
        confidence: hit.confidence.as_str(),
        language: hit.chunk.language,
        kind: record.kind.as_str(),
        name: record.qualified_name,
        signature: record.signature,
        text: hit.text,
        scores: hit.scores,
        matches: hit.matches,
        state: State::Unchanged,
        file_text,
    }
}
