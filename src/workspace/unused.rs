//! Indexes by models that are not selected any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fathom_indexes::Store;

use super::{Workspace, WorkspaceError, choice};
use crate::config::Settings;

/// An index that neither answers nor is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// Its folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl Workspace {
    /// Indexes of this repository by selections of models that are not used any more. That of the
    /// bundled model is none of them: it is what `fathom model use default` goes back to.
    pub fn unused(&self) -> Vec<Unused> {
        let next = self.next().map(|next| choice::store_of(&self.base, next));
        let is_used = |path: &PathBuf| *path == self.store_dir() || Some(path) == next.as_ref();
        let mut unused = choice::stores(&self.base);
        unused.retain(|path| !is_used(path));
        unused.sort();
        let sized = unused.into_iter().map(|path| Unused {
            bytes: size(&path),
            path,
        });
        sized.collect()
    }

    /// Deletes what [`Workspace::unused`] tells, unless another process writes to it.
    ///
    /// # Errors
    /// If the repository is not indexed, or a folder cannot be deleted.
    pub fn clear_unused(path: &Path, settings: &Settings) -> Result<Vec<Unused>, WorkspaceError> {
        let unused = Workspace::open_indexed(path, settings)?.unused();
        for one in &unused {
            Store::remove(&one.path, Duration::ZERO)?;
        }
        Ok(unused)
    }
}

/// Bytes of all files in a folder; what vanishes meanwhile counts as nothing.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
