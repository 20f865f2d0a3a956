//! Speed of the tokenizer and the lexical index on real files:
//! `cargo run --release -p fathom-indexes --example lexical_speed DIR…`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use fathom_indexes::lexical::{LexicalDoc, LexicalIndex, LexicalQuery, LexicalTerm};
use fathom_indexes::storage::{OsStorage, Storage};
use fathom_indexes::{ChunkId, text};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const CHUNKS: usize = 10_000;
const LINES: usize = 30;

fn main() {
    let mut chunks = Vec::new();
    for folder in std::env::args().skip(1) {
        collect(Path::new(&folder), &mut chunks);
    }
    chunks.truncate(CHUNKS + 20);
    let bytes: usize = chunks.iter().map(|(_, body)| body.len()).sum();
    println!("{} chunks, {:.1} MB", chunks.len(), bytes as f64 / 1e6);

    let mut words = 0_usize;
    let seconds = time("tokenize", || {
        chunks
            .iter()
            .for_each(|(_, body)| text::for_each_word(body, |_| words += 1));
    });
    println!("  {:.1} MB/s, {words} words", bytes as f64 / seconds / 1e6);

    let folder = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(OsStorage::create(folder.path()).unwrap());
    let index = LexicalIndex::new(storage.clone(), "lexical");
    let (last, first) = chunks.split_at(20);
    time("build", || add(&index, first, 20, 1));
    for round in 0..3 {
        time("10 more", || {
            add(&index, &last[..10], 1_000_000 + round * 10, 2)
        });
    }
    let reader = time_value("open", || index.reader(&|_| true).unwrap());
    for query in [
        "parse file",
        "open the connection and read all rows of the result",
        "self return",
    ] {
        let terms = text::words(query)
            .into_iter()
            .map(|text| LexicalTerm { text, weight: 1.0 });
        let query = LexicalQuery {
            terms: terms.collect(),
            ..LexicalQuery::default()
        };
        time("search", || {
            reader.search(&query, 100, None).map(drop).unwrap()
        });
    }
    time_value("compact", || index.writer().unwrap().compact().unwrap());
    let sizes = storage.list("lexical").unwrap();
    let total: u64 = sizes
        .iter()
        .filter_map(|name| storage.size(&format!("lexical/{name}")).unwrap())
        .sum();
    println!(
        "{:.1} MB on disk, {} files",
        total as f64 / 1e6,
        sizes.len()
    );
}

fn add(index: &LexicalIndex, chunks: &[(String, String)], first: u32, payload: u64) {
    let mut writer = index.writer().unwrap();
    for (chunk, (path, body)) in (first..).map(ChunkId).zip(chunks) {
        let name = body.split_whitespace().nth(1).unwrap_or_default();
        writer
            .add(&LexicalDoc {
                chunk,
                path,
                name,
                doc: "",
                body,
            })
            .unwrap();
    }
    writer.commit(payload).unwrap();
    writer.close().unwrap();
}

fn collect(folder: &Path, chunks: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, chunks);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let lines: Vec<&str> = text.lines().collect();
            let path = path.display().to_string();
            chunks.extend(
                lines
                    .chunks(LINES)
                    .map(|lines| (path.clone(), lines.join("\n"))),
            );
        }
        if chunks.len() > CHUNKS + 20 {
            return;
        }
    }
}

fn time(what: &str, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.2} ms", seconds * 1e3);
    seconds
}

fn time_value<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let mut value = None;
    time(what, || value = Some(run()));
    value.unwrap()
}
