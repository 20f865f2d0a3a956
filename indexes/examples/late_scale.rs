//! Late interaction at scale: speed and recall of searches over generated token matrices.
//!
//! `cargo run --release -p fathom-indexes --example late_scale -- MATRICES CHUNKS CODEBOOK [POOL]`
//!
//! `MATRICES` is a file that `examples/token_matrices.rs` of the root crate wrote; with 0 `CHUNKS`
//! its own documents are searched. `CODEBOOK` is a file, or a number of centroids to train on the
//! matrices. With `POOL` tokens are pooled by that factor. Everything is kept in memory: 67 bytes
//! a token at 128 dimensions and 4 bits.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../benches/support/matrices.rs"]
#[allow(dead_code)]
mod matrices;

use fathom_indexes::codebook::{Bits, Codebook, Coded, Training};
use fathom_indexes::late::{CodedSet, LateQuery, SearchOptions, pool, postings_of, search};
use matrices::{Generator, Matrices};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::collections::HashSet;
use std::time::Instant;

const QUERIES: usize = 60;
const BLOCK: usize = 200;

/// How far rankings are compared.
const DEEP: usize = 100;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let real = Matrices::open(args[0].as_ref()).unwrap();
    let source = Source {
        generator: Generator::new(&real, 1),
        real: (args[1] == "0").then_some(&real),
        pool: args.get(3).map_or(1, |factor| factor.parse().unwrap()),
    };
    let chunks = match args[1].parse().unwrap() {
        0 => real.documents.len(),
        chunks => chunks,
    };
    let codebook = codebook(&args[2], &real);
    // Evenly over all queries of the file, which need not be in a random order.
    let step = real.queries.len() as f64 / QUERIES as f64;
    let queries = (0..QUERIES).map(|at| source.generator.query((at as f64 * step) as usize));
    let queries: Vec<Vec<f32>> = queries.collect();
    let rows: usize = queries.iter().map(|query| query.len() / real.dim).sum();
    println!(
        "{chunks} chunks, {} centroids, {:.1} tokens a query",
        codebook.len(),
        rows as f64 / QUERIES as f64
    );
    let (offsets, coded) = timed("coding", || source.coded(&codebook, chunks));
    let postings = timed("postings", || postings_of(&offsets, &coded.centroids));
    println!(
        "{} tokens, {:.2} postings a token",
        coded.norms.len(),
        postings.ordinals.len() as f64 / coded.norms.len() as f64
    );
    let exact = timed("exact MaxSim in f32", || source.exact(&queries, chunks));
    let set = CodedSet {
        offsets: &offsets,
        centroids: &coded.centroids,
        residuals: &coded.residuals,
        norms: &coded.norms,
        postings: postings.as_ref(),
    };
    let run = |name: &str, options: &SearchOptions, scanned: Option<&Vec<Ranking>>| {
        let search = |rows: &Vec<f32>| {
            let query = LateQuery::new(rows, &codebook);
            let found = search(&query, &[set], DEEP, &|_, _| true, options);
            found.iter().map(|found| found.ordinal).collect()
        };
        measure(name, &queries, &exact, scanned, search)
    };
    let scan = SearchOptions {
        scan_tokens: usize::MAX,
        ..SearchOptions::default()
    };
    let scanned = run("scan", &scan, None);
    for (probes, candidates) in [
        (4, 1024),
        (8, 1024),
        (16, 512),
        (16, 1024),
        (16, 2048),
        (16, 4096),
        (32, 1024),
        (32, 4096),
    ] {
        let options = SearchOptions {
            scan_tokens: 0,
            probes,
            candidates,
        };
        let name = format!("probes {probes}, candidates {candidates}");
        run(&name, &options, Some(&scanned));
    }
}

/// The best documents of a query.
type Ranking = Vec<u32>;

fn timed<T>(what: &str, make: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_ms());
    let made = make();
    println!(
        "{what}: {:.2} s, {:.2} s of CPU",
        start.elapsed().as_secs_f64(),
        (cpu_ms() - cpu) / 1e3
    );
    made
}

