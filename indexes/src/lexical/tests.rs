//! The lexical index over a storage in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::Hit;
use crate::storage::{Bytes, MemoryStorage, NewFileWriter};
use crate::text::words;
use proptest::prelude::*;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

fn index() -> LexicalIndex {
    LexicalIndex::new(Arc::new(MemoryStorage::default()), "lexical")
}

fn doc(chunk: u32, body: &str) -> LexicalDoc<'_> {
    LexicalDoc {
        chunk: ChunkId(chunk),
        path: "",
        name: "",
        doc: "",
        body,
    }
}

fn filled(bodies: &[&str]) -> LexicalIndex {
    let index = index();
    let mut writer = index.writer().unwrap();
    for (chunk, body) in (0..).zip(bodies) {
        writer.add(&doc(chunk, body)).unwrap();
    }
    writer.commit(1).unwrap();
    index
}

fn query(text: &str) -> LexicalQuery {
    let term = |text| LexicalTerm { text, weight: 1.0 };
    LexicalQuery {
        terms: words(text).into_iter().map(term).collect(),
        field_weights: FieldWeights::default(),
    }
}

fn search(reader: &LexicalReader, text: &str) -> Vec<Hit> {
    reader.search(&query(text), 100, None).unwrap()
}

fn ids(hits: &[Hit]) -> Vec<u32> {
    hits.iter().map(|hit| hit.chunk.0).collect()
}

const ALL: &dyn Fn(ChunkId) -> bool = &|_| true;

#[test]
fn an_absent_index_is_empty() {
    let reader = index().reader(ALL).unwrap();
    assert_eq!(reader.payload(), None);
    assert_eq!(reader.chunk_ids().count(), 0);
    assert!(search(&reader, "anything").is_empty());
    assert!(index().damaged_files().unwrap().is_empty());
}

#[test]
fn scores_are_bm25() {
    let reader = filled(&["red red blue", "blue", "green"])
        .reader(ALL)
        .unwrap();
    let idf = (1.0 + (3.0 - 1.0 + 0.5) / (1.0 + 0.5_f32)).ln();
    let norm = 1.2 * (1.0 - 0.75 + 0.75 * 3.0 / (5.0 / 3.0));
    let hits = search(&reader, "red");
    assert_eq!(ids(&hits), [0]);
    assert!((hits[0].score - 2.2 * idf * 2.0 / (2.0 + norm)).abs() < 1e-6);
}

#[test]
fn rarer_shorter_and_repeated_rank_higher_and_ties_go_by_chunk() {
    let reader = filled(&["a b c", "a", "a a", "a", "zz"])
        .reader(ALL)
        .unwrap();
    assert_eq!(ids(&search(&reader, "a")), [2, 1, 3, 0]);
    assert_eq!(ids(&search(&reader, "a zz")), [4, 2, 1, 3, 0]);
    assert_eq!(ids(&reader.search(&query("a"), 2, None).unwrap()), [2, 1]);
    assert_eq!(ids(&reader.search(&query("a"), 0, None).unwrap()), [0; 0]);
    let within = |chunk: ChunkId| chunk.0 != 2;
    assert_eq!(
        ids(&reader.search(&query("a"), 9, Some(&within)).unwrap()),
        [1, 3, 0]
    );
}

#[test]
fn each_field_is_found_with_its_own_weight() {
    let index = index();
    let mut writer = index.writer().unwrap();
    let empty = doc(0, "");
    for document in [
        LexicalDoc {
            chunk: ChunkId(0),
            path: "src/needle.rs",
            ..empty
        },
        LexicalDoc {
            chunk: ChunkId(1),
            name: "needle",
            ..empty
        },
        LexicalDoc {
            chunk: ChunkId(2),
            doc: "needle",
            ..empty
        },
        LexicalDoc {
            chunk: ChunkId(3),
            body: "needle",
            ..empty
        },
    ] {
        writer.add(&document).unwrap();
    }
    writer.commit(1).unwrap();
    let reader = index.reader(ALL).unwrap();
    let find = |path, name, doc, body| {
        let field_weights = FieldWeights {
            path,
            name,
            doc,
            body,
        };
        ids(&reader
            .search(
                &LexicalQuery {
                    field_weights,
                    ..query("needle")
                },
                9,
                None,
            )
            .unwrap())
    };
    assert_eq!(find(0.0, 1.0, 2.0, 3.0), [3, 2, 1]);
    assert_eq!(find(1.0, 0.0, 0.0, 0.0), [0]);
    assert_eq!(find(9.0, 3.0, 2.0, 1.0), [0, 1, 2, 3]);
}

