//! Branches and worktrees: `checkouts [FILES [CHANGED]]` makes a git repository of so many files
//! with a second branch that changes some of them, has a daemon watch it, and times switches of
//! the branch until the index is that of the files. Then it indexes a second worktree, beside
//! the time that reading and hashing its files takes, and once more as if there were no other.
#![allow(clippy::print_stdout)]

mod support;

use std::error::Error;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fathom::config::Settings;
use fathom::daemon::client::{self, Wanted};
use fathom::daemon::{Options, serve};
use fathom::workspace::Workspace;
use fathom_indexer::pipeline::Event;

type Failure = Box<dyn Error>;

/// Nothing cancels it.
static NEVER: AtomicBool = AtomicBool::new(false);
/// Switches in each direction.
const ROUNDS: usize = 5;

fn main() -> Result<(), Failure> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<usize>());
    let files = numbers.next().transpose()?.unwrap_or(5_000);
    let changed = numbers.next().transpose()?.unwrap_or(500);
    let dir = tempfile::tempdir()?;
    let (root, second) = (dir.path().join("tree"), dir.path().join("second"));
    repository(&root, files, changed)?;
    let settings = support::settings(&dir.path().join("data"))?;
    index(&root, &settings, "first worktree")?;
    let (stop, encoded) = (AtomicBool::new(false), Arc::new(AtomicU64::new(0)));
    let options = Options {
        settings: settings.clone(),
        paths: vec![root.clone()],
        idle_exit: None,
    };
    let told = encoded.clone();
    let on = Arc::new(move |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| *word == "chunks") {
            told.fetch_add(words[at - 1].parse().unwrap_or(1), Ordering::SeqCst);
        }
    });
    std::thread::scope(|scope| {
        let daemon = scope.spawn(|| serve(options, &|| None, &stop, on).map_err(|e| e.to_string()));
        let measured = switches(&root, &settings, &encoded).map_err(|e| e.to_string());
        stop.store(true, Ordering::SeqCst);
        daemon.join().map_err(|_| "the daemon panicked")??;
        measured
    })?;
    git(
        &root,
        &["worktree", "add", "-q", "../second", "-b", "third"],
    )?;
    let start = Instant::now();
    let bytes = hash(&second)?;
    println!(
        "second worktree: {bytes} bytes read and hashed in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    index(&second, &settings, "second worktree")?;
    let alone = support::settings(&dir.path().join("alone"))?;
    index(&second, &alone, "as if there were no other")
}

fn git(dir: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

fn repository(root: &Path, files: usize, changed: usize) -> Result<(), Failure> {
    support::write_all(root, files)?;
    git(root, &["init", "-q", "-b", "main"])?;
    git(root, &["add", "-A"])?;
    git(root, &["commit", "-qm", "all"])?;
    git(root, &["checkout", "-q", "-b", "other"])?;
    for file in 0..changed {
        let file = file * (files / changed.max(1));
        support::write(root, file, &support::text(file, &format!("other{file}")))?;
    }
    git(root, &["commit", "-qam", "some"])?;
    git(root, &["checkout", "-q", "main"])
}

fn index(root: &Path, settings: &Settings, what: &str) -> Result<(), Failure> {
    let start = Instant::now();
    let workspace = Workspace::open_exactly(root, settings)?;
    let report = workspace.refresh(false, Duration::from_secs(30), &NEVER, &|_: Event| ())?;
    let words = start.elapsed().as_secs_f64();
    let encoded = workspace
        .encode(Duration::from_secs(30), &NEVER, &|_| ())?
        .encoded;
    println!(
        "{what}: {} files, {} chunks taken over, {encoded} encoded; words {words:.2} s, all {:.2} s",
        report.added,
        report.borrowed,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Bytes of all files, read and hashed.
fn hash(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes += hash(&path)?;
        } else if path.extension() == Some(OsStr::new("rs")) {
            let text = std::fs::read(path)?;
            std::hint::black_box(blake3::hash(&text));
            bytes += text.len() as u64;
        }
    }
    Ok(bytes)
}

fn switches(root: &Path, settings: &Settings, encoded: &AtomicU64) -> Result<(), Failure> {
    let catch_up = || client::catch_up(settings, root, Wanted::Everything, &NEVER);
    while !catch_up() {
        std::thread::sleep(Duration::from_millis(50));
    }
    // The time stamps of the tree are no longer too new to be trusted.
    std::thread::sleep(Duration::from_secs(3));
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (branch, times) in [("other", &mut there), ("main", &mut back)] {
            let before = encoded.load(Ordering::SeqCst);
            git(root, &["checkout", "-q", branch])?;
            let switched = Instant::now();
            if !catch_up() {
                return Err("the daemon did not catch up".into());
            }
            let took = switched.elapsed();
            let chunks = encoded.load(Ordering::SeqCst) - before;
            if (round, branch) == (0, "other") {
                let seconds = took.as_secs_f64();
                println!("first switch, new chunks encoded: {seconds:.2} s");
                continue;
            }
            if chunks > 0 {
                return Err(format!("{chunks} chunks encoded again on `{branch}`").into());
            }
            times.push(took);
        }
    }
    support::report("later switches, to fresh", &mut there);
    support::report("switches back, to fresh", &mut back);
    Ok(())
}
