//! `fathom model use`: select the models that encode and rerank.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use fathom::config::{Selection, Settings, select};
use fathom::encoder::{self, Sessions};
use fathom::output::{escape, json};
use fathom::workspace::Workspace;
use fathom_encoders::{Encoder, Kind, Profile};
use fathom_indexes::Collection;
use fathom_models::shown;
use serde_json::json;

use crate::cli::Global;
use crate::errors::{Exit, Failure};

#[derive(Args, Debug)]
#[command(
    after_help = "One name: that model makes all vectors that it can. Two: the first makes token \
    vectors for late interaction, the second the dense vectors, as in `fathom model use lateon-code \
    embeddinggemma:256`. `--docs` gives Markdown and other prose models of their own; one search asks \
    both. A cross-encoder is selected as reranker, for `fathom search --rerank`. \
    `default` is the bundled model, `--no-reranker` selects none. The selection is kept in \
    `config.toml`. Repositories are encoded again in the background; until then the old index answers."
)]
pub struct UseArgs {
    /// Names, hub ids or folders of models on this machine
    #[arg(required_unless_present_any = ["no_reranker", "docs", "no_docs"], num_args = 0..=3)]
    models: Vec<String>,
    /// Encode docs (Markdown and other prose) with this model instead; may be given twice
    #[arg(long, value_name = "MODEL")]
    docs: Vec<String>,
    /// Encode docs with the models of code again
    #[arg(long, conflicts_with = "docs")]
    no_docs: bool,
    /// Rerank with none
    #[arg(long)]
    no_reranker: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What a change costs.
struct Cost {
    /// Sessions at once, as far as memory allows.
    sessions: Sessions,
    models: Vec<ModelCost>,
    /// Seconds until the repository here is encoded by all models, if it is indexed.
    here: Option<f64>,
}

/// What one model costs.
struct ModelCost {
    name: String,
    /// It encodes docs, not code.
    docs: bool,
    /// Bytes of memory of one session.
    memory: u64,
    /// Chunks of 150 tokens that all threads together encode in a second.
    speed: f64,
    /// Chunks here that it is to encode.
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
    let docs: Vec<String> = args.docs.iter().map(|name| kept(name)).collect();
    for name in &docs {
        let licence = licence(name, &encoder::open(name, &settings)?, &settings);
        global.note(&format!("`{name}` is licensed under {licence}"));
    }
    let mut cost = None;
    if !encoders.is_empty() || !docs.is_empty() || args.no_docs {
        let names = after(&settings.encoder.names, &encoders, &docs, args.no_docs);
        let profile = encoder::together(&names, &settings)?;
        cost = Some(measure(&profile, &settings)?);
    }
    if !encoders.is_empty() {
        selections.push(Selection::Encoders(encoders.clone()));
    }
    if !docs.is_empty() || args.no_docs {
        selections.push(Selection::Docs(docs.clone()));
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
        told(cost).iter().for_each(|line| global.note(line));
    }
    let Some(file) = &settings.file else {
        return Err(Failure::new(
            "there is no folder for `config.toml`",
            "set HOME or XDG_CONFIG_HOME",
        )
        .into());
    };
    select(file, &selections)?;
    let selected = Selected {
        encoders: &encoders,
        docs: &docs,
        rerankers: &rerankers,
    };
    report(args, file, &selected, cost.as_ref())
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

/// The selection of encoders after the change: what is not named stays.
fn after(before: &[String], code: &[String], docs: &[String], no_docs: bool) -> Vec<String> {
    let is_docs = |name: &&String| name.starts_with(encoder::DOCS);
    let mut names: Vec<String> = match code.is_empty() {
        true => before
            .iter()
            .filter(|name| !is_docs(name))
            .cloned()
            .collect(),
        false => code.to_vec(),
    };
    match docs.is_empty() {
        true if no_docs => {}
        true => names.extend(before.iter().filter(is_docs).cloned()),
        false => names.extend(docs.iter().map(|name| format!("{}{name}", encoder::DOCS))),
    }
    names
}

fn licence(name: &str, profile: &Profile, settings: &Settings) -> String {
    let installed = super::encoders::Encoder::find(name, settings);
    let known = installed.and_then(|one| one.model.licence().map(str::to_owned));
    known.unwrap_or_else(|| profile.licence().to_owned())
}

/// What a selection costs here.
fn measure(profile: &Profile, settings: &Settings) -> Result<Cost> {
    let sessions = encoder::sessions(profile, settings.threads);
    let here = Workspace::open_indexed(Path::new("."), settings);
    let here = here.and_then(|workspace| workspace.snapshot()).ok();
    let mut models = Vec::new();
    for (collection, of) in [
        (Collection::Main, Some(profile.code())),
        (Collection::Docs, profile.docs()),
    ] {
        let Some(of) = of else { continue };
        let chunks = here.as_ref().map(|snapshot| match profile.docs() {
            None => Ok(snapshot.counts().distinct),
            Some(_) => {
                let of = snapshot.select(&|head| Collection::of(head.kind) == collection);
                of.map(|set| set.len() as u64)
            }
        });
        let chunks = chunks.transpose()?;
        for model in of.members() {
            models.push(ModelCost {
                name: model.name().to_owned(),
                docs: collection == Collection::Docs,
                memory: encoder::memory(model),
                speed: sessions.count as f64 / seconds(model, settings)?.max(1e-6),
                chunks,
            });
        }
    }
    let time = |model: &ModelCost| Some(model.chunks? as f64 / model.speed);
    let here = models.iter().map(time).sum::<Option<f64>>();
    Ok(Cost {
        sessions,
        models,
        here,
    })
}

/// Seconds of one thread for a document of common length.
fn seconds(profile: &Profile, settings: &Settings) -> Result<f64> {
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
    Ok(began.elapsed().as_secs_f64() / f64::from(DOCUMENTS))
}

fn told(cost: &Cost) -> Vec<String> {
    let Sessions {
        count,
        memory,
        one_at_a_time,
    } = cost.sessions;
    let mut lines = Vec::new();
    for model in cost.models.iter().filter(|_| cost.models.len() > 1) {
        lines.push(format!(
            "`{}`{} takes about {} of memory in a thread and encodes {:.0} chunks in a second",
            model.name,
            if model.docs { " (docs)" } else { "" },
            shown(model.memory),
            model.speed,
        ));
    }
    let turns = match one_at_a_time {
        true => ", loading one model after the other because memory is short",
        false => "",
    };
    let speed = match cost.models.as_slice() {
        [alone] => format!(" and encodes {:.0} chunks in a second", alone.speed),
        _ => String::new(),
    };
    let here = cost.here.filter(|&seconds| seconds > 0.0).map(|seconds| {
        let chunks = cost.models.iter().filter_map(|model| model.chunks).max();
        let minutes = seconds / 60.0;
        match cost.models.as_slice() {
            [_] => format!(
                "; the {} chunks of this repository take about {minutes:.1} minutes",
                chunks.unwrap_or_default()
            ),
            _ => format!("; this repository takes about {minutes:.1} minutes by all of them"),
        }
    });
    lines.push(format!(
        "encoding with {count} threads takes about {} of memory{speed}{turns}{}",
        shown(memory),
        here.unwrap_or_default()
    ));
    lines
}

/// What was named.
struct Selected<'a> {
    encoders: &'a [String],
    docs: &'a [String],
    rerankers: &'a [String],
}

fn report(
    args: &UseArgs,
    file: &Path,
    selected: &Selected<'_>,
    cost: Option<&Cost>,
) -> Result<Exit> {
    let Selected {
        encoders,
        docs,
        rerankers,
    } = selected;
    let mut out = io::stdout().lock();
    if args.json {
        let cost = cost.map(|cost| {
            json!({
                "sessions": cost.sessions.count,
                "memory": cost.sessions.memory,
                "one_at_a_time": cost.sessions.one_at_a_time,
                "seconds_here": cost.here.map(|seconds| json::rounded(seconds as f32)),
                "models": cost.models.iter().map(|model| json!({
                    "name": model.name,
                    "docs": model.docs,
                    "memory": model.memory,
                    "chunks_per_second": json::rounded(model.speed as f32),
                    "chunks_here": model.chunks,
                })).collect::<Vec<_>>(),
            })
        });
        let selected = json!({
            "encoders": encoders,
            "docs": docs,
            "rerankers": rerankers,
            "file": file,
            "cost": cost,
        });
        json::pretty(&mut out, &selected)?;
        return Ok(Exit::Found);
    }
    let place = escape::path(file.as_os_str().as_encoded_bytes());
    let names = [*encoders, rerankers].concat().join("`, `");
    match names.is_empty() {
        true if args.no_reranker => writeln!(out, "no reranker is selected any more ({place})")?,
        true => {}
        false => writeln!(
            out,
            "selected `{}` ({place})",
            escape::text(names.as_bytes())
        )?,
    }
    let docs = docs.join("`, `");
    match docs.is_empty() {
        false => writeln!(
            out,
            "docs are encoded with `{}` ({place})",
            escape::text(docs.as_bytes())
        )?,
        true if args.no_docs => writeln!(out, "docs are encoded as code is ({place})")?,
        true => {}
    }
    Ok(Exit::Found)
}
