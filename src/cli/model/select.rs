//! `fathom model use`: select the models that encode and rerank.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use fathom::config::{Selection, Settings, select};
use fathom::encoder;
use fathom::output::{escape, json};
use fathom::workspace::Workspace;
use fathom_encoders::{Encoder, Kind, Profile};
use fathom_models::shown;
use serde_json::json;

use crate::cli::Global;
use crate::errors::{Exit, Failure};

#[derive(Args, Debug)]
#[command(
    after_help = "One name: that model makes all vectors that it can. Two: the first makes token \
    vectors for late interaction, the second the dense vectors, as in `fathom model use lateon-code \
    embeddinggemma:256`. A cross-encoder is selected as reranker, for `fathom search --rerank`. \
    `default` is the bundled model, `--no-reranker` selects none. The selection is kept in \
    `config.toml`. Repositories are encoded again in the background; until then the old index answers."
)]
pub struct UseArgs {
    /// Names, hub ids or folders of models on this machine
    #[arg(required_unless_present = "no_reranker", num_args = 0..=3)]
    models: Vec<String>,
    /// Rerank with none
    #[arg(long)]
    no_reranker: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What a change costs.
struct Cost {
    /// Sessions at once: threads, as far as memory allows.
    sessions: usize,
    /// Bytes of memory while encoding.
    memory: u64,
    /// Chunks of 150 tokens that all threads together encode in a second.
    speed: f64,
    /// Chunks of the repository here, if it is indexed.
    chunks: Option<u64>,
}

pub fn run(global: &Global, args: &UseArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let profiles = args
        .models
        .iter()
        .map(|name| encoder::open(name, &settings));
    let profiles = profiles.collect::<Result<Vec<_>, _>>()?;
    let named: Vec<(&String, &Profile)> = args.models.iter().zip(&profiles).collect();
    let is_reranker = |(_, profile): &&(&String, &Profile)| profile.kind() == Kind::CrossEncoder;
    let rerankers: Vec<String> = named
        .iter()
        .filter(is_reranker)
        .map(|(name, _)| kept(name))
        .collect();
    let encoders: Vec<String> = named
        .iter()
        .filter(|one| !is_reranker(one))
        .map(|(name, _)| kept(name))
        .collect();
    for (name, profile) in &named {
        let licence = licence(name, profile, &settings);
        global.note(&format!("`{name}` is licensed under {licence}"));
    }
    let mut selections = Vec::new();
    let mut cost = None;
    if !encoders.is_empty() {
        let profile = encoder::together(&encoders, &settings)?;
        cost = Some(measure(&profile, &settings)?);
        selections.push(Selection::Encoders(encoders.clone()));
    }
    match (rerankers.as_slice(), args.no_reranker) {
        ([], false) => {}
        ([], true) => selections.push(Selection::Reranker(None)),
        ([name], false) => selections.push(Selection::Reranker(Some(name.clone()))),
        _ => {
            let what = "more than one reranker, or none and one, were selected";
            return Err(
                Failure::new(what, "name one cross-encoder, or give `--no-reranker`").into(),
            );
        }
    }
    if let Some(cost) = &cost {
        global.note(&told(cost));
    }
    let Some(file) = &settings.file else {
        return Err(Failure::new(
            "there is no folder for `config.toml`",
            "set HOME or XDG_CONFIG_HOME",
        )
        .into());
    };
    select(file, &selections)?;
    report(args, file, &encoders, &rerankers, cost.as_ref())
}

/// A name as it is kept: folders by their whole path, for searches begin elsewhere.
fn kept(name: &str) -> String {
    let (base, length) = name.split_once(':').unwrap_or((name, ""));
    if !Path::new(base).is_dir() || !base.contains('/') {
        return name.to_owned();
    }
    let whole = std::path::absolute(base).unwrap_or_else(|_| base.into());
    let length = name.get(base.len()..).filter(|_| !length.is_empty());
    format!("{}{}", whole.display(), length.unwrap_or_default())
}

fn licence(name: &str, profile: &Profile, settings: &Settings) -> String {
    let installed = super::encoders::Encoder::find(name, settings);
    let known = installed.and_then(|one| one.model.licence().map(str::to_owned));
    known.unwrap_or_else(|| profile.licence().to_owned())
}

/// Encodes a few documents of common length.
fn measure(profile: &Profile, settings: &Settings) -> Result<Cost> {
    const TEXT: &str = "let mut total = 0; for value in values { total += value * weight; }\n";
    const DOCUMENTS: u32 = 4;
    let mut encoder = Encoder::open(profile, &encoder::options(settings, 1))?;
    let lines = 150 / encoder.text().ids(TEXT).len().max(1) + 1;
    let document = encoder.text().document("sum", &TEXT.repeat(lines), 8);
    // The first run allocates.
    encoder.encode_documents(std::slice::from_ref(&document))?;
    let began = Instant::now();
    for _ in 0..DOCUMENTS {
        encoder.encode_documents(std::slice::from_ref(&document))?;
    }
    let sessions = encoder::sessions(profile, settings.threads);
    let seconds = began.elapsed().as_secs_f64() / f64::from(DOCUMENTS);
    let here = Workspace::open_indexed(Path::new("."), settings);
    let counts = here.and_then(|workspace| Ok(workspace.snapshot()?.counts()));
    Ok(Cost {
        sessions,
        memory: sessions as u64 * encoder::memory(profile),
        speed: sessions as f64 / seconds.max(1e-6),
        chunks: counts.ok().map(|counts| counts.distinct),
    })
}

fn told(cost: &Cost) -> String {
    let here = cost.chunks.filter(|&chunks| chunks > 0).map(|chunks| {
        let minutes = chunks as f64 / cost.speed / 60.0;
        format!("; the {chunks} chunks of this repository take about {minutes:.1} minutes")
    });
    format!(
        "encoding with {} threads takes about {} of memory and encodes {:.0} chunks in a second{}",
        cost.sessions,
        shown(cost.memory),
        cost.speed,
        here.unwrap_or_default()
    )
}

fn report(
    args: &UseArgs,
    file: &Path,
    encoders: &[String],
    rerankers: &[String],
    cost: Option<&Cost>,
) -> Result<Exit> {
    let mut out = io::stdout().lock();
    if args.json {
        let cost = cost.map(|cost| {
            json!({
                "sessions": cost.sessions,
                "memory": cost.memory,
                "chunks_per_second": json::rounded(cost.speed as f32),
                "chunks_here": cost.chunks,
            })
        });
        let selected = json!({
            "encoders": encoders,
            "rerankers": rerankers,
            "file": file,
            "cost": cost,
        });
        json::pretty(&mut out, &selected)?;
        return Ok(Exit::Found);
    }
    let place = escape::path(file.as_os_str().as_encoded_bytes());
    let names = [encoders, rerankers].concat().join("`, `");
    match names.is_empty() {
        true => writeln!(out, "no reranker is selected any more ({place})")?,
        false => writeln!(
            out,
            "selected `{}` ({place})",
            escape::text(names.as_bytes())
        )?,
    }
    Ok(Exit::Found)
}
