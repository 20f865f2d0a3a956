//! Indexes that next-plaid wrote, and indexes that were written and read here.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;

use super::npy::{self, NpyReader};
use super::*;
use crate::codebook::{Bits, Codebook, Training};

/// What next-plaid answered to one query.
#[derive(Deserialize)]
struct Answer {
    documents: Vec<usize>,
    scores: Vec<f32>,
}

fn fixture(bits: usize) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/next-plaid");
    fixtures.join(bits.to_string())
}

fn floats(path: &Path) -> Vec<f32> {
    let mut array = NpyReader::open(path).unwrap();
    array.floats(array.rows()).unwrap()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn decoded(documents: &CodedDocuments) -> Vec<f32> {
    let CodedDocuments {
        centroids,
        residuals,
        norms,
        ..
    } = documents;
    documents.codebook.decode(centroids, residuals, norms)
}

#[test]
fn an_index_of_next_plaid_holds_the_vectors_it_was_made_of() {
    for (bits, least) in [(2, 0.95), (4, 0.98)] {
        let index = PlaidIndex::open(&fixture(bits)).unwrap();
        let documents = index.documents().unwrap();
        assert_eq!((documents.len(), documents.centroids.len()), (40, 434));
        index.check_postings(&documents).unwrap();
        let vectors = decoded(&documents);
        let originals = floats(&fixture(bits).join("originals.npy"));
        let pairs = vectors.chunks(32).zip(originals.chunks(32));
        let mean = pairs.map(|(a, b)| dot(a, b)).sum::<f32>() / 434.0;
        assert!(mean > least, "{bits} bits: {mean}");
    }
}

/// MaxSim of every document, by its definition.
fn ranking(documents: &CodedDocuments, vectors: &[f32], query: &[f32]) -> Vec<(f32, usize)> {
    let mut scores: Vec<(f32, usize)> = Vec::new();
    for (document, bounds) in documents.offsets.windows(2).enumerate() {
        let rows = &vectors[bounds[0] as usize * 32..bounds[1] as usize * 32];
        let best = |token: &[f32]| {
            rows.chunks(32)
                .map(|row| dot(row, token))
                .fold(-1.0, f32::max)
        };
        scores.push((query.chunks(32).map(best).sum(), document));
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    scores
}

#[test]
fn next_plaid_and_fathom_rank_its_index_alike() {
    for bits in [2, 4] {
        let documents = PlaidIndex::open(&fixture(bits))
            .unwrap()
            .documents()
            .unwrap();
        let vectors = decoded(&documents);
        let queries = floats(&fixture(bits).join("queries.npy"));
        let answers = fs::read(fixture(bits).join("expected.json")).unwrap();
        let answers: Vec<Answer> = serde_json::from_slice(&answers).unwrap();
        assert_eq!(answers.len(), 12);
        for (query, answer) in queries.chunks(8 * 32).zip(&answers) {
            let ranking = ranking(&documents, &vectors, query);
            assert_same_ranking(&ranking, answer);
        }
    }
}

/// The same documents and scores; documents may change places within the precision of scores.
fn assert_same_ranking(ranking: &[(f32, usize)], answer: &Answer) {
    const PRECISION: f32 = 0.02;
    for (place, (&document, &score)) in answer.documents.iter().zip(&answer.scores).enumerate() {
        let ours = ranking
            .iter()
            .find(|(_, ours)| *ours == document)
            .unwrap()
            .0;
        assert!(
            (ours - score).abs() < PRECISION,
            "{document}: {ours} {score}"
        );
        assert!(
            (ranking[place].0 - score).abs() < PRECISION,
            "place {place}"
        );
    }
}

/// Documents with few tokens, one of them with none.
const LENGTHS: [usize; 6] = [3, 1, 0, 40, 7, 12];

fn codebook(bits: Bits) -> (Codebook, Vec<f32>) {
    let vectors = floats(&fixture(4).join("originals.npy"));
    let training = Training {
        centroids: 16,
        passes: 4,
        seed: 3,
        bits,
    };
    (Codebook::train(&vectors, 32, &training), vectors)
}

fn exported(dir: &Path, codebook: &Codebook, vectors: &[f32]) -> Exported {
    let mut exporter = Exporter::create(dir, codebook).unwrap();
    let mut start = 0;
    for length in LENGTHS {
        let coded = codebook.encode(&vectors[start * 32..][..length * 32]);
        exporter
            .add(&coded.centroids, &coded.residuals, &coded.norms)
            .unwrap();
        start += length;
    }
    exporter.finish().unwrap()
}

#[test]
fn what_was_exported_is_imported_byte_for_byte() {
    for bits in Bits::ALL {
        let dir = TempDir::new().unwrap();
        let target = dir.path().join("index");
        let (codebook, vectors) = codebook(bits);
        let tokens: usize = LENGTHS.iter().sum();
        let expected = Exported {
            documents: 6,
            tokens,
        };
        assert_eq!(exported(&target, &codebook, &vectors), expected);
        let index = PlaidIndex::open(&target)
            .unwrap()
            .with_codebook(codebook.clone())
            .unwrap();
        let documents = index.documents().unwrap();
        index.check_postings(&documents).unwrap();
        let coded = codebook.encode(&vectors[..tokens * 32]);
        assert_eq!(documents.centroids, coded.centroids);
        assert_eq!(documents.residuals, coded.residuals);
        assert_eq!(documents.norms, coded.norms);
        assert_eq!(documents.offsets, [0, 3, 4, 4, 44, 51, 63]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "leftovers");
    }
}

#[test]
fn without_the_original_codebook_vectors_are_nearly_the_same() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("index");
    let (codebook, vectors) = codebook(Bits::Four);
    exported(&target, &codebook, &vectors);
    let documents = PlaidIndex::open(&target).unwrap().documents().unwrap();
    let coded = codebook.encode(&vectors[..63 * 32]);
    let stored = codebook.decode(&coded.centroids, &coded.residuals, &coded.norms);
    for (ours, stored) in decoded(&documents).chunks(32).zip(stored.chunks(32)) {
        let cosine = dot(ours, stored);
        assert!((cosine - 1.0).abs() < 0.01, "{cosine}");
    }
}

#[test]
fn a_target_that_holds_something_is_left_alone() {
    let dir = TempDir::new().unwrap();
    let (codebook, _) = codebook(Bits::Four);
    fs::write(dir.path().join("mine"), "text").unwrap();
    let message = Exporter::create(dir.path(), &codebook)
        .unwrap_err()
        .to_string();
    assert!(message.contains("is not empty; give a folder"), "{message}");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    drop(Exporter::create(&empty, &codebook).unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "leftovers");
    let exporter = Exporter::create(&empty, &codebook).unwrap();
    assert_eq!(exporter.finish().unwrap().documents, 0);
    assert_eq!(
        PlaidIndex::open(&empty).unwrap().documents().unwrap().len(),
        0
    );
}

/// A copy of the fixture of 4 bits, changed.
fn damaged(change: impl Fn(&Path)) -> Result<(), PlaidError> {
    let dir = TempDir::new().unwrap();
    for entry in fs::read_dir(fixture(4)).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, dir.path().join(from.file_name().unwrap())).unwrap();
    }
    change(dir.path());
    let index = PlaidIndex::open(dir.path())?;
    index.check_postings(&index.documents()?)
}

