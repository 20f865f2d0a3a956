//! `fathom map`: the most important definitions of a repository, within a number of tokens.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use fathom::config::Flags;
use fathom::workspace::Workspace;
use fathom_answerer::map::{self, Map};

use super::search::FreshnessArgs;
use super::{Global, freshness};
use crate::errors::Exit;
use fathom::output::map::document;
use fathom::output::style::Paint;
use fathom::output::{escape, json};

/// Bytes taken for one token, as `search --max-tokens` does.
const BYTES_PER_TOKEN: usize = 4;

#[derive(Args, Debug)]
pub struct MapArgs {
    /// Show what lies below this path; what the whole repository makes of it counts
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Fit the map into so many tokens (of about four bytes)
    #[arg(long, value_name = "N", default_value_t = 2000)]
    max_tokens: usize,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

pub fn run(global: &Global, args: &MapArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        no_background: args.freshness.no_background(),
        ..Flags::default()
    })?;
    let workspace = Workspace::open_to_search(&args.path, &settings)?;
    global.warn_all(workspace.warnings());
    freshness::ensure(global, &workspace, args.freshness.wanted(false))?;
    let snapshot = workspace.snapshot()?;
    let count = |text: &str| text.len().div_ceil(BYTES_PER_TOKEN);
    let map = map::map(&snapshot, workspace.under(), args.max_tokens, &count)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => json::pretty(&mut out, &document(&map, snapshot.generation()))?,
        false => write_map(&mut out, &map, Paint::for_stdout(settings.color))?,
    }
    out.flush()?;
    if map.shown < map.total {
        let (shown, total) = (map.shown, map.total);
        global.note(&format!(
            "{shown} of {total} definitions that others mention"
        ));
    }
    Ok(if map.files.is_empty() {
        Exit::Nothing
    } else {
        Exit::Found
    })
}

fn write_map(out: &mut dyn Write, map: &Map, paint: Paint) -> io::Result<()> {
    for file in &map.files {
        writeln!(out, "{}", paint.path(escape::path(&file.path)))?;
        for symbol in &file.symbols {
            let line = paint.line(format_args!("{:>6}", symbol.line));
            writeln!(out, "{line}  {}", escape::text(symbol.signature.as_bytes()))?;
        }
    }
    Ok(())
}
