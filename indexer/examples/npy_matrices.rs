//! Token matrices of real code, for comparisons that need no model: encodes the chunks of source
//! trees with the bundled model and writes `tokens.npy` `[tokens, dim]`, `lengths.npy` `[chunks]`,
//! and for queries made of doc comments `queries.npy` and `query_lengths.npy`.
//!
//! `cargo run --release -p fathom-indexer --example npy_matrices -- OUT CHUNKS TREE…`

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use fathom_encoders::{Document, Encoder, EncoderOptions, Profile};
use fathom_indexer::pipeline::{self, IndexOptions, document_for};
use fathom_indexes::plaid::npy::NpyWriter;
use fathom_indexes::{ChunkRow, Store, StoreOptions};
use rayon::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Queries of the whole.
const QUERIES: usize = 120;

/// Documents that one worker encodes at a time.
const BATCH: usize = 16;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, chunks, trees @ ..] = &arguments[..] else {
        return Err("usage: npy_matrices OUT CHUNKS TREE…".into());
    };
    let (out, per_tree) = (
        Path::new(out),
        chunks.parse::<usize>()? / trees.len().max(1),
    );
    fs::create_dir_all(out)?;
    let profile = Profile::bundled();
    let (mut documents, mut comments) = (Vec::new(), Vec::new());
    for tree in trees {
        let (some, docs) = read_tree(&profile, Path::new(tree), per_tree)?;
        println!("{tree}: {} chunks", some.len());
        documents.extend(some);
        comments.extend(docs);
    }
    write(&profile, out, "tokens.npy", "lengths.npy", &documents)?;
    let step = (comments.len() / QUERIES).max(1);
    let encoder = Encoder::open(&profile, &EncoderOptions::default())?;
    let queries: Vec<Document> = comments
        .iter()
        .step_by(step)
        .take(QUERIES)
        .map(|comment| encoder.text().query(comment))
        .collect();
    write(&profile, out, "queries.npy", "query_lengths.npy", &queries)
}

/// At most `most` chunks of a tree as the model sees them, and the first sentences of their docs.
fn read_tree(profile: &Profile, tree: &Path, most: usize) -> Result<(Vec<Document>, Vec<String>)> {
    let dir = std::env::temp_dir().join(format!("token-matrices-{}", std::process::id()));
    let options = StoreOptions {
        profile_id: profile.id().to_owned(),
        token_dim: profile.token_dim(),
        dense_dim: profile.dense_dim(),
        codebook: None,
    };
    let store = Store::open(&dir, &options)?;
    let encoder = Encoder::open(profile, &EncoderOptions::default())?;
    let (text, cancel) = (encoder.text(), AtomicBool::new(false));
    pipeline::refresh(
        tree,
        &store,
        text,
        &IndexOptions::default(),
        &cancel,
        &|_| (),
    )?;
    let snapshot = store.snapshot()?;
    let ids = snapshot.chunk_ids();
    let rows: Vec<ChunkRow> = snapshot.chunks(&ids[..most.min(ids.len())])?;
    let mut documents = Vec::new();
    for of_file in rows.chunk_by(|a, b| a.file == b.file) {
        let bytes = snapshot.text(of_file[0].file)?;
        documents.extend(of_file.iter().map(|row| document_for(text, row, &bytes)));
    }
    let comments = rows
        .iter()
        .filter_map(|row| sentence(&row.record.doc))
        .collect();
    drop(snapshot);
    fs::remove_dir_all(&dir)?;
    Ok((documents, comments))
}

/// The first sentence, if it says anything.
fn sentence(doc: &str) -> Option<String> {
    let sentence = doc.split(['.', '\n']).next()?.trim();
    (5..25)
        .contains(&sentence.split_whitespace().count())
        .then(|| sentence.to_owned())
}

fn write(
    profile: &Profile,
    out: &Path,
    tokens: &str,
    lengths: &str,
    documents: &[Document],
) -> Result<()> {
    let mut matrices = NpyWriter::<f32>::create(&out.join(tokens), Some(profile.token_dim()))?;
    let mut rows = NpyWriter::<i64>::create(&out.join(lengths), None)?;
    for part in documents.chunks(64 * BATCH) {
        let open = || Encoder::open(profile, &EncoderOptions::default());
        let encoded: Vec<_> = part
            .par_chunks(BATCH)
            .map_init(open, |encoder, batch| -> Result<_> {
                let encoder = encoder.as_mut().map_err(|error| error.to_string())?;
                Ok(encoder.encode_documents(batch)?)
            })
            .collect::<Result<_>>()?;
        for embedding in encoded.iter().flatten() {
            matrices.write(embedding.tokens.as_slice())?;
            rows.write(&[embedding.tokens.rows() as i64])?;
        }
    }
    matrices.finish()?;
    rows.finish()?;
    Ok(())
}
