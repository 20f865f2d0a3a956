//! Rankings: exact ones, and how alike two are.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Result;
use crate::matrices::Matrices;

/// Results of a query that are compared.
pub const TOP: usize = 10;

/// Scores this near to each other may change places.
const TIE: f32 = 1e-3;

/// The best documents of one query and their scores, best first.
#[derive(Clone, Deserialize, Serialize)]
pub struct Ranking {
    pub documents: Vec<usize>,
    pub scores: Vec<f32>,
}

pub fn read(path: &Path) -> Result<Vec<Ranking>> {
    Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
}

pub fn write(path: &Path, rankings: &[Ranking]) -> Result<()> {
    Ok(serde_json::to_writer(
        BufWriter::new(File::create(path)?),
        rankings,
    )?)
}

/// MaxSim of all queries and all documents in f32.
pub fn exact(matrices: &Path, out: &Path) -> Result<Value> {
    let documents = Matrices::documents(matrices)?;
    let queries = Matrices::queries(matrices)?;
    let (dim, rows) = (queries.dim, queries.rows.len() / queries.dim);
    let all = ArrayView2::from_shape((rows, dim), &queries.rows)?;
    let scores_of = |at: usize| -> Vec<f32> {
        let document = documents.get(at);
        let tokens = ArrayView2::from_shape((document.len() / dim, dim), document);
        let Ok(tokens) = tokens else {
            return Vec::new();
        };
        let similarities = all.dot(&tokens.t());
        let best = similarities.map_axis(Axis(1), |row| row.iter().copied().fold(-1.0, f32::max));
        let sums = queries.offsets.windows(2);
        sums.map(|bounds| best.iter().take(bounds[1]).skip(bounds[0]).sum())
            .collect()
    };
    let scores: Vec<Vec<f32>> = (0..documents.len())
        .into_par_iter()
        .map(scores_of)
        .collect();
    let rankings: Vec<Ranking> = (0..queries.len())
        .map(|query| {
            let mut order: Vec<usize> = (0..documents.len()).collect();
            order.sort_by(|&a, &b| scores[b][query].total_cmp(&scores[a][query]));
            order.truncate(100);
            Ranking {
                scores: order
                    .iter()
                    .map(|&document| scores[document][query])
                    .collect(),
                documents: order,
            }
        })
        .collect();
    write(out, &rankings)?;
    Ok(json!({"queries": queries.len(), "documents": documents.len()}))
}

/// Overlap of the first ten, their order, and scores; the first file is the truth.
pub fn compare(truth: &Path, other: &Path) -> Result<Value> {
    let (truth, other) = (read(truth)?, read(other)?);
    if truth.len() != other.len() {
        return Err("not the same queries".into());
    }
    let pairs = || truth.iter().zip(&other);
    let count = truth.len() as f64;
    let mean = |of: &dyn Fn(&Ranking, &Ranking) -> f64| {
        pairs().map(|(a, b)| of(a, b)).sum::<f64>() / count
    };
    let most =
        |of: &dyn Fn(&Ranking, &Ranking) -> f64| pairs().map(|(a, b)| of(a, b)).fold(0.0, f64::max);
    Ok(json!({
        "queries": truth.len(),
        "recall_at_10": mean(&overlap),
        "same_first": mean(&|a, b| f64::from(a.documents.first() == b.documents.first())),
        "same_but_for_ties": mean(&|a, b| f64::from(same_but_for_ties(a, b))),
        "kendall_tau": mean(&kendall_tau),
        "largest_score_difference": most(&score_difference),
    }))
}

fn top(ranking: &Ranking) -> &[usize] {
    &ranking.documents[..TOP.min(ranking.documents.len())]
}

fn overlap(a: &Ranking, b: &Ranking) -> f64 {
    let shared = top(a).iter().filter(|document| top(b).contains(document));
    shared.count() as f64 / top(a).len().max(1) as f64
}

/// Whether each place has the same document or one whose score is as good.
fn same_but_for_ties(a: &Ranking, b: &Ranking) -> bool {
    let places = top(a).iter().zip(top(b)).enumerate();
    places.into_iter().all(|(at, (a_at, b_at))| {
        let there = a.documents.iter().position(|document| document == b_at);
        a_at == b_at || there.is_some_and(|there| (a.scores[there] - a.scores[at]).abs() < TIE)
    })
}

/// Order of the documents that both have (Kendall, 1938): 1 is the same, -1 reversed.
fn kendall_tau(a: &Ranking, b: &Ranking) -> f64 {
    let place = |document| top(b).iter().position(|other| other == document);
    let places: Vec<usize> = top(a).iter().filter_map(place).collect();
    let pairs = (0..places.len()).flat_map(|i| (i + 1..places.len()).map(move |j| (i, j)));
    let (mut count, mut sum) = (0.0, 0.0);
    for (i, j) in pairs {
        count += 1.0;
        sum += if places[i] < places[j] { 1.0 } else { -1.0 };
    }
    if count == 0.0 { 1.0 } else { sum / count }
}

fn score_difference(a: &Ranking, b: &Ranking) -> f64 {
    let pairs = b
        .documents
        .iter()
        .zip(&b.scores)
        .filter_map(|(document, score)| {
            let there = a.documents.iter().position(|other| other == document)?;
            Some(f64::from((a.scores[there] - score).abs()))
        });
    pairs.fold(0.0, f64::max)
}
