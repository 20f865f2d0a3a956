//! A writer that is killed at any moment leaves a sound store.
//!
//! The test runs itself again as a child process, which writes until it is killed.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::testing::*;

const DIR: &str = "FATHOM_TEST_KILL_DIR";
const ROUNDS: u64 = 12;

/// Both files have the same text in every generation.
fn write_for_ever(dir: PathBuf) {
    let store = open(&dir);
    let mut writer = writer(&store);
    for n in 0.. {
        let text = format!("fn alpha version{n}\n\nshared\n");
        put(&mut writer, &[("a.rs", &text), ("b.rs", &text)]);
        encode(&mut writer, 1).unwrap();
        if n % 5 == 4 {
            writer.maintain_thoroughly().unwrap();
        }
    }
}

/// Does nothing unless it is run by the test below.
#[test]
fn child() {
    if let Some(dir) = std::env::var_os(DIR) {
        write_for_ever(dir.into());
    }
}

#[test]
fn a_killed_writer_leaves_a_sound_store() {
    let dir = temporary();
    let mut last = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::kill::child", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + 37 * round % 150));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(dir.path());
        assert_sound(&store);
        let snapshot = store.snapshot().unwrap();
        let files = snapshot.files().unwrap();
        let texts: Vec<_> = files
            .iter()
            .map(|file| snapshot.text(file.id).unwrap())
            .collect();
        assert!(
            texts.windows(2).all(|pair| pair[0] == pair[1]),
            "round {round}"
        );
        assert!(snapshot.generation() >= last, "round {round}");
        last = snapshot.generation();
        assert_eq!(writer(&store).repairs(), [] as [String; 0], "round {round}");
    }
    assert!(last > ROUNDS, "the children wrote only {last} generations");
}
