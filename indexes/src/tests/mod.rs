//! The store from the outside: what goes in comes out, and readers and writers do not disturb each other.
#![allow(clippy::unwrap_used)]

mod borrow;
mod codebooks;
mod collections;
mod concurrency;
mod damage;
mod faults;
mod fuzz;
mod kill;
mod model;

use std::time::Duration;

use crate::testing::*;
use crate::*;

const A: &str = "fn open path\nread bytes\n\nfn close handle\n\nplain words here\n";
const B: &str = "fn merge left right\nopen left\n\nplain words here\n";

fn filled() -> (tempfile::TempDir, Store) {
    let (dir, store) = store();
    let mut writer = writer(&store);
    put(&mut writer, &[("src/a.rs", A), ("b.txt", B)]);
    assert_sound(&store);
    (dir, store)
}

fn paths(snapshot: &Snapshot, hits: &[Hit]) -> Vec<String> {
    let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
    let rows = snapshot.chunks(&ids).unwrap();
    let show = |row: ChunkRow| {
        format!(
            "{}:{}",
            String::from_utf8_lossy(&row.path),
            row.record.lines.0
        )
    };
    rows.into_iter().map(show).collect()
}

#[test]
fn an_empty_store_answers_with_nothing() {
    let (_dir, store) = store();
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.generation(), snapshot.coverage()), (0, 1.0));
    assert_eq!(snapshot.lexical(&words("open"), 5, None).unwrap(), []);
    assert_eq!(snapshot.late(&[1.0; TOKEN_DIM], 5, None).unwrap(), []);
    assert_eq!(snapshot.dense(&[1.0; DENSE_DIM], 5, None).unwrap(), []);
}

#[test]
fn what_goes_in_comes_out() {
    let (_dir, store) = filled();
    let snapshot = store.snapshot().unwrap();
    let files = snapshot.files().unwrap();
    assert_eq!(files[1].record, file("src/a.rs", A).record);
    assert_eq!(snapshot.text(files[1].id).unwrap(), A.as_bytes());
    let rows = snapshot.chunks_of_file(files[1].id).unwrap();
    let records: Vec<ChunkRecord> = rows.iter().map(|row| row.record.clone()).collect();
    assert_eq!(records, file("src/a.rs", A).chunks);
    assert_eq!(rows[0].language, "rust");
    let counts = snapshot.counts();
    assert_eq!((counts.files, counts.chunks, counts.distinct), (2, 5, 4));
    assert_eq!((counts.symbols, counts.references), (3, 20));
}

#[test]
fn words_find_chunks_and_filters_restrict_them() {
    let (_dir, store) = filled();
    let snapshot = store.snapshot().unwrap();
    let hits = snapshot.lexical(&words("open left"), 9, None).unwrap();
    assert_eq!(paths(&snapshot, &hits), ["b.txt:1", "src/a.rs:1"]);
    let rust = snapshot.select(&|head| head.language == "rust").unwrap();
    let hits = snapshot
        .lexical(&words("open left"), 9, Some(&rust))
        .unwrap();
    assert_eq!(paths(&snapshot, &hits), ["src/a.rs:1"]);
}

