//! `fathom eval`: measure the quality of search.

mod build;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use fathom_eval::labels::Labels;
use fathom_retriever::Mode;

use super::Global;
use crate::errors::{Exit, Failure};
use crate::eval::{self, Report, Variant};
use fathom::output::json;

/// The ranking modes; regex and symbol search have nothing to rank.
const RANKED: [Mode; 4] = [Mode::Hybrid, Mode::Late, Mode::Dense, Mode::Lexical];

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct EvalArgs {
    #[command(subcommand)]
    command: Option<EvalCommand>,
    /// Folder with `repos.json` and `annotations/`
    #[arg(required = true)]
    dir: Option<PathBuf>,
    /// Folder that holds a checkout of each repository under its name
    #[arg(long, value_name = "DIR", required = true)]
    sources: Option<PathBuf>,
    /// A mode, or `all` for a table of them, each with and without ranking signals
    #[arg(long, value_name = "MODE", default_value = "hybrid")]
    #[arg(value_parser = ["hybrid", "late", "dense", "lexical", "all"])]
    mode: String,
    /// Only this repository; may be given more than once
    #[arg(long, value_name = "NAME")]
    repo: Vec<String>,
    /// Measure each mode with signals once more with the selected cross-encoder
    #[arg(long)]
    rerank: bool,
    /// One JSON document, down to the single question
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    /// Make questions with known answers from repositories, without labels
    Build(build::BuildArgs),
}

pub fn run(global: &Global, args: &EvalArgs) -> anyhow::Result<Exit> {
    if let Some(EvalCommand::Build(args)) = &args.command {
        return build::run(global, args);
    }
    let (Some(dir), Some(sources)) = (&args.dir, &args.sources) else {
        let hint = "give the folder of labels, and `--sources`";
        return Err(Failure::new("there is nothing to measure", hint).into());
    };
    let labels = Labels::read(dir, &args.repo)?;
    let variants = variants(&args.mode, args.rerank);
    let runs = eval::run(global, &global.settings()?, &labels, sources, &variants)?;
    if runs.iter().all(|run| run.measured.is_empty()) {
        return Ok(Exit::Nothing);
    }
    let report = Report::new(&runs);
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &report.to_json())?;
    } else {
        report.write_text(&mut out)?;
    }
    out.flush()?;
    Ok(Exit::Found)
}

/// One mode with signals, or all modes with and then all without; with signals both as they are
/// and reranked.
fn variants(mode: &str, rerank: bool) -> Vec<Variant> {
    let variant = |mode, signals, rerank| Variant {
        mode,
        signals,
        rerank,
    };
    let one = Mode::parse(mode);
    let modes = one.map_or(RANKED.to_vec(), |mode| vec![mode]);
    let with = modes.iter().map(|&mode| variant(mode, true, false));
    // As in a search, only what is ranked by meaning is ranked again.
    let by_meaning = modes.iter().filter(|&&mode| mode != Mode::Lexical);
    let reranked = by_meaning.map(|&mode| variant(mode, true, true));
    let without = modes.iter().map(|&mode| variant(mode, false, false));
    with.chain(reranked.filter(|_| rerank))
        .chain(without.filter(|_| one.is_none()))
        .collect()
}
