//! A tree that is edited at random while a daemon follows it: the index that comes out is that of
//! a fresh one, and the daemon has grown neither in memory nor in open files.
//!
//! `FATHOM_TEST_SOAK_SECONDS=600` makes it last longer than the few seconds of an ordinary run; CI takes a minute.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::Sandbox;
use crate::watch::Daemon;

const SECONDS: &str = "FATHOM_TEST_SOAK_SECONDS";
/// Files of the tree, at most.
const FILES: u64 = 120;

/// Seconds in which caches fill; after them nothing may grow.
const WARM: u64 = 20;
/// MiB of memory that the daemon may take.
const LARGEST: u64 = 512;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

fn path(tree: &Path, number: u64) -> PathBuf {
    tree.join(format!("part{}/file{number}.rs", number % 7))
}

fn text(number: u64) -> String {
    format!("/// Number {number}.\npub fn made_{number}() -> u64 {{\n    {number}\n}}\n")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// One edit, of any kind; what it meets may not be there.
fn edit(tree: &Path, numbers: &mut Numbers) {
    let (file, other) = (
        path(tree, numbers.below(FILES)),
        path(tree, numbers.below(FILES)),
    );
    match numbers.below(12) {
        0..=4 => write(&file, &text(numbers.below(1_000))),
        5 => {
            let beside = file.with_extension("rs~");
            write(&beside, &text(numbers.below(1_000)));
            fs::rename(beside, file).unwrap();
        }
        6 => drop(fs::remove_file(file)),
        7 => {
            fs::create_dir_all(other.parent().unwrap()).unwrap();
            drop(fs::rename(file, other));
        }
        8 => drop(fs::remove_dir_all(file.parent().unwrap())),
        9 => {
            let (from, to) = (
                file.parent().unwrap(),
                tree.join(format!("moved{}", numbers.below(3))),
            );
            drop(fs::rename(from, to));
        }
        10 => write(
            &tree.join(".gitignore"),
            &format!("file{}*\n", numbers.below(10)),
        ),
        _ => {
            // Another branch: many files at once.
            let branch = numbers.below(1_000);
            (0..20).for_each(|n| write(&path(tree, branch % FILES + n), &text(branch + n)));
        }
    }
}

/// More events than the system's queue holds while nobody reads them.
fn lose_events(sandbox: &Sandbox, daemon: Pid) {
    kill_process(daemon, Signal::STOP).unwrap();
    let temporary = sandbox.tree().join("burst.rs");
    for _ in 0..4_500 {
        fs::write(&temporary, "x").unwrap();
        fs::remove_file(&temporary).unwrap();
    }
    write(&path(&sandbox.tree(), 3), &text(4_000));
    kill_process(daemon, Signal::CONT).unwrap();
}

/// Everything that a search can find, without what differs from index to index.
fn content(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let all = [
        &[
            "search",
            "--json",
            "--no-refresh",
            "--mode",
            "regex",
            "-k",
            "100000",
            "fn made_",
        ][..],
        args,
    ]
    .concat();
    let json = sandbox.run(&all).json();
    let results = json["results"].as_array().unwrap().iter();
    let mut found: Vec<String> = results
        .map(|one| format!("{} {} {}", one["path"], one["start_line"], one["text"]))
        .collect();
    found.sort();
    found
}

/// Memory in MiB and open files of a process.
fn size(pid: Pid) -> (u64, usize) {
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let statm = fs::read_to_string(proc.join("statm")).unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    let files = fs::read_dir(proc.join("fd")).unwrap().count();
    ((pages * rustix::param::page_size() as u64) >> 20, files)
}

#[test]
#[cfg(target_os = "linux")]
fn an_index_that_followed_random_edits_is_a_fresh_one() {
    let seconds = std::env::var(SECONDS).map_or(8, |seconds| seconds.parse().unwrap());
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds);
    let sandbox = Sandbox::new(&[]);
    let tree = sandbox.tree();
    (0..FILES).for_each(|number| write(&path(&tree, number), &text(number)));
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    let mut numbers = Numbers(7);
    let mut sizes = Vec::new();
    let mut edits = 0_u64;
    while Instant::now() < end {
        edit(&tree, &mut numbers);
        edits += 1;
        match edits % 400 {
            100 => lose_events(&sandbox, daemon.pid()),
            200 => drop(daemon.until_fresh()),
            300 => {
                let (memory, files) = size(daemon.pid());
                sizes.push((began.elapsed().as_secs(), memory, files));
            }
            _ => std::thread::sleep(Duration::from_millis(numbers.below(12))),
        }
    }
    lose_events(&sandbox, daemon.pid());
    let status = daemon.until_fresh();
    assert_eq!(status["repositories"][0]["errors"], 0, "{status:#}");
    sandbox.run(&["search", "--mode", "symbol", "made_1"]);
    let followed = content(&sandbox, &[]);
    let fresh_data = sandbox.path("fresh");
    let fresh = ["--data-dir", fresh_data.to_str().unwrap()];
    sandbox
        .run(&[&["index", "--lexical-only"][..], &fresh].concat())
        .expect_code(0);
    assert_eq!(followed, content(&sandbox, &fresh), "after {edits} edits");
    assert!(!followed.is_empty());
    sandbox.run(&["check"]).expect_code(0);
    assert!(
        sizes.iter().all(|(_, memory, _)| *memory < LARGEST),
        "seconds, memory in MiB and open files: {sizes:?}"
    );
    let warm = sizes.iter().find(|(at, ..)| *at >= WARM);
    if let (Some((_, memory, files)), Some(last)) = (warm, sizes.last()) {
        assert!(
            last.1 < memory + 32 && last.2 < files + 12,
            "seconds, memory in MiB and open files: {sizes:?}"
        );
    }
}
