//! The codebook that a model profile's token vectors are stored with.
//!
//! A profile that brings one is stored with it from the first file on. One that does
//! not is stored in int8 until a store holds enough tokens of enough files; then a
//! codebook is trained once, from an even sample of them, and kept with the model for
//! all stores: a codebook of a handful of files would serve no other.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fathom_encoders::Profile;
use fathom_indexes::Store;
use fathom_indexes::codebook::{Bits, Codebook, Training};
use fathom_indexes::storage::{OsStorage, Storage};

use super::WorkspaceError;

/// What a store must hold for a codebook to be trained from it.
#[derive(Clone, Copy, Debug)]
pub struct Enough {
    /// Stored token vectors.
    pub tokens: u64,
    /// Files that they are from.
    pub files: usize,
}

/// Half a million tokens, more than a hundred for each centroid, of several hundred files.
pub const ENOUGH: Enough = Enough {
    tokens: 500_000,
    files: 300,
};

/// Tokens that are trained on, at most: 256 MB of 128 dimensions.
const SAMPLE: usize = 500_000;

/// How a codebook is trained; fewer tokens get fewer centroids.
const TRAINING: Training = Training {
    centroids: 4096,
    passes: 4,
    seed: 1,
    bits: Bits::Four,
};

/// Fewest tokens for each centroid.
const TOKENS_PER_CENTROID: usize = 64;

const FILE: &str = "codebook.bin";

/// The codebook of a profile: its own, or the one that was trained here; `None` if there
/// is none yet.
pub fn of_profile(profile: &Profile, data: &Path) -> Result<Option<Arc<Codebook>>, WorkspaceError> {
    let bytes = profile.codebook_bytes()?;
    let Some(bytes) = bytes else {
        return kept(profile.id(), data);
    };
    parse(&bytes, Path::new(profile.name())).map(Some)
}

/// The codebook that was trained here for a profile, if one was.
pub fn kept(profile: &str, data: &Path) -> Result<Option<Arc<Codebook>>, WorkspaceError> {
    let path = folder(profile, data).join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => parse(&bytes, &path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&path, error)),
    }
}

/// Trains a codebook from what `store` holds in int8; `None` if that is not enough.
pub fn train(store: &Store, enough: Enough) -> Result<Option<Codebook>, WorkspaceError> {
    let snapshot = store.snapshot()?;
    let usage = snapshot.token_usage();
    let int8 = usage.iter().filter(|usage| usage.bits.is_none());
    let tokens: u64 = int8.map(|usage| usage.tokens).sum();
    if tokens < enough.tokens || snapshot.encoded_files() < enough.files {
        return Ok(None);
    }
    let dim = snapshot.token_dim();
    let vectors = snapshot.sample_tokens(SAMPLE);
    let most = vectors.len() / dim / TOKENS_PER_CENTROID;
    if most == 0 || !dim.is_multiple_of(8 / TRAINING.bits.count()) {
        return Ok(None);
    }
    let training = Training {
        centroids: TRAINING.centroids.min(most),
        ..TRAINING
    };
    Ok(Some(Codebook::train(&vectors, dim, &training)))
}

/// Keeps a codebook for a profile, durably and once: if another process was first, its
/// codebook is the answer.
pub fn keep(
    profile: &str,
    data: &Path,
    codebook: &Codebook,
) -> Result<Arc<Codebook>, WorkspaceError> {
    let folder = folder(profile, data);
    let path = folder.join(FILE);
    let temporary = format!("{FILE}.{}", std::process::id());
    let write = || {
        let storage = OsStorage::create(&folder)?;
        storage.replace(&temporary, &codebook.to_bytes())?;
        let linked = std::fs::hard_link(folder.join(&temporary), &path);
        storage.remove(&temporary)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => storage.sync_dir(""),
        }
    };
    write().map_err(|error| failed(&path, error))?;
    kept(profile, data)?.ok_or_else(|| failed(&path, io::ErrorKind::NotFound.into()))
}

/// A profile's own folder; what a file name cannot hold is left out of it, the id's hash
/// tells profiles apart.
fn folder(profile: &str, data: &Path) -> PathBuf {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@-_".contains(c);
    let name: String = profile.chars().filter(|&c| plain(c)).collect();
    data.join("models").join(name)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Arc<Codebook>, WorkspaceError> {
    match Codebook::from_bytes(bytes) {
        Ok(codebook) => Ok(Arc::new(codebook)),
        Err(problem) => Err(WorkspaceError::Codebook {
            path: path.to_owned(),
            problem,
        }),
    }
}

fn failed(path: &Path, error: io::Error) -> WorkspaceError {
    WorkspaceError::Codebook {
        path: path.to_owned(),
        problem: error.to_string(),
    }
}
