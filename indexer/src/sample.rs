//! A sample of the chunks of many files, and their vectors: what a codebook is trained on.
//!
//! Which files and chunks are taken follows from their hashes and the seed. Languages take
//! turns, each as often as the square root of its number of files, so that the largest does not
//! crowd out the others; of a file only a few chunks are taken.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::unbounded;
use fathom_encoders::{Document, Embedding, Encoder, EncoderError, EncoderOptions, Profile};
use fathom_encoders::{TextEncoder, TokenMatrix};
use fathom_indexes::ContentHash;

use crate::chunk::{Chunk, ChunkOptions, parse_file};
use crate::language;
use crate::pipeline::IndexError;
use crate::source::{self, Reading};
use crate::walk::{self, WalkOptions};
use crate::{document, pipeline};

/// Stack of a worker: some grammars recurse.
const STACK: usize = 16 << 20;
/// Files that are read before their chunks are counted.
const ROUND: usize = 256;
/// Tokens that a worker encodes at once.
const BATCH_TOKENS: usize = 4096;

/// What to take.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// Tokens to take, if there are so many.
    pub tokens: usize,
    /// Most chunks of one file.
    pub chunks_per_file: usize,
    /// Another seed, another sample.
    pub seed: u64,
    /// Threads for reading and cutting.
    pub threads: usize,
    /// What to list.
    pub walk: WalkOptions,
    /// How to cut.
    pub chunk: ChunkOptions,
}

impl Default for SampleOptions {
    fn default() -> Self {
        SampleOptions {
            tokens: 2_000_000,
            chunks_per_file: 8,
            seed: 0,
            threads: pipeline::IndexOptions::default().threads,
            walk: WalkOptions::default(),
            chunk: ChunkOptions::default(),
        }
    }
}

/// Distinct chunks as model input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// What the model is to see.
    pub documents: Vec<Document>,
    /// Files that gave at least one of them.
    pub files: usize,
    /// Tokens by language.
    pub languages: BTreeMap<&'static str, usize>,
}

impl Sample {
    /// All tokens, special ones included.
    pub fn tokens(&self) -> usize {
        self.languages.values().sum()
    }
}

/// Takes a sample of the files below `roots`. `on` hears how many tokens there are so far.
///
/// # Errors
/// If a root cannot be listed, or it was cancelled. Files that cannot be read are left out.
pub fn documents(
    roots: &[PathBuf],
    text: &TextEncoder,
    options: &SampleOptions,
    cancel: &AtomicBool,
    on: &dyn Fn(usize),
) -> Result<Sample, IndexError> {
    let files = in_turns(list(roots, options)?, options.seed);
    let mut sample = Sample::default();
    let mut seen = HashSet::new();
    for round in files.chunks(ROUND) {
        for parts in read_all(round, text, options, cancel)? {
            if sample.tokens() >= options.tokens {
                return Ok(sample);
            }
            let language = parts.language;
            let fresh = parts.documents.into_iter();
            let fresh: Vec<Document> = fresh
                .filter(|document| seen.insert(document::content_hash(document)))
                .collect();
            sample.files += usize::from(!fresh.is_empty());
            let tokens: usize = fresh.iter().map(|document| document.ids.len()).sum();
            *sample.languages.entry(language).or_default() += tokens;
            sample.documents.extend(fresh);
        }
        on(sample.tokens());
    }
    Ok(sample)
}

struct File<'a> {
    root: &'a Path,
    path: Vec<u8>,
}

/// All files below the roots, by the language that their name tells.
type Files<'a> = BTreeMap<&'static str, Vec<File<'a>>>;

fn list<'a>(roots: &'a [PathBuf], options: &SampleOptions) -> Result<Files<'a>, IndexError> {
    let mut files = Files::new();
    for root in roots {
        let tree = walk::walk(root, &options.walk).map_err(|source| IndexError::Root {
            path: root.clone(),
            source,
        })?;
        for entry in tree.entries {
            let language = language::detect(&entry.path, b"").unwrap_or_else(language::text);
            let path = entry.path;
            files
                .entry(language.name)
                .or_default()
                .push(File { root, path });
        }
    }
    Ok(files)
}

