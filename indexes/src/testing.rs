//! Stores and records for tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use crate::codebook::{Bits, Codebook, Training};
use crate::{
    ChunkId, ChunkKind, ChunkRecord, ChunkRow, ContentHash, Encoding, FileRecord, FileRow,
    FileStat, Hit, LexicalQuery, LexicalTerm, NewFile, ReferenceRecord, Snapshot, Store,
    StoreError, StoreOptions, SymbolRecord, Writer, text,
};

pub(crate) const TOKEN_DIM: usize = 8;
pub(crate) const DENSE_DIM: usize = 16;

pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        profile_id: "test@0".into(),
        token_dim: TOKEN_DIM,
        dense_dim: DENSE_DIM,
        codebook: Some(codebook(1)),
    }
}

/// Without a codebook.
pub(crate) fn int8_options() -> StoreOptions {
    StoreOptions {
        codebook: None,
        ..options()
    }
}

/// A small codebook, trained on made-up vectors once for each seed.
pub(crate) fn codebook(seed: u64) -> Arc<Codebook> {
    static TRAINED: Mutex<BTreeMap<u64, Arc<Codebook>>> = Mutex::new(BTreeMap::new());
    let train = || {
        let contents = (0..500u16).map(|n| ContentHash::of(&n.to_le_bytes()));
        let rows: Vec<f32> = contents.flat_map(|c| Vectors::of(c).tokens).collect();
        let training = Training {
            centroids: 24,
            passes: 3,
            seed,
            bits: Bits::Eight,
        };
        Arc::new(Codebook::train(&rows, TOKEN_DIM, &training))
    };
    let mut trained = TRAINED.lock().unwrap();
    trained.entry(seed).or_insert_with(train).clone()
}

/// A directory in memory where there is one: these tests write a lot.
pub(crate) fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

/// A store in a directory that vanishes with the first part of the pair.
pub(crate) fn store() -> (TempDir, Store) {
    let dir = temporary();
    let store = open(dir.path());
    (dir, store)
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, &options()).unwrap()
}

pub(crate) fn writer(store: &Store) -> Writer {
    store.writer(Duration::ZERO).unwrap()
}

/// A file with one chunk for each paragraph, one symbol for each `fn name`, and
/// one reference for each word.
pub(crate) fn file<'a>(path: &str, text: &'a str) -> NewFile<'a> {
    let mut chunks = Vec::new();
    let mut symbols = Vec::new();
    let (mut byte, mut line) = (0u32, 1u32);
    for paragraph in text.split_inclusive("\n\n") {
        let end = byte + paragraph.len() as u32;
        let last = line + paragraph.trim_end().matches('\n').count() as u32;
        let name = paragraph
            .strip_prefix("fn ")
            .and_then(|rest| rest.split_whitespace().next());
        chunks.push(chunk(
            paragraph,
            name.unwrap_or(""),
            byte..end,
            (line, last),
        ));
        symbols.extend(name.map(|name| symbol(name, line, last)));
        line += paragraph.matches('\n').count() as u32;
        byte = end;
    }
    NewFile {
        record: record(path, text),
        text: text.as_bytes(),
        chunks,
        symbols,
        references: references(text),
    }
}

fn chunk(text: &str, name: &str, bytes: std::ops::Range<u32>, lines: (u32, u32)) -> ChunkRecord {
    ChunkRecord {
        content: ContentHash::of(text.as_bytes()),
        kind: if name.is_empty() {
            ChunkKind::Code
        } else {
            ChunkKind::Function
        },
        name: name.into(),
        qualified_name: name.into(),
        signature: String::new(),
        doc: String::new(),
        scope: String::new(),
        bytes,
        lines,
    }
}

fn symbol(name: &str, line: u32, end_line: u32) -> SymbolRecord {
    SymbolRecord {
        name: name.into(),
        qualified_name: name.into(),
        kind: ChunkKind::Function,
        line,
        end_line,
        signature: String::new(),
    }
}

fn references(text: &str) -> Vec<ReferenceRecord> {
    let lines = (1..).zip(text.lines());
    lines
        .flat_map(|(line, text)| {
            text.split_whitespace().map(move |name| ReferenceRecord {
                name: name.into(),
                line,
            })
        })
        .collect()
}

fn record(path: &str, text: &str) -> FileRecord {
    FileRecord {
        path: path.into(),
        stat: stat(text.len() as u64),
        hash: ContentHash::of(text.as_bytes()),
        racy: false,
        language: if path.ends_with(".rs") {
            "rust"
        } else {
            "text"
        }
        .into(),
        lossy: false,
        note: None,
        generated: false,
        lines: text.lines().count() as u32,
    }
}

pub(crate) fn stat(size: u64) -> FileStat {
    FileStat {
        size,
        mtime_ns: -1,
        ctime_ns: 2,
        inode: u64::MAX,
    }
}

