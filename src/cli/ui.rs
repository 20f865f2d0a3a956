//! `fathom ui`: the terminal interface.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use fathom::config::Flags;
use fathom::engine::requests::SearchParams;
use fathom::ui::{self, Ended, Options, Signals, UiError};
use fathom_retriever::Mode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::Global;
use super::reader::ReaderArgs;
use super::search::FilterArgs;
use crate::errors::{Exit, Failure, tell};

#[derive(Args, Debug)]
pub struct UiArgs {
    /// Search below this path
    #[arg(default_value = ".")]
    path: PathBuf,
    /// What to search for at the beginning
    #[arg(long, value_name = "TEXT", default_value = "")]
    query: String,
    /// What to search with at the beginning
    #[arg(long, value_name = "MODE", default_value = "hybrid")]
    #[arg(value_parser = ["hybrid", "late", "dense", "lexical", "regex", "symbol"])]
    mode: String,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub fn run(global: &Global, args: &UiArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        reader: args.reader.options(),
        ..Flags::default()
    })?;
    let options = Options {
        settings,
        path: args.path.clone(),
        params: params(args),
    };
    match ui::run(&options, &signals()?) {
        Ok(Ended::Quit) => Ok(Exit::Found),
        Ok(Ended::Signal) => {
            tell("interrupted; what was indexed is kept");
            Ok(Exit::Interrupted)
        }
        Err(UiError::NoTerminal(reason)) => Err(Failure::new(
            format!("`fathom ui` needs a terminal: {reason}"),
            "run it in a terminal, or search with `fathom search \"…\"`",
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// What is asked at the beginning.
fn params(args: &UiArgs) -> SearchParams {
    let top_k = args.filter.top_k().unwrap_or_default();
    let request = args.filter.request(&args.query, Mode::default(), top_k);
    let kinds = request.filter.kinds.iter();
    SearchParams {
        query: request.query,
        mode: args.mode.clone(),
        top_k,
        languages: request.filter.languages,
        globs: request.filter.globs,
        content: request.filter.content.as_str().to_owned(),
        kinds: kinds.map(|kind| kind.as_str().to_owned()).collect(),
        per_file: request.per_file.unwrap_or_default(),
        min_score: request.min_score.unwrap_or_default(),
        ..SearchParams::default()
    }
}

/// The flags that signals set: an end by default would leave the terminal as it is now.
fn signals() -> anyhow::Result<Signals> {
    let signals = Signals::default();
    for (signal, flag) in [
        (SIGTERM, &signals.end),
        (SIGHUP, &signals.end),
        (SIGINT, &signals.interrupt),
    ] {
        signal_hook::flag::register(signal, flag.clone()).context("cannot handle signals")?;
    }
    Ok(signals)
}
