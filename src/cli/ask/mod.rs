//! `fathom ask`: an answer from what the code says, with citations that are checked; without a
//! reader the evidence for one.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use fathom::config::{Flags, Settings};
use fathom::engine::question::Asker;
use fathom::engine::reranking::Reranking;
use fathom::engine::session::Session;
use fathom::model::QueryModel;
use fathom::reader::{self, Readers};
use fathom::workspace::Workspace;
use fathom_answerer::conversation::Conversation;
use fathom_answerer::{context, prompt};
use fathom_retriever::Mode;
use serde_json::json;

use super::freshness::Freshness;
use super::reader::AnswerArgs;
use super::search::{FilterArgs, FreshnessArgs};
use super::terminal::Terminal;
use super::{Global, freshness};
use crate::errors::{Exit, tell};
use fathom::output::answer::{Asked, NO_READER, document, stats_line, write_evidence};
use fathom::output::style::Paint;
use fathom::output::{escape, json};

/// Bytes taken for one token where there is no reader to count them.
const BYTES_PER_TOKEN: usize = 4;

#[derive(Args, Debug)]
pub struct AskArgs {
    /// A question about the code
    question: String,
    /// Ask about what lies below this path
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print exactly what the reader would be sent, and end
    #[arg(long)]
    show_context: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

pub fn run(global: &Global, args: &AskArgs) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let settings = global.settings_with(Flags {
        top_k: args.filter.top_k(),
        no_background: args.freshness.no_background(),
        reader: args.answer.options(),
        ..Flags::default()
    })?;
    let mut readers = Readers::new(reader::sources(&settings)?, &settings);
    let paint = Paint::for_stdout(settings.color);
    let wanted = args.freshness.wanted(true);
    let question = args.question.as_str();
    let (workspace, model) = open(global, &args.path, &settings, Some(question), wanted)?;
    let reranking = Reranking::by_settings(&settings);
    let mut asker = Asker {
        session: Session {
            workspace: &workspace,
            model: &model,
            reranking: reranking.as_ref(),
        },
        request: args.filter.request(question, Mode::Hybrid, settings.top_k),
        limits: args.answer.limits(),
        readers: &mut readers,
        conversation: &mut Conversation::default(),
        listener: &mut Terminal::new(global, (!args.json).then_some(paint)),
    };
    if args.show_context {
        return show_context(global, args, &mut asker);
    }
    let asked = asker.ask(question, began)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.json {
        true => json::pretty(&mut out, &document(&asked))?,
        false => write_evidence(&mut out, &asked, paint)?,
    }
    out.flush()?;
    Ok(finish(global, &asked, args.answer.stats()))
}

/// Opens the repository of a path and brings its index up to date, while the model loads and
/// encodes `first`, the first question.
pub fn open(
    global: &Global,
    path: &Path,
    settings: &Settings,
    first: Option<&str>,
    wanted: Freshness,
) -> anyhow::Result<(Workspace, QueryModel)> {
    let model = QueryModel::start_for(path, settings, first)?;
    let workspace = Workspace::open_to_search(path, settings)?;
    let model = model.matching(&workspace);
    global.warn_all(workspace.warnings());
    freshness::ensure(global, &workspace, wanted)?;
    Ok((workspace, model))
}

/// Notes at the end, and the exit code.
pub fn finish(global: &Global, asked: &Asked, stats: bool) -> Exit {
    freshness::warn_of_changed(&asked.changed);
    let Some(given) = &asked.given else {
        if !asked.has_reader() {
            global.note(NO_READER);
        }
        return Exit::Found;
    };
    if stats {
        tell(&stats_line(&given.answered.stats));
    }
    if let Some(reason) = given.ended_early() {
        global.note(reason);
    }
    match given.is_cancelled() {
        true => Exit::Interrupted,
        false => Exit::Found,
    }
}

/// Prints the messages that a reader would be sent, with its own count of tokens.
fn show_context(global: &Global, args: &AskArgs, asker: &mut Asker<'_>) -> anyhow::Result<Exit> {
    let snapshot = asker.session.workspace.snapshot()?;
    let hits = asker.hits(&snapshot, &args.question)?;
    let has_reader = asker.readers.sources().next().is_some();
    let (prompt, tokens, counted_by) = if has_reader {
        let (prompt, _) = asker.prompt(0, &snapshot, &args.question, &hits)?;
        let reader = asker.readers.get(0)?;
        let contents = prompt.messages.iter().map(|one| reader.count(&one.content));
        (
            prompt.clone(),
            contents.sum(),
            Some(reader.name().to_owned()),
        )
    } else {
        let count = |text: &str| text.len().div_ceil(BYTES_PER_TOKEN);
        let budget = args.answer.limits().context_tokens;
        let (question, under) = (&args.question, asker.session.workspace.under());
        let context = context::for_question(&snapshot, question, under, &hits, &count, budget)?;
        let prompt = prompt::ask(&args.question, &context);
        let tokens: usize = prompt.messages.iter().map(|one| count(&one.content)).sum();
        (prompt, tokens, None)
    };
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        let messages = prompt.messages.iter();
        let messages = messages
            .map(|message| json!({"role": message.role.as_str(), "content": message.content}));
        let shown = prompt.shown.iter();
        let shown = shown.filter(|one| one.number != context::UNNUMBERED);
        let shown = shown.map(|one| json!({"number": one.number, "place": one.label}));
        let document = json!({
            "messages": messages.collect::<Vec<_>>(),
            "shown": shown.collect::<Vec<_>>(),
            "tokens": tokens,
            "counted_by": counted_by,
        });
        json::pretty(&mut out, &document)?;
    } else {
        for message in &prompt.messages {
            writeln!(out, "--- {}", message.role.as_str())?;
            for line in message.content.lines() {
                writeln!(out, "{}", escape::text(line.as_bytes()))?;
            }
        }
    }
    out.flush()?;
    global.note(&match counted_by {
        Some(name) => format!("{tokens} tokens as `{name}` counts them"),
        None => format!("about {tokens} tokens, four bytes taken for one"),
    });
    Ok(Exit::Found)
}
