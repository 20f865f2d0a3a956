//! A damaged segment is refused or found by `verify`, and never a reason to panic.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::codebook::{Bits, Training};
use crate::late::{self, LateQuery, SearchOptions};
use crate::maxsim::Query;
use crate::storage::MemoryStorage;
use crate::testing::{DENSE_DIM, TOKEN_DIM, Vectors};

/// One kind of segment, and what is read as.
struct Kind {
    identity: Identity,
    codebook: Option<NamedCodebook>,
}

impl Kind {
    /// Without a codebook, and with one of each number of bits.
    fn all() -> Vec<Kind> {
        let codebooks = Bits::ALL.map(|bits| Some(trained(bits)));
        [None].into_iter().chain(codebooks).map(Kind::of).collect()
    }

    fn of(codebook: Option<Arc<Codebook>>) -> Kind {
        Kind {
            identity: Identity {
                profile_id: "test@0".into(),
                token_dim: TOKEN_DIM,
                dense_dim: DENSE_DIM,
            },
            codebook: codebook.map(NamedCodebook::new),
        }
    }

    fn layout(&self) -> Layout<'_> {
        Layout {
            identity: &self.identity,
            codebook: self.codebook.as_ref(),
        }
    }

    fn read(&self, row: &SegmentRow, bytes: &[u8]) -> Result<Segment, Refusal> {
        Segment::read(Bytes::from(bytes.to_vec()), row, self.layout())
    }

    /// A segment of some contents.
    fn written(&self, contents: std::ops::Range<u8>) -> (SegmentRow, Vec<u8>) {
        let vectors: Vec<Vectors> = contents
            .clone()
            .map(|n| Vectors::of(ContentHash::of(&[n])))
            .collect();
        let encodings: Vec<Encoding<'_>> = vectors.iter().map(Vectors::encoding).collect();
        let ids = contents.map(u32::from);
        let all: Vec<(u32, usize)> = ids.zip(0..).collect();
        stored(
            self.layout(),
            &Prepared::new(Collection::Main, self.layout(), &encodings).parts(&all),
        )
    }

    /// What opening and reading all of a segment finds wrong.
    fn problems(&self, row: &SegmentRow, bytes: &[u8]) -> Vec<String> {
        let segment = match self.read(row, bytes) {
            Ok(segment) => segment,
            Err(refusal) => return vec![format!("{refusal:?}")],
        };
        self.search(&segment);
        for ordinal in 0..row.contents.len() {
            segment.tokens(ordinal);
            segment.dense(ordinal);
            segment.hash(ordinal);
        }
        segment.verify()
    }

    /// Scores every content, whatever state the data is in.
    fn search(&self, segment: &Segment) -> Vec<Option<f32>> {
        let query = Vectors::of(ContentHash::of(&[1])).tokens;
        let ordinals = 0..segment.footer.shape.contents as usize;
        if let (Some(set), Some(known)) = (segment.coded(), &self.codebook) {
            let query = LateQuery::new(&query, &known.codebook);
            late::search(&query, &[set], 2, &|_, _| true, &SearchOptions::default());
            return ordinals.map(|at| query.scorer().score(&set, at)).collect();
        }
        let query = Query::new(&query, TOKEN_DIM);
        let score = |at| match segment.tokens(at) {
            TokenView::Int8(tokens) => query.scorer().score(tokens),
            TokenView::Coded(_) => None,
        };
        ordinals.map(score).collect()
    }
}

fn trained(bits: Bits) -> Arc<Codebook> {
    let contents = (0..200u8).map(|n| ContentHash::of(&[n]));
    let rows: Vec<f32> = contents.flat_map(|c| Vectors::of(c).tokens).collect();
    let training = Training {
        centroids: 5,
        passes: 2,
        seed: 1,
        bits,
    };
    Arc::new(Codebook::train(&rows, TOKEN_DIM, &training))
}

