//! A store made of ready matrices.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fathom_indexes::{
    ChunkKind, ChunkRecord, ContentHash, Encoding, FileRecord, FileStat, NewFile, Snapshot, Store,
    StoreOptions, Writer,
};
use serde_json::{Value, json};

use crate::Result;
use crate::matrices::Matrices;
use crate::rankings::{self, Ranking, TOP};
use crate::shared::open_codebook;
use crate::timing::{ROUNDS, Timing, computed};

/// Contents that become a segment at once.
const BATCH: usize = 5_000;

/// Stores hold a dense vector with each matrix; here as small a one as can be.
const DENSE: [f32; 8] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

fn open(store: &Path, codebook: &Path) -> Result<Store> {
    let codebook = open_codebook(codebook)?;
    let options = StoreOptions {
        profile_id: "beside@0".into(),
        token_dim: codebook.dim(),
        dense_dim: DENSE.len(),
        codebook: Some(Arc::new(codebook)),
    };
    Ok(Store::open(store, &options)?)
}

/// Files, chunks and words first, as always; then the matrices, which are what counts here.
pub fn build(matrices: &Path, codebook: &Path, store: &Path) -> Result<Value> {
    let documents = Matrices::documents(matrices)?;
    let store_dir = store;
    let store = open(store, codebook)?;
    let mut writer = store.writer(Duration::ZERO)?;
    let words = Instant::now();
    let names: Vec<String> = (0..documents.len()).map(text).collect();
    put(&mut writer, &names)?;
    let words = words.elapsed().as_secs_f64();
    let (before, cpu) = (written(), computed());
    let start = Instant::now();
    for batch in (0..documents.len()).collect::<Vec<_>>().chunks(BATCH) {
        let encodings: Vec<Encoding<'_>> = batch
            .iter()
            .map(|&at| encoding(&names[at], documents.get(at)))
            .collect();
        writer.add_encodings(&encodings)?;
    }
    writer.maintain()?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), computed() - cpu);
    let snapshot = store.snapshot()?;
    snapshot.late(Matrices::queries(matrices)?.get(0), TOP, None)?;
    Ok(json!({
        "seconds": seconds,
        "cpu_seconds": cpu,
        "words_seconds": words,
        "documents": documents.len(),
        "tokens": documents.rows.len() / documents.dim,
        "segments": snapshot.counts().segments,
        "bytes": size(&store_dir.join("segments"))?,
        "store_bytes": snapshot.counts().store_bytes,
        "written": written() - before,
    }))
}

/// Every query [`ROUNDS`] times after the first.
pub fn search(store: &Path, codebook: &Path, matrices: &Path, out: &Path) -> Result<Value> {
    let snapshot = open(store, codebook)?.snapshot()?;
    let first = snapshot.chunk_ids().first().map_or(0, |id| id.0);
    let queries = Matrices::queries(matrices)?;
    let mut timing = Timing::default();
    for round in 0..=ROUNDS {
        for query in queries.iter() {
            let start = Instant::now();
            snapshot.late(query, TOP, None)?;
            if round > 0 {
                timing.add(start.elapsed());
            }
        }
    }
    let report = timing.report();
    let ranked = queries.iter().map(|query| rank(&snapshot, query, first));
    rankings::write(out, &ranked.collect::<Result<Vec<_>>>()?)?;
    Ok(report)
}

fn rank(snapshot: &Snapshot, query: &[f32], first: u32) -> Result<Ranking> {
    let hits = snapshot.late(query, TOP, None)?;
    Ok(Ranking {
        documents: hits
            .iter()
            .map(|hit| (hit.chunk.0 - first) as usize)
            .collect(),
        scores: hits.iter().map(|hit| hit.score).collect(),
    })
}

/// Two more documents, words and all, each with the first search that finds it. The second one
/// meets a codebook that is ready to code.
pub fn add(store: &Path, codebook: &Path, matrices: &Path) -> Result<Value> {
    let documents = Matrices::documents(matrices)?;
    let queries = Matrices::queries(matrices)?;
    let store = open(store, codebook)?;
    let add = |document| add_one(&store, documents.get(document), queries.get(0));
    Ok(json!({ "first": add(7)?, "second": add(8)? }))
}

fn add_one(store: &Store, document: &[f32], query: &[f32]) -> Result<Value> {
    let number = store.snapshot()?.chunk_ids().len();
    let text = text(number);
    let before = written();
    let start = Instant::now();
    let mut writer = store.writer(Duration::ZERO)?;
    put(&mut writer, std::slice::from_ref(&text))?;
    let words = (start.elapsed().as_secs_f64(), written() - before);
    writer.add_encodings(&[encoding(&text, document)])?;
    let stored = (start.elapsed().as_secs_f64(), written() - before);
    store.snapshot()?.late(query, TOP, None)?;
    Ok(json!({
        "words_seconds": words.0,
        "words_written": words.1,
        "append_seconds": stored.0,
        "append_written": stored.1,
        "seconds": start.elapsed().as_secs_f64(),
        "written": written() - before,
    }))
}

/// What stands for the code of a document: its number.
fn text(document: usize) -> String {
    format!("document {document}\n")
}

fn encoding<'a>(text: &str, tokens: &'a [f32]) -> Encoding<'a> {
    Encoding {
        content: ContentHash::of(text.as_bytes()),
        tokens,
        dense: &DENSE,
    }
}

fn put(writer: &mut Writer, texts: &[String]) -> Result<()> {
    let mut update = writer.begin()?;
    for text in texts {
        update.put_file(&file(text))?;
    }
    update.commit()?;
    Ok(())
}

fn file(text: &str) -> NewFile<'_> {
    let hash = ContentHash::of(text.as_bytes());
    NewFile {
        record: FileRecord {
            path: text.trim().replace(' ', "/").into_bytes(),
            stat: FileStat {
                size: text.len() as u64,
                mtime_ns: 1,
                ctime_ns: 1,
                inode: 1,
            },
            hash,
            racy: false,
            language: "text".into(),
            lossy: false,
            note: None,
            generated: false,
            lines: 1,
        },
        text: text.as_bytes(),
        chunks: vec![ChunkRecord {
            content: hash,
            kind: ChunkKind::Code,
            name: String::new(),
            qualified_name: String::new(),
            signature: String::new(),
            doc: String::new(),
            scope: String::new(),
            bytes: 0..text.len() as u32,
            lines: (1, 1),
        }],
        symbols: Vec::new(),
        references: Vec::new(),
    }
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Bytes that this process has handed to the system.
fn written() -> u64 {
    let counters = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let count = counters
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}
