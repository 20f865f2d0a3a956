//! `fathom check`: read every byte of the index and verify it.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use fathom::workspace::Workspace;
use fathom_indexes::{CheckReport, Finding};
use serde_json::json;

use super::Global;
use crate::errors::Exit;
use fathom::output::{escape, json};

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(global: &Global, args: &CheckArgs) -> anyhow::Result<Exit> {
    let workspace = Workspace::open_indexed(&args.path, &global.settings()?)?;
    let report = workspace.check()?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::pretty(&mut out, &to_json(&report))?;
    } else {
        write_text(&mut out, &report)?;
    }
    out.flush()?;
    Ok(if report.is_sound() {
        Exit::Found
    } else {
        Exit::Error
    })
}

fn to_json(report: &CheckReport) -> serde_json::Value {
    let finding = |finding: &Finding| {
        json!({
            "part": finding.part,
            "place": finding.place,
            "problem": finding.problem,
            "next_step": finding.next_step,
        })
    };
    json!({
        "ok": report.is_sound(),
        "generation": report.generation,
        "files": report.files,
        "chunks": report.chunks,
        "not_encoded": report.not_encoded,
        "segments": report.segments,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn write_text(out: &mut dyn Write, report: &CheckReport) -> io::Result<()> {
    for finding in &report.findings {
        let place = escape::text(finding.place.as_bytes());
        let problem = escape::text(finding.problem.as_bytes());
        writeln!(
            out,
            "{} {place}: {problem}; {}",
            finding.part, finding.next_step
        )?;
    }
    let verdict = match report.findings.len() {
        0 => "sound".to_owned(),
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    writeln!(
        out,
        "generation {}: {} files, {} chunks, {} segments: {verdict}",
        report.generation, report.files, report.chunks, report.segments
    )
}
