//! The judge gives the scores that the program gives which trained it.

#![allow(clippy::unwrap_used)]

use fathom_encoders::{Judge, Profile, TokenMatrix};
use safetensors::SafeTensors;

/// Written by `training/judge/train.py --example`.
const EXAMPLE: &[u8] = include_bytes!("fixtures/judge.safetensors");

fn judge() -> Judge {
    Profile::bundled().judge().unwrap().unwrap()
}

fn numbers(name: &str) -> Vec<f32> {
    let tensors = SafeTensors::deserialize(EXAMPLE).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let numbers = tensor.data().as_chunks::<4>().0;
    numbers
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect()
}

fn rows(name: &str) -> TokenMatrix {
    TokenMatrix::new(128, numbers(name))
}

fn chunks() -> Vec<TokenMatrix> {
    ["chunk.0", "chunk.1", "chunk.2"].map(rows).to_vec()
}

#[test]
fn scores_are_those_of_training() {
    let scores = judge().scores(&rows("question"), &chunks());
    let expected = numbers("scores");
    assert_eq!(scores.len(), expected.len());
    for (score, expected) in scores.into_iter().zip(expected) {
        let score = score.unwrap();
        assert!((score - expected).abs() < 2e-3, "{score} {expected}");
    }
}

#[test]
fn what_has_no_vectors_changes_nothing_for_the_others() {
    let none = TokenMatrix::new(128, Vec::new());
    let mut with = chunks();
    with.insert(1, none);
    let mut scores = judge().scores(&rows("question"), &with);
    assert_eq!(scores.remove(1), None);
    assert_eq!(scores, judge().scores(&rows("question"), &chunks()));
}

#[test]
fn the_order_of_the_candidates_changes_no_score() {
    let mut turned = chunks();
    turned.reverse();
    let mut scores = judge().scores(&rows("question"), &turned);
    scores.reverse();
    let straight = judge().scores(&rows("question"), &chunks());
    for (one, other) in scores.into_iter().zip(straight) {
        assert!((one.unwrap() - other.unwrap()).abs() < 1e-4);
    }
}

#[test]
fn nothing_is_judged_without_vectors_of_its_length() {
    let other = TokenMatrix::new(64, vec![0.1; 640]);
    for (question, chunk) in [
        (other.clone(), rows("chunk.0")),
        (rows("question"), other),
        (TokenMatrix::new(128, Vec::new()), rows("chunk.0")),
    ] {
        assert_eq!(judge().scores(&question, &[chunk]), [None]);
    }
    assert_eq!(judge().scores(&rows("question"), &[]), []);
}

#[test]
fn what_is_longer_than_it_reads_is_cut() {
    let long = |name: &str, times: usize| {
        let numbers = numbers(name);
        TokenMatrix::new(128, std::iter::repeat_n(numbers, times).flatten().collect())
    };
    let scores = judge().scores(
        &long("question", 20),
        &[long("chunk.0", 20), rows("chunk.1")],
    );
    assert!(
        scores.iter().all(|score| score.is_some_and(f32::is_finite)),
        "{scores:?}"
    );
}

#[test]
fn what_is_no_judge_is_refused() {
    let bytes = std::fs::read("models/default/judge.safetensors").unwrap();
    let cut = &bytes[..bytes.len() - 4];
    let renamed = {
        let mut bytes = bytes.clone();
        let at = bytes.windows(6).position(|part| part == b"inputs").unwrap();
        bytes[at] = b'o';
        bytes
    };
    let no_number = {
        let mut bytes = bytes.clone();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        bytes
    };
    for (bytes, reason) in [
        (&b"nothing"[..], "eader"),
        (cut, "ncomplete"),
        (&renamed, "`inputs."),
        (&no_number, "no number"),
    ] {
        let refused = Judge::parse(bytes).err().unwrap();
        assert!(refused.contains(reason), "{refused}");
    }
}
