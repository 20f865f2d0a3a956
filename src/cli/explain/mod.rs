//! `fathom explain TARGET`: the card of a place in the code, at once and without any model; then,
//! where there is a reader, its words about it.

mod prose;

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use fathom::config::Flags;
use fathom::model::QueryModel;
use fathom::reader::{self, Readers};
use fathom::workspace::Workspace;
use fathom_answerer::card::{self, Card, Choice, Found, Subject, Target};
use fathom_encoders::Profile;
use fathom_indexes::Snapshot;
use fathom_retriever::{SimilarRequest, chunk_at, similar};
use serde_json::Value;

use super::reader::AnswerArgs;
use super::search::FreshnessArgs;
use super::{Global, freshness};
use crate::errors::{Exit, Failure, tell};
use crate::output::answer::{given_json, stats_line, steps_json};
use crate::output::card::{Explained, Like, Seen};
use crate::output::json;
use crate::output::style::Paint;
use prose::{Prose, Teller};

/// Places of a stack trace that are explained.
const PLACES: usize = 5;
/// Bytes of a stack trace that are read.
const TRACE: u64 = 4 << 20;
/// Chunks of similar code on a card.
const SIMILAR: usize = 3;
/// Similarity below which code is not like the subject.
const ALIKE: f32 = 0.6;

#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// `src/main.rs:12`, `src/main.rs:12-30`, or a symbol such as `Writer::commit`; `-` or
    /// nothing: a stack trace or compiler output on stdin
    target: Option<String>,
    /// Look below this path for symbols and for the files of a trace
    #[arg(default_value = ".")]
    path: PathBuf,
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// Only the card
    #[arg(long)]
    no_reader: bool,
    /// Ask the reader anew, also where its answer of before is kept
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

/// What is explained, and what could not be found.
#[derive(Default)]
struct Subjects {
    found: Vec<Subject>,
    choices: Vec<Choice>,
    missing: Vec<String>,
}

pub fn run(global: &Global, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let target = target(args.target.as_deref())?;
    let settings = global.settings_with(Flags {
        no_background: args.freshness.no_background(),
        reader: args.answer.options(),
        ..Flags::default()
    })?;
    let sources = match args.no_reader {
        true => Vec::new(),
        false => reader::sources(&settings)?,
    };
    let place = match &target {
        Wanted::One(Target::Lines { path, .. }) if Path::new(path).exists() => Path::new(path),
        _ => &args.path,
    };
    let workspace = Workspace::open_to_search(place, &settings)?;
    global.warn_all(workspace.warnings());
    freshness::ensure(global, &workspace, args.freshness.wanted(false))?;
    let snapshot = workspace.snapshot()?;
    let subjects = find(&workspace, &snapshot, &target)?;
    let model = can_compare(&snapshot, &subjects)
        .then(|| QueryModel::start(&Profile::bundled(), &settings, None));
    let mut seen = Seen {
        target: target.to_string(),
        generation: snapshot.generation(),
        cards: Vec::new(),
        choices: subjects.choices,
        missing: subjects.missing,
    };
    for subject in subjects.found {
        let card = card::card(&snapshot, subject)?;
        seen.cards
            .push(explained(&workspace, &snapshot, model.as_ref(), card)?);
    }
    let paint = Paint::for_stdout(settings.color);
    if !args.json {
        let mut out = BufWriter::new(io::stdout().lock());
        seen.text(&mut out, paint)?;
        out.flush()?;
    }
    let mut teller = Teller {
        global,
        args: &args.answer,
        settings: &settings,
        readers: Readers::new(sources, &settings),
        anew: args.refresh,
        show: (!args.json).then_some(paint),
    };
    // Of a trace the first place: where it failed.
    let prose = match seen.cards.first() {
        Some(first) => teller.tell(&snapshot, first)?,
        None => Prose::default(),
    };
    if args.json {
        let mut document = seen.document();
        document["prose"] = prose_json(&prose);
        json::pretty(&mut io::stdout().lock(), &document)?;
    }
    Ok(finish(global, &seen, &prose, args.answer.stats()))
}

/// What readers said, for programs.
fn prose_json(prose: &Prose) -> Value {
    let Some(given) = &prose.given else {
        return Value::Null;
    };
    let mut fields = given_json(given);
    fields.insert("kept".into(), prose.is_kept.into());
    fields.insert("tiers".into(), steps_json(&prose.steps));
    if prose.is_kept {
        fields.insert("stats".into(), Value::Null);
    }
    fields.into()
}

