//! Searches over a small store, mode by mode.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod toy;

use std::sync::LazyLock;

use fathom_indexes::ChunkKind;
use fathom_retriever::{
    Content, Filter, Mode, SearchOutcome, SearchRequest, SimilarRequest, chunk_at, search, similar,
};
use proptest::prelude::*;
use toy::{Toy, ToyEncoder};

const ROUTER: &str = "\
fn add_route
    insert the path into the tree

fn find_route
    walk the tree and match the path

type Router
    routes by path
";
const CLIENT: &str = "\
type HttpClient
    sends requests and retries them

fn send_request
    open the socket, write the request

fn retry_request
    wait with backoff and send again
";
const TESTS: &str = "\
test routes_are_found
    add route then find route in the tree, match path
";
const GUIDE: &str = "\
# Routing
    routes match the path of a request
";

static TOY: LazyLock<Toy> = LazyLock::new(|| Toy::new(FILES));

fn toy() -> &'static Toy {
    &TOY
}

const FILES: &[(&str, &str)] = &[
    ("src/router.rs", ROUTER),
    ("src/client.py", CLIENT),
    ("tests/router.rs", TESTS),
    ("docs/guide.md", GUIDE),
];

fn request(query: &str, mode: Mode) -> SearchRequest {
    SearchRequest {
        mode,
        ..SearchRequest::new(query)
    }
}

fn run(toy: &Toy, request: &SearchRequest) -> SearchOutcome {
    search(&toy.snapshot, Some(&ToyEncoder), request).unwrap()
}

/// `path:name` of each hit.
fn found(outcome: &SearchOutcome) -> Vec<String> {
    let shown = |path: &[u8], name: &str| format!("{}:{name}", String::from_utf8_lossy(path));
    outcome
        .hits
        .iter()
        .map(|hit| shown(&hit.chunk.path, &hit.chunk.record.name))
        .collect()
}

#[test]
fn each_mode_finds_what_is_meant() {
    let toy = toy();
    for (query, mode, expected) in [
        (
            "retry a request with backoff",
            Mode::Hybrid,
            "src/client.py:retry_request",
        ),
        (
            "retry a request with backoff",
            Mode::Late,
            "src/client.py:retry_request",
        ),
        (
            "wait backoff send again",
            Mode::Dense,
            "src/client.py:retry_request",
        ),
        (
            "retry a request with backoff",
            Mode::Lexical,
            "src/client.py:retry_request",
        ),
        ("HttpClient", Mode::Hybrid, "src/client.py:HttpClient"),
        ("find_route", Mode::Hybrid, "src/router.rs:find_route"),
        (
            "tests of routes",
            Mode::Hybrid,
            "tests/router.rs:routes_are_found",
        ),
        ("src/client.py", Mode::Hybrid, "src/client.py:HttpClient"),
        ("open the socket", Mode::Regex, "src/client.py:send_request"),
        ("httpclient", Mode::Symbol, "src/client.py:HttpClient"),
        ("find route", Mode::Symbol, "src/router.rs:find_route"),
    ] {
        let outcome = run(toy, &request(query, mode));
        assert_eq!(
            found(&outcome).first().map(String::as_str),
            Some(expected),
            "{query} {mode:?} {:?}",
            found(&outcome)
        );
    }
}

#[test]
fn symbols_come_exact_first_and_completely() {
    let toy = toy();
    let outcome = run(toy, &request("route", Mode::Symbol));
    assert_eq!(
        found(&outcome),
        [
            "docs/guide.md:Routing",
            "src/router.rs:add_route",
            "src/router.rs:find_route",
            "tests/router.rs:routes_are_found"
        ]
    );
    assert!(outcome.complete);
    let cut = run(
        toy,
        &SearchRequest {
            top_k: 1,
            ..request("route", Mode::Symbol)
        },
    );
    assert_eq!(
        (cut.hits.len(), cut.total, cut.complete),
        (1, Some(4), false)
    );
    assert!(
        run(toy, &request("no_such_name", Mode::Symbol))
            .hits
            .is_empty()
    );
}

