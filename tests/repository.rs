//! Rules of this repository that a test can hold: file headers, the direction
//! of dependencies, and that every environment variable is documented.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which of our crates each crate may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("encoders", &[]),
    ("indexes", &[]),
    ("indexer", &["fathom-encoders", "fathom-indexes"]),
    (
        "retriever",
        &["fathom-encoders", "fathom-indexes", "fathom-indexer"],
    ),
    (
        "reranker",
        &["fathom-encoders", "fathom-indexes", "fathom-retriever"],
    ),
    ("models", &[]),
    (
        "answerer",
        &["fathom-indexes", "fathom-models", "fathom-retriever"],
    ),
    (
        "eval",
        &[
            "fathom-encoders",
            "fathom-indexer",
            "fathom-indexes",
            "fathom-retriever",
        ],
    ),
    (
        ".",
        &[
            "fathom-answerer",
            "fathom-encoders",
            "fathom-eval",
            "fathom-indexes",
            "fathom-indexer",
            "fathom-models",
            "fathom-reranker",
            "fathom-retriever",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for top in [
        "src",
        "tests",
        "benches",
        "encoders",
        "indexes",
        "indexer",
        "retriever",
        "reranker",
        "answerer",
        "models",
        "eval",
        "qdrant/src",
        "qdrant/tests",
        "qdrant/examples",
    ] {
        collect(&root().join(top), &mut files);
    }
    assert!(files.len() > 50, "the search for files is broken");
    files
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{}", file.display());
    }
}

#[test]
fn dependencies_point_one_way() {
    for (folder, allowed) in ALLOWED {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let used = manifest["dependencies"].as_table().unwrap();
        for name in used.keys().filter(|name| name.starts_with("fathom-")) {
            assert!(allowed.contains(&name.as_str()), "{folder} uses {name}");
        }
    }
}

#[test]
fn every_variable_is_in_the_table_and_in_the_readme() {
    let listed: BTreeSet<&str> = fathom::env::ALL.iter().map(|v| v.name).collect();
    let pattern = regex::Regex::new(r"\bFATHOM_[A-Z_]+").unwrap();
    for file in rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        let tests_own = |name: &str| name.starts_with("FATHOM_TEST_");
        for found in pattern
            .find_iter(&text)
            .filter(|found| !tests_own(found.as_str()))
        {
            assert!(
                listed.contains(found.as_str()),
                "{} in {}",
                found.as_str(),
                file.display()
            );
        }
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for name in listed {
        assert!(
            readme.contains(&format!("`{name}`")),
            "{name} is not in the README"
        );
    }
}

#[test]
fn the_tests_of_faults_are_there() {
    let table = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let last = rows.skip(1).filter_map(|row| row.split('|').nth(3));
    let named: Vec<&str> = last
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 50, "{named:?}");
    let sources = rust_files().into_iter();
    let sources: Vec<String> = sources
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for name in named {
        // proptest's tests have arguments.
        let is_test = regex::Regex::new(&format!(
            r"#\[test\]\s+fn {name}\(|#\[tokio::test\]\s+async fn {name}\("
        ))
        .unwrap();
        let found = sources.iter().any(|text| is_test.is_match(text));
        assert!(found, "there is no test `{name}`");
    }
}
