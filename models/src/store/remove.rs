//! Removing model files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{RECORD_FILE, Record, StoreError};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Number of files.
    pub files: usize,
    /// Bytes that became free.
    pub bytes: u64,
}

impl Removed {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// Removes files of a model's folder of fathom's own, and what is noted of them.
/// The folder goes with its last file.
///
/// # Errors
/// If a file cannot be removed.
pub fn remove_own(folder: &Path, files: &[PathBuf]) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    for path in files {
        let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
        fs::remove_file(path).map_err(StoreError::file("remove", path))?;
        removed.add(bytes);
        // Folders below the model's go with their last file.
        let inner = path.ancestors().skip(1);
        for inner in inner.take_while(|inner| *inner != folder && inner.starts_with(folder)) {
            let _ = fs::remove_dir(inner);
        }
    }
    forget(folder, files)?;
    Ok(removed)
}

/// Takes files out of a model's record; the record goes with the last.
fn forget(folder: &Path, files: &[PathBuf]) -> Result<(), StoreError> {
    if let Some(mut record) = Record::load(folder)? {
        record
            .files
            .retain(|file| !files.contains(&folder.join(&file.path)));
        match record.files.is_empty() {
            true => {
                let path = folder.join(RECORD_FILE);
                fs::remove_file(&path).map_err(StoreError::file("remove", &path))?;
            }
            false => record.save(folder)?,
        }
    }
    // Stays if anything is in it.
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// Removes files of the hub's cache (links in `snapshots`), the blobs that no
/// other link leads to, and what is noted of them in `folder`.
///
/// # Errors
/// If a file cannot be removed.
pub fn remove_cached(folder: &Path, files: &[PathBuf]) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    for link in files {
        let blob = fs::canonicalize(link).ok();
        fs::remove_file(link).map_err(StoreError::file("remove", link))?;
        let Some(repository) = repository_of(link) else {
            continue;
        };
        // Where the cache has no links, the file itself was the bytes.
        let Some(blob) = blob.filter(|blob| blob.starts_with(real(&repository).join("blobs")))
        else {
            removed.files += 1;
            continue;
        };
        let others = leads_to(&repository.join("snapshots"), &blob);
        if others.map_err(StoreError::file("read", &repository))? {
            removed.files += 1;
            continue;
        }
        let bytes = fs::metadata(&blob).map_or(0, |meta| meta.len());
        fs::remove_file(&blob).map_err(StoreError::file("remove", &blob))?;
        removed.add(bytes);
        tidy(&repository, link);
    }
    forget(folder, files)?;
    Ok(removed)
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// `…/models--owner--name` of `…/models--owner--name/snapshots/<commit>/<file>`.
fn repository_of(link: &Path) -> Option<PathBuf> {
    let snapshots = link
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "snapshots"))?;
    snapshots.parent().map(Path::to_owned)
}

/// Whether any link below a folder leads to a file.
fn leads_to(folder: &Path, file: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = match entry.file_type()?.is_dir() {
            true => leads_to(&entry.path(), file)?,
            false => fs::canonicalize(entry.path()).is_ok_and(|target| target == file),
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes folders that became empty; the repository's own if it has no blobs any more.
fn tidy(repository: &Path, link: &Path) {
    let folders = link.ancestors().skip(1);
    for folder in folders.take_while(|folder| *folder != repository) {
        // Fails, as it should, when something is in it.
        let _ = fs::remove_dir(folder);
    }
    if fs::remove_dir(repository.join("blobs")).is_ok() {
        let _ = fs::remove_dir_all(repository.join("refs"));
        let _ = fs::remove_dir(repository);
    }
}