#[test]
fn regex_hits_carry_their_lines() {
    let outcome = run(toy(), &request("^fn |^type ", Mode::Regex));
    let lines: Vec<(String, Vec<u32>)> = found(&outcome)
        .into_iter()
        .zip(outcome.hits.iter().map(|hit| hit.matches.clone()))
        .collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0], ("src/client.py:HttpClient".to_owned(), vec![1]));
    assert_eq!(lines[1], ("src/client.py:send_request".to_owned(), vec![4]));
    assert!(outcome.complete);
}

#[test]
fn filters_hold_in_every_mode() {
    let toy = toy();
    for (filter, allowed) in [
        (
            Filter {
                languages: vec!["Rust".into()],
                ..Filter::default()
            },
            vec!["src/router.rs", "tests/router.rs"],
        ),
        (
            Filter {
                globs: vec!["!tests".into()],
                ..Filter::default()
            },
            vec!["src/router.rs", "src/client.py", "docs/guide.md"],
        ),
        (
            Filter {
                under: Some(b"src".to_vec()),
                ..Filter::default()
            },
            vec!["src/router.rs", "src/client.py"],
        ),
        (
            Filter {
                kinds: vec![ChunkKind::Section],
                ..Filter::default()
            },
            vec!["docs/guide.md"],
        ),
        (
            Filter {
                content: Content::Docs,
                ..Filter::default()
            },
            vec!["docs/guide.md"],
        ),
        (
            Filter {
                content: Content::Code,
                ..Filter::default()
            },
            vec!["src/router.rs", "src/client.py", "tests/router.rs"],
        ),
        (
            Filter {
                content: Content::Config,
                ..Filter::default()
            },
            vec![],
        ),
    ] {
        for (mode, query) in Mode::ALL.into_iter().zip([
            "route path",
            "route path",
            "route path",
            "route path",
            "route",
            "route",
        ]) {
            let outcome = run(
                toy,
                &SearchRequest {
                    filter: filter.clone(),
                    ..request(query, mode)
                },
            );
            for hit in found(&outcome) {
                let path = hit.split(':').next().unwrap();
                assert!(allowed.contains(&path), "{hit} {mode:?} {filter:?}");
            }
        }
    }
}

#[test]
fn semantic_modes_need_an_encoder_and_hybrid_does_not() {
    let toy = toy();
    for (mode, works) in [
        (Mode::Hybrid, true),
        (Mode::Lexical, true),
        (Mode::Late, false),
        (Mode::Dense, false),
    ] {
        let outcome = search(&toy.snapshot, None, &request("retry a request", mode));
        assert_eq!(
            outcome.is_ok_and(|outcome| !outcome.hits.is_empty()),
            works,
            "{mode:?}"
        );
    }
}

#[test]
fn what_is_not_encoded_yet_is_encoded_on_the_fly() {
    let toy = Toy::encoded(FILES, 0);
    let outcome = run(&toy, &request("retry a request with backoff", Mode::Hybrid));
    assert_eq!(outcome.semantic_coverage, 0.0);
    let first = &outcome.hits[0];
    assert_eq!(first.chunk.record.name, "retry_request");
    assert!(
        first
            .scores
            .iter()
            .any(|(name, part)| *name == "late" && *part > 0.0),
        "{:?}",
        first.scores
    );
}

#[test]
fn limits_are_kept() {
    let toy = toy();
    let all = run(toy, &request("route path request", Mode::Hybrid));
    let two = run(
        toy,
        &SearchRequest {
            top_k: 2,
            ..request("route path request", Mode::Hybrid)
        },
    );
    assert_eq!(found(&two), found(&all)[..2]);
    let least = all.hits[1].score;
    let strong = run(
        toy,
        &SearchRequest {
            min_score: Some(least),
            ..request("route path request", Mode::Hybrid)
        },
    );
    assert_eq!(found(&strong), found(&all)[..2]);
    let capped = run(
        toy,
        &SearchRequest {
            per_file: Some(1),
            ..request("route path request", Mode::Hybrid)
        },
    );
    assert_eq!(capped.hits.len(), 4, "{:?}", found(&capped));
}

