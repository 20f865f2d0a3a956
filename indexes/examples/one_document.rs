//! What one more document costs in a filled store: bytes written and time, words and vectors apart.
//!
//! `cargo run --release -p fathom-indexes --example one_document -- CODEBOOK [CHUNKS]` (Linux)
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use fathom_indexes::codebook::Codebook;
use fathom_indexes::*;

const TOKENS: usize = 150;
const DENSE_DIM: usize = 384;
const DOCUMENTS: usize = 50;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let codebook = Codebook::from_bytes(&std::fs::read(&args[0]).unwrap()).unwrap();
    let chunks = args.get(1).map_or(10_000, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        profile_id: "one@0".into(),
        token_dim: codebook.dim(),
        dense_dim: DENSE_DIM,
        codebook: Some(Arc::new(codebook)),
    };
    let store = Store::open(dir.path(), &options).unwrap();
    let mut writer = store.writer(Duration::ZERO).unwrap();
    put(&mut writer, 0..chunks);
    for first in (0..chunks).step_by(1_000) {
        encode(
            &mut writer,
            first..chunks.min(first + 1_000),
            options.token_dim,
        );
    }
    writer.maintain().unwrap();
    let (mut words, mut vectors) = (Cost::default(), Cost::default());
    for n in chunks..chunks + DOCUMENTS {
        words.add(|| put(&mut writer, n..n + 1));
        vectors.add(|| encode(&mut writer, n..n + 1, options.token_dim));
    }
    println!("one document of {TOKENS} tokens more in a store of {chunks}, mean of {DOCUMENTS}:");
    words.print("put_file and commit");
    vectors.print("add_encodings");
    let start = Instant::now();
    let report = writer.maintain().unwrap();
    println!("maintain after them: {:.1?} {report:?}", start.elapsed());
}

#[derive(Default)]
struct Cost {
    bytes: u64,
    most: u64,
    time: Duration,
}

impl Cost {
    fn add(&mut self, work: impl FnOnce()) {
        let (start, before) = (Instant::now(), written());
        work();
        let bytes = written() - before;
        self.time += start.elapsed();
        self.bytes += bytes;
        self.most = self.most.max(bytes);
    }

    fn print(&self, what: &str) {
        let n = DOCUMENTS as f64;
        println!(
            "{what}: {:.1} KB written (at most {:.1}), {:.2} ms",
            self.bytes as f64 / n / 1e3,
            self.most as f64 / 1e3,
            self.time.as_secs_f64() / n * 1e3
        );
    }
}

/// Bytes that this process has given to the system to write.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.unwrap().parse().unwrap()
}

fn put(writer: &mut Writer, numbers: std::ops::Range<usize>) {
    let mut update = writer.begin().unwrap();
    for n in numbers {
        let text = format!("fn function{n}(value: Value) -> Value {{ value.step({n}) }}\n");
        update.put_file(&file(n, &text)).unwrap();
    }
    update.commit().unwrap();
}

fn file(n: usize, text: &str) -> NewFile<'_> {
    let chunk = ChunkRecord {
        content: content(n),
        kind: ChunkKind::Function,
        name: format!("function{n}"),
        qualified_name: format!("function{n}"),
        signature: String::new(),
        doc: String::new(),
        scope: String::new(),
        bytes: 0..text.len() as u32,
        lines: (1, 1),
    };
    NewFile {
        record: FileRecord {
            path: format!("src/{n}.rs").into_bytes(),
            stat: FileStat::default(),
            hash: ContentHash::of(text.as_bytes()),
            racy: false,
            language: "rust".into(),
            lossy: false,
            note: None,
            generated: false,
            lines: 1,
        },
        text: text.as_bytes(),
        chunks: vec![chunk],
        symbols: Vec::new(),
        references: Vec::new(),
    }
}

fn content(n: usize) -> ContentHash {
    ContentHash::of(&n.to_le_bytes())
}

fn encode(writer: &mut Writer, numbers: std::ops::Range<usize>, dim: usize) {
    let made: Vec<(Vec<f32>, Vec<f32>)> = numbers
        .clone()
        .map(|n| (units(n, TOKENS, dim), units(n, 1, DENSE_DIM)))
        .collect();
    let encodings: Vec<Encoding<'_>> = numbers
        .zip(&made)
        .map(|(n, (tokens, dense))| Encoding {
            content: content(n),
            tokens,
            dense,
        })
        .collect();
    writer.add_encodings(&encodings).unwrap();
}

/// Unit vectors that follow from a seed.
fn units(seed: usize, rows: usize, dim: usize) -> Vec<f32> {
    let mut state = seed as u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut values: Vec<f32> = (0..rows * dim).map(|_| next()).collect();
    for row in values.chunks_exact_mut(dim) {
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter_mut().for_each(|x| *x /= length);
    }
    values
}
