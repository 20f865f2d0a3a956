//! What each way to make vectors smaller costs in answers: NDCG@10 of late interaction alone, over
//! all chunks, without signals.
//!
//! ```text
//! cargo run --release --example quantisation_study -- LABELS SOURCES DATA EXACT SAMPLE REPOSITORY[,…]
//! ```
//!
//! EXACT is a folder with the bundled model in f32 (`training/export_default.py --exact EXACT`).
//! Codebooks are trained on the code in SAMPLE, all with the same centroids. The repositories are
//! indexed in DATA if they are not yet.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "support/exact.rs"]
mod exact;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fathom::config::{Flags, Settings};
use fathom::workspace::Workspace;
use fathom_encoders::{Document, Embedding, Encoder, EncoderOptions, Profile, TextEncoder};
use fathom_eval::labels::{Labels, Repository};
use fathom_indexer::pipeline::{self, document_for};
use fathom_indexer::sample::{self, SampleOptions};
use fathom_indexes::codebook::{Bits, Codebook, Training};
use fathom_indexes::late::pool;
use fathom_indexes::maxsim::quantize;
use fathom_retriever::evaluate::{self, Ranked, Target};

use exact::{Matrices, max_sim, on_one_core};

/// Of the codebooks.
const CENTROIDS: usize = 4096;
/// Tokens that they are trained on.
const SAMPLE: usize = 300_000;

static NEVER: AtomicBool = AtomicBool::new(false);

/// A repository, cut into chunks.
struct Cut {
    documents: Vec<Document>,
    shown: Vec<Ranked>,
    queries: Vec<String>,
    targets: Vec<Vec<Target>>,
}