#[test]
fn commits_carry_their_payload_and_rollback_by_dropping() {
    let index = filled(&["one"]);
    let mut writer = index.writer().unwrap();
    assert_eq!(writer.payload().unwrap(), Some(1));
    writer.add(&doc(1, "two")).unwrap();
    drop(writer);
    assert_eq!(index.reader(ALL).unwrap().payload(), Some(1));
    let mut writer = index.writer().unwrap();
    writer.add(&doc(2, "three")).unwrap();
    writer.delete(&[ChunkId(0)]);
    writer.commit(7).unwrap();
    writer.close().unwrap();
    let reader = index.reader(ALL).unwrap();
    assert_eq!(reader.payload(), Some(7));
    assert_eq!(reader.chunk_ids().collect::<Vec<_>>(), [ChunkId(2)]);
}

#[test]
fn files_of_a_crashed_writer_are_removed_and_others_kept() {
    let storage = Arc::new(MemoryStorage::default());
    let index = LexicalIndex::new(storage.clone(), "lexical");
    index.writer().unwrap().commit(0).unwrap();
    for name in ["0123456789abcdef0123456789abcdef.idx", ".lock"] {
        storage
            .create(&format!("lexical/{name}"))
            .unwrap()
            .write_all(b"x")
            .unwrap();
    }
    index.writer().unwrap().commit(1).unwrap();
    assert_eq!(storage.list("lexical").unwrap(), [".lock", "meta.json"]);
}

#[test]
fn compaction_changes_nothing_for_old_and_new_readers() {
    let index = index();
    let mut writer = index.writer().unwrap();
    for chunk in 0..30 {
        writer
            .add(&doc(chunk, &format!("word number{chunk}")))
            .unwrap();
        writer.commit(u64::from(chunk)).unwrap();
    }
    let before = index.reader(ALL).unwrap();
    let expected = search(&before, "word number7");
    assert!(writer.compact().unwrap());
    assert!(!writer.compact().unwrap());
    writer.close().unwrap();
    assert_eq!(search(&before, "word number7"), expected);
    let after = index.reader(ALL).unwrap();
    assert!(after.segments() < before.segments());
    assert_eq!(search(&after, "word number7"), expected);
    assert_eq!(after.payload(), Some(29));
}

/// Another storage, in which files that end in `suffix` are not there the first `misses` times.
#[derive(Debug)]
struct Vanishing {
    inner: MemoryStorage,
    suffix: &'static str,
    misses: AtomicUsize,
}

impl Storage for Vanishing {
    fn open(&self, name: &str) -> io::Result<Bytes> {
        let one_less = |left: usize| left.checked_sub(1);
        match name.ends_with(self.suffix)
            && self.misses.fetch_update(SeqCst, SeqCst, one_less).is_ok()
        {
            true => Err(io::ErrorKind::NotFound.into()),
            false => self.inner.open(name),
        }
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn NewFileWriter>> {
        self.inner.create(name)
    }
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.inner.replace(name, bytes)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }
    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.inner.sync_dir(folder)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.inner.list(folder)
    }
    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        self.inner.size(name)
    }
    fn locate(&self, name: &str) -> PathBuf {
        self.inner.locate(name)
    }
}

