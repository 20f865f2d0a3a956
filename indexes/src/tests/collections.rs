//! Two collections in one store: vectors of two models side by side, one catalog.

use super::*;
use crate::Collection::{Docs, Main};

const DOCS_TOKENS: usize = 4;
const DOCS_DENSE: usize = 6;
const GUIDE: &str = "how to open a path\n\nwhat merging is about\n";

fn docs_options() -> StoreOptions {
    StoreOptions {
        profile_id: "docs@0".into(),
        token_dim: DOCS_TOKENS,
        dense_dim: DOCS_DENSE,
        codebook: None,
    }
}

fn open_both(dir: &std::path::Path) -> Store {
    Store::open_both(dir, &options(), &docs_options()).unwrap()
}

/// Chunks of text files are docs here.
fn is_docs(row: &ChunkRow) -> bool {
    row.language == "text"
}

/// Encodes everything that is missing, each collection by its model.
fn encode_both(store: &Store) {
    let mut writer = writer(store);
    let missing = writer.missing().unwrap();
    let rows = writer.snapshot().unwrap().chunks(&missing).unwrap();
    for collection in Collection::ALL {
        let of = rows
            .iter()
            .filter(|row| is_docs(row) == (collection == Docs));
        let vectors: Vec<Vectors> = of
            .map(|row| shaped(row.record.content, collection))
            .collect();
        let batch: Vec<Encoding<'_>> = vectors.iter().map(Vectors::encoding).collect();
        let prepared = store.prepare(collection, &batch).unwrap();
        writer.add_prepared(&prepared).unwrap();
    }
}

fn shaped(content: ContentHash, collection: Collection) -> Vectors {
    let mut vectors = Vectors::of(content);
    if collection == Docs {
        vectors.tokens.truncate(2 * DOCS_TOKENS);
        vectors.dense.truncate(DOCS_DENSE);
    }
    vectors
}

fn filled_both() -> (tempfile::TempDir, Store) {
    let dir = temporary();
    let store = open_both(dir.path());
    put(
        &mut writer(&store),
        &[("src/a.rs", A), ("src/b.rs", B), ("guide.txt", GUIDE)],
    );
    encode_both(&store);
    (dir, store)
}

fn found(store: &Store, collection: Collection) -> [Vec<String>; 2] {
    let snapshot = store.snapshot().unwrap();
    let query = shaped(ContentHash::of(b"query"), collection);
    let late = snapshot.late_in(collection, &query.tokens, 9, None);
    let dense = snapshot.dense_in(collection, &query.dense, 9, None);
    [late, dense].map(|hits| {
        let mut paths = paths(&snapshot, &hits.unwrap());
        paths.sort();
        paths
    })
}

#[test]
fn each_collection_is_searched_by_its_own_vectors() {
    let (_dir, store) = filled_both();
    let guide = ["guide.txt:1", "guide.txt:3"];
    assert_eq!(found(&store, Docs), [guide, guide]);
    for paths in found(&store, Main) {
        assert_eq!(paths.len(), 5, "{paths:?}");
        assert!(
            paths
                .iter()
                .all(|path| path.ends_with(".rs") || path.contains(".rs:"))
        );
    }
    let snapshot = store.snapshot().unwrap();
    assert!(snapshot.has_docs());
    assert_eq!((snapshot.coverage(), snapshot.missing()), (1.0, 0));
    let (main, docs) = (snapshot.cohort(Main, 99), snapshot.cohort(Docs, 99));
    assert_eq!((main.len(), docs.len()), (4, 2));
    assert_eq!(snapshot.cohort(Main, 2).len(), 2);
    // Scores of one collection are not those of another.
    let query = shaped(ContentHash::of(b"query"), Docs);
    let scores = snapshot.late_scores_in(Docs, &query.tokens, &main).unwrap();
    assert_eq!(scores, [None; 4]);
    let scores = snapshot.dense_scores_in(Docs, &query.dense, &docs).unwrap();
    assert!(scores.iter().all(Option::is_some));
    assert!(docs.iter().all(|&chunk| snapshot.is_encoded(chunk)));
    for (collection, chunks) in [(Main, &main), (Docs, &docs)] {
        let encoded = snapshot.encoded_in(collection);
        assert_eq!(encoded.len(), chunks.len());
        for (content, chunks) in encoded {
            let expected = shaped(content, collection);
            let (tokens, dense) = snapshot.vectors_of(collection, chunks[0]).unwrap();
            assert_eq!(
                (tokens.len(), dense.len()),
                (expected.tokens.len(), expected.dense.len())
            );
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 0.1;
            assert!(tokens.iter().zip(&expected.tokens).all(near), "{tokens:?}");
            assert!(dense.iter().zip(&expected.dense).all(near));
        }
    }
    assert_eq!(snapshot.vectors_of(Docs, main[0]), None);
    // Queries by the other model have another length.
    assert!(snapshot.dense(&query.dense, 9, None).is_err());
    assert_sound(&store);
}

#[test]
fn housekeeping_keeps_collections_apart() {
    let (dir, store) = filled_both();
    for n in 0..12 {
        let (code, text) = (format!("fn f{n}\n"), format!("text number {n}\n"));
        let (a, b) = (format!("{n}.rs"), format!("{n}.txt"));
        put(&mut writer(&store), &[(&a, &code), (&b, &text)]);
        encode_both(&store);
    }
    let before = [Main, Docs].map(|collection| found(&store, collection));
    assert!(store.snapshot().unwrap().segment_count() > 20);
    let report = writer(&store).maintain().unwrap();
    assert!(report.merged_segments > 9, "{report:?}");
    let after = [Main, Docs].map(|collection| found(&store, collection));
    assert_eq!(before, after);
    assert_sound(&store);
    let mut changed = writer(&store);
    let mut update = changed.begin().unwrap();
    update.remove_file(b"guide.txt").unwrap();
    update.remove_file(b"0.rs").unwrap();
    update.commit().unwrap();
    drop(changed);
    let report = writer(&store).maintain_thoroughly().unwrap();
    assert_eq!(report.dropped_contents, 3);
    assert_sound(&store);
    // It is no store of one model, nor of another pair.
    let refused = Store::open(dir.path(), &options()).and_then(|store| store.snapshot());
    assert!(matches!(refused, Err(StoreError::Profile { .. })));
}

#[test]
fn another_worktree_lends_both() {
    let (_donors, donor) = filled_both();
    let dir = temporary();
    let store = open_both(dir.path());
    put(&mut writer(&store), &[("a.rs", A), ("other.txt", GUIDE)]);
    let donor = donor.snapshot().unwrap();
    assert_eq!(writer(&store).borrow(&donor).unwrap(), 5);
    assert_eq!(found(&store, Docs)[0], ["other.txt:1", "other.txt:3"]);
    assert_sound(&store);
}
