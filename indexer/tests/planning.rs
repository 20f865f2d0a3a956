//! The change planner against a model: random catalogs, random trees.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use fathom_indexer::plan::{Known, Plan, Refused, plan};
use fathom_indexer::walk::{Walk, WalkEntry};
use fathom_indexes::{ContentHash, FileStat, SkipReason, SkipRecord};
use proptest::prelude::*;

/// A file of the world: what it holds and when it was written.
#[derive(Debug, Clone, PartialEq)]
struct File {
    content: u8,
    time: u8,
}

type World = BTreeMap<String, File>;

fn hash(content: u8) -> ContentHash {
    ContentHash([content; 16])
}

/// Contents of the same last digit have the same size.
fn stat(file: &File) -> FileStat {
    FileStat {
        size: u64::from(file.content % 10),
        mtime_ns: i64::from(file.time),
        ctime_ns: 0,
        inode: 1,
    }
}

fn known(world: &World, racy: &BTreeSet<String>) -> Vec<Known> {
    let known = |(path, file): (&String, &File)| Known {
        path: path.clone().into_bytes(),
        stat: stat(file),
        hash: hash(file.content),
        racy: racy.contains(path),
        unreadable: None,
    };
    world.iter().map(known).collect()
}

/// The tree as a walk sees it that cannot list the folders in `dark`.
fn seen(world: &World, dark: &BTreeSet<String>) -> Walk {
    let visible = world.iter().filter(|(path, _)| !is_dark(path, dark));
    Walk {
        entries: visible
            .map(|(path, file)| WalkEntry {
                path: path.clone().into_bytes(),
                stat: stat(file),
            })
            .collect(),
        skipped: Vec::new(),
        unlisted: dark
            .iter()
            .map(|folder| (folder.clone().into_bytes(), "denied".to_string()))
            .collect(),
        folders: Vec::new(),
    }
}

fn is_dark(path: &str, dark: &BTreeSet<String>) -> bool {
    dark.iter()
        .any(|folder| folder.is_empty() || path.starts_with(&format!("{folder}/")))
}

/// Carries a plan out on a copy of the catalog, reading from the world.
fn carry_out(plan: &Plan, catalog: &World, world: &World) -> World {
    let mut result = catalog.clone();
    let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
    for path in &plan.delete {
        assert!(
            result.remove(&text(path)).is_some(),
            "deleted twice or unknown"
        );
    }
    for (from, to) in &plan.rename {
        let file = result.remove(&text(from)).expect("a move of a known file");
        assert_eq!(
            file.content,
            world[&text(&to.path)].content,
            "a move keeps the content"
        );
        result.insert(text(&to.path), world[&text(&to.path)].clone());
    }
    for entry in plan.add.iter().chain(&plan.verify) {
        result.insert(text(&entry.path), world[&text(&entry.path)].clone());
    }
    result
}

fn paths() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]/[xyz]", "[ab]/[cd]/[xyz]", "[xyz]"]
}

fn worlds() -> impl Strategy<Value = World> {
    let file = (0u8..30, 0u8..4).prop_map(|(content, time)| File { content, time });
    proptest::collection::btree_map(paths(), file, 0..12)
}

fn darkness() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(
        prop_oneof![Just("a"), Just("b"), Just("a/c"), Just("")].prop_map(String::from),
        0..3,
    )
}

