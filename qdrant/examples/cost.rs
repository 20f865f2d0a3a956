//! What a copy in Qdrant costs: `cost DIR [qdrant://host:port]` uploads the vectors of a repository that is
//! indexed, and asks for the nearest to some of them, there and in the store.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fathom::config::{Flags, Settings};
use fathom::qdrant::Remote;
use fathom::workspace::Workspace;
use fathom_encoders::{Embedding, Profile, TokenMatrix};
use fathom_indexes::{ChunkId, Collection, Snapshot};
use fathom_qdrant_tests::Server;
use fathom_retriever::{Filter, VectorQuery, Vectors};

/// Questions; the median time counts.
const QUERIES: usize = 51;
/// Rows of a chunk that are a question.
const ROWS: usize = 16;
/// As many as a search takes from each index.
const WANTED: usize = 200;

fn main() {
    let mut args = std::env::args().skip(1);
    let repository: PathBuf = args.next().expect("a repository that is indexed").into();
    let server = Server::start();
    let given = args.next();
    let address = given.clone().unwrap_or_else(|| server.address.clone());
    let (settings, _) = Settings::load(&Flags::default()).unwrap();
    let workspace = Workspace::open_indexed(&repository, &settings).unwrap();
    let (snapshot, profile) = (workspace.snapshot().unwrap(), workspace.profile());
    let counts = snapshot.counts();
    let chunks = counts.encoded as f64;
    // A content may stand at several places.
    let contents = snapshot.encoded_in(Collection::Main);
    let rows = contents.iter().filter_map(|(_, places)| {
        let (tokens, _) = snapshot.vectors_of(Collection::Main, *places.first()?)?;
        Some(tokens.len() / profile.token_dim().max(1))
    });
    let tokens: usize = rows.sum();
    println!(
        "{}: {} chunks, {:.0} tokens each, store {:.0} bytes each",
        profile.id(),
        counts.encoded,
        tokens as f64 / chunks,
        counts.store_bytes as f64 / chunks
    );
    let key = std::env::var(fathom::env::QDRANT_API_KEY).ok();
    let name = format!("{address}/cost-{}", std::process::id());
    let remote = Remote::new(&name, key, profile).unwrap();
    for what in ["upload", "compare"] {
        let began = Instant::now();
        let report = remote.sync(&snapshot, &|_, _| ()).unwrap();
        let seconds = began.elapsed().as_secs_f64();
        let each = seconds * 1e3 / chunks;
        println!(
            "{what}: {seconds:.2} s for {} sent, {each:.2} s for 1,000 chunks",
            report.uploaded
        );
    }
    if given.is_none() {
        println!("Qdrant: {:.0} bytes each", server.bytes() as f64 / chunks);
    }
    let there = remote.vectors(&snapshot).unwrap();
    let both = [("store", &snapshot as &dyn Vectors), ("qdrant", &there)];
    let mut best = Vec::new();
    for (name, vectors) in both {
        let (late, dense, first) = ask(&snapshot, profile, vectors);
        println!("{name}: late {late:.1} ms, dense {dense:.1} ms");
        best.push(first);
    }
    let same = best[0]
        .iter()
        .zip(&best[1])
        .filter(|(one, other)| one == other)
        .count();
    println!("the same ten in the same order: {same} of {QUERIES}");
}

/// Median times in milliseconds of token and dense vectors, and the first ten by tokens.
fn ask(
    snapshot: &Snapshot,
    profile: &Profile,
    vectors: &dyn Vectors,
) -> (f64, f64, Vec<Vec<ChunkId>>) {
    let ids = snapshot.chunk_ids();
    let (mut late, mut dense, mut first) = (Vec::new(), Vec::new(), Vec::new());
    for &chunk in ids
        .iter()
        .step_by((ids.len() / QUERIES).max(1))
        .take(QUERIES)
    {
        let Some((tokens, one)) = snapshot.vectors_of(Collection::Main, chunk) else {
            continue;
        };
        let dim = profile.token_dim();
        let rows = tokens.into_iter().take(ROWS * dim).collect();
        let embedding = Embedding::new(TokenMatrix::new(dim, rows), one);
        let query = VectorQuery {
            collection: Collection::Main,
            embedding: &embedding,
            within: None,
            filter: &Filter::default(),
        };
        let began = Instant::now();
        let hits = vectors.late(&query, WANTED).unwrap();
        late.push(began.elapsed());
        first.push(hits.iter().take(10).map(|hit| hit.chunk).collect());
        let began = Instant::now();
        vectors.dense(&query, WANTED).unwrap();
        dense.push(began.elapsed());
    }
    (median(late), median(dense), first)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
