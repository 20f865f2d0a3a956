//! Which folder a path belongs to, and where that folder's index is.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// File that every index has; an interrupted first build leaves it too.
const CATALOG: &str = "catalog.db";

/// A path, placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The folder that is indexed, canonical.
    pub root: PathBuf,
    /// The part below it that was asked for, `/`-separated bytes; `None` for all.
    pub under: Option<Vec<u8>>,
    /// The folder of the index.
    pub store: PathBuf,
}

/// Places `path`: its root is the nearest folder above it that is indexed
/// already, else the top of its git repository, else the path itself (the
/// folder of a file). What lies below the root narrows the search.
pub fn locate(path: &Path, data_dir: &Path) -> std::io::Result<Location> {
    let path = path.canonicalize()?;
    let folder = if path.is_dir() {
        path.as_path()
    } else {
        path.parent().unwrap_or(&path)
    };
    let root = folder
        .ancestors()
        .find(|dir| is_indexed(&store_of(dir, data_dir)))
        .or_else(|| folder.ancestors().find(|dir| is_git_top(dir)))
        .unwrap_or(folder);
    Ok(Location {
        root: root.to_owned(),
        under: below(&path, root),
        store: store_of(root, data_dir),
    })
}

/// Places `path` as a root of its own, whatever lies above it.
pub fn exactly(path: &Path, data_dir: &Path) -> std::io::Result<Location> {
    let root = path.canonicalize()?;
    Ok(Location {
        store: store_of(&root, data_dir),
        root,
        under: None,
    })
}

/// Whether there is an index in this folder.
pub fn is_indexed(store: &Path) -> bool {
    super::choice::has_current(store)
}

/// Whether an index is directly in this folder.
pub fn has_catalog(store: &Path) -> bool {
    store.join(CATALOG).is_file()
}

/// Whether this is `/` or the user's home folder.
pub fn is_home_or_top(root: &Path) -> bool {
    let home = etcetera::home_dir().ok();
    let home = home.and_then(|home| home.canonicalize().ok());
    root.parent().is_none() || home.as_deref() == Some(root)
}

/// `<data dir>/repos/<first 16 hex digits of the BLAKE3 hash of the root>`
fn store_of(root: &Path, data_dir: &Path) -> PathBuf {
    let hash = blake3::hash(root.as_os_str().as_bytes()).to_hex();
    data_dir.join("repos").join(&hash[..16])
}

/// A folder with `.git` in it: a repository, or (where `.git` is a file) a worktree or submodule.
fn is_git_top(dir: &Path) -> bool {
    std::fs::symlink_metadata(dir.join(".git")).is_ok_and(|meta| meta.is_dir() || meta.is_file())
}

fn below(path: &Path, root: &Path) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(root).ok()?;
    let bytes = rest.as_os_str().as_bytes();
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Places `path` in a tree that holds `entries` (folders end in `/`); `indexed` folders have an index.
    fn placed(entries: &[&str], indexed: &[&str], path: &str) -> (String, Option<String>) {
        let tree = tempfile::tempdir().unwrap();
        let (tree_dir, data) = (
            tree.path().canonicalize().unwrap(),
            tree.path().join("data"),
        );
        for entry in entries {
            let full = tree_dir.join(entry);
            if entry.ends_with('/') {
                std::fs::create_dir_all(full).unwrap();
            } else {
                std::fs::create_dir_all(full.parent().unwrap()).unwrap();
                std::fs::write(full, "").unwrap();
            }
        }
        for dir in indexed {
            let store = store_of(&tree_dir.join(dir), &data);
            std::fs::create_dir_all(&store).unwrap();
            std::fs::write(store.join(CATALOG), "").unwrap();
        }
        let found = locate(&tree_dir.join(path), &data).unwrap();
        let root = found.root.strip_prefix(&tree_dir).unwrap();
        (
            root.display().to_string(),
            found.under.map(|under| String::from_utf8(under).unwrap()),
        )
    }

    #[test]
    fn the_root_is_indexed_or_a_repository_or_the_path() {
        let tree = &["r/.git/", "r/a/b/f.rs", "p/q/f.rs", "w/.git", "w/src/"];
        let at = |root: &str, under: Option<&str>| (root.to_owned(), under.map(str::to_owned));
        assert_eq!(placed(tree, &[], "r/a/b"), at("r", Some("a/b")));
        assert_eq!(placed(tree, &[], "r/a/b/f.rs"), at("r", Some("a/b/f.rs")));
        assert_eq!(placed(tree, &[], "r"), at("r", None));
        assert_eq!(placed(tree, &[], "p/q"), at("p/q", None));
        assert_eq!(placed(tree, &[], "p/q/f.rs"), at("p/q", Some("f.rs")));
        assert_eq!(placed(tree, &[], "w/src"), at("w", Some("src")));
        assert_eq!(placed(tree, &["p"], "p/q"), at("p", Some("q")));
        assert_eq!(placed(tree, &["r/a", "r"], "r/a/b"), at("r/a", Some("b")));
    }
}
