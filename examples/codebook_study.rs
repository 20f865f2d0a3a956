//! What a codebook costs in ranking, by centroids, bits and origin.
//!
//! ```text
//! cargo run --release --example codebook_study -- LABELS SOURCES CACHE REPOSITORY[,…] SAMPLE…
//! ```
//!
//! Exact f32 MaxSim of the labelled questions over each repository is compared with MaxSim over
//! vectors that went through a codebook: one trained on SAMPLE folders, as the bundled one is,
//! and one trained on the repository itself. Vectors are kept in CACHE, so that a second run
//! encodes nothing. The repositories are measured on, never trained on (but for their own column).

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "support/exact.rs"]
mod exact;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use fathom_encoders::{Encoder, EncoderOptions, Profile, TextEncoder, TokenMatrix};
use fathom_indexer::sample::{self, SampleOptions};
use fathom_indexes::codebook::{Bits, Codebook, Training};
use fathom_indexes::maxsim::quantize;

use exact::{Matrices, max_sim, on_one_core};

/// Tokens of the sample, and at most of one repository.
const SAMPLE: usize = 1_000_000;
const REPOSITORY: usize = 120_000;

/// All or some chunks of folders, encoded, or as they were encoded before.
fn matrices(cache: &Path, roots: &[PathBuf], tokens: usize, per_file: usize) -> Matrices {
    let profile = Profile::bundled();
    let dim = profile.token_dim();
    if let Some(cached) = Matrices::read(cache, dim) {
        return cached;
    }
    let options = SampleOptions {
        tokens,
        chunks_per_file: per_file,
        ..SampleOptions::default()
    };
    let text = TextEncoder::open(&profile).unwrap();
    let never = AtomicBool::new(false);
    let found = sample::documents(roots, &text, &options, &never, &|_| {}).unwrap();
    let encoder = EncoderOptions::default();
    let threads = options.threads;
    let encoded = sample::encode(
        &found.documents,
        &profile,
        &encoder,
        threads,
        &never,
        &|_| {},
    );
    let matrices = Matrices::of(dim, &encoded.unwrap());
    matrices.write(cache);
    matrices
}

/// The questions of a repository, as matrices.
fn questions(labels: &Path, name: &str) -> Matrices {
    let text = fs::read_to_string(labels.join("annotations").join(format!("{name}.json"))).unwrap();
    let labels: serde_json::Value = serde_json::from_str(&text).unwrap();
    let profile = Profile::bundled();
    let mut encoder = Encoder::open(&profile, &EncoderOptions::default()).unwrap();
    let queries = labels.as_array().unwrap().iter();
    let encoded = queries.map(|entry| encoder.encode_query(entry["query"].as_str().unwrap()));
    let matrices: Vec<TokenMatrix> = encoded.map(|found| found.unwrap().tokens).collect();
    Matrices::of(profile.token_dim(), &matrices)
}

/// Documents from best to worst.
fn ranked(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
}

#[derive(Clone, Copy, Default)]
struct Quality {
    /// Share of the exact best 10 and 100 among the best 10 and 100.
    recall_10: f64,
    recall_100: f64,
    /// Kendall's tau of the exact best 100, and of all documents.
    tau_100: f64,
    tau: f64,
    /// Mean cosine of decoded and original vectors.
    cosine: f64,
    /// Tokens coded in a second of one core, or 0.
    speed: f64,
}

fn quality(exact: &[Vec<f32>], coded: &[Vec<f32>]) -> Quality {
    let mut sum = Quality::default();
    for (exact, coded) in exact.iter().zip(coded) {
        let (best, found) = (ranked(exact), ranked(coded));
        let share = |n: usize| {
            let n = n.min(best.len());
            let hits = found[..n].iter().filter(|at| best[..n].contains(at));
            hits.count() as f64 / n as f64
        };
        sum.recall_10 += share(10);
        sum.recall_100 += share(100);
        sum.tau_100 += tau(&best[..best.len().min(100)], coded);
        sum.tau += tau(&best, coded);
    }
    let count = exact.len() as f64;
    Quality {
        recall_10: sum.recall_10 / count,
        recall_100: sum.recall_100 / count,
        tau_100: sum.tau_100 / count,
        tau: sum.tau / count,
        ..sum
    }
}

fn tau(best: &[usize], scores: &[f32]) -> f64 {
    let mut sum = 0.0;
    for (at, &a) in best.iter().enumerate() {
        for &b in &best[at + 1..] {
            sum += match scores[a].total_cmp(&scores[b]) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.0,
                std::cmp::Ordering::Less => -1.0,
            };
        }
    }
    sum / (best.len() * (best.len() - 1) / 2) as f64
}

/// A repository and its exact scores.
struct Repository {
    documents: Matrices,
    questions: Matrices,
    exact: Vec<Vec<f32>>,
}

impl Repository {
    fn new(documents: Matrices, questions: Matrices) -> Repository {
        let exact = max_sim(&questions, &documents);
        Repository {
            documents,
            questions,
            exact,
        }
    }

    fn tokens(&self) -> usize {
        self.documents.rows.len() / self.documents.dim
    }

    /// One int8 and one scale per token vector, without a codebook.
    fn plain(&self) -> Quality {
        let dim = self.documents.dim;
        let (codes, scales) = quantize(&self.documents.rows, dim);
        let rows = codes.chunks_exact(dim).zip(scales);
        let rows = rows.flat_map(|(codes, scale)| codes.iter().map(move |&x| f32::from(x) * scale));
        self.compare(rows.collect())
    }

