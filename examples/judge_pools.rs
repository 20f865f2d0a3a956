//! The best candidates of questions with known answers, with the vectors that are stored of them: what
//! the judge is trained on (`training/judge`).
//!
//! `cargo run --release --example judge_pools -- LABELS SOURCES OUT` writes `OUT.jsonl`, one question
//! per line, and `OUT.bin`, the token vectors of questions and chunks as int8, row after row.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fathom::config::{Flags, Settings};
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_encoders::{Embedding, Profile};
use fathom_eval::labels::{Labels, Question, Repository};
use fathom_indexes::{Collection, Snapshot};
use fathom_retriever::candidates::{self, Pool, Sought};
use fathom_retriever::evaluate::{Ranked, matches};
use fathom_retriever::rank::{self, Placed, Signal, Weights};
use fathom_retriever::understand::understand;
use fathom_retriever::{Filter, Mode, QueryEncoder};
use serde_json::{Value, json};

/// Candidates of a question that are written.
const WRITTEN: usize = 40;
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [labels, sources, out] = &arguments[..] else {
        return Err("give LABELS, SOURCES and OUT".into());
    };
    let settings = Settings::load(&Flags::default())?.0;
    let model = QueryModel::start(&Profile::bundled(), &settings, None);
    let mut out = Out::create(out)?;
    for repository in &Labels::read(Path::new(labels), &[])?.repositories {
        for (tree, questions) in repository.trees() {
            if let Some(commit) = tree {
                repository.check_out(Path::new(sources), commit)?;
            }
            let snapshot = indexed(&repository.folder(Path::new(sources)), &settings)?;
            for question in questions {
                let line = asked(repository, question, &snapshot, &model, &mut out)?;
                writeln!(out.lines, "{line}")?;
            }
        }
        println!("{}", repository.name);
    }
    out.lines.flush()?;
    Ok(out.vectors.flush()?)
}

fn indexed(folder: &Path, settings: &Settings) -> Result<Snapshot, Box<dyn Error>> {
    let never = AtomicBool::new(false);
    let workspace = Workspace::open_exactly(folder, settings)?;
    workspace.refresh(false, PATIENCE, &never, &|_| ())?;
    workspace.encode(PATIENCE, &never, &|_| ())?;
    Ok(workspace.snapshot()?)
}

fn asked(
    repository: &Repository,
    question: &Question,
    snapshot: &Snapshot,
    model: &QueryModel,
    out: &mut Out,
) -> Result<Value, Box<dyn Error>> {
    let understood = understand(&question.query);
    let sought = Sought {
        snapshot,
        vectors: snapshot,
        filter: &Filter::default(),
        query: &understood,
        within: None,
        mode: Mode::Hybrid,
    };
    let pool = candidates::gather(&sought, Some(model as &dyn QueryEncoder))?;
    let weights = Weights::of(&understood).with(Signal::Judge, 0.0);
    let placed = rank::rank(&understood, &pool.candidates, &weights);
    let vectors = match &pool.query {
        Some(Embedding { tokens, .. }) => out.vectors(tokens.as_slice(), tokens.dim())?,
        None => (0, 0),
    };
    let mut written = Vec::new();
    for one in placed.iter().take(WRITTEN) {
        written.push(candidate(
            repository,
            question,
            snapshot,
            (&pool, one),
            out,
        )?);
    }
    Ok(json!({
        "repository": repository.name,
        "category": question.category,
        "targets": question.targets.len(),
        "symbol": understood.seeks_definition(),
        "vectors": vectors,
        "candidates": written,
    }))
}

fn candidate(
    repository: &Repository,
    question: &Question,
    snapshot: &Snapshot,
    (pool, one): (&Pool, &Placed),
    out: &mut Out,
) -> Result<Value, Box<dyn Error>> {
    let row = &pool.rows[one.index];
    let shown = Ranked {
        path: repository.path_of(&row.path),
        lines: row.record.lines,
    };
    let targets = question.targets.iter().enumerate();
    let right: Vec<usize> = targets
        .filter(|(_, target)| matches(&shown, target))
        .map(|(number, _)| number)
        .collect();
    let (tokens, _) = snapshot
        .vectors_of(Collection::Main, row.id)
        .unwrap_or_default();
    let repeat = one
        .parts
        .iter()
        .find(|(name, _)| *name == Signal::Repeat.name());
    Ok(json!({
        "path": shown.path,
        "kind": row.record.kind.as_str(),
        "documented": !row.record.doc.is_empty(),
        "score": one.score,
        "repeat": repeat.map_or(0.0, |(_, part)| *part),
        "right": right,
        "vectors": out.vectors(&tokens, Profile::bundled().token_dim())?,
    }))
}

/// The two files.
struct Out {
    lines: BufWriter<File>,
    vectors: BufWriter<File>,
    /// Bytes of vectors so far.
    written: usize,
}

impl Out {
    fn create(name: &str) -> Result<Out, Box<dyn Error>> {
        let create = |end: &str| File::create(format!("{name}.{end}")).map(BufWriter::new);
        Ok(Out {
            lines: create("jsonl")?,
            vectors: create("bin")?,
            written: 0,
        })
    }

    /// Where the rows are written, and how many they are.
    fn vectors(&mut self, values: &[f32], dim: usize) -> Result<(usize, usize), Box<dyn Error>> {
        let at = self.written;
        let bytes: Vec<u8> = values
            .iter()
            .map(|value| (value * 127.0).round().clamp(-127.0, 127.0) as i8 as u8)
            .collect();
        self.vectors.write_all(&bytes)?;
        self.written += bytes.len();
        Ok((at, values.len() / dim.max(1)))
    }
}
