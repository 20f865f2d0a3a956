//! End-to-end tests of the pipeline on a temporary store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use fathom_encoders::{Encoder, EncoderOptions, Profile, TextEncoder};
use fathom_indexes::{Encoding, SkipReason, Snapshot, Store, StoreOptions};

use super::*;

/// A tree and a store for it.
struct Bench {
    tree: tempfile::TempDir,
    data: tempfile::TempDir,
    store: Store,
    text: TextEncoder,
}

fn store_options() -> StoreOptions {
    StoreOptions {
        profile_id: "test@0".to_string(),
        token_dim: 4,
        dense_dim: 4,
        codebook: None,
    }
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Bench {
        let data = tempfile::tempdir().unwrap();
        let bench = Bench {
            tree: tempfile::tempdir().unwrap(),
            store: Store::open(&data.path().join("store"), &store_options()).unwrap(),
            data,
            text: TextEncoder::open(&Profile::bundled()).unwrap(),
        };
        files
            .iter()
            .for_each(|(path, content)| bench.write(path, content));
        bench
    }

    fn root(&self) -> &Path {
        self.tree.path()
    }

    /// Writes a file that looks as if it had been there for an hour.
    fn write(&self, path: &str, content: &str) {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, content).unwrap();
        let file = fs::File::options().write(true).open(&file).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600))
            .unwrap();
    }

    fn refresh(&self) -> RefreshReport {
        self.refresh_with(&IndexOptions::default()).unwrap()
    }

    fn refresh_with(&self, options: &IndexOptions) -> Result<RefreshReport, IndexError> {
        refresh(
            self.root(),
            &self.store,
            &self.text,
            options,
            &AtomicBool::new(false),
            &|_| {},
        )
    }

    /// Stands in for the encoder: gives every missing content a vector.
    fn encode(&self) -> usize {
        let mut writer = self.store.writer(Duration::ZERO).unwrap();
        let missing = writer.missing().unwrap();
        let rows = writer.snapshot().unwrap().chunks(&missing).unwrap();
        let vector = [0.5f32; 4];
        let batch: Vec<Encoding> = rows
            .iter()
            .map(|row| Encoding {
                content: row.record.content,
                tokens: &vector,
                dense: &vector,
            })
            .collect();
        writer.add_encodings(&batch).unwrap();
        batch.len()
    }

    fn shown(&self) -> String {
        show(&self.store.snapshot().unwrap())
    }
}

