//! Readers see one generation or the next, whatever the writer does meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::testing::*;
use crate::*;

/// Every generation holds two files with the same version in their text.
fn version(store: &Store) -> usize {
    let snapshot = store.snapshot().unwrap();
    let files = snapshot.files().unwrap();
    let texts: Vec<Vec<u8>> = files
        .iter()
        .map(|file| snapshot.text(file.id).unwrap())
        .collect();
    assert_eq!(texts[0], texts[1], "generation {}", snapshot.generation());
    let text = String::from_utf8(texts[0].clone()).unwrap();
    let found = match snapshot.lexical(&words(text.trim()), 9, None) {
        Ok(hits) => hits.len(),
        Err(StoreError::Superseded { .. }) => 2,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(found, 2, "generation {}", snapshot.generation());
    let query = Vectors::of(ContentHash::of(b"query"));
    let late = snapshot.late(&query.tokens, 9, None).unwrap().len();
    assert!(
        late == 0 || late == 2,
        "{late} of 2 chunks with one content are encoded"
    );
    text.trim().trim_start_matches("version").parse().unwrap()
}

#[test]
fn readers_go_on_during_commits_merges_and_purges() {
    let (_dir, store) = store();
    let mut writer = writer(&store);
    let write = |writer: &mut Writer, n: usize| {
        let text = format!("version{n}\n");
        put(writer, &[("a.rs", &text), ("b.rs", &text)]);
    };
    write(&mut writer, 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let now = version(&store);
                assert!(now >= last, "from version {last} back to {now}");
                last = now;
            }
        };
        scope.spawn(reader);
        scope.spawn(reader);
        for n in 1..40 {
            write(&mut writer, n);
            encode(&mut writer, 1).unwrap();
            if n % 7 == 0 {
                writer.maintain_thoroughly().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(version(&store), 39);
    assert_sound(&store);
}

#[test]
fn a_paused_reader_finishes_on_its_generation() {
    let (_dir, store) = store();
    let mut writer = writer(&store);
    put(
        &mut writer,
        &[("a.rs", "fn alpha\n"), ("b.rs", "fn beta\n")],
    );
    encode(&mut writer, 9).unwrap();
    let paused = store.snapshot().unwrap();
    let query = Vectors::of(ContentHash::of(b"query"));
    let before = paused.lexical(&words("alpha"), 9, None).unwrap();
    put(&mut writer, &[("a.rs", "fn gamma\n")]);
    encode(&mut writer, 9).unwrap();
    writer.maintain_thoroughly().unwrap();
    assert_eq!(paused.lexical(&words("alpha"), 9, None).unwrap(), before);
    assert_eq!(paused.late(&query.tokens, 9, None).unwrap().len(), 2);
    assert_eq!(paused.symbols_named("alpha", true).unwrap().len(), 1);
}

#[test]
fn a_snapshot_that_is_searched_by_words_only_after_a_purge_says_so() {
    let (_dir, store) = store();
    let mut writer = writer(&store);
    put(&mut writer, &[("a.rs", "fn alpha\n")]);
    let paused = store.snapshot().unwrap();
    put(&mut writer, &[("a.rs", "fn gamma\n")]);
    writer.maintain_thoroughly().unwrap();
    let error = paused.lexical(&words("alpha"), 9, None).unwrap_err();
    assert!(matches!(error, StoreError::Superseded { .. }), "{error}");
    assert_eq!(
        store
            .snapshot()
            .unwrap()
            .lexical(&words("gamma"), 9, None)
            .unwrap()
            .len(),
        1
    );
}
