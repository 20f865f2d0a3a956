//! A damaged segment is refused or found by `verify`, and never a reason to panic.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::maxsim::Query;
use crate::storage::MemoryStorage;
use crate::testing::{DENSE_DIM, TOKEN_DIM, Vectors};

fn identity() -> Identity {
    Identity {
        profile_id: "test@0".into(),
        token_dim: TOKEN_DIM,
        dense_dim: DENSE_DIM,
    }
}

fn small() -> (SegmentRow, Vec<u8>) {
    let vectors: Vec<Vectors> = (0..3u8)
        .map(|n| Vectors::of(ContentHash::of(&[n])))
        .collect();
    let encodings: Vec<Encoding<'_>> = vectors.iter().map(Vectors::encoding).collect();
    let numbered: Vec<(u32, &Encoding<'_>)> = (7..).zip(&encodings).collect();
    let quantized = Quantized::new(&identity(), &numbered);
    let storage = MemoryStorage::default();
    let row = write(&storage, 1, &identity(), &quantized.parts()).unwrap();
    (row, storage.open("segments/1.seg").unwrap().to_vec())
}

/// What opening and reading all of a segment finds wrong.
fn problems(row: &SegmentRow, bytes: Vec<u8>) -> Vec<String> {
    let segment = match Segment::read(Bytes::from(bytes), row, &identity()) {
        Ok(segment) => segment,
        Err(problem) => return vec![problem],
    };
    let query = Query::new(&Vectors::of(ContentHash::of(b"query")).tokens, TOKEN_DIM);
    for ordinal in 0..row.contents.len() {
        segment.tokens(ordinal).score(&mut query.scorer());
        segment.dense(ordinal);
        segment.hash(ordinal);
    }
    segment.verify()
}

#[test]
fn a_sound_segment_gives_back_what_went_in() {
    let (row, bytes) = small();
    assert_eq!(problems(&row, bytes.clone()), [] as [String; 0]);
    let segment = Segment::read(Bytes::from(bytes), &row, &identity()).unwrap();
    for (ordinal, n) in (0..3u8).enumerate() {
        let vectors = Vectors::of(ContentHash::of(&[n]));
        assert_eq!(segment.hash(ordinal), vectors.content);
        let query = Query::new(&vectors.tokens, TOKEN_DIM);
        let score = segment.tokens(ordinal).score(&mut query.scorer()).unwrap();
        assert!((score - 2.0).abs() < 0.03, "{score}");
    }
}

#[test]
fn every_changed_byte_is_found() {
    let (row, bytes) = small();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= bit;
            assert_ne!(problems(&row, damaged), [] as [String; 0], "byte {at}");
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    let (row, bytes) = small();
    for length in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 64]) {
        let mut damaged = bytes.clone();
        damaged.resize(length, 0);
        assert!(
            Segment::read(Bytes::from(damaged), &row, &identity()).is_err(),
            "length {length}"
        );
    }
}

/// A footer may lie about its counts with a checksum that is right.
#[test]
fn counts_that_overflow_are_refused() {
    let (row, bytes) = small();
    let footer = bytes.len() - format::FOOTER_BYTES;
    let counts = footer + 8 + 4 + 4 + 16 + 4 + 4;
    for lie in [u64::MAX, u64::MAX / 16 + 2, 1 << 62, 4] {
        for field in [counts, counts + 8] {
            let mut damaged = bytes.clone();
            damaged[field..field + 8].copy_from_slice(&lie.to_le_bytes());
            let end = damaged.len() - 16;
            let checksum = ContentHash::of(&damaged[footer..end]);
            damaged[end..].copy_from_slice(&checksum.0);
            let row = SegmentRow {
                checksum,
                ..row.clone()
            };
            assert!(
                Segment::read(Bytes::from(damaged), &row, &identity()).is_err(),
                "{lie}"
            );
        }
    }
}