/// tantivy opens the parts of a segment one by one; a purge may come between any two.
#[test]
fn a_reader_outlives_the_removal_of_any_file_while_it_opens() {
    for suffix in [".term", ".store", ".idx", ".pos", ".fast", ".fieldnorm"] {
        for (misses, is_found) in [(1, true), (5, true), (usize::MAX, false)] {
            let inner = MemoryStorage::default();
            let index = LexicalIndex::new(Arc::new(inner.clone()), "lexical");
            let mut writer = index.writer().unwrap();
            writer.add(&doc(0, "alpha")).unwrap();
            writer.commit(1).unwrap();
            let misses = AtomicUsize::new(misses);
            let storage = Vanishing {
                inner,
                suffix,
                misses,
            };
            let index = LexicalIndex::new(Arc::new(storage), "lexical");
            match (index.reader(ALL), is_found) {
                (Ok(reader), true) => assert_eq!(ids(&search(&reader, "alpha")), [0]),
                // No newer list comes: it is gone, which is not the same as damaged bytes.
                (Err(StoreError::Lexical { problem, .. }), false) => {
                    assert!(problem.contains(suffix), "{problem}")
                }
                (other, _) => panic!("{suffix}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_index_on_disk_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let storage = crate::storage::OsStorage::create(folder.path()).unwrap();
        LexicalIndex::new(Arc::new(storage), "lexical")
    };
    for chunk in 0..12 {
        let mut writer = open().writer().unwrap();
        writer.add(&doc(chunk, "word")).unwrap();
        writer.commit(u64::from(chunk)).unwrap();
        writer.compact().unwrap();
        writer.close().unwrap();
    }
    let reader = open().reader(ALL).unwrap();
    assert_eq!(reader.payload(), Some(11));
    assert_eq!(search(&reader, "word").len(), 12);
    assert!(open().damaged_files().unwrap().is_empty());
}

#[test]
fn damage_is_found() {
    let storage = Arc::new(MemoryStorage::default());
    let index = LexicalIndex::new(storage.clone(), "lexical");
    let mut writer = index.writer().unwrap();
    writer.add(&doc(1, "some words")).unwrap();
    writer.commit(1).unwrap();
    writer.close().unwrap();
    let name = storage
        .list("lexical")
        .unwrap()
        .into_iter()
        .find(|name| name.ends_with(".idx"));
    let name = format!("lexical/{}", name.unwrap());
    let mut content = storage.open(&name).unwrap().to_vec();
    content[3] ^= 1;
    storage.replace(&name, &content).unwrap();
    assert_eq!(index.damaged_files().unwrap(), [storage.locate(&name)]);
}

/// Whatever byte is wrong, a search gives some result or an error, and the check finds it.
#[test]
fn no_flipped_byte_crashes_a_search() {
    let storage = Arc::new(MemoryStorage::default());
    let index = LexicalIndex::new(storage.clone(), "lexical");
    let mut writer = index.writer().unwrap();
    for chunk in 0..3 {
        writer.add(&doc(chunk, "some words to find")).unwrap();
    }
    writer.commit(1).unwrap();
    writer.close().unwrap();
    let mut missed = Vec::new();
    // Panics inside tantivy are expected and caught; their reports would fill the screen.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for file in storage.list("lexical").unwrap() {
        let name = format!("lexical/{file}");
        let content = storage.open(&name).unwrap().to_vec();
        for at in 0..content.len() {
            let mut damaged = content.clone();
            damaged[at] ^= 0x55;
            storage.replace(&name, &damaged).unwrap();
            let found = index
                .reader(ALL)
                .and_then(|r| r.search(&query("words find"), 9, None));
            let noticed = index
                .damaged_files()
                .map_or(true, |files| !files.is_empty());
            let harmless = found.is_ok_and(|hits| hits.len() == 3);
            if !noticed && !harmless {
                missed.push(format!("byte {at} of {file}"));
            }
        }
        storage.replace(&name, &content).unwrap();
    }
    std::panic::set_hook(hook);
    assert_eq!(missed, [""; 0]);
}

#[derive(Clone, Debug)]
enum Step {
    Add(String),
    Delete(usize),
    Die(usize),
    Commit,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => "[a-e]( [a-e]){0,5}".prop_map(Step::Add),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => any::<usize>().prop_map(Step::Die),
        2 => Just(Step::Commit),
        1 => Just(Step::Compact),
    ]
}

/// Applies the steps and gives the index and the chunks that are live at the end.
fn replay(steps: &[Step]) -> (LexicalIndex, Vec<(u32, String)>) {
    let index = index();
    let mut writer = index.writer().unwrap();
    let (mut next, mut live) = (0, Vec::new());
    for step in steps {
        match step {
            Step::Add(body) => {
                writer.add(&doc(next, body)).unwrap();
                live.push((next, body.clone()));
                next += 1;
            }
            Step::Delete(at) if !live.is_empty() => {
                let (chunk, _) = live.remove(at % live.len());
                writer.delete(&[ChunkId(chunk)]);
            }
            Step::Die(at) if !live.is_empty() => drop(live.remove(at % live.len())),
            Step::Delete(_) | Step::Die(_) => {}
            Step::Commit => writer.commit(0).unwrap(),
            Step::Compact => {
                writer.commit(0).unwrap();
                writer.compact().unwrap();
            }
        }
    }
    writer.commit(0).unwrap();
    writer.close().unwrap();
    (index, live)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_index_grown_in_steps_ranks_as_a_fresh_one(steps in prop::collection::vec(step(), 1..60)) {
        let (grown, live) = replay(&steps);
        let fresh = index();
        let mut writer = fresh.writer().unwrap();
        for (chunk, body) in &live {
            writer.add(&doc(*chunk, body)).unwrap();
        }
        writer.commit(0).unwrap();
        let is_live = |chunk: ChunkId| live.iter().any(|(id, _)| *id == chunk.0);
        let (grown, fresh) = (grown.reader(&is_live).unwrap(), fresh.reader(ALL).unwrap());
        prop_assert_eq!(grown.live_chunks(), live.len() as u64);
        for text in ["a", "b c", "a b c d e"] {
            prop_assert_eq!(search(&grown, text), search(&fresh, text));
        }
    }
}