#[test]
fn similar_code_leaves_the_code_itself_out() {
    let toy = toy();
    let at = |path: &[u8], line| chunk_at(&toy.snapshot, path, line).map(|chunk| chunk.record.name);
    assert_eq!(at(b"src/router.rs", 5).unwrap(), "find_route");
    assert_eq!(at(b"src/router.rs", 3).unwrap(), "add_route");
    assert!(
        at(b"no/such.rs", 1)
            .unwrap_err()
            .to_string()
            .contains("`no/such.rs:1`")
    );
    // Before anything is encoded, after some of it is, and at the end.
    for encoded in [0, 2, usize::MAX] {
        let toy = Toy::encoded(FILES, encoded);
        let chunk = toy.chunk("find_route");
        let request = SimilarRequest {
            chunk,
            top_k: 3,
            filter: Filter::default(),
            per_file: None,
        };
        let outcome = similar(&toy.snapshot, &ToyEncoder, &request).unwrap();
        assert_eq!(outcome.hits.len(), 3, "{encoded}");
        assert!(outcome.hits.iter().all(|hit| hit.chunk.id != chunk));
        assert_eq!(
            outcome.hits[0].chunk.record.name,
            "routes_are_found",
            "{encoded} {:?}",
            found(&outcome)
        );
    }
}

#[test]
fn broken_requests_are_explained() {
    let toy = toy();
    let error = search(&toy.snapshot, None, &request("a(", Mode::Regex))
        .unwrap_err()
        .to_string();
    assert!(error.contains("unclosed group"), "{error}");
    let error = search(&toy.snapshot, None, &request("a", Mode::Late))
        .unwrap_err()
        .to_string();
    assert!(error.contains("`late`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn searches_are_deterministic_sorted_and_capped(
        words in prop::collection::vec(prop::sample::select(&["route", "path", "request", "send", "Router", "tree"][..]), 0..4),
        top_k in 0usize..8,
        per_file in prop::option::of(1usize..3),
        mode in prop::sample::select(&Mode::ALL[..4]),
    ) {
        let toy = toy();
        let asked = SearchRequest { top_k, per_file, ..request(&words.join(" "), mode) };
        let outcome = run(toy, &asked);
        prop_assert_eq!(&outcome, &run(toy, &asked));
        prop_assert!(outcome.hits.len() <= top_k);
        prop_assert!(outcome.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        for hit in &outcome.hits {
            prop_assert!((0.0..=1.0).contains(&hit.score));
            let of_file = outcome.hits.iter().filter(|other| other.chunk.file == hit.chunk.file).count();
            prop_assert!(of_file <= per_file.unwrap_or(usize::MAX));
            prop_assert!(!hit.text.is_empty());
        }
    }

    #[test]
    fn regex_mode_finds_every_line(pattern in prop::sample::select(&["route", "^fn", "path$", "^$", r"\bthe\b", "[A-Z]", "zzz"][..])) {
        let toy = toy();
        let outcome = run(toy, &SearchRequest { top_k: usize::MAX, ..request(pattern, Mode::Regex) });
        let regex = regex::Regex::new(pattern).unwrap();
        for (path, text) in &toy.files {
            let expected: Vec<u32> = (1..).zip(text.lines()).filter(|(_, line)| regex.is_match(line)).map(|(n, _)| n).collect();
            let mut lines: Vec<u32> =
                outcome.hits.iter().filter(|hit| hit.chunk.path == path.as_bytes()).flat_map(|hit| hit.matches.clone()).collect();
            lines.sort_unstable();
            prop_assert_eq!(lines, expected, "{} {}", path, pattern);
        }
    }
}
