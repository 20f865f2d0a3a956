//! Flags, variables, the repository's file and the user's file.

use crate::common::{SMALL, Sandbox};

#[test]
fn flags_beat_variables_beat_the_user_file() {
    let sandbox = Sandbox::new(SMALL);
    let user = sandbox.path("config/fathom");
    std::fs::create_dir(&user).unwrap();
    std::fs::write(user.join("config.toml"), "top-k = 1\n").unwrap();
    let count = |variables: &[(&str, &str)], extra: &[&str]| {
        let args = [&["search", "--jsonl", "--mode", "regex", "."], extra].concat();
        sandbox.run_with(variables, &args).stdout.lines().count()
    };
    assert_eq!(count(&[], &[]), 1);
    assert_eq!(count(&[("FATHOM_TOP_K", "2")], &[]), 2);
    assert_eq!(count(&[("FATHOM_TOP_K", "2")], &["-k", "3"]), 3);
}

#[test]
fn a_repository_may_ignore_more_but_nothing_else() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.write(
        ".fathom.toml",
        "ignore = ['docs/']\ndata-dir = 'elsewhere'\nmodel = 'https://example.org/m'\n",
    );
    let run = sandbox.run(&["search", "-l", "--mode", "regex", "."]);
    let mut files: Vec<&str> = run.stdout.lines().collect();
    files.sort();
    assert_eq!(files, ["src/colour.py", "src/lock.rs"], "{run}");
    for key in ["`data-dir`", "`model`"] {
        assert!(run.stderr.contains(key), "{run}");
    }
    assert!(!sandbox.tree().join("elsewhere").exists());
}

#[test]
fn ignore_files_are_followed() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    for (file, ignored) in [
        (".gitignore", "*.py"),
        (".ignore", "*.md"),
        (".fathomignore", "generated/"),
    ] {
        sandbox.write(file, ignored);
    }
    sandbox.write("generated/a.rs", "fn generated() {}\n");
    let run = sandbox.run(&["search", "-l", "--mode", "regex", "."]);
    assert_eq!(run.stdout, "src/lock.rs\n", "{run}");
}

#[test]
fn the_data_folder_can_be_chosen() {
    let sandbox = Sandbox::new(SMALL);
    let chosen = sandbox.path("chosen");
    let chosen = chosen.to_str().unwrap();
    sandbox
        .run(&["index", "--lexical-only", "--data-dir", chosen])
        .expect_code(0);
    assert!(!sandbox.files("chosen").is_empty());
    assert!(sandbox.files("data").is_empty());
    let variables = [("FATHOM_DATA_DIR", chosen)];
    sandbox.run_with(&variables, &["status"]).expect_code(0);
    sandbox.run(&["status"]).expect_code(2);
}

#[test]
fn a_path_below_an_indexed_root_only_narrows() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index", "--lexical-only"]).expect_code(0);
    let root = |path: &str| sandbox.run(&["status", "--json", path]).json()["root"].clone();
    assert_eq!(root("src"), root("."));
    let run = sandbox.run(&["search", "-l", "--mode", "regex", ".", "src/lock.rs"]);
    assert_eq!(run.stdout, "src/lock.rs\n", "{run}");
}
