//! Speed of the MaxSim kernel on one core: `cargo run --release -p fathom-indexes --example maxsim_speed`.
#![allow(clippy::print_stdout, unsafe_code)]

use fathom_indexes::maxsim::{
    Query, ResidualQuery, ResidualValues, Residuals, Tokens, dots, kernel_name, quantize,
};
use std::hint::black_box;
use std::time::Instant;

const DIM: usize = 128;
const ROWS: usize = 150;

fn main() {
    println!("kernel {}", kernel_name());
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512vnni") {
        // SAFETY: the processor has the instructions.
        unsafe { limit() };
    }
    for (name, documents) in [("in cache", 8), ("in memory", 8_000)] {
        let (codes, scales) = quantize(&vectors(documents * ROWS, DIM, 1), DIM);
        for queries in [8, 16, 24, 32, 64] {
            maxsim(name, &codes, &scales, queries);
        }
        for queries in [16, 32] {
            residual(name, documents, queries);
        }
        plain_read(name, &codes);
    }
    let (codes, _) = quantize(&vectors(100_000, 384, 2), 384);
    dense(&codes);
}

/// Multiply-adds per second when nothing is read: twelve independent `vpdpbusd` chains.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
fn limit() {
    use std::arch::x86_64::*;
    const TURNS: usize = 1 << 16;
    let seconds = best_of(|| {
        let (a, b) = black_box((_mm512_set1_epi8(3), _mm512_set1_epi8(5)));
        let mut sums = [_mm512_setzero_si512(); 12];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
        black_box(sums);
    });
    let products = (TURNS * 12 * 64) as f64;
    println!("limit: {:.1} G multiply-adds/s", products / seconds / 1e9);
}

/// Unit-ish vectors from a linear congruential generator.
fn vectors(rows: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..rows * dim).map(|_| next()).collect()
}

fn maxsim(name: &str, codes: &[i8], scales: &[f32], queries: usize) {
    let query = Query::new(&vectors(queries, DIM, 3), DIM);
    let mut scorer = query.scorer();
    let documents = codes
        .chunks_exact(ROWS * DIM)
        .zip(scales.chunks_exact(ROWS));
    let seconds = best_of(|| {
        for (codes, scales) in documents.clone() {
            black_box(scorer.score(Tokens { codes, scales }));
        }
    });
    let products = codes.len() * queries;
    println!(
        "{name}: {queries:2} query rows {:6.1} G multiply-adds/s {:5.1} GB/s {:5.1} M tokens/s",
        products as f64 / seconds / 1e9,
        codes.len() as f64 / seconds / 1e9,
        scales.len() as f64 / seconds / 1e6,
    );
}

/// 4-bit residuals around 4,096 centroids.
fn residual(name: &str, documents: usize, queries: usize) {
    const CENTROIDS: usize = 4096;
    let rows = documents * ROWS;
    let noise: Vec<u32> = vectors(rows, DIM / 2, 4)
        .into_iter()
        .map(f32::to_bits)
        .collect();
    let packed: Vec<u8> = noise.iter().map(|bits| (bits >> 12) as u8).collect();
    let centroids: Vec<u16> = noise[..rows]
        .iter()
        .map(|bits| (bits >> 8 & 4095) as u16)
        .collect();
    let norms = vec![0; rows];
    let (codes, centroid_scales) = quantize(&vectors(CENTROIDS, DIM, 5), DIM);
    let values = ResidualValues::new(&std::array::from_fn::<_, 16, _>(|at| {
        at as f32 / 100.0 - 0.075
    }));
    let centroid_rows = Tokens {
        codes: &codes,
        scales: &centroid_scales,
    };
    let rows_of_query = vectors(queries, DIM, 3);
    let new = || {
        let query = Query::new(&rows_of_query, DIM);
        ResidualQuery::new(query, centroid_rows, &values, &[1.0; 256])
    };
    let table = best_of(|| drop(black_box(new())));
    let against = new();
    let mut scorer = against.scorer();
    let seconds = best_of(|| {
        for at in 0..documents {
            let tokens = at * ROWS..(at + 1) * ROWS;
            black_box(scorer.score(Residuals {
                packed: &packed[tokens.start * DIM / 2..tokens.end * DIM / 2],
                centroids: &centroids[tokens.clone()],
                norms: &norms[tokens],
            }));
        }
    });
    println!(
        "{name}: {queries:2} query rows, 4-bit residuals {:6.1} G multiply-adds/s {:5.1} M tokens/s, table {:.2} ms",
        (rows * DIM * queries) as f64 / seconds / 1e9,
        rows as f64 / seconds / 1e6,
        table * 1e3,
    );
}

fn plain_read(name: &str, codes: &[i8]) {
    let seconds = best_of(|| {
        let sum = codes.chunks_exact(64).fold([0_u8; 64], |mut sum, chunk| {
            for (sum, &byte) in sum.iter_mut().zip(chunk) {
                *sum ^= byte as u8;
            }
            sum
        });
        black_box(sum);
    });
    println!(
        "{name}: plain read {:5.1} GB/s",
        codes.len() as f64 / seconds / 1e9
    );
}

fn dense(codes: &[i8]) {
    let query = &codes[..384];
    let mut out = vec![0; codes.len() / 384];
    let seconds = best_of(|| dots(query, codes, black_box(&mut out)));
    println!(
        "dense dots, 384 dims: {:5.1} GB/s",
        codes.len() as f64 / seconds / 1e9
    );
}

/// Shortest of repeated runs within about half a second.
fn best_of(mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut best = f64::MAX;
    while begin.elapsed().as_secs_f64() < 0.5 {
        let start = Instant::now();
        (0..4).for_each(|_| run());
        best = best.min(start.elapsed().as_secs_f64() / 4.0);
    }
    best
}
