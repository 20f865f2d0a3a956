//! Where does faiss begin to pay? The int8 scan against faiss's index types on one core:
//! `cargo run --release -p fathom-indexes --features faiss --example dense_speed [COUNT…]`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use faiss::index::autotune::ParameterSpace;
use faiss::index::io::{read_index, write_index};
use faiss::{Index, MetricType, index_factory};
use fathom_indexes::dense::DenseQuery;
use fathom_indexes::maxsim::quantize;
use std::time::Instant;

const DIM: usize = 384;
const QUERIES: usize = 50;
const TOP: usize = 100;
/// Candidates fetched per result wanted; an exact score picks the best of them afterwards.
const OVER: usize = 4;

fn main() {
    let counts: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|n| n.parse().ok())
        .collect();
    let counts = if counts.is_empty() {
        vec![10_000, 100_000]
    } else {
        counts
    };
    for count in counts {
        let mut random = Random(7);
        let centres = vectors(&mut random, count.div_ceil(400), None);
        let rows = vectors(&mut random, count, Some(&centres));
        let queries = vectors(&mut random, QUERIES, Some(&centres));
        println!("{count} vectors");
        let exact = scan(&rows, &queries);
        let lists = (count as f64).sqrt() as usize;
        let wide = |suffix: &str| format!("IVF{},{suffix}", 2 * lists);
        for (recipe, parameter) in [
            ("Flat".to_owned(), None),
            (wide("Flat"), Some(("nprobe", 16.0))),
            (wide("Flat"), Some(("nprobe", 64.0))),
            (wide("SQ8"), Some(("nprobe", 64.0))),
            ("HNSW32".to_owned(), Some(("efSearch", 128.0))),
        ] {
            let recipe = recipe.as_str();
            if count > 20_000 && recipe.starts_with("HNSW") {
                continue;
            }
            faiss(recipe, parameter, &rows, &queries, &exact);
        }
    }
}

fn scan(rows: &[f32], queries: &[f32]) -> Vec<Vec<u32>> {
    let (codes, scales) = quantize(rows, DIM);
    let mut scores = vec![0.0; scales.len()];
    let start = Instant::now();
    let tops = queries.chunks_exact(DIM).map(|query| {
        DenseQuery::new(query).scores(&codes, &scales, &mut scores);
        top(&scores)
    });
    let tops: Vec<Vec<u32>> = tops.collect();
    report(
        "int8 scan",
        start.elapsed().as_secs_f64(),
        0.0,
        0.0,
        recall(&tops, &exact_tops(rows, queries)),
    );
    tops
}

fn exact_tops(rows: &[f32], queries: &[f32]) -> Vec<Vec<u32>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let exact = |query| {
        let scores: Vec<f32> = rows.chunks_exact(DIM).map(|row| dot(row, query)).collect();
        top(&scores)
    };
    queries.chunks_exact(DIM).take(20).map(exact).collect()
}

fn top(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    let by_score = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]);
    order.select_nth_unstable_by(TOP, by_score);
    order.truncate(TOP);
    order
}

fn faiss(
    recipe: &str,
    parameter: Option<(&str, f64)>,
    rows: &[f32],
    queries: &[f32],
    exact: &[Vec<u32>],
) {
    let start = Instant::now();
    let mut index = index_factory(DIM as u32, recipe, MetricType::InnerProduct).unwrap();
    index.train(&rows[..rows.len().min(DIM * 100_000)]).unwrap();
    index.add(rows).unwrap();
    let build = start.elapsed().as_secs_f64();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    write_index(&index, path).unwrap();
    let start = Instant::now();
    let mut index = read_index(path).unwrap();
    let open = start.elapsed().as_secs_f64();
    if let Some((name, value)) = parameter {
        ParameterSpace::new()
            .unwrap()
            .set_index_parameter(&index, name, value)
            .unwrap();
    }
    let start = Instant::now();
    let tops: Vec<Vec<u32>> = queries
        .chunks_exact(DIM)
        .map(|query| {
            let found = index.search(query, TOP * OVER).unwrap();
            found
                .labels
                .iter()
                .filter_map(|label| label.get().map(|label| label as u32))
                .collect()
        })
        .collect();
    let name = format!("{recipe} {parameter:?}");
    report(
        &name,
        start.elapsed().as_secs_f64(),
        build,
        open,
        recall(&tops, exact),
    );
}

fn report(name: &str, seconds: f64, build: f64, open: f64, recall: f64) {
    let each = seconds * 1e3 / QUERIES as f64;
    println!(
        "  {name:40} {each:7.3} ms/query, recall {recall:.3}, build {build:.2} s, open {open:.3} s"
    );
}

fn recall(found: &[Vec<u32>], expected: &[Vec<u32>]) -> f64 {
    let pairs = found.iter().zip(expected);
    let hits: usize = pairs
        .clone()
        .map(|(found, expected)| expected.iter().filter(|id| found.contains(id)).count())
        .sum();
    hits as f64 / (pairs.count() * TOP) as f64
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1 << 24) as f32 - 0.5
    }
}

/// Unit vectors, around random ones of `centres` if there are any.
fn vectors(random: &mut Random, count: usize, centres: Option<&[f32]>) -> Vec<f32> {
    let mut all = Vec::with_capacity(count * DIM);
    for _ in 0..count {
        let mut row: Vec<f32> = (0..DIM).map(|_| random.next()).collect();
        if let Some(centres) = centres {
            let at = ((random.next() + 0.5) * (centres.len() / DIM) as f32) as usize;
            let centre = &centres[at.min(centres.len() / DIM - 1) * DIM..][..DIM];
            row.iter_mut()
                .zip(centre)
                .for_each(|(x, c)| *x = c + *x * 0.12);
        }
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        all.extend(row.iter().map(|x| x / norm));
    }
    all
}
