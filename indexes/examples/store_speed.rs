//! Measures the store: commit, encode, open, and the searches that scan.
//!
//! `cargo run --release -p fathom-indexes --example store_speed [FILES]`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use fathom_indexes::*;

const CHUNKS_PER_FILE: usize = 10;
const TOKENS_PER_CHUNK: usize = 100;
const TOKEN_DIM: usize = 128;
const DENSE_DIM: usize = 384;

fn main() {
    let files = std::env::args()
        .nth(1)
        .map_or(1_000, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        profile_id: "speed@0".into(),
        token_dim: TOKEN_DIM,
        dense_dim: DENSE_DIM,
        codebook: None,
    };
    let store = Store::open(dir.path(), &options).unwrap();
    let mut writer = store.writer(Duration::ZERO).unwrap();
    let chunks = files * CHUNKS_PER_FILE;
    println!("{files} files, {chunks} chunks");
    commit(&mut writer, files);
    encode(&mut writer);
    drop(writer);
    timed("open writer again", 1, || {
        drop(store.writer(Duration::ZERO).unwrap())
    });
    timed("open snapshot", 20, || drop(store.snapshot().unwrap()));
    search(&store.snapshot().unwrap());
    timed("check", 1, || {
        assert_eq!(store.check().unwrap().findings, [])
    });
}

fn commit(writer: &mut Writer, files: usize) {
    let texts: Vec<String> = (0..files).map(text).collect();
    let new: Vec<NewFile<'_>> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| file(n, text))
        .collect();
    let start = Instant::now();
    let mut update = writer.begin().unwrap();
    for file in &new {
        update.put_file(file).unwrap();
    }
    println!("put files         {:>10.1?}", start.elapsed());
    update.commit().unwrap();
    println!("put and commit    {:>10.1?}", start.elapsed());
    let one = [file(0, "fn changed() {}\n")];
    timed("commit one file", 1, || {
        let mut update = writer.begin().unwrap();
        update.put_file(&one[0]).unwrap();
        update.commit().unwrap()
    });
}

fn encode(writer: &mut Writer) {
    let missing = writer.missing().unwrap();
    let rows = writer.snapshot().unwrap().chunks(&missing).unwrap();
    let mut random = Random(1);
    let mut spent = Duration::ZERO;
    for batch in rows.chunks(500) {
        let vectors: Vec<_> = batch
            .iter()
            .map(|_| {
                (
                    random.units(TOKENS_PER_CHUNK, TOKEN_DIM),
                    random.units(1, DENSE_DIM),
                )
            })
            .collect();
        let encodings: Vec<_> = batch
            .iter()
            .zip(&vectors)
            .map(|(row, (tokens, dense))| Encoding {
                content: row.record.content,
                tokens,
                dense,
            })
            .collect();
        let start = Instant::now();
        writer.add_encodings(&encodings).unwrap();
        spent += start.elapsed();
    }
    println!("add encodings     {spent:>10.1?}");
    let start = Instant::now();
    let report = writer.maintain().unwrap();
    println!("maintain          {:>10.1?}  {report:?}", start.elapsed());
}

