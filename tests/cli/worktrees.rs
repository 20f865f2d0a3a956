//! Worktrees and clones of one git repository: what one has encoded the others need not, and none
//! depends on another's index.

use std::path::Path;
use std::process::Command;

use crate::common::{Run, SMALL, Sandbox};

/// Runs git, away from any settings of the user.
fn git(dir: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is missing: `make tools` installs it");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {stderr}");
}

/// The sandbox's tree as a repository with 30 files more, indexed.
fn repository() -> Sandbox {
    let sandbox = Sandbox::new(SMALL);
    for file in 0..30 {
        let text =
            format!("/// Makes part {file}.\npub fn part_{file}() -> u32 {{\n    {file}\n}}\n");
        sandbox.write(&format!("src/part{file}.rs"), &text);
    }
    git(&sandbox.tree(), &["init", "-q", "-b", "main"]);
    git(&sandbox.tree(), &["add", "-A"]);
    git(&sandbox.tree(), &["commit", "-qm", "all"]);
    let run = sandbox.run(&["index"]).expect_code(0);
    assert!(run.stderr.contains("encoded: 33 chunks"), "{run}");
    sandbox
}

fn add_worktree(sandbox: &Sandbox) {
    git(
        &sandbox.tree(),
        &["worktree", "add", "-q", "--detach", "../second"],
    );
}

/// Runs a command in another folder than the tree.
fn run_in(sandbox: &Sandbox, dir: &str, args: &[&str]) -> Run {
    let mut command = sandbox.command(args);
    command.current_dir(sandbox.path(dir));
    crate::common::finish(command, args)
}

/// Path of the first result, and the share of the code that is encoded.
fn first(run: &Run) -> (String, f64) {
    let json = run.json();
    let path = json["results"][0]["path"].as_str().unwrap().to_owned();
    (path, json["semantic_coverage"].as_f64().unwrap())
}

const QUERY: &[&str] = &["search", "--json", "--mode", "late", "take the writer lock"];

#[test]
fn a_second_worktree_encodes_nothing_and_stands_by_itself() {
    let sandbox = repository();
    add_worktree(&sandbox);
    let run = run_in(&sandbox, "second", &["index"]).expect_code(0);
    assert!(run.stderr.contains("vectors: of 33 chunks"), "{run}");
    assert!(!run.stderr.contains("encoded:"), "{run}");
    let (here, there) = (sandbox.run(QUERY), run_in(&sandbox, "second", QUERY));
    assert_eq!(first(&here), first(&there));
    assert_eq!(first(&there), ("src/lock.rs".into(), 1.0));
    // Clearing one leaves the other as it is, and that gives back what it was given.
    sandbox.run(&["clear"]).expect_code(0);
    run_in(&sandbox, "second", &["check"]).expect_code(0);
    assert_eq!(first(&run_in(&sandbox, "second", QUERY)).1, 1.0);
    let run = sandbox.run(&["index"]).expect_code(0);
    assert!(run.stderr.contains("vectors: of 33 chunks"), "{run}");
    sandbox.run(&["check"]).expect_code(0);
    // What only one of them has is encoded there alone.
    let own = sandbox.path("second/src/own.rs");
    std::fs::write(own, "pub fn only_here() {}\n").unwrap();
    let run = run_in(&sandbox, "second", &["index"]).expect_code(0);
    assert!(run.stderr.contains("encoded: 1 chunks"), "{run}");
}

#[test]
fn a_search_in_a_new_worktree_has_all_vectors_at_once() {
    let sandbox = repository();
    add_worktree(&sandbox);
    let run = run_in(
        &sandbox,
        "second",
        &["search", "--json", "take the writer lock"],
    );
    assert_eq!(first(&run), ("src/lock.rs".into(), 1.0));
    assert!(!run.stderr.contains("encod"), "{run}");
}

#[test]
fn a_second_clone_encodes_nothing() {
    let sandbox = repository();
    for clone in ["first", "second"] {
        git(&sandbox.path("."), &["clone", "-q", "tree", clone]);
    }
    let run = run_in(&sandbox, "first", &["index"]).expect_code(0);
    assert!(run.stderr.contains("encoded: 33 chunks"), "{run}");
    let run = run_in(&sandbox, "second", &["index"]).expect_code(0);
    assert!(run.stderr.contains("vectors: of 33 chunks"), "{run}");
    assert!(!run.stderr.contains("encoded:"), "{run}");
    run_in(&sandbox, "second", &["check"]).expect_code(0);
}

#[test]
fn a_damaged_index_of_another_worktree_is_left_alone() {
    let sandbox = repository();
    add_worktree(&sandbox);
    let files = sandbox.files("data").into_iter().map(|(path, _)| path);
    let is_segment = |path: &std::path::PathBuf| path.extension() == Some("seg".as_ref());
    let segments: Vec<_> = files.filter(is_segment).collect();
    assert_eq!(segments.len(), 1, "{segments:?}");
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    bytes[1_000] ^= 1;
    std::fs::remove_file(&segments[0]).unwrap();
    std::fs::write(&segments[0], bytes).unwrap();
    let run = run_in(&sandbox, "second", &["index"]).expect_code(0);
    assert!(run.stderr.contains("encoded: 33 chunks"), "{run}");
    run_in(&sandbox, "second", &["check"]).expect_code(0);
}

#[test]
fn a_git_file_that_points_elsewhere_is_useless_at_most() {
    let sandbox = repository();
    add_worktree(&sandbox);
    let git = sandbox.tree().join(".git");
    let git = git.display();
    for (number, text) in [
        format!("gitdir: {git}\n"),
        format!("gitdir: {git}/worktrees/second\n"),
        format!("gitdir: {git}/worktrees/none\n"),
        "gitdir: /dev/zero\n".to_owned(),
        "gitdir: /proc/self/root\n".to_owned(),
    ]
    .iter()
    .enumerate()
    {
        let dir = format!("hostile{number}");
        std::fs::create_dir(sandbox.path(&dir)).unwrap();
        std::fs::write(sandbox.path(&dir).join(".git"), text).unwrap();
        std::fs::write(sandbox.path(&dir).join("own.rs"), "pub fn own() {}\n").unwrap();
        let run = run_in(&sandbox, &dir, &["index"]).expect_code(0);
        assert!(run.stderr.contains("encoded: 1 chunks"), "{text:?}: {run}");
    }
    sandbox.run(&["check"]).expect_code(0);
}