/// A repository, encoded.
struct Encoded<'a> {
    cut: &'a Cut,
    documents: Matrices,
    questions: Matrices,
    dense: [Vec<Vec<f32>>; 2],
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [labels, sources, data, exact, sample, names] = &args[..] else {
        eprintln!("LABELS SOURCES DATA EXACT SAMPLE REPOSITORY[,…]");
        std::process::exit(2);
    };
    let only: Vec<String> = names.split(',').map(str::to_owned).collect();
    let flags = Flags {
        data_dir: Some(data.into()),
        ..Flags::default()
    };
    let settings = Settings::load(&flags).unwrap().0;
    let labels = Labels::read(Path::new(labels), &only).unwrap();
    let of = |repository| cut(repository, Path::new(sources), &settings);
    let cuts: Vec<Cut> = labels.repositories.iter().map(of).collect();
    let chunks: usize = cuts.iter().map(|cut| cut.documents.len()).sum();
    let questions: usize = cuts.iter().map(|cut| cut.queries.len()).sum();
    println!(
        "{} repositories, {chunks} chunks, {questions} questions\n",
        cuts.len()
    );

    let int8 = Profile::bundled();
    let (f32, seconds) = encoded(&cuts, &Profile::open(Path::new(exact)).unwrap());
    println!(
        "| encoder | vectors | bytes per token | late NDCG@10 | dense NDCG@10 | seconds of one core to encode |"
    );
    println!("|---|---|---|---|---|---|");
    let dim = f32[0].documents.dim;
    let row = |encoder: &str, vectors: &str, bytes: f64, late: f64, rest: &str| {
        println!("| {encoder} | {vectors} | {bytes:.1} | {late:.4} | {rest} |");
    };
    let whole =
        |all: &[Encoded<'_>], seconds: f64| format!("{:.4} | {seconds:.0}", mean(all, dense));
    let plain = |all: &[Encoded<'_>]| mean(all, |one| late(one, one.documents.rows.clone()));
    row(
        "f32",
        "f32",
        4.0 * dim as f64,
        plain(&f32),
        &whole(&f32, seconds),
    );
    drop(f32);
    let (all, seconds) = encoded(&cuts, &int8);
    row(
        "int8",
        "f32",
        4.0 * dim as f64,
        plain(&all),
        &whole(&all, seconds),
    );
    let one_scale = mean(&all, |one| late(one, rounded(&one.documents)));
    row("int8", "int8", dim as f64 + 4.0, one_scale, "|");
    let sample = sampled(Path::new(sample), &int8);
    for bits in [Bits::Eight, Bits::Four, Bits::Two, Bits::One] {
        let codebook = train(&sample, bits);
        let bytes = codebook.row_bytes() as f64 + 3.0;
        let name = format!("{} bits, {CENTROIDS} centroids", bits.count());
        row(
            "int8",
            &name,
            bytes,
            mean(&all, |one| late(one, coded(&one.documents, &codebook))),
            "|",
        );
    }
    let bundled = int8.codebook_bytes().unwrap().unwrap();
    let bundled = Codebook::from_bytes(&bundled).unwrap();
    let bytes = bundled.row_bytes() as f64 + 3.0;
    let four = mean(&all, |one| late(one, coded(&one.documents, &bundled)));
    row("int8", "4 bits, the bundled codebook", bytes, four, "|");
    let two = train(&sample, Bits::Two);
    for (factor, codebook) in [(2, &bundled), (3, &bundled), (4, &bundled), (2, &two)] {
        let (bits, bytes) = (codebook.bits().count(), codebook.row_bytes() as f64 + 3.0);
        let name = format!("{bits} bits, pooled by {factor}");
        let both = mean(&all, |one| {
            let mut fewer = pooled(&one.documents, factor as usize);
            fewer.rows = coded(&fewer, codebook);
            late_of(one, &one.questions, &fewer)
        });
        row("int8", &name, bytes / f64::from(factor), both, "|");
    }
    for factor in [2, 3, 4] {
        let pooled = mean(&all, |one| {
            late_of(one, &one.questions, &pooled(&one.documents, factor))
        });
        row(
            "int8",
            &format!("f32, pooled by {factor}"),
            4.0 * dim as f64 / factor as f64,
            pooled,
            "|",
        );
    }
    for cut in [96, 64, 48, 32] {
        let ndcg = mean(&all, |one| {
            late_of(
                one,
                &one.questions.leading(cut),
                &one.documents.leading(cut),
            )
        });
        row(
            "int8",
            &format!("f32, leading {cut} dimensions"),
            4.0 * cut as f64,
            ndcg,
            "|",
        );
    }
}

fn cut(repository: &Repository, sources: &Path, settings: &Settings) -> Cut {
    let workspace = Workspace::open_exactly(&repository.folder(sources), settings).unwrap();
    workspace
        .refresh(false, Duration::from_secs(60), &NEVER, &|_| ())
        .unwrap();
    let snapshot = workspace.snapshot().unwrap();
    let chunks: Vec<_> = snapshot.select(&|_| true).unwrap().iter().collect();
    let text = TextEncoder::open(&Profile::bundled()).unwrap();
    let rows = snapshot.chunks(&chunks).unwrap();
    let documents = rows
        .iter()
        .map(|row| document_for(&text, row, &snapshot.text(row.file).unwrap()));
    let shown = rows.iter().map(|row| Ranked {
        path: repository.path_of(&row.path),
        lines: row.record.lines,
    });
    let questions = &repository.questions;
    Cut {
        documents: documents.collect(),
        shown: shown.collect(),
        queries: questions.iter().map(|one| one.query.clone()).collect(),
        targets: questions.iter().map(|one| one.targets.clone()).collect(),
    }
}

/// And the processor time that documents took.
fn encoded<'a>(cuts: &'a [Cut], profile: &Profile) -> (Vec<Encoded<'a>>, f64) {
    let mut encoder = Encoder::open(profile, &EncoderOptions::default()).unwrap();
    let mut all = Vec::new();
    let mut spent = 0.0;
    for cut in cuts {
        let (documents, seconds) = on_one_core(|| {
            let batches = cut.documents.chunks(16);
            let made = batches.flat_map(|batch| pipeline::embed(&mut encoder, batch).unwrap());
            made.collect::<Vec<Embedding>>()
        });
        let queries = cut
            .queries
            .iter()
            .map(|query| encoder.encode_query(query).unwrap());
        let queries: Vec<Embedding> = queries.collect();
        spent += seconds;
        all.push(Encoded {
            cut,
            documents: matrices(&documents),
            questions: matrices(&queries),
            dense: [queries, documents].map(|all| all.into_iter().map(|one| one.dense).collect()),
        });
    }
    (all, spent)
}