/// Equal stats and different contents happen only to racy files.
fn honest(catalog: &World, world: &World) -> BTreeSet<String> {
    let lies = |path: &&String| {
        world.get(*path).is_some_and(|now| {
            stat(now) == stat(&catalog[*path]) && now.content != catalog[*path].content
        })
    };
    catalog.keys().filter(lies).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn after_a_complete_walk_the_catalog_is_the_world(catalog in worlds(), world in worlds()) {
        let racy = honest(&catalog, &world);
        let read = |entry: &WalkEntry| Some(hash(world[std::str::from_utf8(&entry.path).unwrap()].content));
        let tree = seen(&world, &BTreeSet::new());
        let plan = plan(&known(&catalog, &racy), &[], &tree, &read, false).unwrap();
        prop_assert_eq!(carry_out(&plan, &catalog, &world), world);
        prop_assert!(plan.keep.is_empty());
    }

    #[test]
    fn what_cannot_be_listed_is_kept(catalog in worlds(), world in worlds(), dark in darkness()) {
        let racy = honest(&catalog, &world);
        let read = |entry: &WalkEntry| Some(hash(world[std::str::from_utf8(&entry.path).unwrap()].content));
        let tree = seen(&world, &dark);
        match plan(&known(&catalog, &racy), &[], &tree, &read, false) {
            Ok(plan) => {
                let result = carry_out(&plan, &catalog, &world);
                for (path, file) in &catalog {
                    if is_dark(path, &dark) {
                        prop_assert_eq!(result.get(path), Some(file));
                    }
                }
                for (path, file) in &world {
                    if !is_dark(path, &dark) {
                        prop_assert_eq!(result.get(path), Some(file));
                    }
                }
            }
            Err(Refused { dropped, known, .. }) => {
                prop_assert!(!dark.is_empty() && dropped * 2 > known);
            }
        }
    }

    #[test]
    fn every_file_is_in_exactly_one_list(catalog in worlds(), world in worlds(), dark in darkness()) {
        let tree = seen(&world, &dark);
        let Ok(plan) = plan(&known(&catalog, &BTreeSet::new()), &[], &tree, &|_| None, false) else { return Ok(()) };
        let listed = plan.add.len() + plan.verify.len() + plan.rename.len();
        let of_catalog = plan.verify.len() + plan.rename.len() + plan.keep.len() + plan.delete.len() + plan.unchanged;
        prop_assert_eq!(of_catalog, catalog.len());
        let unchanged_listed = tree.entries.len() - listed;
        prop_assert!(unchanged_listed <= plan.unchanged);
    }

    #[test]
    fn nothing_to_do_is_an_empty_plan(world in worlds()) {
        let tree = seen(&world, &BTreeSet::new());
        let plan = plan(&known(&world, &BTreeSet::new()), &[], &tree, &|_| None, false).unwrap();
        prop_assert!(plan.is_empty());
        prop_assert_eq!(plan.unchanged, world.len());
    }
}

fn skip(path: &str, reason: SkipReason, time: u8) -> SkipRecord {
    let stat = stat(&File { content: 1, time });
    SkipRecord {
        path: path.into(),
        reason,
        detail: "because".to_string(),
        stat: Some(stat),
    }
}

#[test]
fn a_verdict_on_a_content_holds_until_the_file_changes() {
    let world: World = [(
        "x".to_string(),
        File {
            content: 1,
            time: 1,
        },
    )]
    .into();
    let tree = seen(&world, &BTreeSet::new());
    let cases = [
        (skip("x", SkipReason::Binary, 1), (0, 1)),
        (skip("x", SkipReason::Binary, 2), (1, 0)),
        (skip("x", SkipReason::Unreadable, 1), (1, 0)),
        (skip("y", SkipReason::Binary, 1), (1, 0)),
    ];
    for (before, expected) in cases {
        let plan = plan(&[], std::slice::from_ref(&before), &tree, &|_| None, false).unwrap();
        assert_eq!((plan.add.len(), plan.skip.len()), expected, "{before:?}");
    }
}

#[test]
fn a_file_that_cannot_be_examined_keeps_its_entry() {
    let catalog: World = [(
        "x".to_string(),
        File {
            content: 1,
            time: 1,
        },
    )]
    .into();
    let tree = Walk {
        skipped: vec![skip("x", SkipReason::Unreadable, 1)],
        ..Walk::default()
    };
    let mut files = known(&catalog, &BTreeSet::new());
    let first = plan(&files, &[], &tree, &|_| None, false).unwrap();
    assert_eq!(first.keep, [(b"x".to_vec(), "because".to_string())]);
    // Once stored, the reason is no change any more; a readable file is looked at again.
    files[0].unreadable = Some("because".to_string());
    assert!(
        plan(&files, &[], &tree, &|_| None, false)
            .unwrap()
            .is_empty()
    );
    let back = plan(
        &files,
        &[],
        &seen(&catalog, &BTreeSet::new()),
        &|_| None,
        false,
    )
    .unwrap();
    assert_eq!(back.verify.len(), 1);
}

#[test]
fn most_of_a_catalog_is_not_dropped_on_half_a_listing() {
    let catalog: World = ["a/x", "b/x", "b/y", "b/z"]
        .map(|path| {
            (
                path.to_string(),
                File {
                    content: 1,
                    time: 1,
                },
            )
        })
        .into();
    let tree = seen(&World::new(), &["a".to_string()].into());
    let refused = plan(
        &known(&catalog, &BTreeSet::new()),
        &[],
        &tree,
        &|_| None,
        false,
    )
    .unwrap_err();
    assert_eq!(
        refused,
        Refused {
            dropped: 3,
            known: 4,
            unlisted: b"a".to_vec()
        }
    );
}
