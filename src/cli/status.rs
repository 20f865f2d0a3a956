//! `fathom status`: what is indexed, what is not, and why.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use fathom::config::ColorChoice;
use fathom::workspace::Workspace;
use fathom_encoders::Profile;
use fathom_indexes::{Counts, FileRow, SkipRecord, Snapshot, TokenUsage};
use serde_json::json;

use super::Global;
use crate::errors::Exit;
use fathom::output::{escape, json, style::Paint};

/// Examples shown of each reason.
const EXAMPLES: usize = 5;

#[derive(Args, Debug)]
pub struct StatusArgs {
    /// A path in the repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// One JSON document, with every skipped file
    #[arg(long)]
    json: bool,
}

/// What there is to tell.
struct Status<'a> {
    workspace: &'a Workspace,
    counts: Counts,
    generation: u64,
    coverage: f32,
    tokens: Vec<TokenUsage>,
    codebook: Option<String>,
    files: Vec<FileRow>,
    skipped: Vec<SkipRecord>,
}

pub fn run(global: &Global, args: &StatusArgs) -> anyhow::Result<Exit> {
    let settings = global.settings()?;
    let workspace = Workspace::open_indexed(&args.path, &settings)?;
    global.warn_all(workspace.warnings());
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        let status = Status::of(&workspace, &workspace.snapshot()?)?;
        json::pretty(&mut out, &status.to_json())?;
    } else {
        print(&workspace, &mut out, settings.color)?;
    }
    out.flush()?;
    Ok(Exit::Found)
}

/// The text of `fathom status`.
pub fn print(workspace: &Workspace, out: &mut dyn Write, color: ColorChoice) -> anyhow::Result<()> {
    let status = Status::of(workspace, &workspace.snapshot()?)?;
    Ok(status.write_text(out, Paint::for_stdout(color))?)
}

