//! A writer that is killed at any moment, or before any operation on a file, leaves a sound store.
//!
//! The tests run themselves again as a child process, which writes until it is killed.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::storage::faulty::{Fault, Faults, FaultyStorage};
use crate::storage::{OsStorage, sqlite_vfs};
use crate::testing::*;
use crate::*;

const DIR: &str = "FATHOM_TEST_KILL_DIR";
/// The operation before which the child kills itself.
const AT: &str = "FATHOM_TEST_KILL_AT";
/// How many times it is killed at an operation.
const ROUNDS: &str = "FATHOM_TEST_KILL_ROUNDS";
const SIGKILL: i32 = 9;

/// Both files have the same text in every generation.
fn write_for_ever(store: &Store) {
    let mut writer = writer(store);
    for n in 0.. {
        let text = format!("fn alpha version{n}\n\nshared\n");
        put(&mut writer, &[("a.rs", &text), ("b.rs", &text)]);
        encode(&mut writer, 1).unwrap();
        if n % 5 == 4 {
            writer.maintain_thoroughly().unwrap();
        }
    }
}

/// A store in which the process dies before operation number `at`, opening included.
fn doomed(dir: &Path, at: u64) -> Store {
    let faults = Arc::new(Faults::none());
    let vfs = sqlite_vfs::register(faults.clone());
    let disk = FaultyStorage::new(OsStorage::create(dir).unwrap(), faults.clone());
    faults.arm(at, false, Fault::Kill);
    Store::open_on(dir, &[&options()], Arc::new(disk), Some(vfs)).unwrap()
}

/// Does nothing unless it is run by the tests below.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        return;
    };
    let at = std::env::var(AT).ok().map(|at| at.parse().unwrap());
    write_for_ever(&at.map_or_else(|| open(&dir), |at| doomed(&dir, at)));
}

fn start(dir: &Path, at: Option<u64>) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "tests::kill::child", "--nocapture"])
        .env(DIR, dir)
        .envs(at.map(|at| (AT, at.to_string())))
        .stdout(Stdio::null());
    child.spawn().unwrap()
}

/// The store is sound, holds one version, and nothing committed was lost. Answers its generation.
fn verify(dir: &Path, last: u64, context: &str) -> u64 {
    let store = open(dir);
    assert_sound(&store);
    let snapshot = store.snapshot().unwrap();
    let files = snapshot.files().unwrap();
    let texts: Vec<_> = files
        .iter()
        .map(|file| snapshot.text(file.id).unwrap())
        .collect();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{context}");
    assert!(snapshot.generation() >= last, "{context}");
    let mut writer = writer(&store);
    assert_eq!(writer.repairs(), [] as [String; 0], "{context}");
    // A child that is killed early never merges: opening would take ever more operations.
    writer.maintain_thoroughly().unwrap();
    assert_sound(&store);
    writer.generation()
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_sound_store() {
    const MOMENTS: u64 = 12;
    let dir = temporary();
    let mut last = 0;
    for round in 0..MOMENTS {
        let mut child = start(dir.path(), None);
        std::thread::sleep(Duration::from_millis(20 + 37 * round % 150));
        child.kill().unwrap();
        child.wait().unwrap();
        last = verify(dir.path(), last, &format!("round {round}"));
    }
    assert!(last > MOMENTS, "the children wrote only {last} generations");
}

/// Ten rounds; `FATHOM_TEST_KILL_ROUNDS=1000` for more.
#[test]
fn a_writer_killed_before_any_operation_leaves_a_sound_store() {
    let rounds = std::env::var(ROUNDS).map_or(10, |rounds| rounds.parse::<u64>().unwrap());
    let dir = temporary();
    let mut last = 0;
    for round in 0..rounds {
        // Spread over the operations of opening, of several changes, and of a merge.
        let at = (round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 600;
        let status = start(dir.path(), Some(at)).wait().unwrap();
        assert_eq!(status.signal(), Some(SIGKILL), "operation {at}: {status}");
        last = verify(dir.path(), last, &format!("round {round}, operation {at}"));
    }
    assert!(last > rounds, "the children wrote only {last} generations");
}
