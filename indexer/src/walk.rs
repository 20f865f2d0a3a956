//! Listing the files of a tree: ignore rules, links, names that are never
//! indexed, and what could not be listed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};

use fathom_indexes::{FileStat, SkipReason, SkipRecord};
use ignore::{DirEntry, WalkBuilder, WalkParallel, WalkState};

use crate::skip;
use crate::source::file_stat;

/// What to list.
#[derive(Debug, Clone)]
pub struct WalkOptions {
    /// Larger files are skipped, in bytes.
    pub max_file_bytes: u64,
    /// Gitignore-style patterns to leave out in addition.
    pub exclude: Vec<String>,
    /// Folders (absolute) that are never entered, such as fathom's own data.
    pub never: Vec<PathBuf>,
}

impl Default for WalkOptions {
    fn default() -> Self {
        WalkOptions {
            max_file_bytes: 1 << 20,
            exclude: Vec::new(),
            never: Vec::new(),
        }
    }
}

/// A file that is to be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkEntry {
    /// Path relative to the root, `/`-separated, as bytes.
    pub path: Vec<u8>,
    /// What `stat` said.
    pub stat: FileStat,
}

/// The tree as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// By path.
    pub entries: Vec<WalkEntry>,
    /// By path.
    pub skipped: Vec<SkipRecord>,
    /// Folders that could not be listed, relative to the root (`""`: the root), with the reason.
    pub unlisted: Vec<(Vec<u8>, String)>,
    /// Folders that were entered, relative to the root (`""`: the root), by path.
    pub folders: Vec<Vec<u8>>,
}

impl Walk {
    /// Whether every folder could be listed.
    pub fn complete(&self) -> bool {
        self.unlisted.is_empty()
    }
}

/// Hidden names that are worth searching.
const USEFUL_HIDDEN: [&str; 14] = [
    ".github",
    ".gitlab",
    ".gitlab-ci.yml",
    ".circleci",
    ".travis.yml",
    ".ci",
    ".cargo",
    ".config",
    ".devcontainer",
    ".pre-commit-config.yaml",
    ".bashrc",
    ".bash_profile",
    ".zshrc",
    ".vimrc",
];

/// Lists the tree under `root` (a folder).
///
/// # Errors
/// If `root` itself does not exist or is not a folder. Anything else that
/// cannot be listed or examined is part of the answer.
pub fn walk(root: &Path, options: &WalkOptions) -> io::Result<Walk> {
    let root = fs::canonicalize(root)?;
    if !fs::metadata(&root)?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    let (sender, receiver) = channel();
    let lister = Lister {
        root: &root,
        max_file_bytes: options.max_file_bytes,
    };
    builder(&root, options).run(|| {
        let sender = sender.clone();
        Box::new(move |entry| {
            lister.visit(entry, &sender);
            WalkState::Continue
        })
    });
    drop(sender);
    Ok(collect(receiver.into_iter()))
}

fn collect(found: impl Iterator<Item = Found>) -> Walk {
    let mut walk = Walk::default();
    for found in found {
        match found {
            Found::File(entry) => walk.entries.push(entry),
            Found::Skip(skip) => walk.skipped.push(skip),
            Found::Unlisted(path, detail) => walk.unlisted.push((path, detail)),
            Found::Folder(path) => walk.folders.push(path),
        }
    }
    walk.folders.sort_unstable();
    walk.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    walk.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    walk.unlisted.sort();
    walk.unlisted.dedup();
    walk
}

fn builder(root: &Path, options: &WalkOptions) -> WalkParallel {
    let never = options.never.clone();
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(false)
        .require_git(false)
        // Rules above the root count only inside one repository.
        .parents(
            !root.join(".git").exists()
                && root
                    .ancestors()
                    .skip(1)
                    .any(|dir| dir.join(".git").exists()),
        )
        .add_custom_ignore_filename(".fathomignore")
        .follow_links(false)
        .same_file_system(true)
        .threads(
            std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(8),
        )
        .filter_entry(move |entry| entry.depth() == 0 || wanted(entry, &never));
    if let Some(overrides) = excludes(root, &options.exclude) {
        builder.overrides(overrides);
    }
    builder.build_parallel()
}

/// Exclusions as overrides: there `!pattern` leaves out. Patterns that do not parse are dropped.
fn excludes(root: &Path, patterns: &[String]) -> Option<ignore::overrides::Override> {
    if patterns.is_empty() {
        return None;
    }
    let mut builder = ignore::overrides::OverrideBuilder::new(root);
    for pattern in patterns {
        let _ = builder.add(&format!("!{pattern}"));
    }
    builder.build().ok()
}