impl Status<'_> {
    fn of<'a>(workspace: &'a Workspace, snapshot: &Snapshot) -> anyhow::Result<Status<'a>> {
        Ok(Status {
            workspace,
            counts: snapshot.counts(),
            generation: snapshot.generation(),
            coverage: snapshot.coverage(),
            tokens: snapshot.token_usage(),
            codebook: snapshot.codebook().map(|id| id.to_string()),
            files: snapshot.files()?,
            skipped: snapshot.skipped()?,
        })
    }

    /// Files per language.
    fn languages(&self) -> BTreeMap<&str, u64> {
        let mut languages = BTreeMap::new();
        for file in &self.files {
            *languages.entry(file.record.language.as_str()).or_insert(0) += 1;
        }
        languages
    }

    /// Skipped files per reason.
    fn reasons(&self) -> BTreeMap<&str, Vec<&SkipRecord>> {
        let mut reasons: BTreeMap<&str, Vec<&SkipRecord>> = BTreeMap::new();
        for record in &self.skipped {
            reasons
                .entry(record.reason.as_str())
                .or_default()
                .push(record);
        }
        reasons
    }

    fn to_json(&self) -> serde_json::Value {
        let counts = &self.counts;
        let skipped: BTreeMap<_, _> = self
            .reasons()
            .into_iter()
            .map(|(reason, records)| (reason, records.len()))
            .collect();
        json!({
            "root": self.workspace.root().to_string_lossy(),
            "store": self.workspace.store_dir().to_string_lossy(),
            "profile": self.workspace.profile().id(),
            "models": self.workspace.profile().members().iter().map(|model| json!({
                "name": model.name(),
                "profile": model.id(),
                "kind": model.kind().as_str(),
                "source": model.source(),
                "licence": model.licence(),
            })).collect::<Vec<_>>(),
            "next_profile": self.workspace.next().map(Profile::id),
            "unused_indexes": self.workspace.unused().iter().map(|unused| json!({
                "path": unused.path.to_string_lossy(),
                "bytes": unused.bytes,
            })).collect::<Vec<_>>(),
            "generation": self.generation,
            "semantic_coverage": json::rounded(self.coverage),
            "files": counts.files,
            "chunks": counts.chunks,
            "distinct_chunks": counts.distinct,
            "encoded_chunks": counts.encoded,
            "tokens": self.tokens.iter().map(tokens_json).collect::<Vec<_>>(),
            "codebook": self.codebook,
            "symbols": counts.symbols,
            "references": counts.references,
            "text_bytes": counts.text_bytes,
            "store_bytes": counts.store_bytes,
            "segments": counts.segments,
            "languages": self.languages(),
            "skipped": skipped,
            "skipped_files": self.skipped.iter().map(skipped_json).collect::<Vec<_>>(),
            "unreadable_files": self.files.iter().filter_map(unreadable_json).collect::<Vec<_>>(),
        })
    }

    fn write_text(&self, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let counts = &self.counts;
        let root = self.workspace.root().as_os_str().as_encoded_bytes();
        let store = self.workspace.store_dir().as_os_str().as_encoded_bytes();
        let languages: Vec<String> = by_count(self.languages())
            .into_iter()
            .map(|(language, files)| format!("{language} {files}"))
            .collect();
        for (what, detail) in [
            ("root", paint.path(escape::path(root))),
            (
                "index",
                format!("{}, {}", escape::path(store), bytes(counts.store_bytes)),
            ),
            ("model", self.model_text()),
            ("generation", self.generation.to_string()),
            (
                "files",
                format!("{}, {}", counts.files, bytes(counts.text_bytes)),
            ),
            ("languages", languages.join(", ")),
            (
                "chunks",
                format!("{}, {} distinct", counts.chunks, counts.distinct),
            ),
            (
                "encoded",
                format!("{} ({:.0} %)", counts.encoded, 100.0 * self.coverage),
            ),
            ("tokens", self.tokens_text()),
            (
                "symbols",
                format!("{}, {} references", counts.symbols, counts.references),
            ),
            ("skipped", self.skipped.len().to_string()),
        ] {
            writeln!(out, "{what:11} {detail}")?;
        }
        let unused = self.workspace.unused();
        if !unused.is_empty() {
            let size = bytes(unused.iter().map(|one| one.bytes).sum());
            let what = format!("{} by other models, {size}", unused.len());
            writeln!(
                out,
                "{:11} {what}; `fathom clear --unused` deletes them",
                "unused"
            )?;
        }
        for (reason, records) in self.reasons() {
            self.write_reason(out, reason, &records, paint)?;
        }
        for file in self.files.iter().filter(|file| file.unreadable.is_some()) {
            let why = file.unreadable.as_deref().unwrap_or_default();
            let (path, why) = (
                escape::path(&file.record.path),
                escape::text(why.as_bytes()),
            );
            writeln!(
                out,
                "  {}  {}: {why}, last good version kept",
                paint.doubtful("unreadable"),
                paint.path(path)
            )?;
        }
        Ok(())
    }

    /// The model that answers, and the one that is to.
    fn model_text(&self) -> String {
        let answers = self.workspace.profile().id().to_owned();
        match self.workspace.next() {
            None => answers,
            Some(next) => format!("{answers}, until the index of {} is complete", next.id()),
        }
    }

    /// Number of tokens and what each takes on disk, by codec.
    fn tokens_text(&self) -> String {
        let text = |usage: &TokenUsage| {
            let (vector, posting) = bytes_per_token(usage);
            let postings = match usage.posting_bytes {
                0 => String::new(),
                _ => format!(", {posting:.1} of postings"),
            };
            let codec = usage.codec();
            format!("{} {codec} ({vector:.1} B each{postings})", usage.tokens)
        };
        match self.tokens.as_slice() {
            [] => "0".into(),
            all => all.iter().map(text).collect::<Vec<_>>().join(", "),
        }
    }

    fn write_reason(
        &self,
        out: &mut dyn Write,
        reason: &str,
        records: &[&SkipRecord],
        paint: Paint,
    ) -> io::Result<()> {
        writeln!(out, "  {reason}: {}", records.len())?;
        for record in records.iter().take(EXAMPLES) {
            let detail = match record.detail.as_str() {
                "" => String::new(),
                detail => format!("  {}", escape::text(detail.as_bytes())),
            };
            let path = paint.path(escape::path(&record.path));
            writeln!(out, "    {path}{}", paint.faint(detail))?;
        }
        match records.len().saturating_sub(EXAMPLES) {
            0 => Ok(()),
            more => writeln!(out, "    … and {more} more (`--json` lists all)"),
        }
    }
}

/// Bytes of a vector and of its postings.
fn bytes_per_token(usage: &TokenUsage) -> (f64, f64) {
    let each = |bytes: u64| bytes as f64 / usage.tokens.max(1) as f64;
    (each(usage.vector_bytes), each(usage.posting_bytes))
}

fn tokens_json(usage: &TokenUsage) -> serde_json::Value {
    let (vector, posting) = bytes_per_token(usage);
    json!({
        "codec": usage.codec(),
        "tokens": usage.tokens,
        "segments": usage.segments,
        "vector_bytes_per_token": json::rounded(vector as f32),
        "posting_bytes_per_token": json::rounded(posting as f32),
    })
}

fn skipped_json(record: &SkipRecord) -> serde_json::Value {
    let (path, path_b64) = json::path(&record.path);
    let mut entry = json!({
        "path": path,
        "reason": record.reason.as_str(),
        "detail": record.detail,
    });
    if let Some(b64) = path_b64 {
        entry["path_b64"] = b64.into();
    }
    entry
}

fn unreadable_json(file: &FileRow) -> Option<serde_json::Value> {
    let detail = file.unreadable.as_deref()?;
    let (path, _) = json::path(&file.record.path);
    Some(json!({ "path": path, "detail": detail }))
}

/// Most first.
fn by_count(counts: BTreeMap<&str, u64>) -> Vec<(&str, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
    counts
}

/// A size for people.
pub fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
