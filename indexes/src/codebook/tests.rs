//! Tests of codebooks: training, coding and the file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::assign::Nearest;
use super::train::Random;
use super::*;
use crate::maxsim::{Query, ResidualQuery, Residuals};

const DIM: usize = 32;

/// Unit vectors around `centres` random ones.
fn vectors(count: usize, centres: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let mut float = || random.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0;
    let middle: Vec<f32> = (0..centres * DIM).map(|_| float()).collect();
    let mut all = Vec::new();
    for at in 0..count {
        let middle = &middle[at % centres * DIM..][..DIM];
        let row: Vec<f32> = middle.iter().map(|x| x + 0.4 * float()).collect();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        all.extend(row.iter().map(|x| x / length));
    }
    all
}

fn training(centroids: usize, passes: usize) -> Training {
    Training {
        centroids,
        passes,
        seed: 5,
        bits: Bits::Four,
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn mean_cosine(codebook: &Codebook, vectors: &[f32]) -> f32 {
    let coded = codebook.encode(vectors);
    let decoded = codebook.decode(&coded.centroids, &coded.residuals, &coded.norms);
    let pairs = vectors.chunks_exact(DIM).zip(decoded.chunks_exact(DIM));
    pairs.map(|(a, b)| dot(a, b)).sum::<f32>() / (vectors.len() / DIM) as f32
}

/// Mean dot product with the nearest centroid.
fn fit(codebook: &Codebook, vectors: &[f32]) -> f32 {
    let nearest = codebook.nearest(vectors);
    nearest.iter().map(|(_, score)| score).sum::<f32>() / nearest.len() as f32
}

#[test]
fn training_finds_the_clusters_and_codes_precisely() {
    let all = vectors(6500, 40, 1);
    let (data, unseen) = all.split_at(6000 * DIM);
    let trained = Codebook::train(data, DIM, &training(64, 8));
    let untrained = Codebook::train(data, DIM, &training(64, 0));
    let (fitted, started) = (fit(&trained, data), fit(&untrained, data));
    assert!(
        fitted > 0.92 && fitted > started + 0.02,
        "{fitted} {started}"
    );
    let cosine = mean_cosine(&trained, unseen);
    assert!(cosine > 0.995, "{cosine}");
}

#[test]
fn the_same_vectors_and_seed_give_the_same_codebook() {
    let data = vectors(3000, 10, 2);
    let codebook = Codebook::train(&data, DIM, &training(16, 3));
    assert_eq!(codebook, Codebook::train(&data, DIM, &training(16, 3)));
    let other = Training {
        seed: 6,
        ..training(16, 3)
    };
    assert_ne!(codebook, Codebook::train(&data, DIM, &other));
}

#[test]
fn coding_does_not_depend_on_the_neighbours() {
    let data = vectors(300, 10, 3);
    let codebook = Codebook::train(&data, DIM, &training(16, 3));
    let together = codebook.encode(&data);
    let mut single = Coded::default();
    for vector in data.chunks_exact(DIM) {
        let coded = codebook.encode(vector);
        single.residuals.extend(coded.residuals);
        single.centroids.extend(coded.centroids);
        single.norms.extend(coded.norms);
    }
    assert_eq!(single, together);
}

#[test]
fn scores_of_codes_are_near_those_of_the_vectors() {
    let data = vectors(2000, 30, 4);
    let codebook = Codebook::train(&data, DIM, &training(32, 4));
    let coded = codebook.encode(&data);
    let queries = vectors(8, 8, 9);
    let query = Query::new(&queries, DIM);
    let against = ResidualQuery::new(
        query,
        codebook.centroids(),
        codebook.values(),
        codebook.norms(),
    );
    let mut scorer = against.scorer();
    for at in (0..2000).step_by(50) {
        let rows = at..at + 50;
        let got = scorer.score(Residuals {
            packed: &coded.residuals[rows.start * DIM / 2..rows.end * DIM / 2],
            centroids: &coded.centroids[rows.clone()],
            norms: &coded.norms[rows.clone()],
        });
        let document = &data[rows.start * DIM..rows.end * DIM];
        let best = |query: &[f32]| {
            document
                .chunks_exact(DIM)
                .map(|row| dot(query, row))
                .fold(f32::MIN, f32::max)
        };
        let exact: f32 = queries.chunks_exact(DIM).map(best).sum();
        assert!((got.unwrap() - exact).abs() < 0.02 * 8.0, "{got:?} {exact}");
    }
}

#[test]
fn few_or_equal_vectors_are_enough() {
    let one = vectors(1, 1, 1);
    for data in [one.clone(), one.repeat(100)] {
        let codebook = Codebook::train(&data, DIM, &training(8, 2));
        assert!(mean_cosine(&codebook, &one) > 0.999);
    }
}

#[test]
fn more_bits_are_more_precise() {
    let all = vectors(6500, 40, 1);
    let (data, unseen) = all.split_at(6000 * DIM);
    for (bits, least) in Bits::ALL.into_iter().zip([0.9, 0.965, 0.995, 0.9995]) {
        let training = Training {
            bits,
            ..training(64, 4)
        };
        let codebook = Codebook::train(data, DIM, &training);
        let coded = codebook.encode(unseen);
        assert_eq!(coded.residuals.len(), 500 * DIM * bits.count() / 8);
        let cosine = mean_cosine(&codebook, unseen);
        assert!(cosine > least, "{bits:?}: {cosine}");
    }
}

#[test]
fn parts_make_the_codebook_they_came_from() {
    let centroids = [0.6, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let parts = |centroids: &[f32], cutoffs: &[f32], values: &[f32]| {
        Codebook::from_parts(4, Bits::Two, centroids, cutoffs, values)
    };
    let codebook = parts(&centroids, &[-0.1, 0.0, 0.1], &[-0.2, -0.05, 0.05, 0.2]).unwrap();
    let coded = codebook.encode(&[0.4, 0.86, 0.05, -0.15]);
    assert_eq!(
        (coded.centroids[0], &coded.residuals[..]),
        (0, &[0b00_10_10_00][..])
    );
    for (refused, why) in [
        (
            parts(&centroids[1..], &[0.0; 3], &[0.0; 4]),
            "7 centroid numbers of 4",
        ),
        (parts(&[], &[0.0; 3], &[0.0; 4]), "0 centroids"),
        (
            parts(&centroids, &[0.0; 2], &[0.0; 4]),
            "2 cutoffs and 4 values for 2 bits",
        ),
        (
            parts(&centroids, &[0.0; 3], &[0.0; 5]),
            "3 cutoffs and 5 values for 2 bits",
        ),
        (
            parts(&centroids, &[0.1, 0.0, 0.2], &[0.0; 4]),
            "cutoffs do not ascend",
        ),
        (
            parts(&centroids, &[0.0, 0.1, f32::NAN], &[0.0; 4]),
            "not a number",
        ),
        (parts(&[f32::NAN; 4], &[0.0; 3], &[0.0; 4]), "not a number"),
        (
            Codebook::from_parts(3, Bits::Two, &[], &[], &[]),
            "3 dimensions of 2 bits",
        ),
        (codebook.clone().with_norms(0.0..=1.0), "positive numbers"),
        (codebook.with_norms(1.0..=0.5), "positive numbers"),
    ] {
        let error = refused.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn bytes_give_the_same_codebook_and_no_other() {
    let data = vectors(200, 5, 3);
    for bits in Bits::ALL {
        let codebook = Codebook::train(
            &data,
            DIM,
            &Training {
                bits,
                ..training(5, 2)
            },
        );
        let bytes = codebook.to_bytes();
        let read = Codebook::from_bytes(&bytes).unwrap();
        assert_eq!((&read, read.id()), (&codebook, codebook.id()));
        assert_eq!(read.to_bytes(), bytes);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(Codebook::from_bytes(&flipped).is_err(), "byte {at}");
            assert!(Codebook::from_bytes(&bytes[..at]).is_err(), "{at} bytes");
        }
        assert!(Codebook::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }
}

/// A checksum proves no good will: counts are checked although it fits.
#[test]
fn signed_nonsense_is_refused() {
    let data = vectors(200, 5, 3);
    let bytes = Codebook::train(&data, DIM, &training(5, 2)).to_bytes();
    for (at, number, why) in [
        (8, 2, "codebook format 2, this build reads 1"),
        (12, 0, "0 dimensions of 4 bits"),
        (12, 33, "33 dimensions of 4 bits"),
        (12, u32::MAX, "4294967295 dimensions"),
        (12, 34, "ends before what its header tells"),
        (12, 30, "bytes too many"),
        (16, 3, "3 bits per dimension"),
        (20, 0, "0 centroids"),
        (20, 65_536, "ends before"),
        (20, u32::MAX, "4294967295 centroids"),
        (24, f32::NAN.to_bits(), "positive numbers"),
        (32, f32::INFINITY.to_bits(), "not a number"),
        (52, f32::MAX.to_bits(), "cutoffs do not ascend"),
    ] {
        let mut changed = bytes[..bytes.len() - 16].to_vec();
        changed[at..at + 4].copy_from_slice(&number.to_le_bytes());
        let checksum = ContentHash::of(&changed);
        changed.extend(checksum.0);
        let error = Codebook::from_bytes(&changed).unwrap_err();
        assert!(error.contains(why), "{at}: {error}");
    }
}

/// Groups hide few of the nearest centroids, and what they give instead is nearly as near.
#[test]
fn groups_lead_to_near_centroids() {
    let rows = vectors(2000, 60, 5);
    let (codes, scales) = quantize(&rows, DIM);
    let centroids = Tokens {
        codes: &codes,
        scales: &scales,
    };
    let some = vectors(3000, 80, 5);
    let found = Nearest::new(centroids, DIM).of(&some);
    let exact = Nearest::exhaustive(centroids, DIM).of(&some);
    let same = found.iter().zip(&exact).filter(|(a, b)| a.0 == b.0).count();
    let lost: f32 = found.iter().zip(&exact).map(|(a, b)| b.1 - a.1).sum();
    assert!(same > 2900 && lost / 3000.0 < 1e-3, "{same} {lost}");
    assert!(found.iter().zip(&exact).all(|(a, b)| a.1 <= b.1));
    for (vector, found) in some.chunks_exact(DIM).zip(&found).step_by(100) {
        assert_eq!(Nearest::new(centroids, DIM).of(vector), [*found]);
    }
}
