//! What has to be done to bring a catalog up to date with a tree: a pure
//! function of both, without a file opened.
//!
//! Invariants, tested against a model: an entry is removed only when its folder
//! was listed and does not hold it; unreadable is not deleted; every listed file
//! ends in exactly one of the plan's lists; equal stats prove nothing for a file
//! that was modified while it was last looked at (racy).

use std::collections::{BTreeMap, HashMap, HashSet};

use fathom_indexes::{ContentHash, FileStat, SkipReason, SkipRecord};

use crate::walk::{Walk, WalkEntry};

/// What the catalog knows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Path relative to the root.
    pub path: Vec<u8>,
    /// Its stat when it was read.
    pub stat: FileStat,
    /// Hash of what was read.
    pub hash: ContentHash,
    /// Its stat proves nothing.
    pub racy: bool,
    /// Why the last attempt to read it failed.
    pub unreadable: Option<String>,
}

/// What is to be done, each list by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// New files, to be read and put in.
    pub add: Vec<WalkEntry>,
    /// Known files that may have changed, to be read and compared by hash:
    /// put in anew, or only touched.
    pub verify: Vec<WalkEntry>,
    /// Files that moved: from, to. Nothing is read again.
    pub rename: Vec<(Vec<u8>, WalkEntry)>,
    /// Known files that cannot be seen now, with the reason; their entries stay.
    pub keep: Vec<(Vec<u8>, String)>,
    /// Known files that are gone or no longer wanted.
    pub delete: Vec<Vec<u8>>,
    /// Paths that are not indexed: by name or size, or by a content that was
    /// judged before and has not changed.
    pub skip: Vec<SkipRecord>,
    /// Known files that need nothing.
    pub unchanged: usize,
}

/// A plan that would drop most of a catalog on the word of an incomplete listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Files that would be dropped.
    pub dropped: usize,
    /// Files in the catalog.
    pub known: usize,
    /// A folder that could not be listed.
    pub unlisted: Vec<u8>,
}

impl Plan {
    /// Whether the catalog would stay as it is, its list of skipped paths aside.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty()
            && self.verify.is_empty()
            && self.rename.is_empty()
            && self.keep.is_empty()
            && self.delete.is_empty()
    }
}

/// Plans the way from `known` and the last list of `skipped` paths to `tree`.
/// `hash` reads a file's hash where a move is to be told from a new file; it is
/// asked only for new files of the size of one that is gone. With `force` every
/// file is read again.
///
/// # Errors
/// [`Refused`] if more than half of the files would be dropped although a folder
/// could not be listed.
pub fn plan(
    known: &[Known],
    skipped: &[SkipRecord],
    tree: &Walk,
    hash: &dyn Fn(&WalkEntry) -> Option<ContentHash>,
    force: bool,
) -> Result<Plan, Refused> {
    let mut plan = Plan {
        skip: tree.skipped.clone(),
        ..Plan::default()
    };
    let by_path: HashMap<&[u8], &Known> = known
        .iter()
        .map(|file| (file.path.as_slice(), file))
        .collect();
    let judged: HashMap<&[u8], &SkipRecord> = skipped
        .iter()
        .filter(|skip| is_verdict(skip))
        .map(|skip| (skip.path.as_slice(), skip))
        .collect();
    for entry in &tree.entries {
        match (
            by_path.get(entry.path.as_slice()),
            judged.get(entry.path.as_slice()),
        ) {
            (Some(file), _) if !force && is_unchanged(file, entry) => plan.unchanged += 1,
            (Some(_), _) => plan.verify.push(entry.clone()),
            (None, Some(skip)) if !force && skip.stat == Some(entry.stat) => {
                plan.skip.push((*skip).clone())
            }
            (None, _) => plan.add.push(entry.clone()),
        }
    }
    let gone = account_for_missing(&mut plan, known, tree);
    refuse_mass_deletion(&gone, known, tree)?;
    find_renames(&mut plan, gone, hash);
    plan.skip.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(plan)
}

/// Verdicts on a content hold until the file changes; anything else is judged anew each time.
fn is_verdict(skip: &SkipRecord) -> bool {
    matches!(skip.reason, SkipReason::Binary | SkipReason::Minified) && skip.stat.is_some()
}

fn is_unchanged(file: &Known, entry: &WalkEntry) -> bool {
    file.stat == entry.stat && !file.racy && file.unreadable.is_none()
}

/// Known files that the tree does not list: kept where nothing is known about
/// them now; the rest is gone.
fn account_for_missing<'k>(plan: &mut Plan, known: &'k [Known], tree: &Walk) -> Vec<&'k Known> {
    let listed: HashSet<&[u8]> = tree
        .entries
        .iter()
        .map(|entry| entry.path.as_slice())
        .collect();
    let unreadable: HashMap<&[u8], &str> = tree
        .skipped
        .iter()
        .filter(|skip| skip.reason == SkipReason::Unreadable)
        .map(|skip| (skip.path.as_slice(), skip.detail.as_str()))
        .collect();
    let mut gone = Vec::new();
    for file in known
        .iter()
        .filter(|file| !listed.contains(file.path.as_slice()))
    {
        let reason = unreadable
            .get(file.path.as_slice())
            .map(|detail| (*detail).to_string());
        match reason.or_else(|| unlisted_above(&file.path, tree)) {
            // Stored already: nothing to do.
            Some(reason) if file.unreadable.as_ref() == Some(&reason) => plan.unchanged += 1,
            Some(reason) => plan.keep.push((file.path.clone(), reason)),
            None => gone.push(file),
        }
    }
    gone
}

/// Why nothing is known of a path: a folder above it could not be listed.
fn unlisted_above(path: &[u8], tree: &Walk) -> Option<String> {
    let above = |folder: &[u8]| {
        folder.is_empty()
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let (folder, detail) = tree.unlisted.iter().find(|(folder, _)| above(folder))?;
    Some(format!(
        "its folder `{}` could not be listed: {detail}",
        crate::walk::display(folder)
    ))
}

fn refuse_mass_deletion(gone: &[&Known], known: &[Known], tree: &Walk) -> Result<(), Refused> {
    match tree.unlisted.first() {
        Some((folder, _)) if gone.len() * 2 > known.len() => Err(Refused {
            dropped: gone.len(),
            known: known.len(),
            unlisted: folder.clone(),
        }),
        _ => Ok(()),
    }
}

/// New files with the content of one that is gone are moves; what is left of the gone is deleted.
fn find_renames(
    plan: &mut Plan,
    gone: Vec<&Known>,
    hash: &dyn Fn(&WalkEntry) -> Option<ContentHash>,
) {
    let mut by_size: BTreeMap<u64, Vec<&Known>> = BTreeMap::new();
    for file in gone {
        by_size.entry(file.stat.size).or_default().push(file);
    }
    let mut add = Vec::with_capacity(plan.add.len());
    for entry in std::mem::take(&mut plan.add) {
        let candidates = by_size
            .get_mut(&entry.stat.size)
            .filter(|files| !files.is_empty());
        let moved = candidates.and_then(|files| {
            let hash = hash(&entry)?;
            let at = files.iter().position(|file| file.hash == hash)?;
            Some(files.remove(at))
        });
        match moved {
            Some(file) => plan.rename.push((file.path.clone(), entry)),
            None => add.push(entry),
        }
    }
    plan.add = add;
    plan.delete = by_size
        .into_values()
        .flatten()
        .map(|file| file.path.clone())
        .collect();
    plan.delete.sort();
}
