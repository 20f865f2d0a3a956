//! Other worktrees and clones of the same git repository, which have encoded much of the same
//! already.
//!
//! Git is never run, and nothing in its settings is heeded. Two files say where the common folder
//! is, and it names the worktrees; clones come from the same `url`, of which each index keeps the
//! hash. All are bytes from a tree that is not trusted. What they may lead to is an index of this
//! user in fathom's own data folder, of which only vectors of contents are taken that this tree
//! has too.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fathom_indexes::StoreError;

use super::{Location, Workspace, WorkspaceError, choice, open_store, root};

/// So many missing chunks are worth a look at the indexes of others.
const MANY_CHUNKS: u64 = 48;
/// A file with one path is not longer.
const LONGEST: u64 = 8 * 1024;
/// So many worktrees are looked at.
const MOST: usize = 64;
/// So many indexes are asked where their repositories come from.
const INDEXES: usize = 1_000;
/// Git's settings are not longer.
const SETTINGS: u64 = 256 * 1024;
/// File beside an index with the hash of the address that its repository was cloned from.
const ORIGIN: &str = "origin";

impl Workspace {
    /// Takes vectors over from the indexes of other worktrees and clones of the same git
    /// repository, if many are missing. Answers how many. What is wrong with another index is no
    /// reason to stop.
    pub(super) fn borrow(&self, patience: Duration) -> Result<usize, WorkspaceError> {
        let store = self.store();
        let mut borrowed = 0;
        for store_dir in self.relatives() {
            let snapshot = store.snapshot()?;
            if snapshot.missing() < MANY_CHUNKS && snapshot.coverage() > 0.0 {
                break;
            }
            let location = Location {
                root: self.root().to_owned(),
                under: None,
                store: choice::store_of(&store_dir, &self.profile),
            };
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

    /// The folders of the indexes of other worktrees, then those of other clones.
    fn relatives(&self) -> Vec<PathBuf> {
        let data = &self.settings.data_dir;
        let base = |root: &Path| root::exactly(root, data).ok().map(|found| found.store);
        let Some(own) = base(self.root()) else {
            return Vec::new();
        };
        let worktrees = siblings(self.root());
        let mut found: Vec<PathBuf> = worktrees.iter().filter_map(|root| base(root)).collect();
        if let Some(origin) = common_dir(self.root()).and_then(|common| origin(&common)) {
            note_origin(&own, &origin);
            found.extend(clones(&own, &origin).into_iter().filter(|one| *one != own));
        }
        found
    }
}

/// The hash of the address that a repository was cloned from.
fn origin(common: &Path) -> Option<String> {
    let settings = small_file(&common.join("config"), SETTINGS)?;
    let mut lines = settings
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .skip_while(|line| *line != b"[remote \"origin\"]")
        .skip(1)
        .take_while(|line| !line.starts_with(b"["));
    let url = lines.find_map(|line| {
        let value = line.strip_prefix(b"url")?.trim_ascii_start();
        Some(value.strip_prefix(b"=")?.trim_ascii())
    })?;
    (!url.is_empty()).then(|| blake3::hash(url).to_hex().to_string())
}

/// Keeps it beside the index. Without it other clones encode for themselves.
fn note_origin(base: &Path, origin: &str) {
    let path = base.join(ORIGIN);
    let known = std::fs::read(&path).is_ok_and(|known| known == origin.as_bytes());
    if !known {
        let _ = std::fs::write(path, origin);
    }
}

/// Folders beside `base` of indexes whose repositories come from there.
fn clones(base: &Path, origin: &str) -> Vec<PathBuf> {
    let beside = base.parent().and_then(|all| std::fs::read_dir(all).ok());
    let all = beside.into_iter().flatten().flatten().take(INDEXES);
    let is_clone = |dir: &PathBuf| {
        let known = small_file(&dir.join(ORIGIN), LONGEST);
        known.is_some_and(|known| known == origin.as_bytes())
    };
    let mut found: Vec<PathBuf> = all.map(|entry| entry.path()).filter(is_clone).collect();
    found.sort();
    found
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
    let bytes = small_file(file, LONGEST)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let sound = !line.is_empty() && !line.contains(&0);
    sound.then(|| line.to_vec())
}

/// A regular file of at most so many bytes.
fn small_file(file: &Path, longest: u64) -> Option<Vec<u8>> {
    if !std::fs::symlink_metadata(file).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(file).ok()?;
    file.take(longest + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= longest).then_some(bytes)
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
    fn clones_of_one_address_know_each_other() {
        let hash = |url: &str| Some(blake3::hash(url.as_bytes()).to_hex().to_string());
        for (settings, expected) in [
            (
                "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://a.example/b.git\n",
                hash("https://a.example/b.git"),
            ),
            (
                "[remote \"origin\"]\n  fetch = x\n  url=../b\n[branch \"main\"]\n",
                hash("../b"),
            ),
            ("[remote \"other\"]\n\turl = ../b\n", None),
            (
                "[remote \"origin\"]\n[branch \"main\"]\n\turl = ../b\n",
                None,
            ),
            ("[remote \"origin\"]\n\turl =\n", None),
            ("", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("config"), settings).unwrap();
            assert_eq!(origin(dir.path()), expected, "{settings}");
        }
        let all = tempfile::tempdir().unwrap();
        let index = |name: &str, origin: &str| {
            let base = all.path().join(name);
            std::fs::create_dir(&base).unwrap();
            note_origin(&base, origin);
            base
        };
        let (one, two, _) = (index("1", "a"), index("2", "a"), index("3", "b"));
        assert_eq!(clones(&one, "a"), [one, two]);
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
