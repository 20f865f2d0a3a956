//! The cache on disk, laid out as the hub's own tools lay it out.
//!
//! ```text
//! models--owner--name/blobs/<hash>              the bytes; `<hash>.part` while they come
//! models--owner--name/snapshots/<commit>/<file> links to blobs
//! models--owner--name/refs/<branch>             the commit that a branch was at
//! .locks/models--owner--name/<hash>.lock        locked while a blob is written
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::HubError;
use super::retry::pause;
use crate::digest::Digest;

/// How often a lock that another process holds is tried.
const POLL: Duration = Duration::from_millis(100);

/// The cache of all repositories.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// A cache in a folder, which need not exist.
    #[must_use]
    pub fn new(root: &Path) -> Cache {
        Cache {
            root: root.to_owned(),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a repository.
    #[must_use]
    pub fn repository(&self, name: &str) -> PathBuf {
        self.root.join(folder_name(name))
    }

    pub(super) fn blob(&self, repository: &str, digest: &Digest) -> PathBuf {
        let blobs = self.repository(repository).join("blobs");
        blobs.join(digest.to_string())
    }

    /// Where a file of a commit is seen.
    pub(super) fn file(&self, repository: &str, commit: &str, path: &str) -> PathBuf {
        let snapshots = self.repository(repository).join("snapshots");
        snapshots.join(commit).join(path)
    }

    /// Waits until no other process writes the blob. `on_wait` hears once that it waits.
    pub(super) fn lock(
        &self,
        repository: &str,
        digest: &Digest,
        cancel: &AtomicBool,
        on_wait: &mut dyn FnMut(),
    ) -> Result<Lock, HubError> {
        let folder = self.root.join(".locks").join(folder_name(repository));
        let path = folder.join(format!("{digest}.lock"));
        fs::create_dir_all(&folder).map_err(HubError::cache("create", &folder))?;
        let mut open = File::options();
        let file = open.create(true).write(true).truncate(false).open(&path);
        let file = file.map_err(HubError::cache("lock", &path))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(error)) => {
                    return Err(HubError::cache("lock", &path)(error));
                }
                Err(TryLockError::WouldBlock) if !told => {
                    told = true;
                    on_wait();
                }
                Err(TryLockError::WouldBlock) => {}
            }
            pause(POLL, cancel)?;
        }
    }

    /// Makes a blob visible as a file of a commit.
    pub(super) fn link(
        &self,
        repository: &str,
        commit: &str,
        path: &str,
        digest: &Digest,
    ) -> Result<PathBuf, HubError> {
        let link = self.file(repository, commit, path);
        let folder = link.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(HubError::cache("create", folder))?;
        // Up from the file's folder, the commit and `snapshots`.
        let up = "../".repeat(Path::new(path).components().count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{digest}"));
        if fs::read_link(&link).is_ok_and(|existing| existing == target) {
            return Ok(link);
        }
        // Never a moment without the file.
        let new = folder.join(format!(".{digest}.{}", std::process::id()));
        let linked = symlink(&target, &new).and_then(|()| fs::rename(&new, &link));
        linked.map_err(HubError::cache("link", &link))?;
        Ok(link)
    }

    /// Notes the commit that a branch is at. A commit has no note of its own.
    pub(super) fn set_ref(
        &self,
        repository: &str,
        revision: &str,
        commit: &str,
    ) -> Result<(), HubError> {
        if revision == commit || !is_relative(revision) {
            return Ok(());
        }
        let path = self.repository(repository).join("refs").join(revision);
        let written = replace(&path, commit.as_bytes());
        written.map_err(HubError::cache("write", &path))
    }
}

/// Writes a small file at once.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}

/// Held while a blob is written; the system lets go of it when the process ends.
pub(super) struct Lock {
    _file: File,
}

/// Folder of a repository: `models--owner--name`.
#[must_use]
fn folder_name(repository: &str) -> String {
    format!("models--{}", repository.replace('/', "--"))
}

/// Whether a path from the hub stays in the folder that it is put in.
pub(super) fn is_relative(path: &str) -> bool {
    let normal = |component| matches!(component, Component::Normal(_));
    !path.is_empty()
        && !path.contains(['\\', '\0'])
        && !path.chars().any(char::is_control)
        && Path::new(path).components().all(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_their_folder() {
        for good in ["a.gguf", "Q4/a-00001-of-00002.gguf"] {
            assert!(is_relative(good), "{good}");
        }
        for wrong in ["", "/a", "../a", "a/../../b", "./a", "a\\b", "a\nb"] {
            assert!(!is_relative(wrong), "{wrong}");
        }
    }
}