fn matrices(all: &[Embedding]) -> Matrices {
    let tokens: Vec<_> = all.iter().map(|one| one.tokens.clone()).collect();
    Matrices::of(tokens[0].dim(), &tokens)
}

fn sampled(folder: &Path, profile: &Profile) -> Matrices {
    let options = SampleOptions {
        tokens: SAMPLE,
        chunks_per_file: 8,
        ..SampleOptions::default()
    };
    let text = TextEncoder::open(profile).unwrap();
    let roots = [PathBuf::from(folder)];
    let found = sample::documents(&roots, &text, &options, &NEVER, &|_| {}).unwrap();
    let encoder = EncoderOptions::default();
    let tokens = sample::encode(&found.documents, profile, &encoder, 1, &NEVER, &|_| {});
    Matrices::of(profile.token_dim(), &tokens.unwrap())
}

fn train(sample: &Matrices, bits: Bits) -> Codebook {
    let training = Training {
        centroids: CENTROIDS,
        passes: 2,
        seed: 0,
        bits,
    };
    Codebook::train(&sample.rows, sample.dim, &training)
}

fn coded(documents: &Matrices, codebook: &Codebook) -> Vec<f32> {
    let coded = codebook.encode(&documents.rows);
    codebook.decode(&coded.centroids, &coded.residuals, &coded.norms)
}

/// Through one int8 for each number and one scale for each vector.
fn rounded(documents: &Matrices) -> Vec<f32> {
    let (codes, scales) = quantize(&documents.rows, documents.dim);
    let rows = codes.chunks_exact(documents.dim).zip(scales);
    rows.flat_map(|(codes, scale)| codes.iter().map(move |&x| f32::from(x) * scale))
        .collect()
}

fn pooled(documents: &Matrices, factor: usize) -> Matrices {
    let dim = documents.dim;
    let mut all = Matrices {
        dim,
        rows: Vec::new(),
        offsets: vec![0],
    };
    for range in documents.offsets.windows(2) {
        let rows = &documents.rows[range[0] * dim..range[1] * dim];
        all.rows.extend(pool(rows, dim, factor));
        all.offsets.push(all.rows.len() / dim);
    }
    all
}

fn late(one: &Encoded<'_>, rows: Vec<f32>) -> f64 {
    let stored = Matrices {
        dim: one.documents.dim,
        rows,
        offsets: one.documents.offsets.clone(),
    };
    late_of(one, &one.questions, &stored)
}

fn late_of(one: &Encoded<'_>, questions: &Matrices, documents: &Matrices) -> f64 {
    ndcg(one.cut, &max_sim(questions, documents))
}

fn dense(one: &Encoded<'_>) -> f64 {
    let [queries, documents] = &one.dense;
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let scores = queries.iter().map(|query| {
        documents
            .iter()
            .map(|document| dot(query, document))
            .collect()
    });
    ndcg(one.cut, &scores.collect::<Vec<_>>())
}

/// The mean over the questions of a repository.
fn ndcg(cut: &Cut, scores: &[Vec<f32>]) -> f64 {
    let each = scores.iter().zip(&cut.targets).map(|(scores, targets)| {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let best = order.iter().take(evaluate::DEPTH);
        let best: Vec<Ranked> = best.map(|&at| cut.shown[at].clone()).collect();
        evaluate::score(&best, targets).ndcg
    });
    each.sum::<f64>() / scores.len() as f64
}

fn mean(all: &[Encoded<'_>], of: impl Fn(&Encoded<'_>) -> f64) -> f64 {
    all.iter().map(of).sum::<f64>() / all.len() as f64
}
