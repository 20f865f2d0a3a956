//! Stores with and without a codebook: coding what was stored before, codebooks that are
//! not at hand, and equal results however a store came about.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use crate::testing::*;
use crate::*;

const FILES: [(&str, &str); 3] = [
    ("a.rs", "fn alpha\nbeta\n\nshared\n"),
    ("b.rs", "fn gamma\n\nshared\n"),
    ("c.rs", "fn delta\nalpha\n"),
];

fn open_with(dir: &Path, options: StoreOptions) -> Store {
    Store::open(dir, &options).unwrap()
}

fn options_with(seed: u64) -> StoreOptions {
    StoreOptions {
        codebook: Some(codebook(seed)),
        ..options()
    }
}

fn codecs(store: &Store) -> Vec<(Option<usize>, u64)> {
    let usage = store.snapshot().unwrap().token_usage();
    usage.iter().map(|u| (u.bits, u.tokens)).collect()
}

/// Scores of two kinds of tokens are near each other.
#[track_caller]
fn assert_near(a: &Store, b: &Store) {
    let query = Vectors::of(ContentHash::of(b"query")).tokens;
    let (a, b) = (a.snapshot().unwrap(), b.snapshot().unwrap());
    let scores = |s: &Snapshot| s.late_scores(&query, a.chunk_ids()).unwrap();
    for (a, b) in scores(&a).into_iter().zip(scores(&b)) {
        assert!((a.unwrap() - b.unwrap()).abs() < 0.05, "{a:?} {b:?}");
    }
}

#[test]
fn int8_tokens_are_coded_once_there_is_a_codebook() {
    let dir = temporary();
    let plain = open_with(dir.path(), int8_options());
    put(&mut writer(&plain), &FILES[..2]);
    encode(&mut writer(&plain), 2).unwrap();
    encode(&mut writer(&plain), 9).unwrap();
    assert_eq!(codecs(&plain), [(None, 6)]);
    let old = plain.snapshot().unwrap();
    let coded = open_with(dir.path(), options());
    put(&mut writer(&coded), &FILES[2..]);
    encode(&mut writer(&coded), 9).unwrap();
    // Both kinds are searched together.
    assert_eq!(codecs(&coded), [(None, 6), (Some(8), 2)]);
    let shared = Vectors::of(ContentHash::of(b"fn delta\nalpha\n")).tokens;
    let found = |store: &Store, query: &[f32]| store.snapshot().unwrap().late(query, 9, None);
    let both = found(&coded, &shared).unwrap();
    assert_eq!(both.len(), 5);
    assert!((both[0].score - 2.0).abs() < 0.05);
    let report = writer(&coded).maintain().unwrap();
    assert_eq!(report.recoded_segments, 2);
    assert_eq!(codecs(&coded), [(Some(8), 8)]);
    let again = found(&coded, &shared).unwrap();
    assert_eq!(
        again.iter().map(|hit| hit.chunk).collect::<Vec<_>>(),
        both.iter().map(|hit| hit.chunk).collect::<Vec<_>>()
    );
    assert_sound(&coded);
    // A reader of before goes on.
    assert_eq!(old.late(&shared, 9, None).unwrap().len(), 4);
    let fresh = temporary();
    let fresh = open_with(fresh.path(), int8_options());
    put(&mut writer(&fresh), &FILES);
    encode(&mut writer(&fresh), 9).unwrap();
    assert_near(&coded, &fresh);
}

#[test]
fn a_segment_of_another_codebook_is_named_kept_and_encoded_again() {
    for other in [int8_options(), options_with(2)] {
        let dir = temporary();
        let before = open_with(dir.path(), options_with(1));
        put(&mut writer(&before), &FILES);
        encode(&mut writer(&before), 9).unwrap();
        let image = Image::of(&before);
        let after = open_with(dir.path(), other);
        let snapshot = after.snapshot().unwrap();
        let problem = &snapshot.problems()[0];
        let id = codebook(1).id().to_string();
        assert!(
            problem.contains(&id) && problem.contains("fathom index"),
            "{problem}"
        );
        assert_eq!(snapshot.coverage(), 0.0);
        assert_eq!(after.check().unwrap().findings.len(), 1);
        let mut writer = writer(&after);
        assert_eq!(writer.repairs(), [] as [String; 0]);
        assert_eq!(writer.missing().unwrap().len(), 4);
        encode(&mut writer, 2).unwrap();
        writer.maintain_thoroughly().unwrap();
        // Until everything is encoded again, whoever has the codebook can use what there was.
        assert_eq!(Image::of(&before), image);
        encode(&mut writer, 9).unwrap();
        assert_eq!(writer.missing().unwrap(), []);
        writer.maintain().unwrap();
        assert_sound(&after);
        assert_eq!(after.snapshot().unwrap().coverage(), 1.0);
        assert_eq!(
            before.snapshot().unwrap().coverage(),
            match after.snapshot().unwrap().codebook() {
                None => 1.0,
                Some(_) => 0.0,
            }
        );
    }
}

