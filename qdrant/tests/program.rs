//! `--store`, by the built program: uploaded, searched, kept up, refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../tests/cli/common.rs"]
mod common;

use common::{Run, SMALL, Sandbox};
use fathom_qdrant_tests::Server;
use serde_json::Value;

const QUERY: &str = "where is the lock taken";

struct Bench {
    sandbox: Sandbox,
    store: String,
    server: Server,
}

impl Bench {
    fn new(key: Option<&'static str>) -> Bench {
        let program = env!("CARGO_BIN_EXE_fathom");
        let is_built = std::path::Path::new(program).is_file();
        assert!(is_built, "`{program}` is not built; run `make test-qdrant`");
        let server = Server::with_key(key);
        Bench {
            sandbox: Sandbox::new(SMALL),
            store: format!("{}/code", server.address),
            server,
        }
    }

    fn run(&self, args: &[&str]) -> Run {
        self.sandbox
            .run(&[args, &["--store", &self.store]].concat())
    }

    /// What was said of the copy after the server's name.
    #[track_caller]
    fn copied(&self, run: Run) -> String {
        let run = run.expect_code(0);
        let told = run
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("vectors in Qdrant: "));
        let told = told.unwrap_or("nothing");
        told.split(" in ").next().unwrap().to_owned()
    }

    /// Place and score of each result.
    fn results(&self, args: &[&str], store: bool) -> Vec<(String, f64)> {
        let args = [&["search", "--json", "-k", "50", QUERY], args].concat();
        let run = if store {
            self.run(&args)
        } else {
            self.sandbox.run(&args)
        };
        let json = run.expect_code(0).json();
        let place = |one: &Value| format!("{}:{}", one["path"], one["start_line"]);
        let results = json["results"].as_array().unwrap();
        let results = results
            .iter()
            .map(|one| (place(one), one["score"].as_f64().unwrap()));
        results.collect()
    }

    /// The same with and without the copy, but for rounding.
    #[track_caller]
    fn assert_alike(&self) {
        for args in [
            &[][..],
            &["--mode", "late"],
            &["--mode", "dense"],
            &["--lang", "rust"],
            &["src"],
        ] {
            let here = self.results(args, false);
            let mut there = self.results(args, true);
            assert_eq!(here.len(), there.len(), "{args:?}");
            assert!(!here.is_empty(), "{args:?}");
            for (place, score) in here {
                let at = there.iter().position(|(other, _)| *other == place);
                let (_, other) = there.remove(at.unwrap());
                assert!(
                    (score - other).abs() < 0.02,
                    "{args:?} {place} {score} {other}"
                );
            }
        }
    }
}

#[test]
fn a_copy_is_kept_up_and_answers_as_the_store_does() {
    let bench = Bench::new(None);
    let first = bench.copied(bench.run(&["index"]));
    assert!(
        first.ends_with("uploaded, 0 moved, 0 deleted, 0 unchanged"),
        "{first}"
    );
    bench.assert_alike();
    assert_eq!(bench.copied(bench.run(&["search", QUERY])), "nothing");
    let count: usize = first.split(' ').next().unwrap().parse().unwrap();
    // The search itself brings the copy up to date.
    bench.sandbox.write(
        "src/shout.rs",
        "pub fn shout(text: &str) -> String {\n    text.to_uppercase()\n}\n",
    );
    let next = bench.copied(bench.run(&["search", QUERY]));
    assert_eq!(
        next,
        format!("1 uploaded, 0 moved, 0 deleted, {count} unchanged")
    );
    bench.assert_alike();
    std::fs::rename(
        bench.sandbox.tree().join("src/shout.rs"),
        bench.sandbox.tree().join("docs/shout.rs"),
    )
    .unwrap();
    let next = bench.copied(bench.run(&["search", QUERY]));
    assert_eq!(
        next,
        format!("0 uploaded, 1 moved, 0 deleted, {count} unchanged")
    );
    std::fs::remove_file(bench.sandbox.tree().join("docs/shout.rs")).unwrap();
    let next = bench.copied(bench.run(&["index"]));
    assert_eq!(
        next,
        format!("0 uploaded, 0 moved, 1 deleted, {count} unchanged")
    );
    bench.assert_alike();
}

#[test]
fn a_key_comes_from_the_environment() {
    let bench = Bench::new(Some("secret"));
    let refused = bench.run(&["index"]).expect_code(2);
    assert!(
        refused.stderr.contains("Must provide an API key"),
        "{refused}"
    );
    let args = ["index", "--store", &bench.store];
    let told = bench
        .sandbox
        .run_with(&[("QDRANT_API_KEY", "secret")], &args)
        .expect_code(0);
    assert!(told.stderr.contains("vectors in Qdrant"), "{told}");
    assert!(!told.to_string().contains("secret"), "{told}");
}

#[test]
fn what_cannot_be_asked_says_what_to_do() {
    let bench = Bench::new(None);
    bench.run(&["index"]).expect_code(0);
    let run = bench
        .sandbox
        .run(&["search", QUERY, "--store", "localhost/code"])
        .expect_code(2);
    assert!(
        run.stderr.contains("write `qdrant://host:6334/collection`"),
        "{run}"
    );
    let Bench {
        sandbox,
        store,
        server,
    } = bench;
    server.stop();
    let run = sandbox
        .run(&["search", QUERY, "--store", &store])
        .expect_code(2);
    assert!(
        run.stderr.contains(store.trim_end_matches("/code")),
        "{run}"
    );
    assert!(run.stderr.contains("check that it runs there"), "{run}");
    // What needs no vectors asks nobody.
    let exact = sandbox.run(&[
        "search",
        "--mode",
        "symbol",
        "acquire_lock",
        "--store",
        &store,
    ]);
    assert!(exact.expect_code(0).stdout.contains("lock.rs"));
}
