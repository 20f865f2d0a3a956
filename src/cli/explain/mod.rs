//! `fathom explain TARGET`: the card of a place in the code, at once and without any model; then,
//! where there is a reader, its words about it.

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use fathom::config::Flags;
use fathom::engine::explanation::{Wanted, explain};
use fathom::engine::prose::{Prose, Teller};
use fathom::model::QueryModel;
use fathom::output::answer::stats_line;
use fathom::output::card::Seen;
use fathom::output::json;
use fathom::output::style::Paint;
use fathom::reader::{self, Readers};
use fathom::workspace::Workspace;
use fathom_answerer::card::{self, Target};

use super::reader::AnswerArgs;
use super::search::FreshnessArgs;
use super::terminal::Terminal;
use super::{Global, freshness};
use crate::errors::{Exit, Failure, tell};

/// Bytes of a stack trace that are read.
const TRACE: u64 = 4 << 20;

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
    let model = std::cell::OnceCell::new();
    let start = || QueryModel::start(workspace.profile(), &settings, None);
    let seen = explain(&workspace, (&snapshot).into(), &target, &|| {
        Some(model.get_or_init(start))
    })?;
    let paint = Paint::for_stdout(settings.color);
    if !args.json {
        let mut out = BufWriter::new(io::stdout().lock());
        seen.text(&mut out, paint)?;
        out.flush()?;
    }
    let mut teller = Teller {
        settings: &settings,
        limits: args.answer.limits(),
        readers: &mut Readers::new(sources, &settings),
        anew: args.refresh,
        listener: &mut Terminal::below(global, (!args.json).then_some(paint)),
    };
    // Of a trace the first place: where it failed.
    let prose = match seen.cards.first() {
        Some(first) => teller.tell(&snapshot, first)?,
        None => Prose::default(),
    };
    if args.json {
        let mut document = seen.document();
        document["prose"] = prose.document();
        json::pretty(&mut io::stdout().lock(), &document)?;
    }
    Ok(finish(global, &seen, &prose, args.answer.stats()))
}

/// Exit code, and a note about what is missing.
fn finish(global: &Global, seen: &Seen, prose: &Prose, stats: bool) -> Exit {
    freshness::warn_of_changed(&seen.changed);
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
