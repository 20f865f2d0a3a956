//! Code and docs with models of their own: one index, one search, one scale.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::common::{SMALL, Sandbox};
use crate::encoders::{answering, select, status, with};
use crate::watch::Daemon;

const WORDS: [&str; 12] = [
    "lock", "file", "path", "index", "merge", "token", "vector", "query", "cache", "socket",
    "thread", "queue",
];

/// As many files of code as of prose, about the same things, in folders that say nothing.
fn twins() -> Vec<(String, String)> {
    let pair = |n: usize| {
        let words: Vec<&str> = (0..4)
            .map(|k| WORDS[(n * 5 + k * (n % 3 + 1)) % 12])
            .collect();
        let [a, b, c, d] = words[..] else { panic!() };
        let code =
            format!("fn {a}_{b}({c}: &str) -> bool {{\n    {d}({c}, {n});\n    {a}.{b}()\n}}\n");
        let mut prose = String::new();
        write!(
            prose,
            "# {a} {b}\n\nThe {c} is given to {d} number {n}, then {a} and {b} follow.\n"
        )
        .unwrap();
        [
            (format!("one/a{n}.rs"), code),
            (format!("two/b{n}.md"), prose),
        ]
    };
    (0..24).flat_map(pair).collect()
}

fn write_twins(sandbox: &Sandbox) {
    for (path, text) in twins() {
        sandbox.write(&path, &text);
    }
}

#[test]
fn docs_have_a_model_of_their_own_from_use_to_no_docs() {
    let sandbox = with(&["colbert-export", "gemma-modules"]);
    sandbox.run(&["index"]).expect_code(0);
    let used = select(&sandbox, &["colbert-export", "--docs", "gemma-modules"]);
    assert!(
        used.stdout
            .contains("docs are encoded with `gemma-modules`"),
        "{used}"
    );
    assert!(
        used.stderr.contains("`gemma-modules` (docs) takes about"),
        "{used}"
    );
    let config = std::fs::read_to_string(sandbox.path("config/fathom/config.toml")).unwrap();
    assert!(
        config.contains("docs-encoder = [\"gemma-modules\"]"),
        "{config}"
    );
    // The old index answers until the new one is complete.
    assert_eq!(
        answering(&sandbox),
        ("default".into(), Some("colbert-export".into()))
    );
    let found = sandbox.run(&["search", "--mode", "late", "writer lock"]);
    assert!(
        found.stderr.contains("answers until the index of"),
        "{found}"
    );
    sandbox.run(&["index"]).expect_code(0);
    assert_eq!(answering(&sandbox), ("colbert-export".into(), None));
    let told = status(&sandbox);
    let ids = told["profile"].as_str().unwrap().split(" docs=").count();
    assert_eq!((ids, told["models"].as_array().unwrap().len()), (2, 2));
    assert_eq!(told["semantic_coverage"], 1.0);
    for (args, expected) in [
        (&["--content", "docs"][..], "docs/guide.md"),
        (&["--content", "docs", "--mode", "dense"], "docs/guide.md"),
        (&["--content", "code", "--mode", "late"], "src/"),
        (&["--mode", "late"], "src/"),
        (&["--mode", "dense"], "docs/guide.md"),
    ] {
        let found = sandbox.found(&[args, &["how is the installer run"]].concat());
        assert!(found[0].starts_with(expected), "{args:?} {found:?}");
    }
    sandbox.write("docs/more.md", "# More\n\nAnother page about restarting.\n");
    let found = sandbox.found(&["--mode", "dense", "restart the service"]);
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, BTreeSet::from(["docs/guide.md", "docs/more.md"]));
    let similar = sandbox.run(&["similar", "docs/more.md:3"]).expect_code(0);
    assert!(
        similar.stdout.contains("docs/guide.md") && !similar.stdout.contains("src/"),
        "{similar}"
    );
    let similar = sandbox.run(&["similar", "src/lock.rs:4"]).expect_code(0);
    assert!(
        similar.stdout.contains("src/colour.py") && !similar.stdout.contains("docs/"),
        "{similar}"
    );
    sandbox.run(&["check"]).expect_code(0);
    sandbox.run(&["model", "use", "--no-docs"]).expect_code(0);
    sandbox.run(&["index"]).expect_code(0);
    assert_eq!(status(&sandbox)["models"].as_array().unwrap().len(), 1);
    for (models, why) in [
        (&["--docs", "nobody"][..], "is not on this machine"),
        (&["--docs", "a", "--no-docs"], "cannot be used with"),
    ] {
        let run = sandbox.run(&[&["model", "use"], models].concat());
        assert!(run.expect_code(2).stderr.contains(why));
    }
}

