//! What is kept between runs: the computed beginning of prompts, measured
//! costs. Files that are missing, old or damaged are as good as none.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::backend;
use crate::lookup::{CostCurve, Token};

/// First bytes of a file with a computed beginning.
const MAGIC: &[u8; 8] = b"fathomkv";

/// Beginnings kept, latest first: one per model and set of rules in use.
const KEPT: usize = 4;

/// A folder with files for one model and one way to run it.
pub(super) struct Saved {
    folder: PathBuf,
    /// Hash of everything that a computed beginning depends on but its tokens.
    print: blake3::Hash,
}

impl Saved {
    pub(super) fn new(folder: &Path, print: &blake3::Hash) -> Saved {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(print.as_bytes())
            .update(backend::system_info().as_bytes());
        hasher.update(backend::version().as_bytes());
        Saved {
            folder: folder.to_owned(),
            print: hasher.finalize(),
        }
    }

    /// Whether the beginning is there already.
    pub(super) fn has_beginning(&self, tokens: &[Token]) -> bool {
        self.beginning_path(tokens).is_file()
    }

    /// The computed beginning with these tokens.
    pub(super) fn beginning(&self, tokens: &[Token]) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.beginning_path(tokens)).ok()?;
        let state = checked(&bytes)?;
        let start = bytes.len() - state.len();
        bytes.drain(..start);
        Some(bytes)
    }

    /// Keeps a computed beginning. Failing to is no failure of the answer.
    pub(super) fn keep_beginning(&self, tokens: &[Token], state: &[u8]) {
        let bytes = [MAGIC, blake3::hash(state).as_bytes().as_slice(), state].concat();
        if write(&self.beginning_path(tokens), &bytes).is_ok() {
            self.prune();
        }
    }

    fn beginning_path(&self, tokens: &[Token]) -> PathBuf {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.print.as_bytes());
        for token in tokens {
            hasher.update(&token.to_le_bytes());
        }
        self.folder
            .join(format!("{}.kv", short(&hasher.finalize())))
    }

    /// Removes all but the latest beginnings.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "kv"))
            .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        files.sort_unstable();
        for (_, path) in files.iter().rev().skip(KEPT) {
            // Another process may have been faster.
            let _gone = fs::remove_file(path);
        }
    }

    /// The measured cost curve.
    pub(super) fn costs(&self) -> Option<CostCurve> {
        let text = fs::read_to_string(self.costs_path()).ok()?;
        let times: Option<Vec<(usize, f64)>> = text
            .lines()
            .map(|line| {
                let (size, time) = line.split_once(' ')?;
                Some((size.parse().ok()?, time.parse().ok()?))
            })
            .collect();
        CostCurve::measured(&times?)
    }

    /// Keeps a measured cost curve. Failing to is no failure of the answer.
    pub(super) fn keep_costs(&self, costs: &CostCurve) {
        let lines = costs
            .points()
            .iter()
            .map(|(size, cost)| format!("{size} {cost}\n"));
        let _kept = write(&self.costs_path(), lines.collect::<String>().as_bytes());
    }

    fn costs_path(&self) -> PathBuf {
        self.folder.join(format!("{}.costs", short(&self.print)))
    }
}

/// The state in a file with a right magic and checksum.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (hash, state) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    (blake3::hash(state).as_bytes() == hash).then_some(state)
}

fn short(hash: &blake3::Hash) -> String {
    hash.to_hex().chars().take(16).collect()
}

/// Writes a file under another name first, so that no reader sees half of it.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension(format!("part{}", std::process::id()));
    let mut file = fs::File::create(&partial)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _gone = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn saved(folder: &Path) -> Saved {
        Saved::new(folder, &blake3::hash(b"model"))
    }

    #[test]
    fn a_damaged_beginning_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let saved = saved(folder.path());
        assert_eq!(saved.beginning(&[1, 2]), None);
        saved.keep_beginning(&[1, 2], b"state");
        assert_eq!(saved.beginning(&[1, 2]).as_deref(), Some(&b"state"[..]));
        assert_eq!(saved.beginning(&[1, 3]), None);
        let path = saved.beginning_path(&[1, 2]);
        let good = fs::read(&path).unwrap();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            assert_eq!(saved.beginning(&[1, 2]), None, "{cut} bytes");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert_eq!(saved.beginning(&[1, 2]), None, "byte {at}");
        }
    }

    #[test]
    fn few_beginnings_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let saved = saved(folder.path());
        for token in 0..10 {
            saved.keep_beginning(&[token], b"state");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), KEPT);
    }

    #[test]
    fn costs_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let curve = CostCurve::measured(&[(1, 1.0), (2, 1.25)]).unwrap();
        saved(folder.path()).keep_costs(&curve);
        assert_eq!(saved(folder.path()).costs(), Some(curve));
    }
}
