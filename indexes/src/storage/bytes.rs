//! The content of a write-once file: on the heap or mapped.
#![allow(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use memmap2::Mmap;
use stable_deref_trait::StableDeref;

/// The bytes of a file, cheap to clone and valid as long as any clone lives.
#[derive(Clone)]
pub struct Bytes(Arc<Backing>);

enum Backing {
    Heap(Vec<u8>),
    Map(Mmap),
}

impl Bytes {
    /// Maps `file`, which must be one of the store's own write-once files.
    pub(super) fn map(file: &File) -> io::Result<Bytes> {
        // SAFETY: the store's files are never written again after their creation, are
        // readable and writable by their owner alone, and are replaced by rename or
        // removed by unlink, neither of which changes or shortens a mapped inode.
        // Truncation by another program is outside of what can be guarded against.
        let map = unsafe { Mmap::map(file)? };
        Ok(Bytes(Arc::new(Backing::Map(map))))
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(Arc::new(Backing::Heap(bytes)))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &*self.0 {
            Backing::Heap(bytes) => bytes,
            Backing::Map(map) => map,
        }
    }
}

// SAFETY: the bytes live behind an `Arc` that is never mutated, so their address
// stays the same when a `Bytes` is moved or cloned.
unsafe impl StableDeref for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.len())
    }
}