/// Searches for each query three times and prints times and recall.
fn measure(
    name: &str,
    queries: &[Vec<f32>],
    exact: &[Ranking],
    scanned: Option<&Vec<Ranking>>,
    search: impl Fn(&Vec<f32>) -> Ranking,
) -> Vec<Ranking> {
    const ROUNDS: usize = 3;
    let mut times = Vec::new();
    let mut found = Vec::new();
    let cpu = cpu_ms();
    for _ in 0..ROUNDS {
        found.clear();
        for query in queries {
            let start = Instant::now();
            found.push(search(query));
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let cpu = (cpu_ms() - cpu) / times.len() as f64;
    times.sort_by(f64::total_cmp);
    let scanned = scanned.unwrap_or(&found);
    println!(
        "{name}: recall of exact @10 {:.4} @100 {:.4}, of the scan @10 {:.4} @100 {:.4}; CPU {cpu:.2} ms, wall p50 {:.2} p99 {:.2} least {:.2} ms",
        recall(&found, exact, 10),
        recall(&found, exact, DEEP),
        recall(&found, scanned, 10),
        recall(&found, scanned, DEEP),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[0],
    );
    found
}

fn recall(found: &[Ranking], exact: &[Ranking], n: usize) -> f64 {
    let share = |(found, exact): (&Ranking, &Ranking)| {
        let exact: HashSet<u32> = exact.iter().take(n).copied().collect();
        let hits = found.iter().take(n).filter(|at| exact.contains(at));
        hits.count() as f64 / exact.len() as f64
    };
    found.iter().zip(exact).map(share).sum::<f64>() / found.len() as f64
}

/// Time that all threads ran, as Linux's scheduler tells; 0 elsewhere.
fn cpu_ms() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let ns = tasks.flatten().map(|task| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let ran = stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
        ran.unwrap_or_default()
    });
    ns.sum::<f64>() / 1e6
}

fn codebook(name: &str, real: &Matrices) -> Codebook {
    let Ok(centroids) = name.parse() else {
        return Codebook::from_bytes(&std::fs::read(name).unwrap()).unwrap();
    };
    let rows = 0..real.documents.tokens();
    let vectors: Vec<f32> = rows.flat_map(|row| real.documents.row(row)).collect();
    let training = Training {
        centroids,
        passes: 2,
        seed: 1,
        bits: Bits::Four,
    };
    timed("training", || {
        Codebook::train(&vectors, real.dim, &training)
    })
}

/// Generated documents, or the real ones.
struct Source<'m> {
    generator: Generator<'m>,
    real: Option<&'m Matrices>,
    pool: usize,
}

impl Source<'_> {
    /// One document, `[tokens, dim]`.
    fn document(&self, at: usize) -> Vec<f32> {
        let mut vectors = Vec::new();
        match self.real {
            Some(real) => {
                let rows = real.documents.range(at);
                rows.for_each(|row| vectors.extend(real.documents.row(row)));
            }
            None => {
                self.generator.document(at as u64, &mut vectors);
            }
        }
        vectors
    }

    /// Offsets and codes of all documents.
    fn coded(&self, codebook: &Codebook, chunks: usize) -> (Vec<u32>, Coded) {
        let firsts: Vec<usize> = (0..chunks).step_by(BLOCK).collect();
        let parts = firsts.par_iter().map(|&first| {
            let mut vectors = Vec::new();
            let ends = first..chunks.min(first + BLOCK);
            let lengths: Vec<usize> = ends
                .map(|at| {
                    let begin = vectors.len();
                    vectors.extend(pool(&self.document(at), codebook.dim(), self.pool));
                    (vectors.len() - begin) / codebook.dim()
                })
                .collect();
            (lengths, codebook.encode(&vectors))
        });
        let parts: Vec<(Vec<usize>, Coded)> = parts.collect();
        let (mut offsets, mut all) = (vec![0], Coded::default());
        for (lengths, coded) in parts {
            for length in lengths {
                offsets.push(offsets[offsets.len() - 1] + length as u32);
            }
            all.centroids.extend(coded.centroids);
            all.residuals.extend(coded.residuals);
            all.norms.extend(coded.norms);
        }
        (offsets, all)
    }

    /// The best documents of each query by MaxSim in f32.
    fn exact(&self, queries: &[Vec<f32>], chunks: usize) -> Vec<Ranking> {
        let dim = self.generator.dim();
        let all: Vec<f32> = queries.concat();
        let all = Array2::from_shape_vec((all.len() / dim, dim), all).unwrap();
        let of_document = |at: usize| -> Vec<f32> {
            let document = self.document(at);
            let document = ArrayView2::from_shape((document.len() / dim, dim), &document).unwrap();
            let mut best = vec![f32::NEG_INFINITY; all.nrows()];
            for products in document.dot(&all.t()).rows() {
                for (best, product) in best.iter_mut().zip(products) {
                    *best = best.max(*product);
                }
            }
            let mut best = best.iter();
            let tokens = queries.iter().map(|query| query.len() / dim);
            tokens
                .map(|tokens| best.by_ref().take(tokens).sum())
                .collect()
        };
        let scores: Vec<Vec<f32>> = (0..chunks).into_par_iter().map(of_document).collect();
        let ranking = |query: usize| {
            let mut order: Ranking = (0..chunks as u32).collect();
            let score = |at: u32| scores[at as usize][query];
            order.sort_unstable_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
            order.truncate(DEEP);
            order
        };
        (0..queries.len()).into_par_iter().map(ranking).collect()
    }
}
