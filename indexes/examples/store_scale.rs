//! The whole store at scale: built of generated token matrices through the ordinary calls, then
//! searched in a process of its own.
//!
//! ```text
//! cargo run --release -p fathom-indexes --example store_scale -- MATRICES CODEBOOK DIR CHUNKS
//! ```
//!
//! `MATRICES` is a file that the example `token_matrices` writes, or `made-up`; `CODEBOOK` a
//! codebook file; `DIR` gets the store. Chunks without a real text stand for real ones: what the
//! lexical index holds of them is next to nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../../benches/support/matrices.rs"]
#[allow(dead_code)]
mod matrices;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fathom_indexes::codebook::Codebook;
use fathom_indexes::maxsim::{Query, Tokens, quantize};
use fathom_indexes::*;
use matrices::{Generator, Matrices};
use rayon::prelude::*;

const DENSE_DIM: usize = 384;
const CHUNKS_PER_FILE: usize = 100;
const FILES_PER_COMMIT: usize = 1_000;
const BATCH: usize = 2_048;

const QUERIES: usize = 40;
const QUERY_TOKENS: usize = 24;
/// Repetitions of all queries for the latencies.
const ROUNDS: usize = 5;
/// Contents that are scored in f32, of those that are best in int8.
const RESCORED: usize = 100;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [matrices, codebook, dir, chunks, rest @ ..] = &args[..] else {
        panic!("MATRICES CODEBOOK DIR CHUNKS");
    };
    let real = match matrices.as_str() {
        "made-up" => Matrices::made_up(128),
        path => Matrices::open(path.as_ref()).unwrap(),
    };
    let codebook = Codebook::from_bytes(&std::fs::read(codebook).unwrap()).unwrap();
    let scale = Scale {
        generator: Generator::new(&real, 1),
        chunks: chunks.parse().unwrap(),
        store: open(Path::new(dir), real.dim, codebook),
    };
    match rest.first().map(String::as_str) {
        Some("build") => scale.build(),
        Some("search") => scale.search(&exact_of(Path::new(dir), &scale)),
        _ => {
            for part in ["build", "search"] {
                let mut command = std::process::Command::new(std::env::current_exe().unwrap());
                let done = command.args(&args).arg(part).status().unwrap();
                assert!(done.success(), "{part}");
            }
        }
    }
}

fn open(dir: &Path, token_dim: usize, codebook: Codebook) -> Store {
    let options = StoreOptions {
        profile_id: "scale@0".into(),
        token_dim,
        dense_dim: DENSE_DIM,
        codebook: Some(Arc::new(codebook)),
    };
    Store::open(dir, &options).unwrap()
}

struct Scale<'m> {
    generator: Generator<'m>,
    chunks: usize,
    store: Store,
}

