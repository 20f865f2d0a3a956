//! Arbitrary bytes as a segment.

use super::format::{self, Footer};
use super::{Layout, NamedCodebook, Section, Segment, TokenView};
use crate::catalog::{Identity, SegmentRow};
use crate::fuzzing::{DIM, codebook};
use crate::late::{self, LateQuery, SearchOptions};
use crate::maxsim::Query;
use crate::records::ContentHash;
use crate::storage::Bytes;

/// The store that made-up segments belong to.
pub(crate) fn identity() -> Identity {
    Identity {
        profile_id: "fuzz@0".into(),
        token_dim: DIM,
        dense_dim: DIM,
    }
}

/// Opens, searches and verifies `bytes`; whether they could be opened.
pub(crate) fn use_all(bytes: &[u8]) -> bool {
    let Ok(footer) = Footer::read(bytes) else {
        return false;
    };
    // The footer was compared with the file's length, so this is no claim that is too large.
    let contents = footer.shape.contents as u32;
    let row = SegmentRow {
        id: 1,
        bytes: bytes.len() as u64,
        checksum: footer.checksum,
        contents: (0..contents).collect(),
    };
    let (identity, known) = (identity(), NamedCodebook::new(codebook()));
    let layout = Layout {
        identity: &identity,
        codebook: Some(&known),
    };
    let Ok(segment) = Segment::read(Bytes::from(bytes.to_vec()), &row, layout) else {
        return false;
    };
    search(&segment, &known);
    for ordinal in 0..contents as usize {
        segment.part(0, ordinal);
    }
    segment.verify();
    true
}

fn search(segment: &Segment, known: &NamedCodebook) {
    let rows: Vec<f32> = (0..2 * DIM).map(|n| (n as f32).sin()).collect();
    if let Some(set) = segment.coded() {
        let query = LateQuery::new(&rows, &known.codebook);
        late::search(
            &query,
            &[set],
            2,
            &|_, at| at != 1,
            &SearchOptions::default(),
        );
    }
    let query = Query::new(&rows, DIM);
    for ordinal in 0..segment.footer.shape.contents as usize {
        if let TokenView::Int8(tokens) = segment.tokens(ordinal) {
            query.scorer().score(tokens);
        }
    }
}

/// The bytes with checksums as they would be if all else were right.
pub(crate) fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let Some(footer) = bytes.len().checked_sub(format::FOOTER_BYTES) else {
        return bytes;
    };
    let entry = |section: Section| footer + format::COUNTS_BYTES + section as usize * 24;
    let mut start = 0usize;
    for section in Section::ALL {
        let at = entry(section);
        let mut length = [0; 8];
        length.copy_from_slice(&bytes[at..at + 8]);
        let end = start.checked_add(u64::from_le_bytes(length) as usize);
        let Some(data) = end.and_then(|end| bytes[..footer].get(start..end)) else {
            break;
        };
        let checksum = ContentHash::of(data);
        start = (start + data.len()).next_multiple_of(64);
        bytes[at + 8..at + 24].copy_from_slice(&checksum.0);
    }
    let end = bytes.len() - 16;
    let checksum = ContentHash::of(&bytes[footer..end]);
    bytes[end..].copy_from_slice(&checksum.0);
    bytes
}
