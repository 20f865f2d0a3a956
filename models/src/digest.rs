//! Hashes of files, as the hub names them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;
/// Blocks that may wait to be hashed.
const WAITING: usize = 4;

/// The hash of a file: SHA-256 for large files, git's blob hash for small ones
/// that a repository holds itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SHA-256 of the bytes.
    Sha256([u8; 32]),
    /// SHA-1 of `blob <length>\0` and the bytes.
    GitBlob([u8; 20]),
}

/// A text is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no hash of 64 or 40 hexadecimal digits")]
pub struct NoDigest(String);

impl FromStr for Digest {
    type Err = NoDigest;

    /// 64 hexadecimal digits or 40; an etag's quotes are passed over.
    fn from_str(text: &str) -> Result<Digest, NoDigest> {
        let digits = text.trim_start_matches("W/").trim_matches('"');
        let sha256 = bytes(digits).map(Digest::Sha256);
        sha256
            .or_else(|| bytes(digits).map(Digest::GitBlob))
            .ok_or_else(|| NoDigest(text.chars().take(80).collect()))
    }
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: &[u8] = match self {
            Digest::Sha256(bytes) => bytes,
            Digest::GitBlob(bytes) => bytes,
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A hash that grows with its input.
pub(crate) enum Hasher {
    Sha256(Sha256),
    GitBlob(Sha1),
}

impl Hasher {
    /// For the kind of `like`, of a file of `size` bytes.
    pub(crate) fn like(like: &Digest, size: u64) -> Hasher {
        match like {
            Digest::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Digest::GitBlob(_) => {
                let header = format!("blob {size}\0");
                Hasher::GitBlob(Sha1::new_with_prefix(header))
            }
        }
    }

    pub(crate) fn sha256() -> Hasher {
        Hasher::Sha256(Sha256::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::GitBlob(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Hasher::Sha256(hasher) => Digest::Sha256(hasher.finalize().into()),
            Hasher::GitBlob(hasher) => Digest::GitBlob(hasher.finalize().into()),
        }
    }
}

/// Hashes in a thread of its own, so that it costs a download no time.
pub(crate) struct HashThread {
    blocks: SyncSender<Vec<u8>>,
    thread: JoinHandle<Digest>,
}

impl HashThread {
    pub(crate) fn start(mut hasher: Hasher) -> HashThread {
        let (blocks, incoming) = sync_channel::<Vec<u8>>(WAITING);
        let thread = std::thread::spawn(move || {
            while let Ok(block) = incoming.recv() {
                hasher.update(&block);
            }
            hasher.finish()
        });
        HashThread { blocks, thread }
    }

    pub(crate) fn update(&self, block: Vec<u8>) {
        // The thread ends only when this side is dropped.
        let _taken = self.blocks.send(block);
    }

    /// `None` if the thread panicked.
    pub(crate) fn finish(self) -> Option<Digest> {
        drop(self.blocks);
        self.thread.join().ok()
    }
}

/// Reads a file to its end in blocks; `Ok(false)` if it was cancelled.
pub(crate) fn blocks(
    file: &mut impl Read,
    cancel: &AtomicBool,
    mut on: impl FnMut(Vec<u8>) -> io::Result<()>,
) -> io::Result<bool> {
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let mut block = Vec::with_capacity(BLOCK);
        file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(true);
        }
        on(block)?;
    }
}

/// Hash of a file of the kind of `like`; `None` if it was cancelled.
/// `on` hears how many bytes have been read.
///
/// # Errors
/// If the file cannot be read.
pub fn of_file(
    path: &Path,
    like: &Digest,
    cancel: &AtomicBool,
    on: &mut dyn FnMut(u64),
) -> io::Result<Option<Digest>> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::like(like, file.metadata()?.len());
    let mut done = 0;
    let complete = blocks(&mut file, cancel, |block| {
        hasher.update(&block);
        done += block.len() as u64;
        on(done);
        Ok(())
    })?;
    Ok(complete.then(|| hasher.finish()))
}

/// A SHA-256 that stands for the kind alone.
pub const SHA256: Digest = Digest::Sha256([0; 32]);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hashes_are_those_of_the_usual_tools() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "hello\n").unwrap();
        // `sha256sum` and `git hash-object` of the same bytes.
        for expected in [
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "ce013625030ba8dba906f756967f9e9ca394464a",
        ] {
            let expected: Digest = expected.parse().unwrap();
            let cancel = AtomicBool::new(false);
            let found = of_file(&path, &expected, &cancel, &mut |_| {}).unwrap();
            assert_eq!(found, Some(expected));
        }
    }

    #[test]
    fn only_hashes_are_hashes() {
        let forty = "ce013625030ba8dba906f756967f9e9ca394464a";
        for good in [forty, &format!("\"{forty}\""), &format!("W/\"{forty}\"")] {
            assert_eq!(good.parse::<Digest>().unwrap().to_string(), forty);
        }
        for wrong in [
            "",
            "../../etc/passwd",
            &forty[1..],
            &forty.replace('c', "g"),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
