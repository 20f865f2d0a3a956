//! `fathom model`: training a codebook.

use std::fs;
use std::time::Duration;

use fathom_encoders::Profile;
use fathom_indexes::codebook::{Bits, Codebook};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{SMALL, Sandbox, wait};

const TRAIN: [&str; 5] = ["model", "codebook", "default", "--from", "."];

fn train(sandbox: &Sandbox, args: &[&str]) -> crate::common::Run {
    sandbox.run(&[&TRAIN, args].concat())
}

#[test]
fn a_codebook_is_trained_and_described() {
    let sandbox = Sandbox::new(SMALL);
    let args = ["--force", "--centroids", "8", "--bits", "2", "--json"];
    let report = train(&sandbox, &args).expect_code(0).json();
    let bytes = fs::read(sandbox.tree().join("codebook.bin")).unwrap();
    let codebook = Codebook::from_bytes(&bytes).unwrap();
    assert_eq!((codebook.dim(), codebook.len()), (128, 8));
    assert_eq!(report["id"], codebook.id().to_string());
    assert_eq!(report["blake3"], blake3::hash(&bytes).to_hex().to_string());
    assert_eq!(report["bytes_per_token"], 35);
    assert_eq!(report["files"], 3);
    assert!(report["mean_cosine"].as_f64().unwrap() > 0.8, "{report}");
    let again = [&args[..], &["--out", "again.bin"]].concat();
    train(&sandbox, &again).expect_code(0);
    assert!(fs::read(sandbox.tree().join("again.bin")).unwrap() == bytes);
    let text = train(&sandbox, &args[..3]).expect_code(0).stdout;
    assert!(
        text.contains("[codebook]\nfile = \"codebook.bin\""),
        "{text}"
    );
}

#[test]
fn the_bundled_codebook_fits_the_bundled_model() {
    let profile = Profile::bundled();
    let bytes = profile.codebook_bytes().unwrap().unwrap();
    let codebook = Codebook::from_bytes(&bytes).unwrap();
    assert_eq!(codebook.dim(), profile.token_dim());
    assert_eq!(codebook.bits(), Bits::Four);
}

#[test]
fn what_cannot_be_trained_says_why() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.write("empty/binary", "\0");
    let cases: [(&[&str], &str); 5] = [
        (
            &[],
            "of 3 files are too few for a codebook of 16384 centroids",
        ),
        (
            &["--out", "nowhere/x.bin", "--force"],
            "cannot write beside `nowhere/x.bin`",
        ),
        (&["--from", "nowhere"], "cannot index `nowhere`"),
        (&["--bits", "3"], "invalid value '3'"),
        (&["--centroids", "65537"], "65537 is not in 1..=65536"),
    ];
    for (args, why) in cases {
        let run = train(&sandbox, args).expect_code(2);
        assert!(run.stderr.contains(why), "{run}");
    }
    for (args, why) in [
        (
            ["model", "codebook", "nobody", "--from", "."],
            "no model profile `nobody`",
        ),
        (
            ["model", "codebook", "default", "--from", "empty"],
            "there is no code",
        ),
    ] {
        let run = sandbox.run(&args).expect_code(2);
        assert!(run.stderr.contains(why), "{run}");
    }
    assert!(!sandbox.tree().join("codebook.bin").exists());
}

#[test]
fn an_interrupted_training_leaves_nothing() {
    let sandbox = Sandbox::new(&[]);
    for file in 0..400 {
        let words: String = (0..150).map(|n| format!("word{file} other{n}\n")).collect();
        sandbox.write(&format!("{file}.txt"), &words);
    }
    let args = [&TRAIN[..], &["--force", "--threads", "1"]].concat();
    let child = sandbox.command(&args).spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    std::thread::sleep(Duration::from_millis(800));
    kill_process(pid, Signal::INT).unwrap();
    let run = wait(child, &args).expect_code(130);
    assert!(run.stderr.contains("nothing was written"), "{run}");
    let left = fs::read_dir(sandbox.tree()).unwrap().count();
    assert_eq!(left, 400);
}