impl Scale<'_> {
    fn build(&self) {
        let mut writer = self.store.writer(Duration::ZERO).unwrap();
        let start = Instant::now();
        let files: Vec<usize> = (0..self.chunks).step_by(CHUNKS_PER_FILE).collect();
        for files in files.chunks(FILES_PER_COMMIT) {
            let mut update = writer.begin().unwrap();
            for &first in files {
                let last = self.chunks.min(first + CHUNKS_PER_FILE);
                let text = text(first..last);
                update.put_file(&file(first, &text)).unwrap();
            }
            update.commit().unwrap();
        }
        println!("{} chunks put in {:.1?}", self.chunks, start.elapsed());
        let (mut adding, mut cpu, mut tokens) = (Duration::ZERO, 0.0, 0);
        for first in (0..self.chunks).step_by(BATCH) {
            let batch = self.batch(first..self.chunks.min(first + BATCH));
            let encodings: Vec<Encoding<'_>> = batch.iter().map(Made::encoding).collect();
            let (start, before) = (Instant::now(), cpu_seconds());
            writer.add_encodings(&encodings).unwrap();
            adding += start.elapsed();
            cpu += cpu_seconds() - before;
            tokens += batch.iter().map(|made| made.tokens.len()).sum::<usize>();
        }
        let (start, before) = (Instant::now(), cpu_seconds());
        let report = writer.maintain().unwrap();
        let maintained = (start.elapsed(), cpu_seconds() - before);
        let tokens = tokens / self.generator.dim();
        println!(
            "{tokens} tokens added in {adding:.1?} ({cpu:.0} CPU-s), maintained in {:.1?} ({:.0} CPU-s): {report:?}",
            maintained.0, maintained.1
        );
        memory("after building");
        let snapshot = writer.snapshot().unwrap();
        for usage in snapshot.token_usage() {
            println!(
                "{}: {} tokens in {} segments, {:.2} bytes per token and {:.2} of postings",
                usage.codec(),
                usage.tokens,
                usage.segments,
                usage.vector_bytes as f64 / usage.tokens as f64,
                usage.posting_bytes as f64 / usage.tokens as f64
            );
        }
        println!("{:?}", snapshot.counts());
    }

    fn batch(&self, numbers: std::ops::Range<usize>) -> Vec<Made> {
        let make = |number: usize| {
            let mut tokens = Vec::new();
            self.generator.document(number as u64, &mut tokens);
            let dense = dense(&tokens);
            let content = content(number);
            Made {
                content,
                tokens,
                dense,
            }
        };
        numbers.into_par_iter().map(make).collect()
    }

    /// `exact` has the numbers of the 10 best chunks of each query.
    fn search(&self, exact: &[Vec<u32>]) {
        let start = Instant::now();
        let snapshot = self.store.snapshot().unwrap();
        println!("snapshot opened in {:.1?}", start.elapsed());
        memory("after opening");
        let queries = self.queries();
        let start = Instant::now();
        let first = snapshot.chunk_ids()[0].0;
        snapshot.late(&queries[0], 10, None).unwrap();
        println!("first search {:.1?}", start.elapsed());
        let mut found = Vec::new();
        for query in &queries {
            let hits = snapshot.late(query, 10, None).unwrap();
            found.push(
                hits.iter()
                    .map(|hit| hit.chunk.0 - first)
                    .collect::<Vec<_>>(),
            );
        }
        memory("after searching");
        let mut times = Vec::new();
        let cpu = cpu_seconds();
        for _ in 0..ROUNDS {
            for query in &queries {
                let start = Instant::now();
                snapshot.late(query, 10, None).unwrap();
                times.push(start.elapsed());
            }
        }
        let cpu = (cpu_seconds() - cpu) / times.len() as f64;
        times.sort();
        println!(
            "{QUERY_TOKENS}-token queries: p50 {:.1?}, p99 {:.1?}, CPU {:.1} ms",
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            cpu * 1e3
        );
        let recalled = found.iter().zip(exact).map(|(found, exact)| {
            let hits = found.iter().filter(|at| exact.contains(at));
            hits.count() as f64 / exact.len() as f64
        });
        let recall = recalled.sum::<f64>() / queries.len() as f64;
        println!("recall@10 of exact {recall:.4} over {QUERIES} queries");
    }

    /// Queries of one length: long ones cut, short ones continued by the next.
    fn queries(&self) -> Vec<Vec<f32>> {
        let query = |at: usize| {
            let mut rows = Vec::new();
            for next in 0.. {
                rows.extend(self.generator.query(at * 7 + next));
                if rows.len() >= QUERY_TOKENS * self.generator.dim() {
                    break;
                }
            }
            rows.truncate(QUERY_TOKENS * self.generator.dim());
            rows
        };
        (0..QUERIES).map(query).collect()
    }

    /// The 10 best chunks of each query in f32, of the best in int8.
    fn exact(&self) -> Vec<Vec<u32>> {
        let dim = self.generator.dim();
        let rows = self.queries();
        let queries: Vec<Query> = rows.iter().map(|rows| Query::new(rows, dim)).collect();
        let block = |first: usize| {
            let mut best = vec![Vec::new(); QUERIES];
            let mut scorers: Vec<_> = queries.iter().map(Query::scorer).collect();
            let mut vectors = Vec::new();
            for number in first..self.chunks.min(first + BATCH) {
                vectors.clear();
                self.generator.document(number as u64, &mut vectors);
                let (codes, scales) = quantize(&vectors, dim);
                let tokens = Tokens {
                    codes: &codes,
                    scales: &scales,
                };
                for (scorer, best) in scorers.iter_mut().zip(&mut best) {
                    let score = scorer.score(tokens).unwrap_or(f32::MIN);
                    best.push((score, number as u32));
                }
            }
            best.iter_mut().for_each(|best| keep_best(best, RESCORED));
            best
        };
        let firsts: Vec<usize> = (0..self.chunks).step_by(BATCH).collect();
        let merge = |mut a: Vec<Vec<(f32, u32)>>, b: Vec<Vec<(f32, u32)>>| {
            for (a, b) in a.iter_mut().zip(b) {
                a.extend(b);
                keep_best(a, RESCORED);
            }
            a
        };
        let none = || vec![Vec::new(); QUERIES];
        let rough = firsts
            .par_iter()
            .map(|&first| block(first))
            .reduce(none, merge);
        let rescore = |(rough, query): (Vec<(f32, u32)>, &Vec<f32>)| {
            let score = |(_, number): (f32, u32)| {
                let mut document = Vec::new();
                self.generator.document(number.into(), &mut document);
                (maxsim(query, &document, dim), number)
            };
            let mut best: Vec<(f32, u32)> = rough.into_iter().map(score).collect();
            keep_best(&mut best, 10);
            best.into_iter().map(|(_, number)| number).collect()
        };
        rough.into_iter().zip(&rows).map(rescore).collect()
    }
}

