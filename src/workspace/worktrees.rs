//! Other worktrees of the same git repository, which have encoded much of the same already.
//!
//! Git is never run and its settings are never read. Two files say where the common folder is,
//! and it names the worktrees; all are bytes from a tree that is not trusted. What they may lead to is an index of this
//! user in fathom's own data folder, of which only vectors of contents are taken that this tree
//! has too.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fathom_indexes::StoreError;

use super::{Workspace, WorkspaceError, choice, open_store, root};

/// So many missing chunks are worth a look at the indexes of other worktrees.
const MANY_CHUNKS: u64 = 48;
/// A file with one path is not longer.
const LONGEST: u64 = 8 * 1024;
/// So many worktrees are looked at.
const MOST: usize = 64;

impl Workspace {
    /// Takes vectors over from the indexes of other worktrees of the same git repository, if many
    /// are missing. Answers how many. What is wrong with another index is no reason to stop.
    pub(super) fn borrow(&self, patience: Duration) -> Result<usize, WorkspaceError> {
        let store = self.store();
        let mut borrowed = 0;
        for sibling in siblings(self.root()) {
            let snapshot = store.snapshot()?;
            if snapshot.missing() < MANY_CHUNKS && snapshot.coverage() > 0.0 {
                break;
            }
            let Ok(mut location) = root::exactly(&sibling, &self.settings.data_dir) else {
                continue;
            };
            location.store = choice::store_of(&location.store, &self.profile);
            if !root::has_catalog(&location.store) {
                continue;
            }
            let donor = open_store(&location, &self.profile, &self.settings);
            let Ok(donor) = donor.and_then(|donor| Ok(donor.snapshot()?)) else {
                continue;
            };
            match store.writer(patience) {
                Ok(mut writer) => borrowed += writer.borrow(&donor)?,
                Err(StoreError::Busy { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(borrowed)
    }
}

/// Roots of the other worktrees of the repository at `root`, canonical, by path; none if it is no
/// git repository, or what it says makes no sense.
fn siblings(root: &Path) -> Vec<PathBuf> {
    let Some(common) = common_dir(root) else {
        return Vec::new();
    };
    let listed = std::fs::read_dir(common.join("worktrees"));
    let named = listed.into_iter().flatten().flatten().take(MOST);
    let linked = named.filter_map(|entry| top_of(one_path(&entry.path().join("gitdir"))?));
    let mut roots: Vec<PathBuf> = linked
        .chain(top_of(common.clone()))
        .filter_map(|sibling| sibling.canonicalize().ok())
        .filter(|sibling| sibling != root)
        .collect();
    roots.sort();
    roots.dedup();
    roots
}

/// The folder that all worktrees share: `.git` itself, or what `.git` and `commondir` name.
fn common_dir(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    let meta = std::fs::symlink_metadata(&git).ok()?;
    if meta.is_dir() {
        return git.canonicalize().ok();
    }
    let text = one_line(&git)?;
    let own = root.join(path(text.strip_prefix(b"gitdir: ")?));
    let common = own.join(one_path(&own.join("commondir"))?);
    common.canonicalize().ok()
}

/// The folder that a `.git` is in.
fn top_of(git: PathBuf) -> Option<PathBuf> {
    let is_git = git.file_name() == Some(OsStr::new(".git"));
    is_git.then(|| git.parent().map(Path::to_owned)).flatten()
}

fn one_path(file: &Path) -> Option<PathBuf> {
    one_line(file).map(|line| path(&line))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// What a short regular file holds, without the end of its line.
fn one_line(file: &Path) -> Option<Vec<u8>> {
    if !std::fs::symlink_metadata(file).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(file).ok()?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).ok()?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let sound = !line.is_empty() && bytes.len() as u64 <= LONGEST && !line.contains(&0);
    sound.then(|| line.to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Writes files (a folder if the name ends in `/`), then tells the siblings of `root`.
    fn siblings_of(root: &str, files: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        for (name, text) in files {
            let path = top.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match name.ends_with('/') {
                true => std::fs::create_dir_all(path).unwrap(),
                false => std::fs::write(path, text.replace("TOP", top.to_str().unwrap())).unwrap(),
            }
        }
        let found = siblings(&top.join(root));
        let relative = found.iter().map(|path| path.strip_prefix(&top).unwrap());
        relative.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn worktrees_are_found_from_each_other() {
        let tree: &[(&str, &str)] = &[
            ("main/.git/HEAD", ""),
            ("main/.git/worktrees/one/gitdir", "TOP/one/.git\n"),
            ("main/.git/worktrees/one/commondir", "../..\n"),
            ("main/.git/worktrees/two/gitdir", "TOP/two/.git\n"),
            ("main/.git/worktrees/two/commondir", "../..\n"),
            ("main/.git/worktrees/gone/gitdir", "TOP/gone/.git\n"),
            ("one/.git", "gitdir: TOP/main/.git/worktrees/one\n"),
            ("two/.git", "gitdir: ../main/.git/worktrees/two\n"),
            ("plain/", ""),
        ];
        for (root, expected) in [
            ("main", &["one", "two"][..]),
            ("one", &["main", "two"]),
            ("two", &["main", "one"]),
            ("plain", &[]),
        ] {
            assert_eq!(siblings_of(root, tree), expected, "{root}");
        }
    }

    #[test]
    fn what_makes_no_sense_leads_nowhere() {
        let long = format!("gitdir: /{}\n", "x".repeat(20_000));
        for git in [
            "",
            "\n",
            "gitdir: ",
            "gitdir: /etc\n",
            "gitdir: /dev/zero\n",
            "gitdir: /proc/self\n",
            "gitdir: a\0b\n",
            "gitdir: .\n",
            "worktree = /\n",
            &long,
        ] {
            let none: [&str; 0] = [];
            assert_eq!(siblings_of("main", &[("main/.git", git)]), none, "{git:?}");
        }
        let loops = [
            ("main/.git", "gitdir: g\n"),
            ("main/g/commondir", ".\n"),
            ("main/g/worktrees/a/gitdir", "/\n"),
            ("main/g/worktrees/b/gitdir/", ""),
            ("main/g/worktrees/c/gitdir", "TOP/main/.git\n"),
        ];
        assert!(siblings_of("main", &loops).is_empty());
    }
}