#[test]
fn symbols_and_references_are_found_by_name() {
    let (_dir, store) = filled();
    let snapshot = store.snapshot().unwrap();
    let found = |name, exact| snapshot.symbols_named(name, exact).unwrap().len();
    assert_eq!(
        [
            found("Open", false),
            found("Open", true),
            found("open", true)
        ],
        [1, 0, 1]
    );
    let merge = snapshot.symbols_named("merge", true).unwrap().remove(0);
    assert_eq!(
        merge.chunk,
        snapshot
            .chunks_of_file(merge.file)
            .unwrap()
            .first()
            .map(|c| c.id)
    );
    assert_eq!(
        snapshot
            .symbols_matching(&["close".into()], 5)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(snapshot.reference_count("left").unwrap(), 2);
    let lines: Vec<u32> = snapshot
        .references_to("plain")
        .unwrap()
        .iter()
        .map(|r| r.1)
        .collect();
    assert_eq!(lines, [6, 4]);
}

#[test]
fn names_are_listed_by_file_and_all_together() {
    let (_dir, store) = filled();
    let snapshot = store.snapshot().unwrap();
    let (mut symbols, mut mentions) = (Vec::new(), Vec::new());
    snapshot
        .each_symbol(|file, symbol| symbols.push((file, symbol.name)))
        .unwrap();
    snapshot
        .each_mention(|name, file, count| mentions.push((file, name.to_owned(), count)))
        .unwrap();
    let (mut of_files, mut lines) = (Vec::new(), 0);
    for file in snapshot.files().unwrap() {
        let here = snapshot.symbols_of_file(file.id).unwrap();
        of_files.extend(here.into_iter().map(|row| (row.file, row.record.name)));
        let here = snapshot.references_of_file(file.id).unwrap();
        assert!(here.is_sorted_by(|a, b| (a.line, &a.name) <= (b.line, &b.name)));
        for (_, name, count) in mentions.iter().filter(|mention| mention.0 == file.id) {
            let found = here.iter().filter(|one| one.name == *name).count();
            assert_eq!(found as u32, *count, "{name}");
        }
        lines += here.len() as u32;
    }
    of_files.sort();
    symbols.sort();
    assert_eq!(symbols, of_files);
    assert!(!symbols.is_empty() && lines > 0);
    assert_eq!(lines, mentions.iter().map(|mention| mention.2).sum::<u32>());
}

#[test]
fn a_content_is_encoded_once_and_found_in_every_chunk_that_has_it() {
    let (_dir, store) = filled();
    let mut writer = writer(&store);
    assert_eq!(writer.missing().unwrap().len(), 4);
    encode(&mut writer, 3).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(writer.missing().unwrap().len(), 1);
    assert!(snapshot.coverage() > 0.7 && snapshot.coverage() < 1.0);
    encode(&mut writer, 9).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!((snapshot.coverage(), snapshot.counts().segments), (1.0, 2));
    let shared = Vectors::of(ContentHash::of(b"plain words here\n"));
    let best = snapshot.late(&shared.tokens, 2, None).unwrap();
    assert_eq!(paths(&snapshot, &best), ["src/a.rs:6", "b.txt:4"]);
    assert!((best[0].score - 2.0).abs() < 0.02 && best[0].score == best[1].score);
    let best = snapshot.dense(&shared.dense, 2, None).unwrap();
    assert_eq!(paths(&snapshot, &best), ["src/a.rs:6", "b.txt:4"]);
    assert!((best[0].score - 1.0).abs() < 0.01);
    let again = snapshot
        .late_scores(&shared.tokens, &[best[1].chunk, ChunkId(99)])
        .unwrap();
    assert!(again[0].unwrap() > 1.9 && again[1].is_none());
}

#[test]
fn a_changed_file_replaces_its_chunks_and_keeps_encodings_of_the_same_content() {
    let (_dir, store) = filled();
    let mut writer = writer(&store);
    encode(&mut writer, 9).unwrap();
    let old = store.snapshot().unwrap();
    put(&mut writer, &[("src/a.rs", &A.replace("close", "shut"))]);
    let new = store.snapshot().unwrap();
    assert_eq!(writer.missing().unwrap().len(), 1);
    let found = |s: &Snapshot, query| s.lexical(&words(query), 9, None).unwrap().len();
    assert_eq!([found(&old, "close"), found(&old, "shut")], [1, 0]);
    assert_eq!([found(&new, "close"), found(&new, "shut")], [0, 1]);
    assert_eq!(new.symbols_named("close", true).unwrap(), []);
    assert_eq!(new.reference_count("close").unwrap(), 0);
}

#[test]
fn a_renamed_file_is_found_under_its_new_path_alone() {
    let (_dir, store) = filled();
    let mut writer = writer(&store);
    encode(&mut writer, 9).unwrap();
    let mut update = writer.begin().unwrap();
    update
        .rename_file(b"b.txt", b"lib/joining.txt", stat(1))
        .unwrap();
    update.commit().unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(writer.missing().unwrap(), []);
    let hits = snapshot.lexical(&words("joining"), 9, None).unwrap();
    assert_eq!(
        paths(&snapshot, &hits),
        ["lib/joining.txt:1", "lib/joining.txt:4"]
    );
    assert_eq!(snapshot.counts().chunks, 5);
}

#[test]
fn a_dropped_update_leaves_nothing_and_its_ids_stay_unused() {
    let (_dir, store) = filled();
    let before = store.snapshot().unwrap();
    let mut writer = writer(&store);
    let mut update = writer.begin().unwrap();
    update.put_file(&file("c.rs", "fn lost\n")).unwrap();
    update.remove_file(b"src/a.rs").unwrap();
    drop(update);
    let after = store.snapshot().unwrap();
    assert_eq!(before.chunk_ids(), after.chunk_ids());
    assert_eq!(after.lexical(&words("lost"), 9, None).unwrap(), []);
    put(&mut writer, &[("d.rs", "fn found\n")]);
    let last = store
        .snapshot()
        .unwrap()
        .chunk_ids()
        .last()
        .copied()
        .unwrap();
    assert!(last.0 > before.chunk_ids().last().unwrap().0 + 1);
}

#[test]
fn an_update_without_a_change_is_no_generation() {
    let (_dir, store) = filled();
    let mut writer = writer(&store);
    let mut update = writer.begin().unwrap();
    update.set_skipped(&[]).unwrap();
    assert_eq!(update.commit().unwrap(), 1);
}

#[test]
fn an_unreadable_file_keeps_its_entry_and_the_reason() {
    let (_dir, store) = filled();
    let mut writer = writer(&store);
    let mut update = writer.begin().unwrap();
    update
        .set_unreadable(b"b.txt", "permission denied")
        .unwrap();
    update.commit().unwrap();
    let snapshot = store.snapshot().unwrap();
    let row = snapshot.files().unwrap().remove(0);
    assert_eq!(row.unreadable.as_deref(), Some("permission denied"));
    assert_eq!(snapshot.lexical(&words("merge"), 9, None).unwrap().len(), 1);
    assert_eq!(snapshot.counts().unreadable, 1);
    let mut update = writer.begin().unwrap();
    update.touch(b"b.txt", stat(1), false).unwrap();
    update.commit().unwrap();
    let row = store.snapshot().unwrap().files().unwrap().remove(0);
    assert_eq!(row.unreadable, None);
}

#[test]
fn skips_and_meta_come_back_as_they_were_set() {
    let (_dir, store) = filled();
    let skips = [
        SkipRecord {
            path: b"\xff.bin".to_vec(),
            reason: SkipReason::Binary,
            detail: "NUL".into(),
            stat: Some(stat(7)),
        },
        SkipRecord {
            path: b"gone".to_vec(),
            reason: SkipReason::Unreadable,
            detail: String::new(),
            stat: None,
        },
    ];
    let mut writer = writer(&store);
    let mut update = writer.begin().unwrap();
    update.set_skipped(&skips).unwrap();
    update.set_meta("root", "/somewhere").unwrap();
    update.commit().unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.skipped().unwrap(), skips);
    let counts = [(SkipReason::Binary, 1), (SkipReason::Unreadable, 1)];
    let mut counted = snapshot.skip_counts().unwrap().to_vec();
    counted.sort_by_key(|(reason, _)| reason.as_str());
    assert_eq!(counted, counts);
    assert_eq!(snapshot.meta("root").as_deref(), Some("/somewhere"));
    assert_eq!(snapshot.counts().skipped, 2);
}

