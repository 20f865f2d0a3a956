//! `fathom index`: build or refresh an index.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use fathom::workspace::{Workspace, background};
use fathom_indexer::pipeline::{EncodeReport, RefreshReport};

use super::store::StoreArgs;
use super::{Global, interchange, status};
use crate::errors::Exit;
use crate::progress::Progress;
use crate::signals;

/// How long to wait for another process that writes to the same index. A background process
/// does not wait: the other one does its work.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct IndexArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Read and chunk every file again, changed or not, and replace an index that cannot be used
    #[arg(long)]
    force: bool,
    /// Stop when everything can be found by its words
    #[arg(long)]
    lexical_only: bool,
    /// Print what the index holds afterwards
    #[arg(long)]
    stats: bool,
    /// Leave the terminal's session and run at low priority
    #[arg(long, hide = true)]
    detached: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the index for other programs or another machine
    Export(interchange::ExportArgs),
    /// Take over the encodings of an exported index
    Import(interchange::ImportArgs),
}

pub fn run(global: &Global, args: &IndexArgs) -> anyhow::Result<Exit> {
    match &args.action {
        None => index(global, args),
        Some(Action::Export(args)) => interchange::export(global, args),
        Some(Action::Import(args)) => interchange::import(global, args),
    }
}

fn index(global: &Global, args: &IndexArgs) -> anyhow::Result<Exit> {
    if args.detached {
        background::detach();
    }
    let settings = global.settings()?;
    let workspace = match args.force {
        true => Workspace::open_anew(&args.path, &settings)?,
        false => Workspace::open_to_build(&args.path, &settings)?,
    };
    global.warn_all(workspace.warnings());
    if !refresh(global, &workspace, args)?
        || !(args.lexical_only || encode(global, &workspace, args)?)
    {
        return interrupted(global, &workspace);
    }
    if !args.lexical_only {
        args.store.sync(global, &workspace)?;
    }
    if args.stats {
        status::print(&workspace, &mut io::stdout().lock(), settings.color)?;
    }
    Ok(Exit::Found)
}

fn patience(args: &IndexArgs) -> Duration {
    if args.detached {
        Duration::ZERO
    } else {
        PATIENCE
    }
}

/// Files, chunks and words. False when it was interrupted.
fn refresh(global: &Global, workspace: &Workspace, args: &IndexArgs) -> anyhow::Result<bool> {
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        workspace.refresh(args.force, patience(args), cancel, &|event| {
            progress.on(event)
        })
    })?;
    progress.finish();
    match result {
        Err(error) if error.is_cancelled() => Ok(false),
        result => {
            let report = result?;
            global.note(&told_refresh(&report));
            if report.borrowed > 0 {
                let chunks = report.borrowed;
                global.note(&format!(
                    "vectors: of {chunks} chunks from another worktree or clone"
                ));
            }
            Ok(!signals::cancelled())
        }
    }
}

/// Vectors. False when it was interrupted.
fn encode(global: &Global, workspace: &Workspace, args: &IndexArgs) -> anyhow::Result<bool> {
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        workspace.encode(patience(args), cancel, &|event| progress.on(event))
    })?;
    progress.finish();
    let report = result?;
    if report.encoded > 0 {
        global.note(&told_encode(&report));
    }
    Ok(!report.cancelled)
}

fn interrupted(global: &Global, workspace: &Workspace) -> anyhow::Result<Exit> {
    let counts = workspace.snapshot()?.counts();
    global.note(&format!(
        "interrupted; kept {} files and {} of {} encoded chunks, `fathom index` goes on from there",
        counts.files, counts.encoded, counts.distinct
    ));
    Ok(Exit::Interrupted)
}

/// `files: 3 added, 1 removed, 120 unchanged, 2 skipped in 0.05 s`
fn told_refresh(report: &RefreshReport) -> String {
    let parts: Vec<String> = [
        (report.added, "added"),
        (report.changed, "changed"),
        (report.renamed, "renamed"),
        (report.removed, "removed"),
        (report.unreadable, "unreadable"),
        (report.unchanged + report.touched, "unchanged"),
        (report.skipped, "skipped"),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let what = match parts.is_empty() {
        true => "none to index".to_owned(),
        false => parts.join(", "),
    };
    format!("files: {what} in {:.2} s", report.took.as_secs_f64())
}

/// `encoded: 812 chunks, 98140 tokens in 14.2 s (57 chunks/s)`
fn told_encode(report: &EncodeReport) -> String {
    let seconds = report.took.as_secs_f64();
    format!(
        "encoded: {} chunks, {} tokens in {seconds:.1} s ({:.0} chunks/s)",
        report.encoded,
        report.tokens,
        report.encoded as f64 / seconds.max(1e-3)
    )
}