/// One order for all files: shuffled within a language, the languages in turns.
fn in_turns(files: Files<'_>, seed: u64) -> Vec<File<'_>> {
    let mut all = Vec::new();
    for (language, mut files) in files {
        files.sort_by_cached_key(|file| chance(seed, &file.path));
        let step = 1.0 / (files.len() as f64).sqrt();
        let places = (0..files.len()).map(|at| at as f64 * step);
        all.extend(
            places
                .zip(files)
                .map(|(place, file)| (place, language, file)),
        );
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    all.into_iter().map(|(_, _, file)| file).collect()
}

/// A number that orders things by chance, always in the same way.
fn chance(seed: u64, bytes: &[u8]) -> ContentHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize().into()
}

/// What a file gives.
struct Parts {
    language: &'static str,
    documents: Vec<Document>,
}

/// Reads files on worker threads; the answer is in the order of `files`.
fn read_all(
    files: &[File<'_>],
    text: &TextEncoder,
    options: &SampleOptions,
    cancel: &AtomicBool,
) -> Result<Vec<Parts>, IndexError> {
    let next = AtomicUsize::new(0);
    let (results, from_workers) = unbounded();
    let work = || {
        while !cancel.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(at) else { return };
            let parts = catch_unwind(AssertUnwindSafe(|| read(file, text, options)));
            if let Ok(Some(parts)) = parts {
                // The receiver outlives the workers.
                let _ = results.send((at, parts));
            }
        }
    };
    on_threads(options.threads, &work)?;
    drop(results);
    if cancel.load(Ordering::Relaxed) {
        return Err(IndexError::Cancelled);
    }
    let mut parts: Vec<(usize, Parts)> = from_workers.iter().collect();
    parts.sort_by_key(|(at, _)| *at);
    Ok(parts.into_iter().map(|(_, parts)| parts).collect())
}

/// Some chunks of a file; none if it cannot be read or says that a program wrote it.
fn read(file: &File<'_>, text: &TextEncoder, options: &SampleOptions) -> Option<Parts> {
    let limit = options.walk.max_file_bytes;
    let Reading::Text { text: bytes, .. } = source::read(file.root, &file.path, limit) else {
        return None;
    };
    let count = |line: &str| text.ids(line).len();
    let parsed = parse_file(&file.path, &bytes, &count, &options.chunk);
    if parsed.generated {
        return None;
    }
    let mut chunks: Vec<&Chunk> = parsed.chunks.iter().collect();
    if chunks.len() > options.chunks_per_file {
        let text_of = |chunk: &Chunk| {
            let range = chunk.bytes.start as usize..chunk.bytes.end as usize;
            bytes.get(range).unwrap_or_default()
        };
        chunks.sort_by_cached_key(|chunk| chance(options.seed, text_of(chunk)));
        chunks.truncate(options.chunks_per_file);
    }
    let documents = chunks
        .into_iter()
        .map(|chunk| document::document_of(text, &file.path, chunk, &bytes));
    Some(Parts {
        language: parsed.language.name,
        documents: documents.collect(),
    })
}

/// Token matrices of `documents`, in their order. `on` hears how many tokens are encoded.
///
/// # Errors
/// If the model cannot be loaded or fails, or it was cancelled.
pub fn encode(
    documents: &[Document],
    profile: &Profile,
    options: &EncoderOptions,
    threads: usize,
    cancel: &AtomicBool,
    on: &(dyn Fn(usize) + Sync),
) -> Result<Vec<TokenMatrix>, IndexError> {
    let batches = batches(documents);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (results, from_workers) = unbounded();
    let work = || -> Result<(), EncoderError> {
        let mut encoder = Encoder::open(profile, options)?;
        while !cancel.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(batch) = batches.get(at) else { break };
            let embeddings = pipeline::embed(&mut encoder, batch)?;
            let tokens: usize = batch.iter().map(|document| document.ids.len()).sum();
            // The receiver outlives the workers.
            let _ = results.send((at, embeddings));
            on(done.fetch_add(tokens, Ordering::Relaxed) + tokens);
        }
        Ok(())
    };
    let (failures, failed) = unbounded();
    on_threads(threads.min(batches.len()), &|| {
        if let Err(error) = work() {
            let _ = failures.send(error);
        }
    })?;
    if let Ok(error) = failed.try_recv() {
        return Err(error.into());
    }
    if cancel.load(Ordering::Relaxed) {
        return Err(IndexError::Cancelled);
    }
    drop(results);
    let mut encoded: Vec<(usize, Vec<Embedding>)> = from_workers.iter().collect();
    encoded.sort_by_key(|(at, _)| *at);
    let embeddings = encoded.into_iter().flat_map(|(_, embeddings)| embeddings);
    Ok(embeddings.map(|embedding| embedding.tokens).collect())
}

