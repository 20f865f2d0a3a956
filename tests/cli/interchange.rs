//! An index goes to other programs and machines, and comes back.

use std::fs;
use std::path::Path;

use crate::common::{Run, SMALL, Sandbox, check};

/// An index that next-plaid wrote.
const FOREIGN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/indexes/fixtures/next-plaid/4");

/// A sandbox whose index was exported to `out` beside the tree.
fn exported() -> Sandbox {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    export(&sandbox).expect_code(0);
    sandbox
}

fn export(sandbox: &Sandbox) -> Run {
    sandbox.run(&["index", "export", "--format", "plaid", "../out"])
}

/// Imports with another data folder and without a model.
fn import_elsewhere(sandbox: &Sandbox) -> Run {
    let nothing = [
        ("ORT_DYLIB_PATH", "/nothing"),
        ("FATHOM_DATA_DIR", "../elsewhere"),
    ];
    sandbox.run_with(
        &nothing,
        &["index", "import", "--format", "plaid", "../out"],
    )
}

#[test]
fn an_exported_index_is_imported_without_the_model() {
    let sandbox = exported();
    check!(sandbox, import_elsewhere(&sandbox), @r#"
    exit 0
    --- stdout
    --- stderr
    imported: 3 of 3 documents; nothing is left to encode
    "#);
    let search = [
        "search",
        "--mode",
        "late",
        "--json",
        "where is the lock taken",
    ];
    let here = sandbox.run(&search).json();
    let there = sandbox
        .run_with(&[("FATHOM_DATA_DIR", "../elsewhere")], &search)
        .json();
    assert_eq!(here["results"], there["results"]);
    assert!(!here["results"].as_array().unwrap().is_empty());
    check!(sandbox, import_elsewhere(&sandbox), @r#"
    exit 0
    --- stdout
    --- stderr
    imported: 0 of 3 documents; nothing is left to encode
    "#);
    let check = ["check", "--data-dir", "../elsewhere"];
    sandbox.run(&check).expect_code(0);
}

#[test]
fn what_changed_since_is_left_to_be_encoded() {
    let sandbox = exported();
    sandbox.write("src/new.rs", "fn brand_new() {}\n");
    check!(sandbox, import_elsewhere(&sandbox), @r#"
    exit 0
    --- stdout
    --- stderr
    imported: 3 of 3 documents; 1 are left, `fathom index` encodes them
    "#);
}

#[test]
fn an_export_tells_what_it_did_and_never_overwrites() {
    let sandbox = Sandbox::new(SMALL);
    check!(sandbox, export(&sandbox), @r#"
    exit 2
    --- stdout
    --- stderr
    error: `[SANDBOX]/tree` is not indexed; run `fathom index` there first
    "#);
    sandbox.run(&["index"]).expect_code(0);
    check!(sandbox, export(&sandbox), @r#"
    exit 0
    --- stdout
    --- stderr
    exported: 3 documents, 74 tokens
    "#);
    let before = sandbox.files("out");
    check!(sandbox, export(&sandbox), @r#"
    exit 2
    --- stdout
    --- stderr
    error: `[SANDBOX]/tree/../out` is not empty; give a folder that does not exist
    "#);
    assert_eq!(sandbox.files("out"), before);
}

#[test]
fn an_export_is_an_index_that_others_can_read() {
    let sandbox = exported();
    let names: Vec<String> = sandbox
        .files("out")
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    insta::assert_snapshot!(names.join("\n"), @r#"
    0.codes.npy
    0.inv_norms.npy
    0.metadata.json
    0.residuals.npy
    avg_residual.npy
    bucket_cutoffs.npy
    bucket_weights.npy
    centroids.npy
    cluster_threshold.npy
    doclens.0.json
    documents.jsonl
    fathom.codebook.bin
    fathom.dense.npy
    fathom.json
    ivf.npy
    ivf_lengths.npy
    metadata.json
    plan.json
    "#);
    let run = sandbox
        .run(&["index", "import", "--check", "../out"])
        .expect_code(0);
    let documents = "3 documents, 74 tokens of 128 dimensions in 4 bits, ";
    assert!(run.stdout.starts_with(documents), "{run}");
    assert!(run.stdout.ends_with(" centroids: sound\n"), "{run}");
    let documents = fs::read_to_string(sandbox.path("out/documents.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(documents.lines().next().unwrap()).unwrap();
    assert_eq!(first["document"], 0);
    assert_eq!(first["chunks"][0]["path"], "docs/guide.md");
}

#[test]
fn an_index_of_another_program_is_verified_and_searched() {
    let sandbox = Sandbox::new(&[]);
    let query = format!("{FOREIGN}/queries.npy");
    let args = [
        "index", "import", FOREIGN, "--check", "-k", "3", "--query", &query,
    ];
    let run = sandbox.run(&args).expect_code(0);
    insta::assert_snapshot!(run.stdout.replace(FOREIGN, "[FOREIGN]"), @r#"
    40 documents, 434 tokens of 32 dimensions in 4 bits, 32 centroids: sound

    [FOREIGN]/queries.npy
      57.9270  11
      56.6135  35
      53.6203  36
    "#);
    let run = sandbox.run(&["index", "import", FOREIGN]);
    insta::assert_snapshot!(run.to_string().replace(FOREIGN, "[FOREIGN]"), @r#"
    exit 2
    --- stdout
    --- stderr
    error: `[FOREIGN]` has no `fathom.json`, so nothing tells which code its documents are; read it and search it by number with `--check`
    "#);
}

#[test]
fn what_does_not_fit_is_refused() {
    let sandbox = exported();
    let origin = sandbox.path("out/fathom.json");
    let written = fs::read_to_string(&origin).unwrap();
    replace(&origin, "default@", "other@");
    let run = import_elsewhere(&sandbox).expect_code(2);
    assert!(
        run.stderr.contains("was made with model profile `other@"),
        "{run}"
    );
    fs::write(&origin, written).unwrap();
    let documents = sandbox.path("out/documents.jsonl");
    let all = fs::read_to_string(&documents).unwrap();
    let (_, rest) = all.split_once('\n').unwrap();
    fs::write(&documents, rest).unwrap();
    check!(sandbox, import_elsewhere(&sandbox), @r#"
    exit 2
    --- stdout
    --- stderr
    error: cannot read `../out/documents.jsonl`: line 1: document 1 instead of 0
    "#);
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}
