//! Codebooks, and indexes in the shared layout.

use std::fs;
use std::path::Path;
use std::time::Instant;

use fathom_indexes::codebook::{Bits, Codebook, Training};
use fathom_indexes::late::{LateQuery, SearchOptions, search};
use fathom_indexes::plaid::{Exporter, PlaidIndex};
use serde_json::{Value, json};

use crate::Result;
use crate::matrices::Matrices;
use crate::rankings::{self, Ranking, TOP};
use crate::timing::{ROUNDS, Timing};

pub fn codebook(matrices: &Path, centroids: usize, out: &Path) -> Result<Value> {
    let documents = Matrices::documents(matrices)?;
    let training = Training {
        centroids,
        passes: 4,
        seed: 1,
        bits: Bits::Four,
    };
    let start = Instant::now();
    let codebook = Codebook::train(&documents.rows, documents.dim, &training);
    let seconds = start.elapsed().as_secs_f64();
    fs::write(out, codebook.to_bytes())?;
    Ok(json!({"seconds": seconds, "centroids": codebook.len()}))
}

pub fn open_codebook(path: &Path) -> Result<Codebook> {
    Ok(Codebook::from_bytes(&fs::read(path)?)?)
}

pub fn export(matrices: &Path, codebook: &Path, out: &Path) -> Result<Value> {
    let documents = Matrices::documents(matrices)?;
    let codebook = open_codebook(codebook)?;
    let start = Instant::now();
    let mut exporter = Exporter::create(out, &codebook)?;
    for document in documents.iter() {
        let coded = codebook.encode(document);
        exporter.add(&coded.centroids, &coded.residuals, &coded.norms)?;
    }
    let exported = exporter.finish()?;
    Ok(json!({
        "seconds": start.elapsed().as_secs_f64(),
        "documents": exported.documents,
        "tokens": exported.tokens,
    }))
}

/// Ranks the documents of an index, whoever wrote it.
pub fn rank(index: &Path, matrices: &Path, out: &Path) -> Result<Value> {
    let index = PlaidIndex::open(index)?;
    let documents = index.documents()?;
    index.check_postings(&documents)?;
    let set = documents.as_set();
    let queries = Matrices::queries(matrices)?;
    let (options, mut timing) = (SearchOptions::default(), Timing::default());
    let mut ranked = Vec::new();
    for round in 0..=ROUNDS {
        ranked.clear();
        for rows in queries.iter() {
            let start = Instant::now();
            let query = LateQuery::new(rows, &documents.codebook);
            let found = search(&query, &[set], 2 * TOP, &|_, _| true, &options);
            if round > 0 {
                timing.add(start.elapsed());
            }
            ranked.push(Ranking {
                documents: found.iter().map(|found| found.ordinal as usize).collect(),
                scores: found.iter().map(|found| found.score).collect(),
            });
        }
    }
    rankings::write(out, &ranked)?;
    Ok(timing.report())
}
