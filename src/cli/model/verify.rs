//! `fathom model verify`: is every byte of a model what it was?

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;
use fathom::config::Settings;
use fathom::encoder::installed;
use fathom_answerer::models::Place;
use fathom_models::digest::Digest;
use fathom_models::store::{self, Origin, Record, StoreError, Verdict};
use serde_json::{Value, json};

use super::encoders::Encoder;
use super::installed::Installed;
use crate::cli::Global;
use crate::errors::Exit;
use crate::progress::Progress;
use crate::signals;
use fathom::output::style::Paint;
use fathom::output::{escape, json};

#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Names, hub ids or GGUF files [default: every model]
    models: Vec<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What was found of one file.
struct Finding {
    model: String,
    path: PathBuf,
    /// Whether its hash was known before.
    known: bool,
    verdict: Verdict,
    next_step: String,
}

pub fn run(global: &Global, args: &VerifyArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let named = args.models.iter().map(|name| subject(name, &settings));
    let models = match args.models.is_empty() {
        true => all(&settings),
        false => named.collect::<Result<_>>()?,
    };
    if models.is_empty() {
        global.note("there is no model to verify; the bundled encoder is part of the program");
    }
    let progress = Progress::new(global.quiet);
    let findings = signals::during(|cancel| examine(&models, &progress, cancel))?;
    progress.finish();
    let findings = match findings {
        Err(StoreError::Cancelled) => return Ok(Exit::Interrupted),
        findings => findings?,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => json::pretty(&mut out, &to_json(&findings))?,
        false => write_text(&mut out, Paint::for_stdout(settings.color), &findings)?,
    }
    out.flush()?;
    let is_bad = |finding: &Finding| finding.verdict.problem.is_some();
    Ok(match findings.iter().any(is_bad) {
        true => Exit::Error,
        false => Exit::Found,
    })
}

/// A model of either kind.
enum Subject {
    Reader(Box<Installed>),
    Encoder(Box<Encoder>),
}

fn subject(name: &str, settings: &Settings) -> Result<Subject> {
    match Encoder::find(name, settings) {
        Some(encoder) => Ok(Subject::Encoder(Box::new(encoder))),
        None => Ok(Subject::Reader(Box::new(Installed::named(name, settings)?))),
    }
}

fn all(settings: &Settings) -> Vec<Subject> {
    let encoders = Encoder::all(settings).into_iter();
    let encoders = encoders.map(|one| Subject::Encoder(Box::new(one)));
    let readers = Installed::all(settings).into_iter();
    encoders
        .chain(readers.map(|one| Subject::Reader(Box::new(one))))
        .collect()
}

impl Subject {
    fn name(&self) -> &str {
        match self {
            Subject::Reader(reader) => &reader.on_disk.name,
            Subject::Encoder(encoder) => &encoder.model.name,
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        match self {
            Subject::Reader(reader) => reader.on_disk.files.clone(),
            Subject::Encoder(encoder) => encoder.model.files(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Subject::Reader(reader) => reader.on_disk.bytes(),
            Subject::Encoder(encoder) => encoder.model.bytes(),
        }
    }

    fn hash(&self, path: &Path) -> Option<Digest> {
        match self {
            Subject::Reader(reader) => reader.hash(path),
            Subject::Encoder(encoder) => encoder.model.hash(path),
        }
    }

    fn record(&self) -> Option<&Record> {
        match self {
            Subject::Reader(reader) => reader.record.as_ref(),
            Subject::Encoder(encoder) => encoder.model.record.as_ref(),
        }
    }

    fn place(&self) -> Place {
        match self {
            Subject::Reader(reader) => reader.on_disk.place,
            Subject::Encoder(encoder) => match encoder.model.place {
                installed::Place::Own => Place::Own,
                installed::Place::Hub => Place::Hub,
                installed::Place::Elsewhere => Place::Elsewhere,
            },
        }
    }
}

fn examine(
    models: &[Subject],
    progress: &Progress,
    cancel: &AtomicBool,
) -> Result<Vec<Finding>, StoreError> {
    let total: u64 = models.iter().map(Subject::bytes).sum();
    let mut before = 0;
    let mut findings = Vec::new();
    for model in models {
        for path in &model.files() {
            let expected = model.hash(path);
            let verdict = store::verify(path, expected.as_ref(), cancel, &mut |done| {
                progress.step(&super::bytes("verifying", before + done, total));
            })?;
            before += verdict.bytes;
            findings.push(Finding {
                model: model.name().to_owned(),
                path: path.clone(),
                known: expected.is_some(),
                verdict,
                next_step: next_step(model, path),
            });
        }
    }
    Ok(findings)
}

/// What to do when a file is damaged.
fn next_step(model: &Subject, path: &Path) -> String {
    let name = model.name();
    let origin = model.record().map(|record| &record.origin);
    match (model.place(), origin) {
        (Place::Hub, _) | (Place::Own, Some(Origin::Hub { .. })) => {
            format!("run `fathom model pull --again {name}`")
        }
        (Place::Own, Some(Origin::Import { from })) => format!(
            "run `fathom model remove {name}`, then `fathom model import {}`",
            from.display()
        ),
        (Place::Own | Place::Elsewhere, _) => {
            format!("put a good copy in the place of `{}`", path.display())
        }
    }
}

fn write_text(out: &mut dyn Write, paint: Paint, findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        let path = escape::path(finding.path.as_os_str().as_encoded_bytes());
        let model = escape::text(finding.model.as_bytes());
        match &finding.verdict.problem {
            None if finding.known => writeln!(out, "{}  {model}  {path}", paint.good("ok  "))?,
            None => {
                let hash = finding.verdict.digest.map(|hash| hash.to_string());
                let hash = hash.unwrap_or_default();
                let why = format!("no hash was noted to compare with; it is {hash}");
                writeln!(out, "{}  {model}  {path}: {why}", paint.good("ok  "))?;
            }
            Some(problem) => {
                let problem = escape::text(problem.as_bytes());
                let next = escape::text(finding.next_step.as_bytes());
                writeln!(
                    out,
                    "{}  {model}  {path}: {problem}; {next}",
                    paint.bad("fail")
                )?;
            }
        }
    }
    Ok(())
}

fn to_json(findings: &[Finding]) -> Value {
    let bad = |finding: &Finding| finding.verdict.problem.is_some();
    let finding = |finding: &Finding| {
        let problem = finding.verdict.problem.as_ref();
        json!({
            "model": finding.model,
            "path": finding.path,
            "bytes": finding.verdict.bytes,
            "hash": finding.verdict.digest.map(|hash| hash.to_string()),
            "hash_was_known": finding.known,
            "problem": problem,
            "next_step": problem.map(|_| &finding.next_step),
        })
    };
    json!({
        "ok": !findings.iter().any(bad),
        "files": findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