/// Puts files and commits.
pub(crate) fn put(writer: &mut Writer, files: &[(&str, &str)]) -> u64 {
    let mut update = writer.begin().unwrap();
    for (path, text) in files {
        update.put_file(&file(path, text)).unwrap();
    }
    update.commit().unwrap()
}

/// The made-up encoding of a content: two token rows and a dense vector that follow from its hash.
pub(crate) struct Vectors {
    pub content: ContentHash,
    pub tokens: Vec<f32>,
    pub dense: Vec<f32>,
}

impl Vectors {
    pub fn of(content: ContentHash) -> Vectors {
        let bytes = content.0.iter().cycle();
        let values = |skip: usize, n: usize| -> Vec<f32> {
            bytes
                .clone()
                .skip(skip)
                .take(n)
                .map(|&b| f32::from(b) - 127.5)
                .collect()
        };
        Vectors {
            content,
            tokens: [values(0, TOKEN_DIM), values(5, TOKEN_DIM)]
                .map(unit)
                .concat(),
            dense: unit(values(3, DENSE_DIM)),
        }
    }

    pub fn encoding(&self) -> Encoding<'_> {
        Encoding {
            content: self.content,
            tokens: &self.tokens,
            dense: &self.dense,
        }
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

/// Encodes up to `most` of what is missing, as one segment.
pub(crate) fn encode(writer: &mut Writer, most: usize) -> Result<(), StoreError> {
    let mut missing = writer.missing()?;
    missing.truncate(most);
    let rows = writer.snapshot()?.chunks(&missing)?;
    let vectors: Vec<Vectors> = rows
        .iter()
        .map(|row| Vectors::of(row.record.content))
        .collect();
    let batch: Vec<Encoding<'_>> = vectors.iter().map(Vectors::encoding).collect();
    writer.add_encodings(&batch)
}

/// What a user can see of a store, with paths and lines in place of ids.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Image {
    files: Vec<(String, ContentHash, Option<String>)>,
    skipped: usize,
    words: Vec<Vec<(String, f32)>>,
    late: Vec<(String, f32)>,
    dense: Vec<(String, f32)>,
    symbols: Vec<String>,
    references: Vec<u32>,
}

/// Words that the tests' texts are made of.
pub(crate) const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "fn", "shared"];

impl Image {
    pub fn of(store: &Store) -> Image {
        let snapshot = store.snapshot().unwrap();
        let everything = usize::MAX;
        let named = |hits: Vec<Hit>| Image::named(&snapshot, &hits);
        let query = Vectors::of(ContentHash::of(b"query"));
        let file = |row: FileRow| {
            let path = String::from_utf8_lossy(&row.record.path).into_owned();
            (path, row.record.hash, row.unreadable)
        };
        let symbols = WORDS
            .iter()
            .flat_map(|word| snapshot.symbols_named(word, true).unwrap());
        let mut symbols: Vec<String> = symbols
            .map(|row| format!("{}:{}", String::from_utf8_lossy(&row.path), row.record.line))
            .collect();
        symbols.sort();
        Image {
            files: snapshot.files().unwrap().into_iter().map(file).collect(),
            skipped: snapshot.skipped().unwrap().len(),
            words: WORDS
                .iter()
                .map(|word| named(snapshot.lexical(&words(word), everything, None).unwrap()))
                .collect(),
            late: named(snapshot.late(&query.tokens, everything, None).unwrap()),
            dense: named(snapshot.dense(&query.dense, everything, None).unwrap()),
            symbols,
            references: WORDS
                .iter()
                .map(|word| snapshot.reference_count(word).unwrap())
                .collect(),
        }
    }

    fn named(snapshot: &Snapshot, hits: &[Hit]) -> Vec<(String, f32)> {
        let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
        let rows = snapshot.chunks(&ids).unwrap();
        let place = |row: &ChunkRow| {
            format!(
                "{}:{}",
                String::from_utf8_lossy(&row.path),
                row.record.lines.0
            )
        };
        let mut named: Vec<(String, f32)> = rows
            .iter()
            .map(place)
            .zip(hits.iter().map(|hit| hit.score))
            .collect();
        // Ties are broken by ids, which differ between stores with equal contents.
        named.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        named
    }
}

/// A query for the words of a text.
pub(crate) fn words(query: &str) -> LexicalQuery {
    let term = |text: String| LexicalTerm { text, weight: 1.0 };
    LexicalQuery {
        terms: text::words(query).into_iter().map(term).collect(),
        ..LexicalQuery::default()
    }
}

/// Nothing is wrong with the store.
#[track_caller]
pub(crate) fn assert_sound(store: &Store) {
    assert_eq!(store.check().unwrap().findings, []);
}
