//! What the judge sees of a chunk, for each token of the question.

use ndarray::{Array1, Array2, ArrayView1, Axis, s};

/// Similarities that are counted around.
const KERNELS: [f32; 7] = [0.1, 0.233_333, 0.366_667, 0.5, 0.633_333, 0.766_667, 0.9];
/// How wide a kernel is.
const WIDTH: f32 = 0.07;
/// Further away than so, a similarity counts nothing for a kernel (less than 10⁻⁵).
const FAR: f32 = 0.35;
/// Numbers beside the vectors.
pub(super) const NUMBERS: usize = KERNELS.len() + 10;

/// What one chunk has for each token of the question.
struct Met {
    /// The two best similarities.
    best: Vec<[f32; 2]>,
    /// The chunk's token that has the best.
    at: Vec<usize>,
    /// The mean over the chunk's tokens.
    mean: Array1<f32>,
    kernels: Array2<f32>,
    /// How many tokens the chunk has.
    tokens: usize,
}

/// `[chunks × tokens of the question, 3 × dim + NUMBERS]`: the question's vector, the chunk's that is
/// most like it, their product, and numbers about how it is met.
pub(super) fn of(question: &Array2<f32>, chunks: &[Array2<f32>]) -> Array2<f32> {
    let (tokens, dim) = question.dim();
    let met: Vec<Met> = chunks.iter().map(|chunk| meet(question, chunk)).collect();
    let others = Others::of(&met, tokens);
    let mut inputs = Array2::zeros((chunks.len() * tokens, 3 * dim + NUMBERS));
    for (number, (chunk, met)) in chunks.iter().zip(&met).enumerate() {
        for token in 0..tokens {
            let mut row = inputs.row_mut(number * tokens + token);
            let (asked, found) = (question.row(token), chunk.row(met.at[token]));
            row.slice_mut(s![..dim]).assign(&asked);
            row.slice_mut(s![dim..2 * dim]).assign(&found);
            row.slice_mut(s![2 * dim..3 * dim])
                .assign(&(&asked * &found * 8.0));
            let kernels = 3 * dim..3 * dim + KERNELS.len();
            row.slice_mut(s![kernels.clone()])
                .assign(&met.kernels.row(token));
            let numbers = Array1::from_vec(numbers(met, &others, token).to_vec());
            row.slice_mut(s![kernels.end..]).assign(&numbers);
        }
    }
    inputs
}

fn meet(question: &Array2<f32>, chunk: &Array2<f32>) -> Met {
    let similarities = question.dot(&chunk.t());
    let (best, at) = similarities.rows().into_iter().map(two_best).unzip();
    let mut kernels = Array2::zeros((question.nrows(), KERNELS.len()));
    for (similarities, mut counts) in similarities.rows().into_iter().zip(kernels.rows_mut()) {
        for (count, middle) in counts.iter_mut().zip(KERNELS) {
            *count = 0.3 * around(similarities, middle).ln_1p();
        }
    }
    Met {
        best,
        at,
        mean: similarities.mean_axis(Axis(1)).unwrap_or_default(),
        kernels,
        tokens: chunk.nrows(),
    }
}

/// How many similarities lie around `middle`.
fn around(similarities: ArrayView1<'_, f32>, middle: f32) -> f32 {
    let count = |similarity: &f32| {
        let distance = similarity - middle;
        match distance.abs() < FAR {
            true => (-distance * distance / (2.0 * WIDTH * WIDTH)).exp(),
            false => 0.0,
        }
    };
    similarities.iter().map(count).sum()
}

/// The best and the second best, and where the best is. A single one is both.
fn two_best(similarities: ArrayView1<'_, f32>) -> ([f32; 2], usize) {
    let (mut best, mut at) = ([f32::NEG_INFINITY; 2], 0);
    for (i, &similarity) in similarities.iter().enumerate() {
        if similarity > best[0] {
            best = [similarity, best[0]];
            at = i;
        } else if similarity > best[1] {
            best[1] = similarity;
        }
    }
    if similarities.len() < 2 {
        best[1] = best[0];
    }
    (best, at)
}

/// How well all candidates meet each token.
struct Others {
    mean: Vec<f32>,
    most: Vec<f32>,
    spread: Vec<f32>,
}

impl Others {
    fn of(met: &[Met], tokens: usize) -> Others {
        let best = |token: usize| met.iter().map(move |met| met.best[token][0]);
        let count = met.len() as f32;
        let mean: Vec<f32> = (0..tokens)
            .map(|token| best(token).sum::<f32>() / count)
            .collect();
        let variance = |token: usize| {
            let squares = best(token).map(|best| (best - mean[token]).powi(2));
            squares.sum::<f32>() / count
        };
        Others {
            most: (0..tokens)
                .map(|token| best(token).fold(f32::NEG_INFINITY, f32::max))
                .collect(),
            spread: (0..tokens)
                .map(|token| variance(token).sqrt() + 0.02)
                .collect(),
            mean,
        }
    }
}

fn numbers(met: &Met, others: &Others, token: usize) -> [f32; 10] {
    let [best, second] = met.best[token];
    let (mean, most) = (others.mean[token], others.most[token]);
    let follows = |before: Option<&usize>, after: Option<&usize>| match (before, after) {
        (Some(&before), Some(&after)) => nearness(after as f32 - before as f32),
        _ => nearness(0.0),
    };
    let previous = token.checked_sub(1).and_then(|token| met.at.get(token));
    [
        best,
        best - second,
        met.at[token] as f32 / 200.0,
        follows(met.at.get(token), met.at.get(token + 1)),
        follows(previous, met.at.get(token)),
        met.mean[token],
        (best - mean) / others.spread[token] / 2.0,
        (most - best) * 4.0,
        (most - mean) * 4.0,
        met.tokens as f32 / 100.0,
    ]
}

/// 1 where the chunk's token follows the one before as the question's does.
fn nearness(step: f32) -> f32 {
    (-(step - 1.0).abs() / 4.0).exp()
}