fn stored(layout: Layout<'_>, parts: &[Part<'_>]) -> (SegmentRow, Vec<u8>) {
    let storage = MemoryStorage::default();
    let row = write(&storage, 1, layout, parts).unwrap();
    (row, storage.open("segments/1.seg").unwrap().to_vec())
}

/// The row and bytes with the footer's checksum made right.
fn signed(row: &SegmentRow, mut bytes: Vec<u8>) -> (SegmentRow, Vec<u8>) {
    let footer = bytes.len() - format::FOOTER_BYTES;
    let end = bytes.len() - 16;
    let checksum = ContentHash::of(&bytes[footer..end]);
    bytes[end..].copy_from_slice(&checksum.0);
    let row = SegmentRow {
        checksum,
        ..row.clone()
    };
    (row, bytes)
}

/// Changes a byte of a section, with all checksums made right.
fn lie_in(kind: &Kind, section: Section, at: usize, value: u8) -> Option<(SegmentRow, Vec<u8>)> {
    let (row, mut bytes) = kind.written(0..4);
    let range = Footer::read(&bytes).unwrap().range(section);
    *bytes[range.clone()].get_mut(at)? ^= value;
    let checksum = ContentHash::of(&bytes[range]);
    let footer = bytes.len() - format::FOOTER_BYTES;
    let place = footer + format::COUNTS_BYTES + section as usize * 24 + 8;
    bytes[place..place + 16].copy_from_slice(&checksum.0);
    Some(signed(&row, bytes))
}

#[test]
fn a_sound_segment_gives_back_what_went_in() {
    for kind in Kind::all() {
        let (row, bytes) = kind.written(0..3);
        assert_eq!(kind.problems(&row, &bytes), [] as [String; 0]);
        let segment = kind.read(&row, &bytes).unwrap();
        for (ordinal, n) in (0..3u8).enumerate() {
            let vectors = Vectors::of(ContentHash::of(&[n]));
            assert_eq!(segment.hash(ordinal), vectors.content);
            assert_eq!(segment.tokens(ordinal).rows(), 2);
        }
        let coarse = segment.bits().is_some_and(|bits| bits < 4);
        let score = kind.search(&segment)[1].unwrap();
        assert!(
            (score - 2.0).abs() < if coarse { 0.3 } else { 0.05 },
            "{score}"
        );
    }
}

#[test]
fn every_changed_byte_is_found() {
    for kind in Kind::all() {
        let (row, bytes) = kind.written(0..3);
        for at in 0..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut damaged = bytes.clone();
                damaged[at] ^= bit;
                let problems = kind.problems(&row, &damaged);
                assert_ne!(problems, [] as [String; 0], "byte {at}");
            }
        }
    }
}

#[test]
fn every_other_length_is_refused() {
    for kind in Kind::all() {
        let (row, bytes) = kind.written(0..3);
        for length in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 64]) {
            let mut damaged = bytes.clone();
            damaged.resize(length, 0);
            assert!(kind.read(&row, &damaged).is_err(), "length {length}");
        }
    }
}

/// A footer may lie about its counts with a checksum that is right.
#[test]
fn counts_that_overflow_are_refused() {
    for kind in Kind::all() {
        let (row, bytes) = kind.written(0..3);
        let footer = bytes.len() - format::FOOTER_BYTES;
        let counts = footer + 16 + 16 + 6 * 4;
        for lie in [u64::MAX, u64::MAX / 16 + 2, 1 << 62, 1 << 31, 40] {
            for field in 0..4 {
                let mut damaged = bytes.clone();
                let at = counts + field * 8;
                damaged[at..at + 8].copy_from_slice(&lie.to_le_bytes());
                let (row, damaged) = signed(&row, damaged);
                assert!(kind.read(&row, &damaged).is_err(), "{lie} at {field}");
            }
        }
    }
}

