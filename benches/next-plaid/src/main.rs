//! next-plaid's side of the comparison: builds, searches and extends indexes, and writes the small
//! ones that fathom's tests read. Measurements go to stdout, one JSON object per run.
//!
//! A folder of matrices holds `tokens.npy` `[tokens, dim]`, `lengths.npy` `[documents]`,
//! `queries.npy` `[query tokens, dim]` and `query_lengths.npy` `[queries]`, all vectors of length 1.

mod fixture;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use ndarray::{Array1, Array2, s};
use ndarray_npy::read_npy;
use next_plaid::{IndexConfig, MmapIndex, SearchParameters, UpdateConfig};
use serde_json::{Value, json};

#[cfg(feature = "openblas")]
extern crate next_plaid as _;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let measured = match arguments[..] {
        ["build", matrices, index] => build(Path::new(matrices), index)?,
        ["search", index, matrices, rankings] => {
            search(index, Path::new(matrices), Path::new(rankings), &defaults())?
        }
        ["search", index, matrices, rankings, probes, full_scores] => {
            let parameters = SearchParameters {
                n_ivf_probe: probes.parse()?,
                n_full_scores: full_scores.parse()?,
                centroid_score_threshold: None,
                ..defaults()
            };
            search(index, Path::new(matrices), Path::new(rankings), &parameters)?
        }
        ["add", index, matrices] => add(index, Path::new(matrices))?,
        ["fixture", folder, nbits] => fixture::write(Path::new(folder), nbits.parse()?)?,
        _ => bail!(
            "usage: build MATRICES INDEX | search INDEX MATRICES RANKINGS [PROBES FULL_SCORES] | add INDEX MATRICES | fixture FOLDER NBITS"
        ),
    };
    println!("{measured}");
    Ok(())
}

fn defaults() -> SearchParameters {
    SearchParameters::default()
}

/// From matrices to an index that has answered its first search: the merged copies are part of it.
fn build(matrices: &Path, index: &str) -> anyhow::Result<Value> {
    let documents = documents(matrices, "tokens.npy", "lengths.npy")?;
    let queries = documents_of_queries(matrices)?;
    let (before, cpu) = (written(), computed());
    let start = Instant::now();
    let built = MmapIndex::create_with_kmeans(&documents, index, &IndexConfig::default())?;
    let (create, cpu) = (start.elapsed().as_secs_f64(), computed() - cpu);
    built.search(&queries[0], &defaults(), None)?;
    Ok(json!({
        "seconds": create,
        "cpu_seconds": cpu,
        "documents": built.num_documents(),
        "tokens": built.num_embeddings(),
        "centroids": built.num_partitions(),
        "bytes": size(Path::new(index))?,
        "written": written() - before,
    }))
}

/// Every query `ROUNDS` times; the fastest of each counts.
fn search(
    index: &str,
    matrices: &Path,
    rankings: &Path,
    parameters: &SearchParameters,
) -> anyhow::Result<Value> {
    const ROUNDS: usize = 5;
    let index = MmapIndex::load(index)?;
    let queries = documents_of_queries(matrices)?;
    let mut best = vec![f64::INFINITY; queries.len()];
    let mut all = Vec::new();
    let mut found = Vec::new();
    let cpu = computed();
    for round in 0..=ROUNDS {
        found.clear();
        for (query, best) in queries.iter().zip(&mut best) {
            let start = Instant::now();
            let result = index.search(query, parameters, None)?;
            let seconds = start.elapsed().as_secs_f64();
            if round > 0 {
                *best = best.min(seconds);
                all.push(seconds);
            }
            found.push(json!({"documents": result.passage_ids, "scores": result.scores}));
        }
    }
    serde_json::to_writer(BufWriter::new(File::create(rankings)?), &found)?;
    Ok(json!({
        "queries": queries.len(),
        "cpu_ms": (computed() - cpu) * 1e3 / (queries.len() * (ROUNDS + 1)) as f64,
        "p50_ms": quantile(&mut all, 0.5) * 1e3,
        "p99_ms": quantile(&mut all, 0.99) * 1e3,
        "best_p50_ms": quantile(&mut best, 0.5) * 1e3,
        "best_p99_ms": quantile(&mut best, 0.99) * 1e3,
    }))
}

/// Two documents, each as ColGREP adds it: appended, then merged again by the next load.
fn add(index: &str, matrices: &Path) -> anyhow::Result<Value> {
    let mut all = documents(matrices, "tokens.npy", "lengths.npy")?;
    let queries = documents_of_queries(matrices)?;
    let mut add = |document| add_one(index, all.swap_remove(document), &queries[0]);
    Ok(json!({ "first": add(7)?, "second": add(8)? }))
}

fn add_one(index: &str, document: Array2<f32>, query: &Array2<f32>) -> anyhow::Result<Value> {
    let before = written();
    let start = Instant::now();
    MmapIndex::update_append(&[document], index, &UpdateConfig::default())?;
    let append = (start.elapsed().as_secs_f64(), written() - before);
    let loaded = MmapIndex::load(index)?;
    loaded.search(query, &defaults(), None)?;
    Ok(json!({
        "append_seconds": append.0,
        "append_written": append.1,
        "seconds": start.elapsed().as_secs_f64(),
        "written": written() - before,
    }))
}

fn documents_of_queries(matrices: &Path) -> anyhow::Result<Vec<Array2<f32>>> {
    documents(matrices, "queries.npy", "query_lengths.npy")
}

fn documents(folder: &Path, tokens: &str, lengths: &str) -> anyhow::Result<Vec<Array2<f32>>> {
    let tokens: Array2<f32> = read_npy(folder.join(tokens)).context("tokens")?;
    let lengths: Array1<i64> = read_npy(folder.join(lengths)).context("lengths")?;
    let mut start = 0;
    let cut = |&length: &i64| {
        let end = start + length as usize;
        let rows = tokens.slice(s![start..end, ..]).to_owned();
        start = end;
        rows
    };
    Ok(lengths.iter().map(cut).collect())
}

fn quantile(seconds: &mut [f64], at: f64) -> f64 {
    seconds.sort_unstable_by(f64::total_cmp);
    seconds[((seconds.len() - 1) as f64 * at).round() as usize]
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Bytes that this process has handed to the system.
fn written() -> u64 {
    let counters = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let count = counters
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Seconds that this process has spent computing, on all cores together.
fn computed() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