#[test]
fn a_follower_sees_each_commit_and_that_a_store_was_made_anew() {
    let (dir, store) = filled();
    let follower = store.follow().unwrap().unwrap();
    let first = store.generation().unwrap();
    assert_eq!(follower.generation(), Some(first));
    let mut second = writer(&store);
    let next = put(&mut second, &[("c.rs", "fn more\n")]);
    assert_eq!(follower.generation(), Some(next));
    drop(second);
    assert_eq!(follower.generation(), Some(next));
    Store::empty(dir.path(), &[], Duration::ZERO).unwrap();
    assert_eq!(follower.generation(), None);
    let again = open(dir.path());
    put(&mut writer(&again), &[("c.rs", "fn more\n")]);
    assert_eq!(follower.generation(), None);
}

#[test]
fn a_follower_keeps_no_log_from_being_reset_as_a_snapshot_does() {
    let grown = |is_held: bool| {
        let (dir, store) = filled();
        let follower = store.follow().unwrap().unwrap();
        let _held = is_held.then(|| store.snapshot().unwrap());
        let mut writer = writer(&store);
        for round in 0..30_u32 {
            let blocks = (0..16_000_u32).map(|n| [round, n].map(u32::to_le_bytes).concat());
            let noise: String = blocks.map(|n| ContentHash::of(&n).to_string()).collect();
            let generation = put(&mut writer, &[("noise.rs", &noise)]);
            assert_eq!(follower.generation(), Some(generation));
        }
        let log = dir.path().join("catalog.db-wal").metadata().unwrap();
        log.len() >> 20
    };
    assert!(grown(false) < 6, "{} MiB", grown(false));
    assert!(grown(true) > 6, "{} MiB", grown(true));
}