/// The exact results, kept beside the store: they take a while.
fn exact_of(dir: &Path, scale: &Scale<'_>) -> Vec<Vec<u32>> {
    let path = dir.join(format!("exact-{}", scale.chunks));
    if let Ok(text) = std::fs::read_to_string(&path) {
        let numbers = |line: &str| line.split(' ').map(|n| n.parse().unwrap()).collect();
        return text.lines().map(numbers).collect();
    }
    let start = Instant::now();
    let exact = scale.exact();
    println!("exact results in {:.1?}", start.elapsed());
    let line = |numbers: &Vec<u32>| {
        let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
        numbers.join(" ") + "\n"
    };
    std::fs::write(&path, exact.iter().map(line).collect::<String>()).unwrap();
    println!("run it again with `search` for figures of a fresh process");
    exact
}

fn keep_best(scored: &mut Vec<(f32, u32)>, n: usize) {
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.truncate(n);
}

fn maxsim(query: &[f32], document: &[f32], dim: usize) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let best = |row: &[f32]| {
        let rows = document.chunks_exact(dim);
        rows.map(|other| dot(row, other)).fold(f32::MIN, f32::max)
    };
    query.chunks_exact(dim).map(best).sum()
}

/// One encoded chunk.
struct Made {
    content: ContentHash,
    tokens: Vec<f32>,
    dense: Vec<f32>,
}

impl Made {
    fn encoding(&self) -> Encoding<'_> {
        Encoding {
            content: self.content,
            tokens: &self.tokens,
            dense: &self.dense,
        }
    }
}

/// A dense vector that follows from the tokens.
fn dense(tokens: &[f32]) -> Vec<f32> {
    let values = tokens.iter().copied().chain(std::iter::repeat(0.1));
    values.take(DENSE_DIM).collect()
}

fn content(number: usize) -> ContentHash {
    ContentHash::of(&(number as u64).to_le_bytes())
}

fn text(chunks: std::ops::Range<usize>) -> String {
    chunks.map(|number| format!("{number:08x}\n")).collect()
}

fn file(first: usize, text: &str) -> NewFile<'_> {
    let path = format!("{first}.rs").into_bytes();
    let chunk = |(at, line): (usize, &str)| {
        let start = (at * (line.len() + 1)) as u32;
        ChunkRecord {
            content: content(first + at),
            kind: ChunkKind::Code,
            name: String::new(),
            qualified_name: String::new(),
            signature: String::new(),
            doc: String::new(),
            scope: String::new(),
            bytes: start..start + line.len() as u32,
            lines: (at as u32 + 1, at as u32 + 1),
        }
    };
    NewFile {
        record: FileRecord {
            path,
            stat: FileStat::default(),
            hash: ContentHash::of(text.as_bytes()),
            racy: false,
            language: "rust".into(),
            lossy: false,
            note: None,
            generated: false,
            lines: text.lines().count() as u32,
        },
        text: text.as_bytes(),
        chunks: text.lines().enumerate().map(chunk).collect(),
        symbols: Vec::new(),
        references: Vec::new(),
    }
}

/// Resident memory of this process, from Linux.
fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    };
    println!(
        "memory {when}: {} MiB of its own, {} MiB mapped, at most {} MiB",
        line("RssAnon"),
        line("RssFile"),
        line("VmHWM")
    );
}

/// Time that all threads ran, from Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|t| t.parse::<f64>().ok());
    (ticks(12).unwrap_or(0.0) + ticks(13).unwrap_or(0.0)) / 100.0
}
