//! Vectors in Qdrant against the same vectors in the store: what is found, after each kind of change.
//!
//! The server is Qdrant's engine in this process, or the one of `QDRANT_URL` (`qdrant://host:port`).
#![allow(clippy::unwrap_used)]

mod alike;
mod bench;
mod refused;
mod servers;

use fathom::qdrant::QdrantError;
use fathom_encoders::Profile;
use fathom_indexes::{Collection, FileStat};
use fathom_retriever::Vectors;

use bench::{Bench, CHUNKS, fixture, paths};

/// Uploaded, grown, moved, shrunk: each time both find the same, and only what changed is sent.
fn live(profile: Profile) {
    let bench = Bench::new(profile);
    let snapshot = bench.store.snapshot().unwrap();
    let refused = bench.remote.vectors(&snapshot).map(|_| ());
    assert!(matches!(refused, Err(QdrantError::Missing { .. })));
    bench.put(&paths(0..40));
    let report = bench.sync();
    assert_eq!((report.uploaded, report.left), (40 * CHUNKS, 0));
    bench.assert_alike();
    assert_eq!(bench.sync().unchanged, 40 * CHUNKS);
    bench.put(&paths(40..60));
    let report = bench.sync();
    assert_eq!(
        (report.uploaded, report.unchanged),
        (20 * CHUNKS, 40 * CHUNKS)
    );
    bench.assert_alike();
    // Moved into another folder: nothing is encoded or sent but where it stands.
    bench.change(|update| {
        let stat = FileStat::default();
        update
            .rename_file(b"src/a0.rs", b"src/deep/a0.rs", stat)
            .unwrap();
    });
    let report = bench.sync();
    assert_eq!(
        (report.uploaded, report.moved, report.deleted),
        (0, CHUNKS, 0)
    );
    bench.assert_alike();
    // The same content at a second place, then gone from the first.
    bench.put(&["tools/b1.rs".to_owned()]);
    assert_eq!(bench.sync().moved, CHUNKS);
    bench.assert_alike();
    bench.change(|update| {
        update.remove_file(b"src/deep/b1.rs").unwrap();
        update.remove_file(b"docs/d3.md").unwrap();
    });
    let report = bench.sync();
    assert_eq!((report.moved, report.deleted), (CHUNKS, CHUNKS));
    bench.assert_alike();
}

#[test]
fn coded_tokens_and_dense_vectors() {
    live(Profile::bundled());
}

#[test]
fn token_vectors_alone() {
    live(fixture("colbert-export"));
}

#[test]
fn dense_vectors_alone() {
    live(fixture("gemma-modules"));
}

#[test]
fn two_collections() {
    live(Profile::collections(&fixture("colbert-export"), &fixture("gemma-modules")).unwrap());
}

#[test]
fn what_is_not_sent_yet_is_told_and_not_found() {
    let bench = Bench::new(Profile::bundled());
    bench.put(&paths(0..8));
    bench.sync();
    bench.put(&paths(8..9));
    let snapshot = bench.store.snapshot().unwrap();
    let remote = bench.remote.vectors(&snapshot).unwrap();
    let embedding = bench.vectors(Collection::Main, b"query", 6);
    let scores = remote.late_scores(Collection::Main, &embedding, snapshot.chunk_ids());
    let known = scores.unwrap().iter().flatten().count();
    assert_eq!(known, 8 * CHUNKS);
    bench.sync();
    bench.assert_alike();
}
