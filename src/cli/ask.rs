//! `fathom ask`: the evidence for an answer: the best lines, and the card of what the
//! question names.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use fathom::config::Flags;
use fathom::model::QueryModel;
use fathom::reader;
use fathom::workspace::Workspace;
use fathom_answerer::card::{self, Found};
use fathom_answerer::evidence::{self, Span};
use fathom_answerer::reader::Reader;
use fathom_answerer::{context, prompt};
use fathom_encoders::Profile;
use fathom_indexes::Snapshot;
use fathom_retriever::understand::Understanding;
use fathom_retriever::{Confidence, Mode, SearchOutcome};
use serde_json::{Value, json};

use super::reader::ReaderArgs;
use super::search::{FilterArgs, FreshnessArgs};
use super::{Global, freshness};
use crate::errors::{Exit, warn};
use crate::output::card::{Explained, card_json, place_json, range, write_card};
use crate::output::highlight::Highlighter;
use crate::output::style::Paint;
use crate::output::{escape, json};

/// Bytes taken for one token where there is no reader to count them.
const BYTES_PER_TOKEN: usize = 4;
/// What gets a reader.
const NO_READER: &str = "no reader model: this is the evidence; `fathom model pull qwen2.5-coder-1.5b` installs one, or give `--model PATH.gguf`";

#[derive(Args, Debug)]
pub struct AskArgs {
    /// A question about the code
    question: String,
    /// Ask about what lies below this path
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print exactly what a reader would be sent, and end
    #[arg(long)]
    show_context: bool,
    /// Tokens of code that a reader is shown
    #[arg(long, value_name = "N", default_value_t = 3000)]
    context_tokens: usize,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reader: ReaderArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

/// What there is to say without a reader.
struct Evidence {
    question: String,
    generation: u64,
    coverage: f32,
    confidence: Option<Confidence>,
    spans: Vec<Span>,
    card: Option<Explained>,
}

pub fn run(global: &Global, args: &AskArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        top_k: args.filter.top_k(),
        no_background: args.freshness.no_background(),
        reader: args.reader.options(),
        ..Flags::default()
    })?;
    let sources = reader::sources(&settings)?;
    let model = QueryModel::start(&Profile::bundled(), settings.threads, Some(&args.question));
    let workspace = Workspace::open_to_search(&args.path, &settings)?;
    global.warn_all(workspace.warnings());
    freshness::ensure(global, &workspace, args.freshness.wanted(true))?;
    let snapshot = workspace.snapshot()?;
    let request = args
        .filter
        .request(&args.question, Mode::Hybrid, settings.top_k);
    let outcome = match model.wait() {
        Ok(()) => workspace.search(&snapshot, Some(&model), request)?,
        Err(reason) => {
            warn(&format!("searching by words only: {reason}"));
            workspace.search(&snapshot, None, request)?
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    if args.show_context {
        let reader = sources.first().map(|source| source.open(&settings));
        return show_context(&mut out, args, &snapshot, &outcome, reader.transpose()?);
    }
    let evidence = evidence(args, &workspace, &snapshot, &outcome)?;
    match args.json {
        true => json::pretty(&mut out, &document(&evidence))?,
        false => write(&mut out, &evidence, Paint::for_stdout(settings.color))?,
    }
    out.flush()?;
    global.note(NO_READER);
    Ok(Exit::Found)
}

/// Prints the messages that a reader would be sent.
fn show_context(
    out: &mut dyn Write,
    args: &AskArgs,
    snapshot: &Snapshot,
    outcome: &SearchOutcome,
    reader: Option<Box<dyn Reader>>,
) -> anyhow::Result<Exit> {
    let count = |text: &str| match &reader {
        Some(reader) => reader.count(text),
        None => text.len().div_ceil(BYTES_PER_TOKEN),
    };
    let context = context::gather(snapshot, &outcome.hits, &count, args.context_tokens)?;
    let prompt = prompt::ask(&args.question, &context);
    if args.json {
        let messages = prompt.messages.iter();
        let messages = messages
            .map(|message| json!({"role": message.role.as_str(), "content": message.content}));
        let shown = prompt.shown.iter();
        let shown = shown.map(|one| json!({"number": one.number, "place": one.label}));
        let document = json!({
            "messages": messages.collect::<Vec<_>>(),
            "shown": shown.collect::<Vec<_>>(),
        });
        json::pretty(out, &document)?;
    } else {
        for message in &prompt.messages {
            writeln!(out, "--- {}", message.role.as_str())?;
            for line in message.content.lines() {
                writeln!(out, "{}", escape::text(line.as_bytes()))?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Found)
}

fn evidence(
    args: &AskArgs,
    workspace: &Workspace,
    snapshot: &Snapshot,
    outcome: &SearchOutcome,
) -> anyhow::Result<Evidence> {
    Ok(Evidence {
        question: args.question.clone(),
        generation: outcome.generation,
        coverage: outcome.semantic_coverage,
        confidence: outcome.hits.first().map(|hit| hit.confidence),
        spans: evidence::spans(&outcome.understood, &outcome.hits),
        card: card_of(workspace, snapshot, &outcome.understood)?,
    })
}

/// The card of the first identifier that names exactly one definition.
fn card_of(
    workspace: &Workspace,
    snapshot: &Snapshot,
    question: &Understanding,
) -> anyhow::Result<Option<Explained>> {
    for identifier in &question.identifiers {
        let mut name = identifier.scope.clone();
        name.push(identifier.name.clone());
        if let Found::One(subject) = card::find_symbol(snapshot, &name.join("::"))? {
            let card = card::card(snapshot, *subject)?;
            return Ok(Some(Explained {
                change: card::last_change(workspace.root(), &card.subject.place),
                similar: Vec::new(),
                card,
            }));
        }
    }
    Ok(None)
}

fn write(out: &mut dyn Write, evidence: &Evidence, paint: Paint) -> io::Result<()> {
    if let Some(card) = &evidence.card {
        write_card(out, card, paint)?;
        writeln!(out)?;
    }
    let asked = Highlighter::words(&evidence.question);
    for (i, span) in evidence.spans.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let name = match span.name.as_str() {
            "" => String::new(),
            name => format!("  {}", paint.name(escape::path(name.as_bytes()))),
        };
        writeln!(out, "{}{name}", range(&span.place(), paint))?;
        for (line, number) in span.text.lines().zip(span.start_line..) {
            let text = asked.paint(&escape::text(line.as_bytes()), paint);
            let number = paint.line(format_args!("{number:>4}"));
            writeln!(out, "{number} {} {text}", paint.faint("│"))?;
        }
    }
    if evidence.spans.is_empty() {
        writeln!(out, "nothing in the index answers this")?;
    }
    Ok(())
}

fn document(evidence: &Evidence) -> Value {
    let spans = evidence.spans.iter().map(|span| {
        let mut value = place_json(&span.place());
        value["name"] = span.name.as_str().into();
        value["score"] = json::rounded(span.score).into();
        value["text"] = span.text.as_str().into();
        value
    });
    json!({
        "question": evidence.question,
        "answer": null,
        "reader": null,
        "generation": evidence.generation,
        "semantic_coverage": json::rounded(evidence.coverage),
        "confidence": evidence.confidence.map(Confidence::as_str),
        "evidence": spans.collect::<Vec<_>>(),
        "card": evidence.card.as_ref().map(card_json),
        "hint": NO_READER,
    })
}
