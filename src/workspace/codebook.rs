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
use fathom_indexes::codebook::{Bits, Codebook, Training};
use fathom_indexes::storage::{OsStorage, Storage};
use fathom_indexes::{Collection, Store};

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
        return kept(profile.of_tokens().id(), data);
    };
    parse(&bytes, Path::new(profile.of_tokens().name())).map(Some)
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

/// Trains a codebook from what `store` holds of a collection in int8; `None` if that is not enough.
pub fn train(
    store: &Store,
    collection: Collection,
    enough: Enough,
) -> Result<Option<Codebook>, WorkspaceError> {
    let snapshot = store.snapshot()?;
    let usage = snapshot.token_usage_in(collection);
    let int8 = usage.iter().filter(|usage| usage.bits.is_none());
    let tokens: u64 = int8.map(|usage| usage.tokens).sum();
    if tokens < enough.tokens || snapshot.encoded_files() < enough.files {
        return Ok(None);
    }
    let dim = snapshot.token_dim(collection);
    let vectors = snapshot.sample_tokens(collection, SAMPLE);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::time::Duration;

    use fathom_indexes::{
        ChunkKind, ChunkRecord, ContentHash, Encoding, FileRecord, FileStat, NewFile, StoreOptions,
    };

    const DIM: usize = 16;
    const FILES: usize = 12;
    const TOKENS: usize = 30;
    const PROFILE: &str = "some/model@123456789abc";

    fn open(dir: &Path, codebook: Option<Arc<Codebook>>) -> Store {
        let options = StoreOptions {
            profile_id: PROFILE.into(),
            token_dim: DIM,
            dense_dim: DIM,
            codebook,
        };
        Store::open(dir, &options).unwrap()
    }

    /// Twelve files of one chunk of thirty tokens.
    fn filled(dir: &Path) -> Store {
        let store = open(dir, None);
        let mut writer = store.writer(Duration::ZERO).unwrap();
        let mut update = writer.begin().unwrap();
        let texts: Vec<String> = (0..FILES).map(|n| format!("text {n}\n")).collect();
        for text in &texts {
            update.put_file(&file(text)).unwrap();
        }
        update.commit().unwrap();
        let rows = |text: &str| -> Vec<f32> {
            let seed = ContentHash::of(text.as_bytes()).0[0];
            let row =
                |at: usize| (0..DIM).map(move |d| ((at * DIM + d) as f32 * f32::from(seed)).sin());
            (0..TOKENS).flat_map(row).map(|x| x / 3.0).collect()
        };
        let vectors: Vec<Vec<f32>> = texts.iter().map(|text| rows(text)).collect();
        let encodings: Vec<Encoding<'_>> = texts
            .iter()
            .zip(&vectors)
            .map(|(text, rows)| Encoding {
                content: ContentHash::of(text.as_bytes()),
                tokens: rows,
                dense: &rows[..DIM],
            })
            .collect();
        writer.add_encodings(&encodings).unwrap();
        store
    }

    fn file(text: &str) -> NewFile<'_> {
        NewFile {
            record: FileRecord {
                path: text.trim().as_bytes().to_vec(),
                stat: FileStat::default(),
                hash: ContentHash::of(text.as_bytes()),
                racy: false,
                language: "text".into(),
                lossy: false,
                note: None,
                generated: false,
                lines: 1,
            },
            text: text.as_bytes(),
            chunks: vec![ChunkRecord {
                content: ContentHash::of(text.as_bytes()),
                kind: ChunkKind::Code,
                name: String::new(),
                qualified_name: String::new(),
                signature: String::new(),
                doc: String::new(),
                scope: String::new(),
                bytes: 0..text.len() as u32,
                lines: (1, 1),
            }],
            symbols: Vec::new(),
            references: Vec::new(),
        }
    }

    #[test]
    fn too_little_is_not_trained_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path());
        let all = (FILES * TOKENS) as u64;
        for (tokens, files, trained) in [
            (all, FILES, true),
            (all + 1, FILES, false),
            (all, FILES + 1, false),
            (ENOUGH.tokens, ENOUGH.files, false),
        ] {
            let found = train(&store, Collection::Main, Enough { tokens, files }).unwrap();
            assert_eq!(found.is_some(), trained, "{tokens} {files}");
        }
    }

    #[test]
    fn a_codebook_is_trained_once_kept_and_used_by_all_stores() {
        let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(kept(PROFILE, data.path()).unwrap(), None);
        let enough = Enough {
            tokens: 100,
            files: 10,
        };
        let trained = train(&filled(dir.path()), Collection::Main, enough)
            .unwrap()
            .unwrap();
        let first = keep(PROFILE, data.path(), &trained).unwrap();
        assert_eq!(*first, trained);
        // Whoever trained at the same time takes the first one.
        let other = Training {
            centroids: 2,
            ..TRAINING
        };
        let other = Codebook::train(&[0.25; 4 * DIM], DIM, &other);
        assert_eq!(*keep(PROFILE, data.path(), &other).unwrap(), trained);
        let found = kept(PROFILE, data.path()).unwrap().unwrap();
        let store = open(dir.path(), Some(found));
        let report = store.writer(Duration::ZERO).unwrap().maintain().unwrap();
        assert_eq!(report.recoded_segments, 1);
        let usage = store.snapshot().unwrap().token_usage();
        assert_eq!((usage.len(), usage[0].bits), (1, Some(4)));
        assert_eq!(store.check().unwrap().findings, []);
        assert_eq!(
            train(&store, Collection::Main, enough).unwrap(),
            None,
            "nothing is in int8"
        );
        let files = std::fs::read_dir(data.path().join("models/somemodel@123456789abc"));
        assert_eq!(files.unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_codebook_is_named_and_kept() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("models/somemodel@123456789abc");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(FILE), "no codebook at all").unwrap();
        let error = kept(PROFILE, data.path()).unwrap_err().to_string();
        assert!(
            error.contains("codebook.bin") && error.contains("remove it"),
            "{error}"
        );
        assert!(folder.join(FILE).exists());
    }
}
