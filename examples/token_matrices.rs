//! Writes the token matrices of real code and of real questions, for measurements at scale:
//!
//! `cargo run --release --example token_matrices -- OUT TOKENS QUERIES DIR…`
//!
//! `OUT` gets a sample of about `TOKENS` tokens of the chunks below the folders, then one matrix
//! for each line of the file `QUERIES`, in the format of `benches/support/matrices.rs`.
#![allow(clippy::print_stdout)]

#[path = "../benches/support/matrices.rs"]
#[allow(dead_code)]
mod matrices;

use anyhow::Context;
use fathom_encoders::{Encoder, EncoderOptions, Profile, TextEncoder};
use fathom_indexer::sample::{self, SampleOptions};
use matrices::Matrices;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().context("OUT TOKENS QUERIES DIR…");
    let (out, tokens, queries) = (next()?, next()?.parse()?, next()?);
    let roots: Vec<PathBuf> = args.map(PathBuf::from).collect();
    let profile = Profile::bundled();
    let mut found = Matrices::new(profile.token_dim());
    for matrix in documents(&profile, &roots, tokens)? {
        found.documents.push(matrix.as_slice());
    }
    let mut encoder = Encoder::open(&profile, &EncoderOptions::default())?;
    for line in std::fs::read_to_string(queries)?.lines() {
        let embedding = encoder.encode_query(line)?;
        found.queries.push(embedding.tokens.as_slice());
    }
    println!(
        "{} documents, {} tokens; {} queries, {} tokens",
        found.documents.len(),
        found.documents.tokens(),
        found.queries.len(),
        found.queries.tokens()
    );
    Ok(found.write(out.as_ref())?)
}

fn documents(
    profile: &Profile,
    roots: &[PathBuf],
    tokens: usize,
) -> anyhow::Result<Vec<fathom_encoders::TokenMatrix>> {
    let options = SampleOptions {
        tokens,
        ..SampleOptions::default()
    };
    let text = TextEncoder::open(profile)?;
    let cancel = AtomicBool::new(false);
    let sample = sample::documents(roots, &text, &options, &cancel, &|_| {})?;
    let encoder = EncoderOptions::default();
    let matrices = sample::encode(
        &sample.documents,
        profile,
        &encoder,
        options.threads,
        &cancel,
        &|_| {},
    )?;
    Ok(matrices)
}
