//! Explaining, mapping and asking without a reader.

use std::io::Write;
use std::process::Stdio;

use crate::common::{Run, SMALL, Sandbox, check, wait};

const CALLS: &[(&str, &str)] = &[
    (
        "src/store.rs",
        "/// Keeps things.\npub struct Store;\n\nimpl Store {\n    /// Opens a store.\n    pub fn open_store(path: &str) -> Store {\n        read_header(path);\n        Store\n    }\n}\n\nfn read_header(path: &str) {\n    path.len();\n}\n",
    ),
    (
        "src/main.rs",
        "fn main() {\n    let store = Store::open_store(\"a\");\n}\n",
    ),
    (
        "tests/store.rs",
        "#[test]\nfn opens() {\n    let store = Store::open_store(\"b\");\n}\n",
    ),
];

/// Runs with something on stdin.
pub fn piped(sandbox: &Sandbox, args: &[&str], text: &str) -> Run {
    let mut child = sandbox.command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    wait(child, args)
}

#[test]
fn a_symbol_is_explained() {
    let sandbox = Sandbox::new(CALLS);
    check!(sandbox, sandbox.run(&["explain", "-q", "Store::open_store"]), @r"
    exit 0
    --- stdout
    src/store.rs:6-9  method Store::open_store
      pub fn open_store(path: &str) -> Store
      │ Opens a store.
    called by (by name)
      src/main.rs:2  main
    calls (by name)
      src/store.rs:2  Store
      src/store.rs:12  read_header
    tests that reach it (by name)
      tests/store.rs:3  opens
    --- stderr
    ");
}

#[test]
fn places_and_traces_are_explained() {
    let sandbox = Sandbox::new(CALLS);
    let names = |run: Run| -> Vec<String> {
        let json = run.expect_code(0).json();
        let cards = json["cards"].as_array().unwrap().clone();
        cards
            .iter()
            .map(|card| card["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for (target, name) in [
        ("src/store.rs:13", "read_header"),
        ("src/store.rs:7:9", "Store::open_store"),
        ("src/store.rs:6-8", "Store::open_store"),
        ("open_store()", "Store::open_store"),
    ] {
        assert_eq!(
            names(sandbox.run(&["explain", "--json", target])),
            [name],
            "{target}"
        );
    }
    let trace = "thread 'main' panicked at src/store.rs:13:5:\n   2: main\n      at ./src/main.rs:2:17\n  at /usr/lib/x.rs:1\n";
    for args in [&["explain", "--json"][..], &["explain", "--json", "-"]] {
        assert_eq!(names(piped(&sandbox, args, trace)), ["read_header", "main"]);
    }
}

#[test]
fn what_is_not_there_is_said_and_what_is_ambiguous_listed() {
    let sandbox = Sandbox::new(&[
        ("a.py", "def same():\n    pass\n"),
        ("b.py", "def same():\n    pass\n"),
    ]);
    check!(sandbox, sandbox.run(&["explain", "same"]), @r"
    exit 0
    --- stdout
    `same` has 2 definitions; explain one of them:
      a.py:1  function same
      b.py:1  function same
    --- stderr
    ");
    check!(sandbox, sandbox.run(&["explain", "nowhere"]), @r"
    exit 1
    --- stdout
    --- stderr
    `nowhere` is not in the index
    ");
    piped(&sandbox, &["explain"], "no place at all").expect_code(1);
    sandbox.run(&["explain", "a.py:99"]).expect_code(1);
}

#[test]
fn a_map_shows_what_others_use() {
    let sandbox = Sandbox::new(CALLS);
    check!(sandbox, sandbox.run(&["map", "-q"]), @r"
    exit 0
    --- stdout
    src/store.rs
         2  pub struct Store
         6  pub fn open_store(path: &str) -> Store
        12  fn read_header(path: &str)
    --- stderr
    ");
    let json = sandbox.run(&["map", "--json", "--max-tokens", "20"]).json();
    assert_eq!(json["files"][0]["path"], "src/store.rs");
    assert!(json["shown"].as_u64() < json["total"].as_u64());
    sandbox.run(&["map", "src/main.rs"]).expect_code(1);
}

#[test]
fn a_question_without_a_reader_gets_evidence_and_the_command_for_one() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let run = sandbox
        .run(&["ask", "-k1", "where do we wait for the writer lock"])
        .expect_code(0);
    assert!(run.stdout.starts_with("src/lock.rs:"), "{run}");
    assert!(
        run.stdout
            .contains("Takes the writer lock and waits for it."),
        "{run}"
    );
    assert!(
        run.stderr.contains("fathom model pull qwen2.5-coder-1.5b"),
        "{run}"
    );
    let json = sandbox
        .run(&["ask", "--json", "what does `acquire_lock` do"])
        .json();
    assert_eq!(json["card"]["name"], "acquire_lock");
    assert_eq!(json["evidence"][0]["path"], "src/lock.rs");
    assert!(json["answer"].is_null() && json["reader"].is_null());
}

#[test]
fn evidence_and_cards_tell_whether_their_files_have_changed() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let fresh = |expected: &str| {
        let json = |args: &[&str]| sandbox.run(args).expect_code(0).json();
        let asked = json(&[
            "ask",
            "--json",
            "--no-refresh",
            "what does `acquire_lock` do",
        ]);
        let explained = json(&["explain", "--json", "--no-refresh", "acquire_lock"]);
        for place in [
            &asked["evidence"][0],
            &asked["card"],
            &explained["cards"][0],
        ] {
            assert_eq!(place["path"], "src/lock.rs");
            assert_eq!(place["freshness"], expected, "{place}");
        }
    };
    fresh("unchanged");
    sandbox.write("src/lock.rs", "pub fn acquire_lock() {}\n");
    fresh("changed");
}

#[test]
fn the_context_is_shown_exactly_and_without_secrets() {
    let key = ["AK", "IAIOSFODNN7EXAMPLE"].concat();
    let sandbox = Sandbox::new(&[(
        "src/key.rs",
        &format!("/// The storage key.\nconst STORAGE_KEY: &str = \"{key}\";\n"),
    )]);
    sandbox.run(&["index"]).expect_code(0);
    let run = sandbox
        .run(&["ask", "-q", "--show-context", "what is the storage key"])
        .expect_code(0);
    assert!(run.stdout.contains("[1] src/key.rs:1-2"), "{run}");
    assert!(run.stdout.contains("[redacted: AWS key]"), "{run}");
    assert!(!run.stdout.contains(&key), "{run}");
    assert!(
        run.stdout.ends_with("Question: what is the storage key\n"),
        "{run}"
    );
}

#[test]
fn a_question_about_the_whole_gets_a_map() {
    let sandbox = Sandbox::new(&[
        ("src/store.rs", "pub fn open_store() {}\n"),
        ("src/main.rs", "fn main() {\n    open_store();\n}\n"),
    ]);
    sandbox.run(&["index"]).expect_code(0);
    let asks = |question: &str| {
        let run = sandbox.run(&["ask", "-q", "--show-context", question]);
        run.expect_code(0).stdout
    };
    let whole = asks("what is the architecture of the store");
    assert!(whole.contains("Map of the repository"), "{whole}");
    assert!(whole.contains("     1  pub fn open_store()"), "{whole}");
    let part = asks("what opens the store");
    assert!(!part.contains("Map of the repository"), "{part}");
}