#[test]
fn a_segment_of_an_older_format_is_encoded_again() {
    let (dir, store) = store();
    let mut first = writer(&store);
    put(&mut first, &FILES);
    encode(&mut first, 9).unwrap();
    drop(first);
    let image = Image::of(&store);
    let path = dir.path().join("segments/1.seg");
    let mut old = vec![0; 64];
    old.extend_from_slice(b"fathomSG\x01\0\0\0");
    old.resize(64 + 216, 0);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, old).unwrap();
    let problem = store.snapshot().unwrap().problems()[0].clone();
    assert!(
        problem.contains("format 1, this build reads format 2"),
        "{problem}"
    );
    let mut writer = writer(&store);
    encode(&mut writer, 9).unwrap();
    writer.maintain().unwrap();
    assert_eq!(Image::of(&store), image);
    assert!(!path.exists());
    assert_sound(&store);
}

#[test]
fn a_codebook_of_other_dimensions_is_refused() {
    let dir = temporary();
    let wrong = StoreOptions {
        token_dim: TOKEN_DIM * 2,
        ..options()
    };
    let error = Store::open(dir.path(), &wrong).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Input { .. }), "{error}");
}

/// Files of few words, so that contents are shared, vanish and come back.
fn tree() -> impl Strategy<Value = Vec<(usize, usize)>> {
    proptest::collection::vec((0..6usize, 0..WORDS.len() * WORDS.len()), 1..7)
}

fn text(n: usize) -> String {
    let (a, b) = (WORDS[n % WORDS.len()], WORDS[n / WORDS.len()]);
    format!("fn {a}\n{b}\n\n{b} {a}\n\nshared\n")
}

/// Scores of everything that any of some queries finds, by path and line.
fn late(store: &Store) -> Vec<Vec<(String, u32)>> {
    let snapshot = store.snapshot().unwrap();
    let query = |n: u8| {
        let query = Vectors::of(ContentHash::of(&[n])).tokens;
        let hits = snapshot.late(&query, usize::MAX, None).unwrap();
        let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
        let rows = snapshot.chunks(&ids).unwrap();
        let place = |row: &ChunkRow| {
            let path = String::from_utf8_lossy(&row.path).into_owned();
            format!("{path}:{}", row.record.lines.0)
        };
        let bits = hits.iter().map(|hit| hit.score.to_bits());
        let mut found: Vec<(String, u32)> = rows.iter().map(place).zip(bits).collect();
        found.sort();
        found
    };
    (0..4).map(query).collect()
}

/// Every live content with the bytes of its codes.
fn contents(store: &Store) -> Vec<(ContentHash, Vec<u8>)> {
    let snapshot = store.snapshot().unwrap();
    let rows = snapshot.chunks(snapshot.chunk_ids()).unwrap();
    let code = |row: ChunkRow| {
        let bytes = snapshot.stored_tokens(row.id).unwrap();
        (row.record.content, bytes)
    };
    let mut all: Vec<_> = rows.into_iter().map(code).collect();
    all.sort();
    all.dedup();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn incremental_and_fresh_stores_are_equal(
        steps in proptest::collection::vec((tree(), 1usize..5, any::<bool>()), 1..5)
    ) {
        let (_dir, grown) = store();
        let mut writer = grown.writer(Duration::ZERO).unwrap();
        let mut last = std::collections::BTreeMap::new();
        for (tree, batch, maintain) in &steps {
            let tree: std::collections::BTreeMap<usize, usize> = tree.iter().copied().collect();
            let mut update = writer.begin().unwrap();
            for path in last.keys().filter(|path| !tree.contains_key(*path)) {
                update.remove_file(format!("{path}.rs").as_bytes()).unwrap();
            }
            for (path, n) in &tree {
                update.put_file(&file(&format!("{path}.rs"), &text(*n))).unwrap();
            }
            update.commit().unwrap();
            encode(&mut writer, *batch).unwrap();
            if *maintain {
                writer.maintain_thoroughly().unwrap();
            }
            last = tree;
        }
        while !writer.missing().unwrap().is_empty() {
            encode(&mut writer, 2).unwrap();
        }
        let (_dir, fresh) = store();
        let texts: Vec<(String, String)> =
            last.iter().map(|(path, n)| (format!("{path}.rs"), text(*n))).collect();
        let files: Vec<(&str, &str)> = texts.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        put(&mut crate::testing::writer(&fresh), &files);
        encode(&mut crate::testing::writer(&fresh), usize::MAX).unwrap();
        prop_assert_eq!(late(&grown), late(&fresh));
        prop_assert_eq!(contents(&grown), contents(&fresh));
        writer.maintain_thoroughly().unwrap();
        prop_assert_eq!(late(&grown), late(&fresh));
        let tokens = |store: &Store| store.snapshot().unwrap().token_usage().iter().map(|u| u.tokens).sum::<u64>();
        prop_assert_eq!(tokens(&grown), tokens(&fresh), "dead contents are gone");
        assert_sound(&grown);
    }
}
