//! `fathom eval`: measure the quality of search.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use fathom_retriever::Mode;

use super::Global;
use crate::errors::Exit;
use crate::eval::{self, Labels, Report, Variant};
use fathom::output::json;

/// The ranking modes; regex and symbol search have nothing to rank.
const RANKED: [Mode; 4] = [Mode::Hybrid, Mode::Late, Mode::Dense, Mode::Lexical];

#[derive(Args, Debug)]
pub struct EvalArgs {
    /// Folder with `repos.json` and `annotations/`
    dir: PathBuf,
    /// Folder that holds a checkout of each repository under its name
    #[arg(long, value_name = "DIR")]
    sources: PathBuf,
    /// A mode, or `all` for a table of them, each with and without ranking signals
    #[arg(long, value_name = "MODE", default_value = "hybrid")]
    #[arg(value_parser = ["hybrid", "late", "dense", "lexical", "all"])]
    mode: String,
    /// Only this repository; may be given more than once
    #[arg(long, value_name = "NAME")]
    repo: Vec<String>,
    /// One JSON document, down to the single question
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &EvalArgs) -> anyhow::Result<Exit> {
    let labels = Labels::read(&args.dir, &args.repo)?;
    let variants = variants(&args.mode);
    let runs = eval::run(
        global,
        &global.settings()?,
        &labels,
        &args.sources,
        &variants,
    )?;
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

/// One mode with signals, or all modes with and then all without.
fn variants(mode: &str) -> Vec<Variant> {
    let with = |mode| Variant {
        mode,
        signals: true,
    };
    let without = |mode| Variant {
        mode,
        signals: false,
    };
    match Mode::parse(mode) {
        Some(mode) => vec![with(mode)],
        None => RANKED
            .map(with)
            .into_iter()
            .chain(RANKED.map(without))
            .collect(),
    }
}