    fn measure(&self, codebook: &Codebook) -> Quality {
        let documents = &self.documents;
        let (coded, seconds) = on_one_core(|| codebook.encode(&documents.rows));
        let decoded = codebook.decode(&coded.centroids, &coded.residuals, &coded.norms);
        Quality {
            speed: self.tokens() as f64 / seconds,
            ..self.compare(decoded)
        }
    }

    /// With what storing has made of the vectors.
    fn compare(&self, rows: Vec<f32>) -> Quality {
        let cosine = dots(&self.documents.rows, &rows) / self.tokens() as f64;
        let stored = Matrices {
            dim: self.documents.dim,
            rows,
            offsets: self.documents.offsets.clone(),
        };
        let found = quality(&self.exact, &max_sim(&self.questions, &stored));
        Quality { cosine, ..found }
    }
}

fn dots(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

fn train(rows: &[f32], dim: usize, centroids: usize, bits: Bits) -> Codebook {
    let training = Training {
        centroids,
        passes: 4,
        seed: 0,
        bits,
    };
    Codebook::train(rows, dim, &training)
}

/// Means over repositories.
fn mean(all: &[Quality]) -> Quality {
    let mean = |of: fn(&Quality) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    Quality {
        recall_10: mean(|q| q.recall_10),
        recall_100: mean(|q| q.recall_100),
        tau_100: mean(|q| q.tau_100),
        tau: mean(|q| q.tau),
        cosine: mean(|q| q.cosine),
        speed: mean(|q| q.speed),
    }
}

fn line(name: &str, quality: Quality) {
    let Quality {
        recall_10,
        recall_100,
        tau_100,
        tau,
        cosine,
        speed,
    } = quality;
    let thousands = speed / 1e3;
    println!(
        "| {name} | {recall_10:.4} | {recall_100:.4} | {tau_100:.4} | {tau:.4} | {cosine:.5} | {thousands:.0} |"
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [labels, sources, cache, names, roots @ ..] = &args[..] else {
        eprintln!("LABELS SOURCES CACHE REPOSITORY[,…] SAMPLE…");
        std::process::exit(2);
    };
    let (labels, sources, cache) = (Path::new(labels), Path::new(sources), Path::new(cache));
    let roots: Vec<PathBuf> = roots.iter().map(PathBuf::from).collect();
    let sample = matrices(&cache.join("sample"), &roots, SAMPLE, 8);
    let repositories: Vec<Repository> = names
        .split(',')
        .map(|name| {
            let folder = [sources.join(name)];
            let documents = matrices(&cache.join(name), &folder, REPOSITORY, usize::MAX);
            let repository = Repository::new(documents, questions(labels, name));
            let (tokens, chunks) = (repository.tokens(), repository.documents.offsets.len() - 1);
            eprintln!(
                "{name}: {chunks} chunks, {tokens} tokens, {} questions",
                repository.exact.len()
            );
            repository
        })
        .collect();
    println!(
        "| codebook | recall@10 | recall@100 | tau of 100 | tau of all | cosine | k tokens/s |"
    );
    println!("|---|---|---|---|---|---|---|");
    line(
        "int8 rows, 132 bytes",
        mean(
            &repositories
                .iter()
                .map(Repository::plain)
                .collect::<Vec<_>>(),
        ),
    );
    let bundled = Profile::bundled().codebook_bytes().unwrap().unwrap();
    let bundled = Codebook::from_bytes(&bundled).unwrap();
    let measured: Vec<Quality> = repositories.iter().map(|r| r.measure(&bundled)).collect();
    line("the bundled codebook", mean(&measured));
    for exponent in 10..=16 {
        row(&sample, &repositories, 1 << exponent, Bits::Four);
    }
    for bits in [Bits::One, Bits::Two, Bits::Eight] {
        row(&sample, &repositories, 1 << 14, bits);
    }
    fewer_dimensions(&sample, &repositories, 96, 1 << 14);
}

/// One codebook for all repositories, then one for each.
fn row(sample: &Matrices, repositories: &[Repository], centroids: usize, bits: Bits) {
    let shared = train(&sample.rows, sample.dim, centroids, bits);
    let measured: Vec<Quality> = repositories.iter().map(|r| r.measure(&shared)).collect();
    let name = format!("K = {centroids}, {} bits", bits.count());
    line(&format!("{name}, shared"), mean(&measured));
    // Next to no vectors for each centroid would be no codebook but a copy.
    if repositories.iter().all(|r| r.tokens() >= 16 * centroids) {
        let own = repositories.iter().map(|r| {
            let own = train(&r.documents.rows, sample.dim, centroids, bits);
            r.measure(&own)
        });
        line(&format!("{name}, own"), mean(&own.collect::<Vec<_>>()));
    }
}

/// The leading dimensions alone against all of them, exactly and coded.
fn fewer_dimensions(sample: &Matrices, repositories: &[Repository], dim: usize, centroids: usize) {
    let codebook = train(&sample.leading(dim).rows, dim, centroids, Bits::Four);
    let (mut exact, mut coded) = (Vec::new(), Vec::new());
    for full in repositories {
        let cut = Repository::new(full.documents.leading(dim), full.questions.leading(dim));
        exact.push(quality(&full.exact, &cut.exact));
        let against_full = Repository {
            exact: full.exact.clone(),
            ..cut
        };
        coded.push(against_full.measure(&codebook));
    }
    line(&format!("{dim} dimensions, f32"), mean(&exact));
    line(
        &format!("{dim} dimensions, K = {centroids}, 4 bits"),
        mean(&coded),
    );
}
