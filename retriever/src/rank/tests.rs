//! Tests of the ranking: one line per case.

use fathom_indexes::{ChunkId, ChunkKind, FileId};
use proptest::prelude::*;

use super::*;
use crate::understand::understand;

/// An ordinary function, found by every list with the same score.
fn candidate(chunk: u32, path: &str) -> Candidate {
    Candidate {
        chunk: ChunkId(chunk),
        file: FileId(
            path.bytes()
                .fold(7, |h: u32, b| h.wrapping_mul(31).wrapping_add(u32::from(b))),
        ),
        path: path.to_owned(),
        kind: ChunkKind::Function,
        name: String::new(),
        generated: false,
        late: Some(10.0),
        dense: Some(0.5),
        lexical: Some(5.0),
        definition: 0.0,
    }
}

fn ranked(query: &str, pool: &[Candidate]) -> Vec<Placed> {
    let query = understand(query);
    rank(&query, pool, &Weights::of(&query))
}

/// Which of two paths, alike in all else, comes first; the worse one has the smaller chunk id, so ties lose.
fn first_of(query: &str, better: &str, worse: &str) -> String {
    let pool = [candidate(0, worse), candidate(1, better)];
    pool[ranked(query, &pool)[0].index].path.clone()
}

#[test]
fn paths_decide_between_equals() {
    for (query, better, worse) in [
        ("parse the header", "src/header.rs", "src/body.rs"),
        ("parsing headers", "src/header.rs", "src/body.rs"),
        ("how routing works", "http/router.go", "http/request_log.go"),
        ("cookie jar", "cookie/jar.js", "other/thing.js"),
        ("parse the header", "src/other.rs", "tests/other.rs"),
        ("parse the header", "src/other.rs", "examples/other.rs"),
        ("parse the header", "src/other.rs", "vendor/other.rs"),
        ("parse the header", "src/other.ts", "src/other.d.ts"),
        ("tests of the parser", "tests/parser.rs", "src/other.rs"),
        (
            "retry in http/client.rs",
            "src/http/client.rs",
            "src/retry.rs",
        ),
        ("client.rs", "src/client.rs", "src/http_client.rs"),
    ] {
        assert_eq!(first_of(query, better, worse), better, "{query}");
    }
}

#[test]
fn penalties_are_lifted_when_asked_for() {
    let test_part = |query| {
        let pool = [candidate(0, "tests/other.rs")];
        ranked(query, &pool)[0]
            .parts
            .iter()
            .any(|(name, _)| *name == "test")
    };
    assert!(test_part("parse the header"));
    assert!(!test_part("tests of the header"));
    assert!(!test_part("tests/other.rs"));
}

#[test]
fn the_definition_of_the_symbol_comes_first() {
    let mut definition = candidate(1, "src/adapters.py");
    definition.definition = 1.0;
    definition.lexical = Some(3.0);
    let pool = [candidate(0, "src/sessions.py"), definition];
    assert_eq!(ranked("HTTPAdapter", &pool)[0].index, 1);
}

#[test]
fn another_file_comes_before_a_further_chunk() {
    let mut weaker = candidate(3, "src/b.rs");
    weaker.late = Some(8.0);
    let mut weakest = candidate(4, "src/c.rs");
    weakest.late = Some(5.0);
    let pool = [
        candidate(0, "src/a.rs"),
        candidate(1, "src/a.rs"),
        weaker,
        weakest,
    ];
    let order: Vec<usize> = ranked("anything else", &pool)
        .iter()
        .map(|p| p.index)
        .collect();
    assert_eq!(order, [0, 2, 1, 3]);
}

#[test]
fn nothing_is_ranked_of_nothing() {
    assert!(ranked("anything", &[]).is_empty());
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let path = prop_oneof![
        "(src|tests|docs|vendor)/[a-c]{1,3}\\.(rs|py|md|d\\.ts)",
        Just("__init__.py".to_owned())
    ];
    let score = || {
        prop::option::of(prop_oneof![
            -10.0f32..50.0,
            Just(f32::NAN),
            Just(f32::INFINITY)
        ])
    };
    let kind = prop::sample::select(ChunkKind::ALL);
    (
        any::<u32>(),
        path,
        kind,
        "[a-cA-C_]{0,6}",
        score(),
        score(),
        score(),
        0.0f32..=1.0,
    )
        .prop_map(
            |(chunk, path, kind, name, late, dense, lexical, definition)| Candidate {
                kind,
                name,
                late,
                dense,
                lexical,
                definition,
                ..candidate(chunk, &path)
            },
        )
}

proptest! {
    #[test]
    fn scores_are_finite_sums_in_order(query in "[a-cA-C_ /.]{0,12}", pool in prop::collection::vec(any_candidate(), 0..30)) {
        let placed = ranked(&query, &pool);
        prop_assert_eq!(placed.len(), pool.len());
        for one in &placed {
            let sum: f32 = one.parts.iter().map(|(_, part)| part).sum();
            prop_assert!(one.score.is_finite() && (sum - one.score).abs() < 1e-5, "{one:?}");
        }
        prop_assert!(placed.windows(2).all(|pair| pair[0].score >= pair[1].score));
        prop_assert_eq!(&placed, &ranked(&query, &pool));
    }
}
