//! Is a model's file what it was when it came?

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::StoreError;
use crate::digest::{self, Digest};
use crate::gguf::Header;

/// What a look at every byte of a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Size in bytes.
    pub bytes: u64,
    /// Its hash, of the kind that was expected.
    pub digest: Option<Digest>,
    /// What is wrong with it; `None` if nothing is.
    pub problem: Option<String>,
}

/// Reads a file to its end. `expected` is its hash if one is known.
/// `on` hears how many bytes are read.
///
/// # Errors
/// Only if it was cancelled: a file that cannot be read is a finding.
pub fn verify(
    path: &Path,
    expected: Option<&Digest>,
    cancel: &AtomicBool,
    on: &mut dyn FnMut(u64),
) -> Result<Verdict, StoreError> {
    let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
    let kind = expected.unwrap_or(&digest::SHA256);
    let (found, unreadable) = match digest::of_file(path, kind, cancel, on) {
        Ok(Some(found)) => (Some(found), None),
        Ok(None) => return Err(StoreError::Cancelled),
        Err(error) => (None, Some(format!("it cannot be read: {error}"))),
    };
    let is_gguf = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    let header = || {
        let read = is_gguf.then(|| Header::read(path).err()).flatten();
        read.map(|error| error.to_string())
    };
    let other = || match (expected, found) {
        (Some(expected), Some(found)) if *expected != found => {
            Some(format!("its hash is {found}, but was {expected}"))
        }
        _ => None,
    };
    Ok(Verdict {
        bytes,
        digest: found,
        problem: unreadable.or_else(header).or_else(other),
    })
}