/// Runs `worker` on so many threads at once, and waits for all.
fn on_threads(threads: usize, worker: &(dyn Fn() + Sync)) -> Result<(), IndexError> {
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, worker)
                .map_err(|error| IndexError::Worker(error.to_string()))?;
        }
        Ok(())
    })
}

fn batches(documents: &[Document]) -> Vec<&[Document]> {
    let mut batches = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (at, document) in documents.iter().enumerate() {
        tokens += document.ids.len();
        if tokens >= BATCH_TOKENS || at + 1 == documents.len() {
            batches.push(&documents[start..=at]);
            (start, tokens) = (at + 1, 0);
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// 30 Rust and 5 Python files with three distinct chunks each, and one file twice.
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let body = |name: &str, sign: &str| format!("{sign}{}", name.repeat(150));
        for at in 0..35 {
            let (ending, sign) = if at < 30 { ("rs", "// ") } else { ("py", "# ") };
            let chunks =
                ["red ", "green ", "blue "].map(|word| body(word, &format!("{sign}{at} ")));
            let path = dir.path().join(format!("{at}.{ending}"));
            std::fs::write(path, chunks.join("\n\n")).unwrap();
        }
        std::fs::create_dir(dir.path().join("copy")).unwrap();
        std::fs::copy(dir.path().join("3.rs"), dir.path().join("copy/3.rs")).unwrap();
        std::fs::write(dir.path().join("binary.rs"), b"a\0b").unwrap();
        dir
    }

    fn take(dir: &Path, options: &SampleOptions) -> Sample {
        let text = TextEncoder::open(&Profile::bundled()).unwrap();
        let cancel = AtomicBool::new(false);
        documents(&[dir.to_owned()], &text, options, &cancel, &|_| {}).unwrap()
    }

    fn options(tokens: usize, chunks_per_file: usize) -> SampleOptions {
        SampleOptions {
            tokens,
            chunks_per_file,
            ..SampleOptions::default()
        }
    }

    #[test]
    fn everything_is_taken_once() {
        let dir = tree();
        let all = take(dir.path(), &options(usize::MAX, usize::MAX));
        assert_eq!((all.files, all.languages.len()), (35, 2));
        let tokens: usize = all
            .documents
            .iter()
            .map(|document| document.ids.len())
            .sum();
        assert_eq!(all.tokens(), tokens);
        let single = take(dir.path(), &options(usize::MAX, 1));
        assert_eq!(single.documents.len(), single.files);
        assert!(single.files >= 35 && all.documents.len() > 2 * 35);
    }

    #[test]
    fn the_sample_follows_from_the_tree_and_the_seed() {
        let dir = tree();
        let one = take(dir.path(), &options(3000, 2));
        let threads = SampleOptions {
            threads: 5,
            ..options(3000, 2)
        };
        assert_eq!(one, take(dir.path(), &threads));
        let seed = SampleOptions {
            seed: 1,
            ..options(3000, 2)
        };
        assert_ne!(one.documents, take(dir.path(), &seed).documents);
    }

    #[test]
    fn languages_take_turns() {
        let dir = tree();
        let some = take(dir.path(), &options(2000, 3));
        let (rust, python) = (some.languages["rust"], some.languages["python"]);
        assert!(rust > python && 4 * python > rust, "{rust} {python}");
        assert!(some.tokens() < 2600 && some.tokens() >= 2000);
    }

    #[test]
    fn vectors_come_in_the_order_of_the_documents() {
        let dir = tree();
        let profile = Profile::bundled();
        let sample = take(dir.path(), &options(2000, 3));
        let encode = |cancelled, threads| {
            let cancel = AtomicBool::new(cancelled);
            let options = EncoderOptions::default();
            encode(
                &sample.documents,
                &profile,
                &options,
                threads,
                &cancel,
                &|_| {},
            )
        };
        let matrices = encode(false, 3).unwrap();
        for (matrix, document) in matrices.iter().zip(&sample.documents) {
            assert_eq!(matrix.rows(), document.ids.len());
        }
        assert_eq!(matrices, encode(false, 1).unwrap());
        assert!(matches!(encode(true, 1), Err(IndexError::Cancelled)));
    }
}
