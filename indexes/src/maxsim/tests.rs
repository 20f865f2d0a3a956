//! Every kernel gives exactly what plain integer arithmetic gives, and stays near f32.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::kernel::{Kernel, supported};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// A query and a document of arbitrary shapes.
fn matrices() -> impl Strategy<Value = (usize, Vec<f32>, Vec<f32>)> {
    (1..140_usize, 0..40_usize, 0..20_usize).prop_flat_map(|(dim, query, document)| {
        (
            Just(dim),
            vec(-1.0..1.0_f32, dim * query),
            vec(-1.0..1.0_f32, dim * document),
        )
    })
}

fn plain(query: &[f32], document: Tokens<'_>, dim: usize) -> Option<f32> {
    let (codes, scales) = quantize(query, dim);
    let best = |query: &[i8]| {
        let rows = document.codes.chunks_exact(dim).zip(document.scales);
        rows.map(|(row, scale)| {
            let dot: i32 = row
                .iter()
                .zip(query)
                .map(|(&a, &b)| i32::from(a) * i32::from(b))
                .sum();
            dot as f32 * scale
        })
        .fold(f32::NEG_INFINITY, f32::max)
    };
    let total = codes
        .chunks_exact(dim)
        .zip(&scales)
        .map(|(row, scale)| best(row) * scale)
        .sum();
    (!scales.is_empty() && !document.scales.is_empty()).then_some(total)
}

fn score(kernel: &'static Kernel, query: &[f32], document: Tokens<'_>, dim: usize) -> Option<f32> {
    Query::with_kernel(query, dim, kernel)
        .scorer()
        .score(document)
}