/// Every other number of the footer may lie, too.
#[test]
fn codecs_and_dimensions_that_do_not_fit_are_refused() {
    for kind in Kind::all() {
        let (row, bytes) = kind.written(0..3);
        let footer = bytes.len() - format::FOOTER_BYTES;
        for at in footer..footer + 16 + 16 + 6 * 4 {
            // An int8 segment has no use for a codebook.
            if kind.codebook.is_none() && (footer + 16..footer + 32).contains(&at) {
                continue;
            }
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let (row, damaged) = signed(&row, damaged);
                assert!(kind.read(&row, &damaged).is_err(), "byte {}", at - footer);
            }
        }
    }
}

/// Data may lie with checksums that are right: no search panics, and what matters is found.
#[test]
fn data_that_lies_is_found_and_never_panics() {
    for kind in Kind::all() {
        for section in Section::ALL {
            for at in 0..64 {
                for value in [0x01, 0x80, 0xff] {
                    let Some((row, bytes)) = lie_in(&kind, section, at, value) else {
                        continue;
                    };
                    let problems = kind.problems(&row, &bytes);
                    let matters = matches!(
                        section,
                        Section::TokenCounts
                            | Section::Centroids
                            | Section::PostingCentroids
                            | Section::PostingEnds
                            | Section::Postings
                    );
                    assert!(!matters || !problems.is_empty(), "{section:?} {at}");
                }
            }
        }
    }
}

#[test]
fn an_older_or_newer_version_says_so() {
    let kind = Kind::of(Some(trained(Bits::Four)));
    let (row, bytes) = kind.written(0..3);
    let at = bytes.len() - 32;
    let mut newer = bytes.clone();
    newer[at] = 3;
    assert_eq!(kind.read(&row, &newer).err(), Some(Refusal::Version(3)));
    let mut older = vec![0; 64];
    older.extend_from_slice(b"fathomSG\x01\0\0\0");
    older.resize(64 + 216, 7);
    assert_eq!(kind.read(&row, &older).err(), Some(Refusal::Version(1)));
}

#[test]
fn another_codebook_is_named() {
    let kind = Kind::of(Some(trained(Bits::Four)));
    let (row, bytes) = kind.written(0..3);
    let id = kind.codebook.as_ref().unwrap().id;
    for other in [None, Some(trained(Bits::Two))] {
        let refusal = Kind::of(other).read(&row, &bytes).err();
        assert_eq!(refusal, Some(Refusal::Codebook(id)));
    }
}

#[test]
fn a_segment_merged_of_pieces_is_the_segment_written_at_once() {
    for kind in Kind::all() {
        let (whole_row, whole) = kind.written(0..9);
        let pieces: Vec<(SegmentRow, Segment)> = [0..2, 2..3, 3..9]
            .map(|contents| {
                let (row, bytes) = kind.written(contents);
                let segment = kind.read(&row, &bytes).unwrap();
                (row, segment)
            })
            .into();
        let parts: Vec<Part<'_>> = pieces
            .iter()
            .flat_map(|(row, segment)| {
                let contents = row.contents.iter().enumerate();
                contents.map(|(ordinal, &content)| segment.part(content, ordinal))
            })
            .collect();
        assert_eq!(stored(kind.layout(), &parts), (whole_row, whole));
    }
}

#[test]
fn int8_tokens_are_coded_while_they_are_copied() {
    let plain = Kind::of(None);
    let coded = Kind::of(Some(trained(Bits::Four)));
    let (row, bytes) = plain.written(0..3);
    let segment = coded.read(&row, &bytes).unwrap();
    let parts: Vec<Part<'_>> = (0..3).map(|at| segment.part(at as u32, at)).collect();
    let recoded = Recoded::new(&parts, &trained(Bits::Four));
    let (row, bytes) = stored(coded.layout(), &recoded.parts(&parts));
    assert_eq!(coded.problems(&row, &bytes), [] as [String; 0]);
    let score = coded.search(&coded.read(&row, &bytes).unwrap())[1].unwrap();
    assert!((score - 2.0).abs() < 0.05, "{score}");
}