fn replace(file: &'static str, from: &'static str, to: &'static str) -> impl Fn(&Path) {
    move |dir| {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        assert!(text.contains(from), "{file}: {text}");
        fs::write(dir.join(file), text.replacen(from, to, 1)).unwrap();
    }
}

fn shorten(file: &'static str, by: u64) -> impl Fn(&Path) {
    move |dir| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(dir.join(file))
            .unwrap();
        file.set_len(file.metadata().unwrap().len() - by).unwrap();
    }
}

#[test]
fn every_file_is_compared_with_the_others() {
    type Change = Box<dyn Fn(&Path)>;
    let cases: Vec<(Change, &str)> = vec![
        (Box::new(|_| ()), ""),
        (
            Box::new(replace("metadata.json", "\"nbits\": 4", "\"nbits\": 3")),
            "3 bits",
        ),
        (
            Box::new(replace("metadata.json", "\"nbits\": 4", "\"nbits\": 2")),
            "shape: [15]",
        ),
        (
            Box::new(replace(
                "metadata.json",
                "\"binary\": false",
                "\"binary\": true",
            )),
            "signs",
        ),
        (
            Box::new(replace(
                "metadata.json",
                "\"num_documents\": 40",
                "\"num_documents\": 41",
            )),
            "41 documents, 40",
        ),
        (
            Box::new(replace(
                "metadata.json",
                "\"num_chunks\": 2",
                "\"num_chunks\": 3",
            )),
            "2.metadata.json",
        ),
        (
            Box::new(replace(
                "metadata.json",
                "\"num_partitions\": 32",
                "\"num_partitions\": 33",
            )),
            "32 centroids, 33",
        ),
        (
            Box::new(replace(
                "1.metadata.json",
                "\"num_documents\": 15",
                "\"num_documents\": 16",
            )),
            "15 documents",
        ),
        (
            Box::new(replace("doclens.0.json", "[", "[-")),
            "doclens.0.json",
        ),
        (
            Box::new(replace("doclens.0.json", "[", "[4294967295,")),
            "26 documents",
        ),
        (
            Box::new(shorten("0.codes.npy", 8)),
            "2320 bytes instead of 2328",
        ),
        (Box::new(shorten("1.residuals.npy", 1)), "bytes instead of"),
        (Box::new(shorten("ivf.npy", 1)), "bytes instead of"),
        (
            Box::new(|dir| {
                fs::copy(dir.join("0.codes.npy"), dir.join("1.codes.npy"))
                    .map(drop)
                    .unwrap()
            }),
            "shape: [275]",
        ),
        (
            Box::new(|dir| npy::write_again(&dir.join("1.codes.npy"), 159, 32_i64)),
            "no centroid 32",
        ),
        (
            Box::new(|dir| npy::write_again(&dir.join("1.codes.npy"), 159, -1_i64)),
            "no centroid -1",
        ),
        (
            Box::new(|dir| npy::write_again(&dir.join("ivf_lengths.npy"), 32, 1_i32)),
            "documents of centroid 0",
        ),
        (
            Box::new(|dir| fs::remove_file(dir.join("bucket_weights.npy")).unwrap()),
            "bucket_weights.npy",
        ),
    ];
    for (change, expected) in cases {
        match damaged(change) {
            Ok(()) => assert_eq!(expected, "", "found sound"),
            Err(error) => {
                let message = error.to_string();
                assert!(
                    !expected.is_empty() && message.contains(expected),
                    "{message}"
                );
            }
        }
    }
}
