//! The index follows the files: new, changed, renamed, deleted.

use crate::common::{SMALL, Sandbox, check};

#[test]
fn a_search_sees_the_files_as_they_are_now() {
    let sandbox = Sandbox::new(SMALL);
    let defines = |name: &str| {
        let run = sandbox.run(&["search", "-l", "--mode", "symbol", name]);
        run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(defines("acquire_lock"), ["src/lock.rs"]);

    sandbox.write("src/new.rs", "fn brand_new() {}\n");
    assert_eq!(defines("brand_new"), ["src/new.rs"]);

    sandbox.write("src/new.rs", "fn changed_now() {}\n");
    assert!(defines("brand_new").is_empty());
    assert_eq!(defines("changed_now"), ["src/new.rs"]);

    std::fs::rename(
        sandbox.tree().join("src/new.rs"),
        sandbox.tree().join("moved.rs"),
    )
    .unwrap();
    assert_eq!(defines("changed_now"), ["moved.rs"]);

    std::fs::remove_file(sandbox.tree().join("moved.rs")).unwrap();
    assert!(defines("changed_now").is_empty());
    assert_eq!(defines("acquire_lock"), ["src/lock.rs"]);
}

#[test]
fn no_refresh_answers_from_the_last_state() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index", "--lexical-only"]).expect_code(0);
    sandbox.write("src/new.rs", "fn brand_new() {}\n");
    let search = ["search", "--mode", "symbol", "brand_new"];
    assert_eq!(
        sandbox.run(&[&search[..], &["--no-refresh"]].concat()).code,
        Some(1)
    );
    assert_eq!(sandbox.run(&search).code, Some(0));
}

#[test]
fn indexing_again_encodes_nothing_again() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    for args in [&["index"][..], &["index", "--force"]] {
        let run = sandbox.run(args).expect_code(0);
        assert!(!run.stderr.contains("encoded"), "{run}");
    }
}

#[test]
fn indexing_tells_what_it_did() {
    let sandbox = Sandbox::new(SMALL);
    check!(sandbox, sandbox.run(&["index", "--stats"]), @r"
    exit 0
    --- stdout
    root        [SANDBOX]/tree
    index       [SANDBOX]/data/fathom/repos/[ID], [N]
    model       default@0733392b1bd4
    generation  2
    files       3, 319 B
    languages   markdown 1, python 1, rust 1
    chunks      3, 3 distinct
    encoded     3 (100 %)
    tokens      74 residual-4 (67.0 B each, [N] of postings)
    symbols     2, 4 references
    skipped     0
    --- stderr
    files: 3 added in [N]
    encoded: 3 chunks, 74 tokens in [N] ([N])
    ");
    check!(sandbox, sandbox.run(&["index"]), @r"
    exit 0
    --- stdout
    --- stderr
    files: 3 unchanged in [N]
    ");
    check!(sandbox, sandbox.run(&["index", "--quiet"]), @r"
    exit 0
    --- stdout
    --- stderr
    ");
}

#[test]
fn status_gives_a_reason_for_each_file_left_out() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.write("picture.png", "\u{89}PNG\0\0\0");
    sandbox.write(".env", "TOKEN=1\n");
    sandbox.write("big.txt", &"line of text\n".repeat(200_000));
    sandbox.run(&["index"]).expect_code(0);
    let json = sandbox.run(&["status", "--json"]).json();
    assert_eq!(json["skipped"]["binary"], 1, "{json:#}");
    assert_eq!(json["skipped"]["too-large"], 1, "{json:#}");
    let listed = json["skipped_files"].as_array().unwrap();
    assert!(
        listed.iter().any(|entry| entry["path"] == "picture.png"),
        "{json:#}"
    );
    let search = sandbox.run(&["search", "--json", "lock"]).json();
    assert_eq!(search["skipped"], json["skipped"]);
}

#[test]
fn a_sound_index_passes_the_check_and_a_damaged_one_does_not() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let run = sandbox.run(&["check", "--json"]).expect_code(0);
    assert_eq!(run.json()["ok"], true);
    let (segment, _) = sandbox
        .files("data")
        .into_iter()
        .find(|(path, _)| path.extension().is_some_and(|extension| extension == "seg"))
        .expect("a segment");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    let mut permissions = std::fs::metadata(&segment).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&segment, permissions).unwrap();
    std::fs::write(&segment, bytes).unwrap();
    let run = sandbox.run(&["check", "--json"]).expect_code(2);
    assert_eq!(run.json()["ok"], false);
    assert!(run.stdout.contains(".seg"), "{run}");
}

