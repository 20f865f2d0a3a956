//! `fathom index export` and `fathom index import`: an index for other programs and machines.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use fathom::workspace::{Inspection, Workspace};

use super::Global;
use crate::errors::Exit;
use crate::progress::Progress;
use crate::signals;
use fathom::output::escape;

/// How long to wait for another process that writes to the same index.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The layout that PyLate, fast-plaid and next-plaid share
    Plaid,
}

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Layout of the files
    #[arg(long, value_enum, default_value = "plaid")]
    format: Format,
    /// Folder to write, which must be empty or not exist
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
}

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Layout of the files
    #[arg(long, value_enum, default_value = "plaid")]
    format: Format,
    /// Folder of the exported index
    #[arg(value_name = "DIR")]
    source: PathBuf,
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only read and verify the index, whoever wrote it, and change nothing
    #[arg(long)]
    check: bool,
    /// With --check: token vectors of a query, `[tokens, dim]`, to search the index with
    #[arg(long, value_name = "NPY", requires = "check")]
    query: Vec<PathBuf>,
    /// With --query: number of results
    #[arg(short = 'k', long, default_value = "10", value_name = "N")]
    top_k: usize,
}

pub fn export(global: &Global, args: &ExportArgs) -> anyhow::Result<Exit> {
    let Format::Plaid = args.format;
    let workspace = Workspace::open_indexed(&args.path, &global.settings()?)?;
    global.warn_all(workspace.warnings());
    let target = std::path::absolute(&args.target)?;
    let report = workspace.export(&target)?;
    global.note(&format!(
        "exported: {} documents, {} tokens",
        report.documents, report.tokens
    ));
    if report.left_out > 0 {
        global.note(&format!(
            "{} chunks are not encoded yet and were left out; `fathom index` encodes them",
            report.left_out
        ));
    }
    Ok(Exit::Found)
}

pub fn import(global: &Global, args: &ImportArgs) -> anyhow::Result<Exit> {
    let Format::Plaid = args.format;
    if args.check {
        return check(args);
    }
    let workspace = Workspace::open_to_build(&args.path, &global.settings()?)?;
    global.warn_all(workspace.warnings());
    if !refresh(global, &workspace)? {
        return Ok(Exit::Interrupted);
    }
    let report = workspace.import(&args.source, PATIENCE)?;
    let next = match report.left {
        0 => "nothing is left to encode".to_owned(),
        left => format!("{left} are left, `fathom index` encodes them"),
    };
    global.note(&format!(
        "imported: {} of {} documents; {next}",
        report.imported, report.documents
    ));
    Ok(Exit::Found)
}

/// The words, without which nobody knows which encodings are missing. False when interrupted.
fn refresh(global: &Global, workspace: &Workspace) -> anyhow::Result<bool> {
    let progress = Progress::new(global.quiet);
    let result = signals::during(|cancel| {
        workspace.refresh(false, PATIENCE, cancel, &|event| progress.on(event))
    })?;
    progress.finish();
    match result {
        Err(error) if error.is_cancelled() => Ok(false),
        result => {
            result?;
            Ok(!signals::cancelled())
        }
    }
}

fn check(args: &ImportArgs) -> anyhow::Result<Exit> {
    let inspection = Inspection::open(&args.source)?;
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}: sound", inspection.summary())?;
    for query in &args.query {
        let path = query.as_os_str().as_encoded_bytes();
        writeln!(out, "\n{}", escape::text(path))?;
        for hit in inspection.search(query, args.top_k)? {
            let place = escape::text(hit.place.as_bytes());
            let line = format!("{:9.4}  {}  {place}", hit.score, hit.document);
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    out.flush()?;
    Ok(Exit::Found)
}
