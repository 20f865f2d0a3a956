//! Walking trees as users and attackers make them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use fathom_indexer::walk::{Walk, WalkOptions, walk};

/// A tree of files with a line of content each; what ends in `/` is a folder.
fn tree(paths: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in paths {
        write(dir.path(), path, "content\n");
    }
    dir
}

fn write(root: &Path, path: &str, content: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn list(root: &Path) -> Walk {
    walk(root, &WalkOptions::default()).unwrap()
}

fn paths(walk: &Walk) -> Vec<String> {
    walk.entries
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
        .collect()
}

fn skips(walk: &Walk) -> Vec<String> {
    walk.skipped
        .iter()
        .map(|skip| format!("{} {}", String::from_utf8_lossy(&skip.path), skip.reason))
        .collect()
}

#[test]
fn ignore_rules_hold_without_a_repository_too() {
    let dir = tree(&[
        "a.rs",
        "b.log",
        "target/x.rs",
        "keep/b.log",
        "gen/y.rs",
        "docs/z.md",
        "w.tmp",
    ]);
    write(dir.path(), ".gitignore", "*.log\n/target\n");
    write(dir.path(), "keep/.gitignore", "!b.log\n");
    write(dir.path(), ".ignore", "gen/\n");
    write(dir.path(), ".fathomignore", "*.tmp\n");
    assert_eq!(
        paths(&list(dir.path())),
        ["a.rs", "docs/z.md", "keep/b.log"]
    );
}

#[test]
fn the_repository_excludes_what_its_owner_excludes() {
    let dir = tree(&["a.rs", "secret-plan.md", "sub/b.rs", "sub/c.tmp"]);
    write(dir.path(), ".git/info/exclude", "secret-plan.md\n");
    write(dir.path(), ".git/HEAD", "ref: refs/heads/main\n");
    write(dir.path(), ".gitignore", "*.tmp\n");
    assert_eq!(paths(&list(dir.path())), ["a.rs", "sub/b.rs"]);
    // Rules above the root hold inside one repository.
    assert_eq!(paths(&list(&dir.path().join("sub"))), ["b.rs"]);
}

#[test]
fn hidden_files_are_left_out_but_for_useful_ones() {
    let dir = tree(&[
        ".hidden/x.rs",
        ".github/workflows/ci.yml",
        ".cache",
        ".env",
        ".npmrc",
        "a.rs",
    ]);
    let walk = list(dir.path());
    assert_eq!(paths(&walk), [".github/workflows/ci.yml", "a.rs"]);
    assert_eq!(skips(&walk), [".env secret", ".npmrc secret"]);
}

#[test]
fn names_and_sizes_are_reasons() {
    let dir = tree(&["Cargo.lock", "server.key", "app.min.js", "a.rs"]);
    fs::write(dir.path().join("large.sql"), vec![b'x'; (1 << 20) + 1]).unwrap();
    let walk = list(dir.path());
    assert_eq!(paths(&walk), ["a.rs"]);
    assert_eq!(
        skips(&walk),
        [
            "Cargo.lock generated",
            "app.min.js minified",
            "large.sql too-large",
            "server.key secret"
        ]
    );
}

#[test]
fn a_sparse_gigabyte_costs_nothing() {
    let dir = tree(&["a.rs"]);
    fs::File::create(dir.path().join("huge.c"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    assert_eq!(skips(&list(dir.path())), ["huge.c too-large"]);
}

#[test]
fn links_are_not_followed() {
    let outside = tree(&["password"]);
    let dir = tree(&["real/a.rs"]);
    let root = dir.path();
    symlink(outside.path().join("password"), root.join("out")).unwrap();
    symlink(outside.path(), root.join("out_dir")).unwrap();
    symlink("real/a.rs", root.join("in.rs")).unwrap();
    symlink("real", root.join("in_dir")).unwrap();
    symlink("..", root.join("real/up")).unwrap();
    symlink("self", root.join("self")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("/", root.join("slash")).unwrap();
    let walk = list(root);
    assert_eq!(paths(&walk), ["real/a.rs"]);
    let expected = [
        "dangling symlink",
        "in.rs symlink",
        "in_dir symlink",
        "out outside-root",
        "out_dir outside-root",
        // The parent of `real` is the root itself.
        "real/up symlink",
        "self symlink-loop",
        "slash outside-root",
    ];
    assert_eq!(skips(&walk), expected);
}

#[test]
fn what_is_not_a_file_is_not_opened() {
    let dir = tree(&["a.rs"]);
    let fifo = dir.path().join("pipe.rs");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.rs")).unwrap();
    let walk = list(dir.path());
    assert_eq!(paths(&walk), ["a.rs"]);
    assert_eq!(
        skips(&walk),
        ["pipe.rs not-regular", "socket.rs not-regular"]
    );
}

#[test]
fn names_are_bytes() {
    let dir = tree(&[]);
    let names: [&[u8]; 5] = [
        b"\xFFlatin.rs",
        b"new\nline.rs",
        b"esc\x1b[31m.rs",
        b"-rf",
        "e\u{301}.rs".as_bytes(),
    ];
    for name in names {
        fs::write(dir.path().join(OsStr::from_bytes(name)), "x\n").unwrap();
    }
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    let found: Vec<Vec<u8>> = list(dir.path())
        .entries
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_deep_tree_is_listed_as_far_as_paths_reach() {
    let dir = tree(&["a.rs"]);
    let mut deep = dir.path().to_path_buf();
    for _ in 0..300 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("end.rs"), "x\n").unwrap();
    assert_eq!(list(dir.path()).entries.len(), 2);
}

#[test]
fn a_root_that_is_no_folder_is_an_error() {
    let dir = tree(&["a.rs"]);
    assert!(walk(&dir.path().join("missing"), &WalkOptions::default()).is_err());
    assert!(walk(&dir.path().join("a.rs"), &WalkOptions::default()).is_err());
}

#[test]
fn extra_patterns_and_folders_are_left_out() {
    let dir = tree(&["a.rs", "b.md", "data/c.rs"]);
    let options = WalkOptions {
        exclude: vec!["*.md".to_string(), "[".to_string()],
        never: vec![dir.path().canonicalize().unwrap().join("data")],
        ..WalkOptions::default()
    };
    assert_eq!(paths(&walk(dir.path(), &options).unwrap()), ["a.rs"]);
}

#[test]
fn a_ten_megabyte_ignore_file_is_survived() {
    let dir = tree(&["a.rs", "b.rs"]);
    fs::write(
        dir.path().join(".gitignore"),
        "some/pattern/that/matches/nothing*\n".repeat(30_000),
    )
    .unwrap();
    assert_eq!(list(dir.path()).entries.len(), 2);
}
