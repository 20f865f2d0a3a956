//! Entry points for fuzzing: arbitrary bytes as a file of each format. Each answers whether
//! the bytes were taken for such a file. None may panic, whatever it is given.
//!
//! Checksums would turn away nearly everything that a fuzzer makes up, so bytes are tried as
//! they are and again with checksums that are right.

use std::sync::{Arc, OnceLock};

use crate::ContentHash;
use crate::codebook::{Bits, Codebook};
use crate::late::LateQuery;
use crate::plaid::npy_header;
use crate::segment::fuzzing as segments;

/// Dimensions of made-up vectors.
pub(crate) const DIM: usize = 8;

/// The codebook of made-up segments; it stays the same, so that a corpus stays useful.
pub(crate) fn codebook() -> Arc<Codebook> {
    static CODEBOOK: OnceLock<Arc<Codebook>> = OnceLock::new();
    let axis = |axis: usize, sign: f32| {
        let mut row = [0.1; DIM];
        row[axis] = sign;
        row
    };
    let rows: Vec<f32> = [(0, 1.0), (1, -1.0), (2, 1.0), (5, 1.0), (7, -1.0)]
        .into_iter()
        .flat_map(|(at, sign)| axis(at, sign))
        .collect();
    let values = [-0.6, -0.2, 0.2, 0.6];
    let make = || Codebook::from_parts(DIM, Bits::Two, &rows, &[-0.4, 0.0, 0.4], &values);
    let made =
        CODEBOOK.get_or_init(|| Arc::new(make().unwrap_or_else(|problem| panic!("{problem}"))));
    made.clone()
}

/// A segment: opened, searched, verified.
pub fn segment(bytes: &[u8]) -> bool {
    let repaired = segments::with_checksums(bytes);
    segments::use_all(bytes) | segments::use_all(&repaired)
}

/// A codebook: read, and vectors coded with it.
pub fn codebook_file(bytes: &[u8]) -> bool {
    let mut repaired = bytes.to_vec();
    if let Some(split) = bytes.len().checked_sub(16) {
        let checksum = ContentHash::of(&bytes[..split]);
        repaired[split..].copy_from_slice(&checksum.0);
    }
    use_codebook(bytes) | use_codebook(&repaired)
}

fn use_codebook(bytes: &[u8]) -> bool {
    let Ok(codebook) = Codebook::from_bytes(bytes) else {
        return false;
    };
    let row: Vec<f32> = (0..codebook.dim()).map(|n| (n as f32).sin()).collect();
    let coded = codebook.encode(&row);
    codebook.decode(&coded.centroids, &coded.residuals, &coded.norms);
    LateQuery::new(&row, &codebook).scorer();
    true
}

/// The header of a NumPy file.
pub fn npy(bytes: &[u8]) -> bool {
    let mut input = bytes;
    npy_header::read(&mut input, bytes.len() as u64).is_ok()
}