proptest! {
    #[test]
    fn kernels_equal_plain_arithmetic((dim, query, document) in matrices()) {
        let (codes, scales) = quantize(&document, dim);
        let document = Tokens { codes: &codes, scales: &scales };
        for kernel in supported() {
            let got = score(kernel, &query, document, dim);
            prop_assert_eq!(got, plain(&query, document, dim), "{}", kernel.name);
        }
    }

    #[test]
    fn dots_equal_plain_arithmetic(query in vec(any::<i8>(), 0..200), rows in 0..9_usize, seed: u64) {
        let codes: Vec<i8> = (0..query.len() * rows)
            .map(|at| (seed.wrapping_mul(at as u64 + 1) >> 40) as i8)
            .collect();
        let expected: Vec<i32> = (0..rows)
            .map(|row| {
                let row = &codes[row * query.len()..][..query.len()];
                row.iter().zip(&query).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
            })
            .collect();
        for kernel in supported() {
            let mut out = vec![0; rows];
            kernel.dots(&query, &codes, &mut out);
            prop_assert_eq!(&out, &expected, "{}", kernel.name);
        }
    }

    #[test]
    fn quantised_score_is_near_f32((dim, query, document) in matrices()) {
        let (codes, scales) = quantize(&document, dim);
        let got = Query::new(&query, dim).scorer().score(Tokens { codes: &codes, scales: &scales });
        let exact: f32 = query
            .chunks_exact(dim)
            .map(|q| document.chunks_exact(dim).map(|d| dot(q, d)).fold(f32::NEG_INFINITY, f32::max))
            .sum();
        if let Some(got) = got {
            let bound = bound(&query, &document, dim);
            prop_assert!((got - exact).abs() <= bound, "{got} {exact} {bound}");
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Half a quantisation step of one side times the other side's L1 norm, for both sides, for the
/// worst pair of rows, for each query row.
fn bound(query: &[f32], document: &[f32], dim: usize) -> f32 {
    let worst = |rows: &[f32]| {
        rows.chunks_exact(dim)
            .fold((0.0_f32, 0.0_f32), |(step, norm), row| {
                let largest = row.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
                (
                    step.max(largest / 127.0),
                    norm.max(row.iter().map(|x| x.abs()).sum()),
                )
            })
    };
    let ((query_step, query_norm), (step, norm)) = (worst(query), worst(document));
    let pair = query_step / 2.0 * norm + step / 2.0 * (query_norm + query_step / 2.0 * dim as f32);
    1e-3 + (query.len() / dim) as f32 * pair * 1.001
}

#[test]
fn extreme_codes_do_not_overflow() {
    for kernel in supported() {
        for (a, b) in [(i8::MIN, i8::MIN), (i8::MIN, i8::MAX), (i8::MAX, i8::MAX)] {
            let mut out = [0];
            kernel.dots(&[a; 1000], &[b; 1000], &mut out);
            assert_eq!(
                out[0],
                1000 * i32::from(a) * i32::from(b),
                "{}",
                kernel.name
            );
        }
    }
}

#[test]
fn rows_that_are_not_numbers_become_zeros() {
    for row in [
        [f32::NAN, 1.0],
        [f32::INFINITY, 1.0],
        [0.0, 0.0],
        [1e-45, 0.0],
    ] {
        assert_eq!(quantize(&row, 2), (vec![0, 0], vec![0.0]), "{row:?}");
    }
}

proptest! {
    #[test]
    fn residual_kernels_equal_decoding_first(
        (eighths, query, tokens) in (1..18_usize, 1..40_usize, 1..20_usize),
        bits in prop::sample::select(vec![1_usize, 2, 4, 8]),
        seed: u64,
    ) {
        let dim = 8 * eighths;
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u32
        };
        let mut floats = |count: usize| -> Vec<f32> {
            (0..count).map(|_| random() as f32 / (1_u32 << 31) as f32 - 0.5).collect()
        };
        let (rows, centroids, values) = (floats(query * dim), floats(5 * dim), floats(1 << bits));
        let norms: [f32; 256] = floats(256).try_into().unwrap();
        let packed: Vec<u8> = (0..tokens * dim * bits / 8).map(|_| random() as u8).collect();
        let of: Vec<u16> = (0..tokens).map(|_| (random() % 5) as u16).collect();
        let lengths: Vec<u8> = (0..tokens).map(|_| random() as u8).collect();
        let (centroid_codes, centroid_scales) = quantize(&centroids, dim);
        let centroids = Tokens { codes: &centroid_codes, scales: &centroid_scales };
        let values = ResidualValues::new(&values);
        let (query_codes, query_scales) = quantize(&rows, dim);
        let product = |a: &[i8], b: &[i8]| -> f32 {
            a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>() as f32
        };
        let level = |code: usize| {
            let bit = code * bits;
            usize::from(packed[bit / 8] >> (bit % 8)) & ((1 << bits) - 1)
        };
        let token = |query: &[i8], at: usize| {
            let codes = at * dim..(at + 1) * dim;
            let residual: Vec<i8> = codes.map(|code| values.bytes[level(code)]).collect();
            let centroid = usize::from(of[at]);
            let base = product(query, &centroid_codes[centroid * dim..][..dim]) * centroid_scales[centroid];
            (product(query, &residual) * values.step + base) * norms[usize::from(lengths[at])]
        };
        let expected: f32 = query_codes
            .chunks_exact(dim)
            .zip(&query_scales)
            .map(|(query, scale)| {
                (0..tokens).map(|at| token(query, at)).fold(f32::NEG_INFINITY, f32::max) * scale
            })
            .sum();
        let residuals = Residuals { packed: &packed, centroids: &of, norms: &lengths };
        for kernel in supported() {
            let query = Query::with_kernel(&rows, dim, kernel);
            let against = ResidualQuery::new(query, centroids, &values, &norms);
            prop_assert_eq!(against.scorer().score(residuals), Some(expected), "{}", kernel.name);
        }
    }
}

#[test]
fn a_centroid_beyond_the_codebook_meets_zeros() {
    let centroids = Tokens {
        codes: &[100, 100],
        scales: &[0.01],
    };
    let values = ResidualValues::new(&[0.0; 16]);
    let query = Query::new(&[1.0, 1.0], 2);
    let against = ResidualQuery::new(query, centroids, &values, &[1.0; 256]);
    let score = |centroid| {
        against.scorer().score(Residuals {
            packed: &[0],
            centroids: &[centroid],
            norms: &[0],
        })
    };
    assert!(score(0).is_some_and(|score| score > 1.9));
    assert_eq!(score(1), Some(0.0));
    assert_eq!(score(u16::MAX), Some(0.0));
}