#[test]
fn an_index_beyond_repair_is_replaced_only_when_asked() {
    let sandbox = Sandbox::new(SMALL);
    let break_it = |name: &str, bytes: Option<&[u8]>| {
        sandbox.run(&["index", "--force"]).expect_code(0);
        let files = sandbox.files("data").into_iter().map(|(path, _)| path);
        let file = files.into_iter().find(|path| path.ends_with(name)).unwrap();
        for log in ["catalog.db-wal", "catalog.db-shm"] {
            let _ = std::fs::remove_file(file.with_file_name(log));
        }
        match bytes {
            Some(bytes) => std::fs::write(file, bytes).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
    };
    for bytes in [Some(&[0xa5; 8192][..]), Some(&b"SQLite format 3"[..]), None] {
        break_it("catalog.db", bytes);
        let before = sandbox.files("data");
        let run = sandbox
            .run(&["search", "--no-refresh", "lock"])
            .expect_code(2);
        assert!(run.stderr.contains("catalog.db"), "{run}");
        let after = sandbox.files("data");
        assert!(
            before.iter().all(|file| after.contains(file)),
            "a search changed it"
        );
        sandbox.run(&["clear"]).expect_code(0);
        assert!(sandbox.files("data").is_empty());
        break_it("catalog.db", bytes);
        sandbox.run(&["index", "--force"]).expect_code(0);
        sandbox.run(&["search", "lock"]).expect_code(0);
    }
}

#[test]
fn an_index_of_an_older_bundled_model_is_made_anew() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let files = sandbox.files("data").into_iter().map(|(path, _)| path);
    let catalog = files.into_iter().find(|path| path.ends_with("catalog.db"));
    let catalog = rusqlite::Connection::open(catalog.unwrap()).unwrap();
    let sql = "UPDATE state SET profile_id = 'default@000000000000'";
    assert_eq!(catalog.execute(sql, []).unwrap(), 1);
    catalog.close().unwrap();
    // What only looks changes nothing.
    let run = sandbox.run(&["status"]).expect_code(2);
    assert!(run.stderr.contains("default@000000000000"), "{run}");
    let run = sandbox.run(&["search", "--json", "take the writer lock"]);
    let run = run.expect_code(0);
    assert!(run.stderr.contains("is made anew"), "{run}");
    assert_eq!(run.json()["results"][0]["path"], "src/lock.rs", "{run}");
    let run = sandbox.run(&["index"]).expect_code(0);
    assert!(!run.stderr.contains("anew"), "{run}");
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn clearing_deletes_the_index_and_nothing_else() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let tree = sandbox.files("tree");
    check!(sandbox, sandbox.run(&["clear"]), @r"
    exit 0
    --- stdout
    --- stderr
    deleted the index of `[SANDBOX]/tree`
    ");
    assert!(sandbox.files("data").is_empty());
    assert_eq!(sandbox.files("tree"), tree);
    check!(sandbox, sandbox.run(&["clear"]), @r"
    exit 0
    --- stdout
    --- stderr
    `[SANDBOX]/tree` is not indexed
    ");
}

#[test]
fn nothing_is_written_outside_of_the_given_folders() {
    let sandbox = Sandbox::new(SMALL);
    let tree = sandbox.files("tree");
    for args in [&["index"][..], &["search", "lock"], &["doctor"], &["check"]] {
        sandbox.run(args).expect_code(0);
    }
    assert_eq!(sandbox.files("tree"), tree);
    for folder in ["home", "config", "tmp"] {
        assert_eq!(sandbox.files(folder), [], "{folder}");
    }
    for (path, _) in sandbox.files("data") {
        assert!(
            path.starts_with(sandbox.path("data/fathom/repos")),
            "{}",
            path.display()
        );
    }
    for (path, _) in sandbox.files("cache") {
        assert!(
            path.starts_with(sandbox.path("cache/fathom")),
            "{}",
            path.display()
        );
    }
}

#[test]
fn answers_say_that_a_file_they_show_has_changed() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let commands: &[&[&str]] = &[
        &["ask", "where is acquire_lock defined?", "--no-refresh"],
        &["ask", "who takes the writer lock?", "--no-refresh"],
        &["explain", "acquire_lock", "--no-refresh"],
        &["explain", "src/lock.rs:4", "--no-refresh"],
    ];
    let told = |args: &[&str]| {
        let run = sandbox.run(args);
        run.stderr
            .contains("`src/lock.rs` has changed since it was indexed")
    };
    assert!(commands.iter().all(|args| !told(args)));
    sandbox.write("src/lock.rs", "fn another() {}\n");
    for args in commands {
        assert!(told(args), "{args:?}");
    }
}