/// Two models whose cosines have nothing in common, and both collections are found.
#[test]
fn neither_collection_wins_by_its_numbers() {
    for (mode, code, docs) in [
        ("late", "colbert-export", "pylate"),
        ("late", "pylate", "colbert-export"),
        ("dense", "sentence-bert", "gemma-modules"),
        ("dense", "gemma-modules", "sentence-bert"),
        ("hybrid", "colbert-export", "gemma-modules"),
        ("hybrid", "gemma-modules", "pylate"),
    ] {
        let sandbox = with(&[code, docs]);
        write_twins(&sandbox);
        select(&sandbox, &[code, "--docs", docs]);
        sandbox.run(&["index"]).expect_code(0);
        let (mut of_docs, mut all) = (0, 0);
        for n in 0..6 {
            let query = format!(
                "manual: {} and {} of the {}",
                WORDS[n],
                WORDS[n + 3],
                WORDS[n + 5]
            );
            let found = sandbox.found(&["--mode", mode, "-k", "10", &query]);
            of_docs += found.iter().filter(|path| path.ends_with(".md")).count();
            all += found.len();
        }
        let share = of_docs as f32 / all as f32;
        assert!(
            (0.25..=0.75).contains(&share),
            "{mode} {code} {docs}: {share}"
        );
    }
}

#[test]
fn a_search_in_one_collection_is_as_if_there_were_no_other() {
    let hits = |sandbox: &Sandbox| {
        let args = [
            "search",
            "--json",
            "--mode",
            "late",
            "--content",
            "code",
            "-k",
            "20",
            "lock the file",
        ];
        sandbox.run(&args).expect_code(0).json()["results"].clone()
    };
    let sandbox = with(&["colbert-export", "pylate"]);
    write_twins(&sandbox);
    select(&sandbox, &["colbert-export"]);
    sandbox.run(&["index"]).expect_code(0);
    let alone = hits(&sandbox);
    select(&sandbox, &["--docs", "pylate"]);
    sandbox.run(&["index"]).expect_code(0);
    assert!(
        status(&sandbox)["profile"]
            .as_str()
            .unwrap()
            .contains(" docs=")
    );
    assert_eq!(hits(&sandbox), alone);
}

#[test]
fn the_daemon_has_the_models_of_both() {
    let sandbox = with(&["colbert-export", "gemma-modules"]);
    select(&sandbox, &["colbert-export", "--docs", "gemma-modules"]);
    sandbox.run(&["index"]).expect_code(0);
    let find = || -> BTreeSet<String> {
        let modes = ["late", "dense", "hybrid"].iter();
        let found = modes.flat_map(|mode| sandbox.found(&["--mode", mode, "writer lock"]));
        found.collect()
    };
    let without = find();
    assert!(without.contains("docs/guide.md") && without.contains(SMALL[0].0));
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    assert_eq!(find(), without);
    sandbox.write("docs/new.md", "# New\n\nThe writer lock, explained.\n");
    assert!(find().contains("docs/new.md"));
    daemon.until("encoded", |status| status["repositories"][0]["queue"] == 0);
    sandbox.run(&["check"]).expect_code(0);
}