#[test]
fn a_second_writer_waits_and_then_hears_who_is_writing() {
    let (_dir, store) = filled();
    let first = writer(&store);
    let error = store
        .writer(Duration::from_millis(50))
        .map(drop)
        .unwrap_err();
    let holder = format!("process {}", std::process::id());
    assert!(matches!(&error, StoreError::Busy { .. }));
    assert!(error.to_string().contains(&holder), "{error}");
    drop(first);
    store.writer(Duration::ZERO).map(drop).unwrap();
}

#[test]
fn a_lock_file_without_a_lock_is_nothing() {
    let (dir, store) = filled();
    std::fs::write(dir.path().join("writer.lock"), "4000000000").unwrap();
    store.writer(Duration::ZERO).map(drop).unwrap();
}

#[test]
fn another_profile_is_refused_by_name() {
    let (dir, _store) = filled();
    let other = StoreOptions {
        profile_id: "other@1".into(),
        ..options()
    };
    let error = Store::open(dir.path(), &other)
        .unwrap()
        .snapshot()
        .map(drop)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("test@0") && text.contains("other@1"),
        "{text}"
    );
}

#[test]
fn wrong_input_is_refused_and_changes_nothing() {
    let (_dir, store) = filled();
    let mut writer = writer(&store);
    let mut update = writer.begin().unwrap();
    let mut wrong = file("c.rs", "fn c\n");
    wrong.text = b"fn d\n";
    assert!(matches!(
        update.put_file(&wrong),
        Err(StoreError::Input { .. })
    ));
    let mut wrong = file("c.rs", "fn c\n");
    wrong.chunks[0].bytes.end = 99;
    assert!(matches!(
        update.put_file(&wrong),
        Err(StoreError::Input { .. })
    ));
    assert_eq!(update.commit().unwrap(), 1);
    let mut vectors = Vectors::of(ContentHash::of(A.as_bytes()));
    vectors.dense[0] = f32::NAN;
    let refused = writer.add_encodings(&[vectors.encoding()]);
    assert!(matches!(refused, Err(StoreError::Input { .. })));
    encode(&mut writer, 9).unwrap();
}

#[cfg(unix)]
#[test]
fn everything_is_private_to_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = filled();
    let mut writer = writer(&store);
    encode(&mut writer, 9).unwrap();
    let mut folders = vec![dir.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?} is {mode:o}", entry.path());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
}

#[test]
fn a_store_is_removed_when_no_one_writes() {
    let (dir, store) = filled();
    let busy = writer(&store);
    assert!(matches!(
        Store::remove(dir.path(), Duration::ZERO),
        Err(StoreError::Busy { .. })
    ));
    drop(busy);
    std::fs::write(dir.path().join("catalog.db"), "no database").unwrap();
    Store::remove(dir.path(), Duration::ZERO).unwrap();
    assert!(!dir.path().exists());
    Store::remove(dir.path(), Duration::ZERO).unwrap();
}
