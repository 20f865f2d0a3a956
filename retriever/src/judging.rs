//! The first candidates read again by the judge, whose score is one more signal.

use fathom_encoders::{Judge, TokenMatrix};
use fathom_indexes::{Collection, Snapshot};

use crate::candidates::Pool;
use crate::rank::features::Values;
use crate::rank::{self, Placed, Signal, Weights};
use crate::request::Mode;

/// How many candidates the judge reads.
const READ: usize = 30;
/// Token vectors that a query has at least to be judged. In a long one the judge knows which of them
/// matter, and no yardstick loses; in a short one all do, and questions for files lose (BENCHMARKS.md,
/// "The judge").
const LONG: usize = 16;

/// Whether a judge would change anything: the query is long, and its token vectors count.
pub(crate) fn is_wanted(pool: &Pool, mode: Mode, weights: &Weights) -> bool {
    let tokens = pool.query.as_ref().map_or(0, |query| query.tokens.rows());
    let by_tokens = matches!(mode, Mode::Hybrid | Mode::Late);
    by_tokens && tokens >= LONG && weights.get(Signal::Judge) > 0.0
}

/// The order of a pool with the judge's signal: the first are read, all others count as the worst of
/// those, so that nobody overtakes by not being read. What has no vectors counts as the mean.
pub(crate) fn order(
    judge: &Judge,
    snapshot: &Snapshot,
    pool: &Pool,
    mut values: Vec<Values>,
    weights: &Weights,
) -> Vec<Placed> {
    let placed = rank::order(values.clone(), &pool.candidates, weights);
    let read: Vec<usize> = placed.iter().take(READ).map(|one| one.index).collect();
    let scores = scores(judge, snapshot, pool, &read);
    let known = || scores.iter().flatten();
    let count = known().count();
    if count == 0 {
        return placed;
    }
    let mean = known().sum::<f32>() / count as f32;
    let worst = known().fold(f32::INFINITY, |worst, &score| worst.min(score)) - mean;
    for values in &mut values {
        values[Signal::Judge as usize] = worst;
    }
    for (index, score) in read.into_iter().zip(scores) {
        values[index][Signal::Judge as usize] = score.map_or(0.0, |score| score - mean);
    }
    rank::order(values, &pool.candidates, weights)
}

/// What the judge says of some candidates, by the vectors that are stored of them.
fn scores(
    judge: &Judge,
    snapshot: &Snapshot,
    pool: &Pool,
    candidates: &[usize],
) -> Vec<Option<f32>> {
    let Some(query) = &pool.query else {
        return vec![None; candidates.len()];
    };
    let stored = |&index: &usize| {
        let vectors = snapshot.vectors_of(Collection::Main, pool.rows[index].id);
        let (tokens, _) = vectors.unwrap_or_default();
        TokenMatrix::new(query.tokens.dim(), tokens)
    };
    let tokens: Vec<TokenMatrix> = candidates.iter().map(stored).collect();
    judge.scores(&query.tokens, &tokens)
}