/// Files of the lexical index.
fn files_of_words(bench: &Bench) -> usize {
    let folder = bench.data.path().join("store").join("lexical");
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn texts_that_come_back_leave_no_heap_of_segments() {
    let bench = Bench::new(&[("a.rs", "fn first() {}\n")]);
    bench.refresh();
    bench.encode();
    let mut most = 0;
    for round in 0..100 {
        bench.write(
            "a.rs",
            ["fn other() { 1; }\n", "fn first() {}\n"][round % 2],
        );
        assert_eq!(bench.refresh().changed, 1);
        // Only the second text has ever to be encoded.
        assert_eq!(bench.encode(), usize::from(round == 0));
        most = most.max(files_of_words(&bench));
    }
    assert!(most < 40 * 9, "{most} files");
    assert!(bench.shown().contains("first"), "{}", bench.shown());
}

/// Everything that a search can see, without ids.
fn show(snapshot: &Snapshot) -> String {
    let mut shown = String::new();
    for file in snapshot.files().unwrap() {
        let path = String::from_utf8_lossy(&file.record.path).into_owned();
        let text = snapshot.text(file.id).unwrap();
        shown += &format!(
            "{path} {} {} lines {}\n",
            file.record.language, file.record.hash, file.record.lines
        );
        for chunk in snapshot.chunks_of_file(file.id).unwrap() {
            let chunk = chunk.record;
            let body = &text[chunk.bytes.start as usize..chunk.bytes.end as usize];
            shown += &format!(
                "  {:?} {} {} {} {}\n",
                chunk.lines,
                chunk.kind,
                chunk.qualified_name,
                chunk.content,
                body.len()
            );
        }
    }
    for skip in snapshot.skipped().unwrap() {
        shown += &format!(
            "- {} {} {}\n",
            String::from_utf8_lossy(&skip.path),
            skip.reason,
            skip.detail
        );
    }
    shown
}

const TREE: [(&str, &str); 6] = [
    (
        "src/lib.rs",
        "//! A library.\n\n/// Adds.\npub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n",
    ),
    (
        "src/deep/mod.py",
        "def greet(name):\n    \"\"\"Says hello.\"\"\"\n    return 'hello ' + name\n",
    ),
    ("README.md", "# Title\n\nWords.\n\n## Use\n\nMore words.\n"),
    ("Cargo.lock", "version = 4\n"),
    (".env", "KEY=1\n"),
    ("image.bin", "a\0b"),
];

#[test]
fn a_tree_becomes_searchable_and_stays_as_it_is() {
    let bench = Bench::new(&TREE);
    let report = bench.refresh();
    assert_eq!((report.added, report.skipped), (3, 3));
    let (shown, generation) = (bench.shown(), report.generation);
    for reason in [
        "- .env secret",
        "- Cargo.lock generated",
        "- image.bin binary",
    ] {
        assert!(shown.contains(reason), "{shown}");
    }
    // Fresh files are racy by their ctime and are looked at again, without a change of content.
    bench.refresh();
    assert_eq!(bench.shown(), shown);
    assert!(bench.store.check().unwrap().findings.is_empty());
    assert!(generation > 0);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let bench = Bench::new(&TREE);
    bench.refresh();
    std::thread::sleep(Duration::from_millis(2100));
    let settled = bench.refresh();
    let report = bench.refresh();
    assert_eq!((report.unchanged, report.touched), (3, 0));
    assert_eq!(report.generation, settled.generation);
    // Not even the writer's lock is needed.
    let _writer = bench.store.writer(Duration::ZERO).unwrap();
    let options = IndexOptions {
        wait: Duration::ZERO,
        ..IndexOptions::default()
    };
    assert_eq!(bench.refresh_with(&options).unwrap().unchanged, 3);
}

#[test]
fn step_by_step_gives_what_a_fresh_index_gives() {
    let bench = Bench::new(&TREE);
    bench.refresh();
    bench.write(
        "src/lib.rs",
        "pub fn subtract(a: u32, b: u32) -> u32 {\n    a - b\n}\n",
    );
    bench.write("src/new.go", "package a\n\nfunc Run() int { return 1 }\n");
    fs::remove_file(bench.root().join("README.md")).unwrap();
    fs::rename(
        bench.root().join("src/deep/mod.py"),
        bench.root().join("src/moved.py"),
    )
    .unwrap();
    let report = bench.refresh();
    assert_eq!(
        (report.added, report.changed, report.removed, report.renamed),
        (1, 1, 1, 1)
    );
    let stepped = bench.shown();
    let fresh = Bench {
        tree: bench.tree,
        ..Bench::new(&[])
    };
    fresh.refresh();
    assert_eq!(stepped, fresh.shown());
}

#[test]
fn an_edit_encodes_only_what_it_changed() {
    let bench = Bench::new(&[("a.rs", &functions(20)), ("b.rs", &functions(3))]);
    bench.refresh();
    assert!(bench.encode() >= 20);
    bench.write("a.rs", &functions(20).replace("value_7", "other_7"));
    assert_eq!(bench.refresh().changed, 1);
    assert_eq!(bench.encode(), 1);
    bench.write("a.rs", &functions(20));
    assert_eq!(bench.refresh().changed, 1);
    assert_eq!(bench.encode(), 0, "the old content is still known");
}

fn functions(count: usize) -> String {
    let line = |n: usize, i: usize| {
        format!("    let value_{n} = compute_something({i}, {n}) + another_call({i});\n")
    };
    let body = |n: usize| (0..8).map(|i| line(n, i)).collect::<String>();
    (0..count)
        .map(|n| format!("fn function_{n}() {{\n{}}}\n\n", body(n)))
        .collect()
}

#[test]
fn a_move_encodes_nothing_unless_the_path_is_encoded() {
    let bench = Bench::new(&[("a/one.rs", &functions(5)), ("a/two.rs", "fn two() {}\n")]);
    bench.refresh();
    assert!(bench.encode() > 0);
    fs::rename(bench.root().join("a"), bench.root().join("b")).unwrap();
    let report = bench.refresh();
    assert_eq!(report.renamed, 2);
    assert_eq!(bench.encode() > 0, crate::document::PATH_IN_HEADER);
    assert!(bench.shown().contains("b/one.rs"));
}

#[test]
fn an_unreadable_folder_keeps_its_files() {
    // For root a folder without permissions is still readable: then nothing is to be kept.
    let bench = Bench::new(&[("a/x.rs", "fn x() {}\n"), ("b/y.rs", "fn y() {}\n")]);
    bench.refresh();
    let folder = bench.root().join("a");
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let listable = fs::read_dir(&folder).is_ok();
    let report = bench.refresh();
    fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(report.removed, 0);
    assert_eq!(report.unreadable, usize::from(!listable));
    assert!(bench.shown().contains("a/x.rs"));
}

#[test]
fn a_panic_costs_only_its_file_and_is_told() {
    let bench = Bench::new(&[
        ("src/a.rs", "fn a() {}\n"),
        ("src/faulty.rs", "fn b() {}\n"),
        ("src/z.rs", "fn z() {}\n"),
    ]);
    bench.refresh();
    for _ in 0..2 {
        let snapshot = bench.store.snapshot().unwrap();
        let files = snapshot.files().unwrap();
        let paths: Vec<&[u8]> = files.iter().map(|row| &*row.record.path).collect();
        assert_eq!(paths, [b"src/a.rs", b"src/z.rs"]);
        let skipped = snapshot.skipped().unwrap();
        assert_eq!(skipped[0].path, b"src/faulty.rs");
        assert_eq!(skipped[0].reason, SkipReason::Unreadable);
        assert_eq!(skipped[0].detail, "internal error: a fault of the tests");
        // It is tried again, and so are all others.
        bench.write("src/z.rs", "fn z() {} // again\n");
        bench.refresh();
    }
}

#[test]
fn a_missing_root_keeps_the_index() {
    let bench = Bench::new(&TREE);
    bench.refresh();
    let shown = bench.shown();
    let missing = bench.root().join("missing");
    let result = refresh(
        &missing,
        &bench.store,
        &bench.text,
        &IndexOptions::default(),
        &AtomicBool::new(false),
        &|_| {},
    );
    assert!(matches!(result, Err(IndexError::Root { .. })));
    assert_eq!(bench.shown(), shown);
}

#[test]
fn an_interruption_leaves_the_index_as_it_was() {
    let bench = Bench::new(&TREE);
    let stop = AtomicBool::new(true);
    let result = refresh(
        bench.root(),
        &bench.store,
        &bench.text,
        &IndexOptions::default(),
        &stop,
        &|_| {},
    );
    assert!(matches!(result, Err(IndexError::Cancelled)));
    assert_eq!(bench.shown(), "");
    stop.store(false, Ordering::Relaxed);
    assert_eq!(bench.refresh().added, 3);
}

#[test]
fn a_file_that_turns_binary_leaves_the_index_with_a_reason() {
    let bench = Bench::new(&[("a.txt", "words\n"), ("b.txt", "words\n")]);
    bench.refresh();
    bench.write("a.txt", "wo\0rds\n");
    assert_eq!(bench.refresh().removed, 1);
    assert!(bench.shown().contains("- a.txt binary"));
    bench.write("a.txt", "words again\n");
    assert_eq!(bench.refresh().added, 1);
    assert!(!bench.shown().contains("- a.txt"));
}

#[test]
fn a_profile_may_pool_token_vectors() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../encoders/models/default");
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "tokenizer.json", "codebook.bin"] {
        fs::copy(models.join(file), folder.path().join(file)).unwrap();
    }
    let described = fs::read_to_string(models.join("profile.toml")).unwrap();
    let profile = |pooling: &str| {
        fs::write(
            folder.path().join("profile.toml"),
            format!("{pooling}{described}"),
        )
        .unwrap();
        Profile::open(folder.path())
    };
    let embedding = |profile: &Profile| {
        let mut encoder = Encoder::open(profile, &EncoderOptions::default()).unwrap();
        let text = "open the store and read what is in it";
        let document = encoder.text().document(text, text, 48);
        embed(&mut encoder, &[document]).unwrap().remove(0)
    };
    let (all, same) = (
        profile("").unwrap(),
        profile("token_pooling = 1\n").unwrap(),
    );
    assert_eq!(all.id(), same.id());
    let pooled = profile("token_pooling = 3\n").unwrap();
    assert_ne!(all.id(), pooled.id());
    assert!(profile("token_pooling = 0\n").is_err());

    let (all, pooled) = (embedding(&all), embedding(&pooled));
    assert_eq!(pooled.tokens.rows(), (all.tokens.rows() - 1) / 3 + 1);
    assert_eq!(pooled.tokens.row(0), all.tokens.row(0));
    assert_eq!(pooled.dense, all.dense);
}
