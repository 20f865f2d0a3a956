//! Late interaction: the kernels, coding, and searches over 10,000 generated chunks.
//!
//! `cargo bench --bench late`. With `MATRICES` naming a file that `examples/token_matrices.rs`
//! wrote, chunks are drawn from real code, else from a made-up language.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros, and a bench may stop

#[path = "support/matrices.rs"]
#[allow(dead_code)]
mod matrices;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fathom_indexes::codebook::{Bits, Codebook, Coded, Training};
use fathom_indexes::late::{CodedSet, LateQuery, SearchOptions, postings_of, search};
use fathom_indexes::maxsim::{Query, Tokens, kernel_name, quantize};
use matrices::{Generator, Matrices};
use std::hint::black_box;

const CHUNKS: u64 = 10_000;
const CENTROIDS: usize = 1024;

fn real() -> Matrices {
    match std::env::var_os("MATRICES") {
        Some(file) => Matrices::open(file.as_ref()).unwrap(),
        None => Matrices::made_up(128),
    }
}

/// A query of 24 tokens.
fn query_of(generator: &Generator<'_>) -> Vec<f32> {
    let mut rows = Vec::new();
    for at in 0.. {
        rows.extend(generator.query(at));
        if rows.len() >= 24 * generator.dim() {
            break;
        }
    }
    rows.truncate(24 * generator.dim());
    rows
}

fn trained(generator: &Generator<'_>) -> Codebook {
    let mut vectors = Vec::new();
    for at in CHUNKS..CHUNKS + 500 {
        generator.document(at, &mut vectors);
    }
    let training = Training {
        centroids: CENTROIDS,
        passes: 2,
        seed: 1,
        bits: Bits::Four,
    };
    Codebook::train(&vectors, generator.dim(), &training)
}

fn kernels(criterion: &mut Criterion) {
    let real = real();
    let generator = Generator::new(&real, 1);
    let rows = query_of(&generator);
    let mut vectors = Vec::new();
    for at in 0..200 {
        generator.document(at, &mut vectors);
    }
    let (codes, scales) = quantize(&vectors, real.dim);
    let tokens = Tokens {
        codes: &codes,
        scales: &scales,
    };
    let mut group = criterion.benchmark_group(format!("maxsim {}", kernel_name()));
    group.throughput(Throughput::Elements(scales.len() as u64));
    let query = Query::new(&rows, real.dim);
    let mut scorer = query.scorer();
    group.bench_function("int8 tokens", |b| {
        b.iter(|| scorer.score(black_box(tokens)))
    });
    let codebook = trained(&generator);
    let coded = codebook.encode(&vectors);
    let whole = [0, coded.norms.len() as u32];
    let set = set_of(&whole, &coded);
    let query = LateQuery::new(&rows, &codebook);
    let mut scorer = query.scorer();
    group.bench_function("4-bit tokens", |b| {
        b.iter(|| scorer.score(black_box(&set), 0))
    });
    group.finish();
    let mut group = criterion.benchmark_group("codebook");
    group.sample_size(10);
    group.throughput(Throughput::Elements(scales.len() as u64));
    group.bench_function("coding", |b| {
        b.iter(|| codebook.encode(black_box(&vectors)))
    });
    group.finish();
    let new = || LateQuery::new(black_box(&rows), &codebook);
    criterion.bench_function("query by centroids", |b| b.iter(new));
}

fn set_of<'a>(offsets: &'a [u32], coded: &'a Coded) -> CodedSet<'a> {
    CodedSet {
        offsets,
        centroids: &coded.centroids,
        residuals: &coded.residuals,
        norms: &coded.norms,
        postings: Default::default(),
    }
}

fn searches(criterion: &mut Criterion) {
    let real = real();
    let generator = Generator::new(&real, 1);
    let codebook = trained(&generator);
    let (mut offsets, mut coded) = (vec![0], Coded::default());
    for first in (0..CHUNKS).step_by(500) {
        let mut vectors = Vec::new();
        for at in first..first + 500 {
            let tokens = generator.document(at, &mut vectors) as u32;
            offsets.push(offsets[offsets.len() - 1] + tokens);
        }
        let part = codebook.encode(&vectors);
        coded.centroids.extend(part.centroids);
        coded.residuals.extend(part.residuals);
        coded.norms.extend(part.norms);
    }
    let postings = postings_of(&offsets, &coded.centroids);
    let set = CodedSet {
        postings: postings.as_ref(),
        ..set_of(&offsets, &coded)
    };
    let rows = query_of(&generator);
    let mut group = criterion.benchmark_group("search 10,000 chunks");
    group.sample_size(20);
    for (name, scan_tokens) in [("scan", usize::MAX), ("candidates", 0)] {
        let options = SearchOptions {
            scan_tokens,
            ..SearchOptions::default()
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                let query = LateQuery::new(&rows, &codebook);
                search(&query, &[set], 10, &|_, _| true, &options)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, kernels, searches);
criterion_main!(benches);
