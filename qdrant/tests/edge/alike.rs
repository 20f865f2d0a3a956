//! Whether both sides find the same.

use std::collections::HashMap;

use fathom_indexes::{ChunkId, Hit, Snapshot};
use fathom_retriever::{VectorQuery, Vectors};

/// The same lists and the same scores of single chunks, but for rounding.
#[track_caller]
pub fn alike(here: &Snapshot, there: &dyn Vectors, query: &VectorQuery<'_>, what: &str) {
    let near = |a: f32, b: f32| (a - b).abs() < 0.02 + 0.01 * a.abs();
    if query.embedding.tokens.dim() > 0 {
        same(
            &Vectors::late(here, query, 20).unwrap(),
            &there.late(query, 20).unwrap(),
            what,
        );
    }
    if !query.embedding.dense.is_empty() {
        same(
            &Vectors::dense(here, query, 20).unwrap(),
            &there.dense(query, 20).unwrap(),
            what,
        );
    }
    let ids: Vec<ChunkId> = here.chunk_ids().iter().copied().step_by(7).collect();
    let scores = |vectors: &dyn Vectors| {
        let mut scores = Vec::new();
        if query.embedding.tokens.dim() > 0 {
            scores.extend(
                vectors
                    .late_scores(query.collection, query.embedding, &ids)
                    .unwrap(),
            );
        }
        if !query.embedding.dense.is_empty() {
            scores.extend(
                vectors
                    .dense_scores(query.collection, query.embedding, &ids)
                    .unwrap(),
            );
        }
        scores
    };
    for pair in scores(here).into_iter().zip(scores(there)) {
        match pair {
            (Some(a), Some(b)) => assert!(near(a, b), "{what}: {a} {b}"),
            (a, b) => assert_eq!(a, b, "{what}"),
        }
    }
}

/// The same chunks in the same order, where scores differ by more than rounding.
#[track_caller]
fn same(here: &[Hit], there: &[Hit], what: &str) {
    assert_eq!(here.len(), there.len(), "{what}");
    let scores: HashMap<ChunkId, f32> = here.iter().map(|hit| (hit.chunk, hit.score)).collect();
    let last = here.last().map_or(0.0, |hit| hit.score);
    let tolerance = |score: f32| 0.02 + 0.01 * score.abs();
    for (one, other) in here.iter().zip(there) {
        // What stands elsewhere in the other list differs by rounding only.
        let (a, b) = (one.score, other.score);
        assert!((a - b).abs() < tolerance(a), "{what}: {a} {b}");
        let known = scores.get(&other.chunk).copied().unwrap_or(last);
        assert!((known - b).abs() < tolerance(b), "{what}: {known} {b}");
    }
}