fn search(snapshot: &Snapshot) {
    let counts = snapshot.counts();
    let (tokens, dense) = (
        Random(2).units(16, TOKEN_DIM),
        Random(3).units(1, DENSE_DIM),
    );
    timed("late, first", 1, || {
        drop(snapshot.late(&tokens, 100, None).unwrap())
    });
    let late = timed("late, 16 tokens", 20, || {
        drop(snapshot.late(&tokens, 100, None).unwrap())
    });
    let bytes = counts.encoded as f64 * (TOKENS_PER_CHUNK * TOKEN_DIM) as f64;
    println!(
        "                  {:>10.2} GB/s of token codes",
        bytes / late.as_secs_f64() / 1e9
    );
    timed("dense, first", 1, || {
        drop(snapshot.dense(&dense, 100, None).unwrap())
    });
    timed("dense", 20, || {
        drop(snapshot.dense(&dense, 100, None).unwrap())
    });
    let query = LexicalQuery {
        terms: text::words("value of word17 and word23")
            .into_iter()
            .map(|text| LexicalTerm { text, weight: 1.0 })
            .collect(),
        ..LexicalQuery::default()
    };
    timed("lexical, first", 1, || {
        drop(snapshot.lexical(&query, 100, None).unwrap())
    });
    timed("lexical", 20, || {
        drop(snapshot.lexical(&query, 100, None).unwrap())
    });
    timed("symbol", 20, || {
        drop(snapshot.symbols_named("name_5_3", true).unwrap())
    });
    timed("symbols matching", 20, || {
        drop(
            snapshot
                .symbols_matching(&["name".into(), "17".into()], 50)
                .unwrap(),
        );
    });
    let some: Vec<ChunkId> = snapshot.chunk_ids().iter().copied().step_by(97).collect();
    timed("100 chunk rows", 20, || {
        drop(snapshot.chunks(&some[..100.min(some.len())]).unwrap())
    });
    println!("{counts:?}");
}

fn timed<T>(what: &str, times: u32, mut run: impl FnMut() -> T) -> Duration {
    let mut spent: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    spent.sort();
    let median = spent[spent.len() / 2];
    println!("{what:<17} {median:>10.1?}");
    median
}

/// Ten functions of fifteen lines.
fn text(n: usize) -> String {
    let mut random = Random((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut text = String::new();
    for chunk in 0..CHUNKS_PER_FILE {
        text += &format!("fn name_{n}_{chunk}(value: usize) -> usize {{\n");
        for _ in 0..13 {
            let (a, b) = (random.next() % 5000, random.next() % 5000);
            text += &format!("    let word{a} = call_{b}(value, word{b});\n");
        }
        text += "}\n";
    }
    text
}

fn file(n: usize, text: &str) -> NewFile<'_> {
    let path = format!("src/module{}/file{n}.rs", n % 40);
    let mut chunks = Vec::new();
    let (mut start, lines) = (0, text.lines().count() as u32);
    for (at, part) in text.split_inclusive("}\n").enumerate() {
        let (first, end) = (at as u32 * 15 + 1, start + part.len() as u32);
        chunks.push(ChunkRecord {
            content: ContentHash::of(part.as_bytes()),
            kind: ChunkKind::Function,
            name: format!("name_{n}_{at}"),
            qualified_name: format!("module::name_{n}_{at}"),
            signature: part.lines().next().unwrap().into(),
            doc: "Adds the value to the word.".into(),
            scope: "module".into(),
            bytes: start..end,
            lines: (first, first + 14),
        });
        start = end;
    }
    NewFile {
        record: FileRecord {
            path: path.into_bytes(),
            stat: FileStat::default(),
            hash: ContentHash::of(text.as_bytes()),
            racy: false,
            language: "rust".into(),
            lossy: false,
            note: None,
            generated: false,
            lines,
        },
        text: text.as_bytes(),
        symbols: chunks.iter().map(symbol).collect(),
        references: references(text),
        chunks,
    }
}

fn symbol(chunk: &ChunkRecord) -> SymbolRecord {
    SymbolRecord {
        name: chunk.name.clone(),
        qualified_name: chunk.qualified_name.clone(),
        kind: chunk.kind,
        line: chunk.lines.0,
        end_line: chunk.lines.1,
        signature: chunk.signature.clone(),
    }
}

fn references(text: &str) -> Vec<ReferenceRecord> {
    let lines = (1..).zip(text.lines());
    lines
        .filter_map(|(line, text)| {
            let name = text.split("= ").nth(1)?.split('(').next()?.to_owned();
            Some(ReferenceRecord { name, line })
        })
        .collect()
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn units(&mut self, rows: usize, dim: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(rows * dim);
        for _ in 0..rows {
            let row: Vec<f32> = (0..dim)
                .map(|_| (self.next() % 2001) as f32 - 1000.0)
                .collect();
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            values.extend(row.iter().map(|x| x / length));
        }
        values
    }
}