/// Hidden names are left out, except useful ones and those whose skipping is worth a reason.
fn wanted(entry: &DirEntry, never: &[PathBuf]) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
    if is_dir && never.iter().any(|dir| dir == entry.path()) {
        return false;
    }
    !name.starts_with('.')
        || USEFUL_HIDDEN.contains(&name.as_ref())
        || (!is_dir && skip::is_secret(&name.to_lowercase()))
}

enum Found {
    File(WalkEntry),
    Skip(SkipRecord),
    Unlisted(Vec<u8>, String),
    Folder(Vec<u8>),
}

#[derive(Clone, Copy)]
struct Lister<'a> {
    root: &'a Path,
    max_file_bytes: u64,
}

impl Lister<'_> {
    fn visit(&self, entry: Result<DirEntry, ignore::Error>, sender: &Sender<Found>) {
        let found = match entry {
            Ok(entry) => self.examine(&entry),
            Err(error) => self.failed(&error),
        };
        if let Some(found) = found {
            // The receiver outlives the walk.
            let _ = sender.send(found);
        }
    }

    fn examine(&self, entry: &DirEntry) -> Option<Found> {
        let kind = entry.file_type()?;
        let path = self.relative(entry.path());
        if kind.is_dir() {
            return Some(Found::Folder(path));
        }
        if kind.is_symlink() {
            return Some(self.link(path, entry.path()));
        }
        if !kind.is_file() {
            return Some(skipped(
                path,
                SkipReason::NotRegular,
                "a FIFO, socket or device",
                None,
            ));
        }
        let stat = match entry.metadata() {
            Ok(meta) => file_stat(&meta),
            Err(error) => return self.unexamined(path, &error),
        };
        let name = entry.file_name().to_string_lossy().to_lowercase();
        Some(match skip::by_name(&name) {
            Some((reason, detail)) => skipped(path, reason, &detail, Some(stat)),
            None if stat.size > self.max_file_bytes => {
                let detail = format!("{} bytes, more than {}", stat.size, self.max_file_bytes);
                skipped(path, SkipReason::TooLarge, &detail, Some(stat))
            }
            None => Found::File(WalkEntry { path, stat }),
        })
    }

    /// Links are not followed: what they lead to is indexed under its real path, or not at all.
    fn link(&self, path: Vec<u8>, link: &Path) -> Found {
        match fs::canonicalize(link) {
            Ok(target) if target.starts_with(self.root) => skipped(
                path,
                SkipReason::Symlink,
                "what it leads to is indexed under its real path",
                None,
            ),
            Ok(_) => skipped(
                path,
                SkipReason::OutsideRoot,
                "leads out of the folder",
                None,
            ),
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                skipped(path, SkipReason::SymlinkLoop, "leads back to itself", None)
            }
            Err(error) => skipped(
                path,
                SkipReason::Symlink,
                &format!("leads nowhere: {error}"),
                None,
            ),
        }
    }

    /// A file whose stat failed: gone since it was listed, or unreadable.
    fn unexamined(&self, path: Vec<u8>, error: &ignore::Error) -> Option<Found> {
        match error.io_error() {
            Some(io) if io.kind() == io::ErrorKind::NotFound => None,
            _ => Some(skipped(
                path,
                SkipReason::Unreadable,
                &error.to_string(),
                None,
            )),
        }
    }

    /// A folder that could not be listed. Broken ignore files are no reason to stop either.
    fn failed(&self, error: &ignore::Error) -> Option<Found> {
        let io = error.io_error()?;
        if io.kind() == io::ErrorKind::NotFound {
            return None;
        }
        let path = error_path(error).map_or_else(Vec::new, |path| self.relative(path));
        Some(Found::Unlisted(path, io.to_string()))
    }

    fn relative(&self, path: &Path) -> Vec<u8> {
        path.strip_prefix(self.root)
            .unwrap_or(path)
            .as_os_str()
            .as_bytes()
            .to_vec()
    }
}

fn error_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            error_path(err)
        }
        _ => None,
    }
}

fn skipped(path: Vec<u8>, reason: SkipReason, detail: &str, stat: Option<FileStat>) -> Found {
    Found::Skip(SkipRecord {
        path,
        reason,
        detail: detail.to_string(),
        stat,
    })
}

/// A path for people: bytes that are not UTF-8 replaced.
pub(crate) fn display(path: &[u8]) -> String {
    OsStr::from_bytes(path).to_string_lossy().into_owned()
}
