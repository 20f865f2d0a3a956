//! Searching: results, formats, filters, exit codes.

use crate::common::{SMALL, Sandbox, check};

fn indexed() -> Sandbox {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    sandbox
}

#[test]
fn a_question_in_words_finds_the_code_that_answers_it() {
    let sandbox = indexed();
    for (question, file) in [
        ("where do we wait for exclusive access", "src/lock.rs"),
        ("acquire_lock", "src/lock.rs"),
        ("turn hex string into rgb value", "src/colour.py"),
        ("how do I set it up", "docs/guide.md"),
    ] {
        assert_eq!(sandbox.found(&[question])[0], file, "{question}");
    }
}

#[test]
fn every_mode_answers() {
    let sandbox = indexed();
    for (mode, query) in [
        ("hybrid", "writer lock"),
        ("late", "writer lock"),
        ("dense", "writer lock"),
        ("lexical", "writer lock"),
        ("regex", r"fn acquire_\w+"),
        ("symbol", "acquire_lock"),
    ] {
        let found = sandbox.found(&["--mode", mode, query]);
        assert_eq!(found[0], "src/lock.rs", "{mode}");
    }
}

#[test]
fn results_read_well() {
    let sandbox = indexed();
    check!(sandbox, sandbox.run(&["search", "-k1", "acquire_lock"]), @r"
    exit 0
    --- stdout
    src/lock.rs:1-6  function acquire_lock  [SCORE]
      1 │ //! Locks.
      2 │ 
      3 │ /// Takes the writer lock and waits for it.
      4 ▌ pub fn acquire_lock(path: &str) -> bool {
      5 │     std::fs::File::create(path).is_ok()
      6 │ }
    --- stderr
    ");
}

#[test]
fn the_json_document_has_exactly_the_agreed_keys() {
    let sandbox = indexed();
    let json = sandbox.run(&["search", "--json", "acquire_lock"]).json();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(
        keys(&json),
        [
            "generation",
            "mode",
            "query",
            "results",
            "semantic_coverage",
            "skipped",
            "took_ms"
        ]
    );
    assert_eq!(
        keys(&json["results"][0]),
        [
            "confidence",
            "end_line",
            "freshness",
            "kind",
            "language",
            "name",
            "path",
            "score",
            "scores",
            "signature",
            "start_line",
            "text"
        ]
    );
    assert_eq!(json["query"], "acquire_lock");
    assert_eq!(json["mode"], "hybrid");
    assert_eq!(json["semantic_coverage"], 1.0);
    let first = &json["results"][0];
    assert_eq!(first["path"], "src/lock.rs");
    assert_eq!(first["language"], "rust");
    assert_eq!(first["kind"], "function");
    assert_eq!(first["name"], "acquire_lock");
    assert_eq!(
        first["signature"],
        "pub fn acquire_lock(path: &str) -> bool"
    );
    assert!(first["text"].as_str().unwrap().contains("fn acquire_lock"));
}

#[test]
fn jsonl_has_one_result_per_line() {
    let sandbox = indexed();
    let run = sandbox.run(&["search", "--jsonl", "lock"]).expect_code(0);
    for line in run.stdout.lines() {
        let result: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(result["path"].is_string());
    }
}

#[test]
fn only_names_of_files() {
    let sandbox = indexed();
    let run = sandbox.run(&["search", "-l", "--mode", "regex", "lock|colour"]);
    let mut files: Vec<&str> = run.stdout.lines().collect();
    files.sort();
    assert_eq!(files, ["src/colour.py", "src/lock.rs"], "{run}");
}

#[test]
fn filters_narrow() {
    let sandbox = indexed();
    let all = &["--mode", "regex", "."][..];
    let with = |extra: &[&str]| {
        let mut found = sandbox.found(&[all, extra].concat());
        found.sort();
        found.dedup();
        found
    };
    assert_eq!(with(&[]), ["docs/guide.md", "src/colour.py", "src/lock.rs"]);
    assert_eq!(with(&["--lang", "python"]), ["src/colour.py"]);
    assert_eq!(
        with(&["--lang", "python,rust"]),
        ["src/colour.py", "src/lock.rs"]
    );
    assert_eq!(with(&["--glob", "*.md"]), ["docs/guide.md"]);
    assert_eq!(with(&["--glob", "!*.md"]), ["src/colour.py", "src/lock.rs"]);
    assert_eq!(with(&["--kind", "section"]), ["docs/guide.md"]);
    assert_eq!(with(&["--content", "docs"]), ["docs/guide.md"]);
    assert_eq!(
        with(&["--content", "code"]),
        ["src/colour.py", "src/lock.rs"]
    );
    assert_eq!(with(&["--content", "all"]), with(&[]));
    assert_eq!(with(&["src"]), ["src/colour.py", "src/lock.rs"]);
    assert_eq!(with(&["src/lock.rs"]), ["src/lock.rs"]);
}

#[test]
fn content_narrows_each_mode_and_all_is_as_without() {
    let sandbox = indexed();
    sandbox.write("settings.toml", "[lock]\nwriter = 30\n");
    for mode in ["hybrid", "late", "dense", "lexical"] {
        let run = |extra: &[&str]| {
            let args = [&["search", "--json", "--mode", mode, "writer lock"], extra].concat();
            sandbox.run(&args).json()["results"].clone()
        };
        assert_eq!(run(&["--content", "all"]), run(&[]), "{mode}");
        for (content, expected) in [
            ("code", &["src/lock.rs", "src/colour.py"][..]),
            ("docs", &["docs/guide.md"]),
            ("config", &["settings.toml"]),
        ] {
            let found = run(&["--content", content]);
            for hit in found.as_array().unwrap() {
                let path = hit["path"].as_str().unwrap();
                assert!(expected.contains(&path), "{mode} {content} {path}");
            }
        }
    }
    let config = sandbox.found(&["--content", "config", "writer lock"]);
    assert_eq!(config, ["settings.toml"]);
    let wrong = sandbox.run(&["search", "--content", "prose", "lock"]);
    assert!(
        wrong
            .expect_code(2)
            .stderr
            .contains("code, docs, config, all")
    );
}

#[test]
fn caps_hold() {
    let functions: String = (0..30)
        .map(|n| format!("/// Opens door {n}.\npub fn open_door_{n}() {{\n    knock({n});\n    turn_the_handle({n});\n    push({n});\n}}\n\n"))
        .collect();
    let sandbox = Sandbox::new(&[("doors.rs", &functions), ("more.rs", &functions)]);
    let count = |args: &[&str]| sandbox.found(&[&["open door"], args].concat()).len();
    assert!(count(&["-k", "3"]) <= 3);
    assert!(count(&["--per-file", "1"]) <= 2);
    let run = sandbox.run(&["search", "open door", "--min-score", "1000"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run}");
}

#[test]
fn output_fits_into_a_token_budget() {
    let body: String = (0..400).map(|n| format!("    step_{n}(door);\n")).collect();
    let sandbox = Sandbox::new(&[(
        "door.rs",
        &format!("fn open_door(door: Door) {{\n{body}}}\n"),
    )]);
    for format in ["--json", "--jsonl", "--explain-score"] {
        let full = sandbox.run(&["search", format, "open door"]);
        let run = sandbox.run(&["search", format, "--max-tokens", "200", "open door"]);
        assert!(
            full.stdout.len() > 1_500 || format == "--explain-score",
            "{full}"
        );
        assert!(run.stdout.len() <= 200 * 4, "{format}: {run}");
        assert!(run.stdout.contains("open_door"), "{run}");
    }
}

#[test]
fn context_lines_leave_the_chunk() {
    let sandbox = indexed();
    let run = sandbox.run(&[
        "search",
        "--mode",
        "regex",
        "fn acquire_lock",
        "-B",
        "3",
        "-A",
        "1",
    ]);
    check!(sandbox, run, @r"
    exit 0
    --- stdout
    src/lock.rs:1-6  function acquire_lock  [SCORE]
      1 │ //! Locks.
      2 │ 
      3 │ /// Takes the writer lock and waits for it.
      4 ▌ pub fn acquire_lock(path: &str) -> bool {
      5 │     std::fs::File::create(path).is_ok()
    --- stderr
    ");
}

#[test]
fn exit_codes_are_those_of_ripgrep() {
    let sandbox = indexed();
    let code = |args: &[&str]| sandbox.run(args).code;
    assert_eq!(code(&["search", "acquire_lock"]), Some(0));
    assert_eq!(
        code(&["search", "--mode", "symbol", "no_such_symbol"]),
        Some(1)
    );
    assert_eq!(
        code(&["search", "--mode", "regex", "no such text"]),
        Some(1)
    );
    assert_eq!(code(&["search", "--mode", "regex", "(unclosed"]), Some(2));
    assert_eq!(code(&["search", "x", "no/such/folder"]), Some(2));
    assert_eq!(code(&["search", "x", "--mode", "magic"]), Some(2));
    assert_eq!(code(&["search"]), Some(2));
}

#[test]
fn failures_name_the_next_step() {
    let sandbox = Sandbox::new(SMALL);
    check!(sandbox, sandbox.run(&["status"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: `[SANDBOX]/tree` is not indexed; run `fathom index` there first
    ");
    check!(sandbox, sandbox.run(&["search", "x", "nowhere"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: cannot open `nowhere`: No such file or directory (os error 2); give the path of a folder or file
    ");
    check!(sandbox, sandbox.run(&["similar", "src/lock.rs"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: `src/lock.rs` does not name a line
    hint: write the file and the line, as in `src/main.rs:12`
    ");
    check!(sandbox, sandbox.run(&["search", "--mode", "regex", "(unclosed"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: `(unclosed` is not a usable regular expression: unclosed group; escape special characters or search without `--mode regex`
    ");
}

#[test]
fn words_are_enough_where_there_is_no_runtime() {
    let sandbox = Sandbox::new(SMALL);
    let nowhere = sandbox.path("nowhere.so");
    let variables = [("ORT_DYLIB_PATH", nowhere.to_str().unwrap())];
    let run = sandbox.run_with(&variables, &["search", "acquire_lock"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("src/lock.rs"), "{run}");
    assert!(run.stderr.contains("searching by words only"), "{run}");
    let run = sandbox.run_with(&variables, &["search", "--mode", "dense", "acquire_lock"]);
    assert_eq!(run.code, Some(2), "{run}");
    let run = sandbox.run_with(&variables, &["search", "--mode", "lexical", "acquire_lock"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
}

#[test]
fn a_search_does_not_index_a_home_folder_by_accident() {
    let sandbox = Sandbox::new(SMALL);
    let home = sandbox.path("home");
    let home = home.to_str().unwrap();
    let run = sandbox.run(&["search", "x", home]).expect_code(2);
    assert!(
        run.stderr
            .contains("run `fathom index` there if all of it is meant"),
        "{run}"
    );
    assert!(sandbox.files("data").is_empty());
    sandbox.run(&["index", home]).expect_code(0);
    sandbox.run(&["search", "x", home]).expect_code(1);
}

#[test]
fn quality_is_measured_on_labelled_questions() {
    let sandbox = Sandbox::new(SMALL);
    let labels = sandbox.path("labels");
    std::fs::create_dir_all(labels.join("annotations")).unwrap();
    std::fs::write(
        labels.join("repos.json"),
        r#"[{"name": "tree", "language": "rust", "benchmark_root": "src"}]"#,
    )
    .unwrap();
    std::fs::write(
        labels.join("annotations/tree.json"),
        r#"[{"query": "acquire lock", "category": "symbol", "relevant": ["src/lock.rs"]},
            {"query": "parse colour", "category": "semantic", "relevant": ["nowhere.rs"]}]"#,
    )
    .unwrap();
    let sources = sandbox.path("");
    let args = [
        "eval",
        labels.to_str().unwrap(),
        "--sources",
        sources.to_str().unwrap(),
    ];
    let json = sandbox
        .run(&[&args[..], &["--json", "--mode", "all"]].concat())
        .json();
    for mode in ["hybrid", "late", "dense", "lexical"] {
        assert_eq!(json["modes"][mode]["chunks"]["ndcg"], 0.5, "{json:#}");
    }
    let run = sandbox.run(&args).expect_code(0);
    assert!(run.stdout.contains("| hybrid | 0.500 |"), "{run}");
    assert!(run.stdout.contains("| semantic | 1 | 0.000 |"), "{run}");
}

#[test]
fn questions_are_made_of_doc_comments_and_asked() {
    let sandbox = Sandbox::new(&[
        (
            "lock.rs",
            "/// Takes the lock of the only writer.\npub fn acquire(path: &Path) -> Lock {\n    let file = open(path);\n    Lock { file }\n}\n",
        ),
        ("README.md", "Takes the lock of the only writer.\n"),
    ]);
    let out = sandbox.path("questions");
    let (tree, out) = (sandbox.path("tree"), out.to_str().unwrap());
    let built = sandbox.run(&[
        "eval",
        "build",
        "docstrings",
        tree.to_str().unwrap(),
        "--out",
        out,
    ]);
    let built = built.expect_code(0);
    assert!(built.stderr.contains("tree (rust): 1 questions"), "{built}");
    let sources = format!("{out}/sources");
    let code = std::fs::read_to_string(format!("{sources}/tree/lock.rs")).unwrap();
    assert!(
        code.contains("acquire") && !code.contains("writer"),
        "{code}"
    );
    assert!(
        !std::path::Path::new(&sources)
            .join("tree/README.md")
            .exists()
    );
    let json = sandbox
        .run(&["eval", out, "--sources", &sources, "--json"])
        .json();
    assert_eq!(
        json["modes"]["hybrid"]["chunks"]["recall_1"], 1.0,
        "{json:#}"
    );
}

#[test]
fn similar_code_is_found_by_its_place() {
    let sandbox = Sandbox::new(&[
        (
            "a.rs",
            "/// Adds the prices of all items.\nfn total_price(items: &[Item]) -> u64 {\n    items.iter().map(|item| item.price).sum()\n}\n",
        ),
        (
            "b.rs",
            "/// Sums up the costs of the goods.\nfn sum_of_costs(goods: &[Good]) -> u64 {\n    goods.iter().map(|good| good.cost).sum()\n}\n",
        ),
        ("c.md", "# Weather\n\nIt rains in the mountains.\n"),
    ]);
    let run = sandbox.run(&["similar", "--json", "a.rs:2"]);
    let json = run.json();
    assert_eq!(json["results"][0]["path"], "b.rs", "{run}");
    assert_eq!(json["mode"], "similar");
}

#[test]
fn a_closed_pipe_is_quiet_success() {
    use std::io::Read;
    let text: String = (0..5_000)
        .map(|n| format!("needle number {n}\n\n"))
        .collect();
    let sandbox = Sandbox::new(&[("needles.txt", &text)]);
    sandbox.run(&["index", "--lexical-only"]).expect_code(0);
    let args = [
        "search", "--mode", "regex", "--json", "-k", "5000", "needle",
    ];
    let mut child = sandbox.command(&args).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdout);
    let run = crate::common::wait(child, &args);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
}

#[test]
fn colours_obey_flags_and_variables() {
    let sandbox = indexed();
    let args = ["search", "--mode", "symbol", "acquire_lock"];
    let coloured = |variables: &[(&str, &str)], extra: &[&str]| {
        let run = sandbox.run_with(variables, &[&args, extra].concat());
        run.stdout.contains('\x1b')
    };
    assert!(!coloured(&[], &[]), "a pipe is no terminal");
    assert!(coloured(&[], &["--color", "always"]));
    assert!(coloured(&[("FATHOM_COLOR", "always")], &[]));
    assert!(!coloured(
        &[("FATHOM_COLOR", "always")],
        &["--color", "never"]
    ));
    assert!(coloured(&[("NO_COLOR", "1")], &["--color", "always"]));
}

#[test]
fn names_that_are_not_utf8_are_shown_escaped_and_given_exactly() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new(&[]);
    let name = OsStr::from_bytes(b"odd\xff\x1b.rs");
    std::fs::write(sandbox.tree().join(name), "fn oddity() {}\n").unwrap();
    let run = sandbox.run(&["search", "--mode", "symbol", "oddity"]);
    assert!(run.stdout.starts_with("odd\\xff\\u{1b}.rs:1"), "{run}");
    let json = sandbox.run(&["search", "--json", "oddity"]).json();
    assert_eq!(json["results"][0]["path_b64"], "b2Rk/xsucnM=");
}
