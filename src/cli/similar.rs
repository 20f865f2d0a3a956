//! `fathom similar FILE:LINE`: code that is like the code at a line.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use fathom::config::Flags;
use fathom::engine::results;
use fathom::model::QueryModel;
use fathom::workspace::Workspace;
use fathom_retriever::Mode;

use super::Global;
use super::format::{Format, FormatArgs};
use super::freshness;
use super::search::{FilterArgs, FreshnessArgs};
use crate::errors::{Exit, Failure};
use fathom::output::highlight::Highlighter;

#[derive(Args, Debug)]
pub struct SimilarArgs {
    /// A file and a line in it, as in `src/main.rs:12`
    #[arg(value_name = "FILE:LINE")]
    place: PathBuf,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

pub fn run(global: &Global, args: &SimilarArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let (file, line) = split(&args.place)?;
    let settings = global.settings_with(Flags {
        top_k: args.filter.top_k(),
        no_background: args.freshness.no_background(),
        ..Flags::default()
    })?;
    let model = QueryModel::start_for(&file, &settings, None)?;
    let workspace = Workspace::open_to_search(&file, &settings)?;
    let model = model.matching(&workspace);
    global.warn_all(workspace.warnings());
    freshness::ensure(global, &workspace, args.freshness.wanted(true))?;
    let snapshot = workspace.snapshot()?;
    let request = args.filter.request("", Mode::Hybrid, settings.top_k);
    model.wait().map_err(anyhow::Error::msg)?;
    let place = (workspace.under().unwrap_or_default(), line);
    let outcome = workspace.similar(&snapshot, &model, place, request)?;
    let format = Format::new(&args.format, settings.color);
    let query = args.place.to_string_lossy();
    let (asked_for, whole) = ((query.as_ref(), "similar"), format.needs_whole_files());
    let mut answer = results::answer(&workspace, &snapshot, asked_for, outcome, whole)?;
    answer.took = started.elapsed();
    format.show(global, answer, &Highlighter::words(""))
}

/// `FILE:LINE` in its parts.
fn split(place: &Path) -> anyhow::Result<(PathBuf, u32)> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = place.as_os_str().as_bytes();
    let parts = bytes.iter().rposition(|&byte| byte == b':').and_then(|at| {
        let line = std::str::from_utf8(&bytes[at + 1..]).ok()?.parse().ok()?;
        Some((std::ffi::OsStr::from_bytes(&bytes[..at]).into(), line))
    });
    parts.ok_or_else(|| {
        Failure::new(
            format!("`{}` does not name a line", place.display()),
            "write the file and the line, as in `src/main.rs:12`",
        )
        .into()
    })
}