/// Exit code, and a note about what is missing.
fn finish(global: &Global, seen: &Seen, prose: &Prose, stats: bool) -> Exit {
    for missing in &seen.missing {
        global.note(&format!("`{missing}` is not in the index"));
    }
    if let Some(given) = &prose.given {
        if stats && !prose.is_kept {
            tell(&stats_line(&given.answered.stats));
        }
        if let Some(reason) = given.ended_early() {
            global.note(reason);
        }
        if given.is_cancelled() {
            return Exit::Interrupted;
        }
    }
    match seen.cards.is_empty() && seen.choices.is_empty() {
        true => Exit::Nothing,
        false => Exit::Found,
    }
}

/// What was asked for.
enum Wanted {
    One(Target),
    Trace(String),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::One(Target::Symbol(name)) => f.write_str(name),
            Wanted::One(Target::Lines { path, start, end }) if start == end => {
                write!(f, "{path}:{start}")
            }
            Wanted::One(Target::Lines { path, start, end }) => write!(f, "{path}:{start}-{end}"),
            Wanted::Trace(_) => f.write_str("-"),
        }
    }
}

fn target(argument: Option<&str>) -> anyhow::Result<Wanted> {
    match argument {
        Some(target) if target != "-" => Ok(Wanted::One(card::parse(target))),
        None if io::stdin().is_terminal() => Err(Failure::new(
            "nothing to explain",
            "name a place as in `src/main.rs:12`, or a symbol, or pipe a stack trace in",
        )
        .into()),
        _ => {
            let mut trace = Vec::new();
            io::stdin().lock().take(TRACE).read_to_end(&mut trace)?;
            Ok(Wanted::Trace(String::from_utf8_lossy(&trace).into_owned()))
        }
    }
}

fn find(workspace: &Workspace, snapshot: &Snapshot, wanted: &Wanted) -> anyhow::Result<Subjects> {
    let mut subjects = Subjects::default();
    match wanted {
        Wanted::One(Target::Symbol(name)) => {
            let found = card::find_symbol(snapshot, name)?;
            subjects.add(found, name.clone());
        }
        Wanted::One(Target::Lines { path, start, end }) => {
            let written = wanted.to_string();
            let path = match Path::new(path).exists() {
                true => workspace.under().unwrap_or_default().to_vec(),
                false => path.clone().into_bytes(),
            };
            let found = card::find(snapshot, &path, *start, *end)?;
            subjects.add(found, written);
        }
        Wanted::Trace(text) => of_trace(snapshot, text, &mut subjects)?,
    }
    Ok(subjects)
}

impl Subjects {
    fn add(&mut self, found: Found, written: String) {
        match found {
            Found::One(subject) => {
                let is_new = |known: &Subject| known.place != subject.place;
                if self.found.iter().all(is_new) {
                    self.found.push(*subject);
                }
            }
            Found::Many(choices) => self.choices.extend(choices),
            Found::Nothing => self.missing.push(written),
        }
    }
}

/// The places of a trace that are in the index; those of other people's code are left out.
fn of_trace(snapshot: &Snapshot, text: &str, subjects: &mut Subjects) -> anyhow::Result<()> {
    let files = snapshot.files()?;
    let paths: Vec<&[u8]> = files
        .iter()
        .map(|file| file.record.path.as_slice())
        .collect();
    for mention in card::mentions(text) {
        for path in card::resolve(&mention, &paths) {
            let found = card::find(snapshot, path, mention.line, mention.line)?;
            if subjects.found.len() < PLACES && found != Found::Nothing {
                subjects.add(found, String::new());
            }
        }
    }
    if subjects.found.is_empty() {
        subjects
            .missing
            .push("any place that stdin names".to_owned());
    }
    Ok(())
}

/// Similar code is told only where it costs no encoding of the repository.
fn can_compare(snapshot: &Snapshot, subjects: &Subjects) -> bool {
    subjects.found.len() == 1 && snapshot.coverage() > 0.5
}

fn explained(
    workspace: &Workspace,
    snapshot: &Snapshot,
    model: Option<&QueryModel>,
    card: Card,
) -> anyhow::Result<Explained> {
    let change = card::last_change(workspace.root(), &card.subject.place);
    let similar = match model {
        Some(model) if model.wait().is_ok() => alike(snapshot, model, &card.subject)?,
        _ => Vec::new(),
    };
    Ok(Explained {
        card,
        change,
        similar,
    })
}

fn alike(snapshot: &Snapshot, model: &QueryModel, subject: &Subject) -> anyhow::Result<Vec<Like>> {
    let line = subject.asked.unwrap_or(subject.place.start_line);
    let request = SimilarRequest {
        chunk: chunk_at(snapshot, &subject.place.path, line)?.id,
        top_k: SIMILAR,
        filter: Default::default(),
        per_file: Some(1),
    };
    let hits = similar(snapshot, model, &request)?.hits.into_iter();
    let alike = hits.filter(|hit| hit.score >= ALIKE);
    Ok(alike.map(Like::from).collect())
}
