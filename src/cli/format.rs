//! The options that say how results are shown, and the showing.

use std::io::{self, BufWriter, IsTerminal, Write};

use clap::Args;
use fathom::config::ColorChoice;

use super::Global;
use crate::errors::Exit;
use fathom::output::excerpt::Amount;
use fathom::output::highlight::Highlighter;
use fathom::output::style::Paint;
use fathom::output::text::{self, TextOptions};
use fathom::output::{Answer, Item, budget, json};

/// How results are shown.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct FormatArgs {
    /// One JSON document
    #[arg(long, conflicts_with_all = ["jsonl", "files_with_matches"])]
    json: bool,
    /// One JSON object per result and line
    #[arg(long, conflicts_with = "files_with_matches")]
    jsonl: bool,
    /// Only the names of the files
    #[arg(short = 'l', long)]
    files_with_matches: bool,
    /// Lines to show after each match
    #[arg(short = 'A', long, value_name = "N")]
    after_context: Option<u32>,
    /// Lines to show before each match
    #[arg(short = 'B', long, value_name = "N")]
    before_context: Option<u32>,
    /// Lines to show before and after each match
    #[arg(short = 'C', long, value_name = "N")]
    context: Option<u32>,
    /// Show what each signal adds to the score
    #[arg(long)]
    explain_score: bool,
    /// Fit the output into so many tokens (of about four bytes)
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Json,
    JsonLines,
    Files,
}

/// How to show an answer.
pub struct Format {
    kind: Kind,
    text: TextOptions,
    max_tokens: Option<usize>,
}

impl Format {
    /// From the arguments.
    pub fn new(args: &FormatArgs, color: ColorChoice) -> Format {
        Format {
            kind: match args {
                FormatArgs { json: true, .. } => Kind::Json,
                FormatArgs { jsonl: true, .. } => Kind::JsonLines,
                FormatArgs {
                    files_with_matches: true,
                    ..
                } => Kind::Files,
                _ => Kind::Text,
            },
            text: TextOptions {
                paint: Paint::for_stdout(color),
                amount: amount(args),
                explain: args.explain_score,
            },
            max_tokens: args.max_tokens,
        }
    }

    /// Whether lines beyond the chunk may be shown.
    pub fn needs_whole_files(&self) -> bool {
        self.kind == Kind::Text && matches!(self.text.amount, Amount::Around { .. })
    }

    /// Writes the answer to stdout; the exit code says whether there was one.
    pub fn show(
        &self,
        global: &Global,
        mut answer: Answer,
        asked: &Highlighter,
    ) -> anyhow::Result<Exit> {
        if let Some(tokens) = self.max_tokens {
            let around = self.size_without_results(&answer);
            let size = |item: &Item| self.size(item, asked);
            let left_out = budget::fit(&mut answer.results, tokens, around, size);
            if left_out > 0 {
                global.note(&format!(
                    "{left_out} results left out or cut to fit into {tokens} tokens"
                ));
            }
        }
        let mut out = BufWriter::new(io::stdout().lock());
        self.write(&mut out, &answer, asked)?;
        out.flush()?;
        Ok(if answer.results.is_empty() {
            Exit::Nothing
        } else {
            Exit::Found
        })
    }

    fn write(&self, out: &mut dyn Write, answer: &Answer, asked: &Highlighter) -> io::Result<()> {
        match self.kind {
            Kind::Text => text::write(out, answer, asked, &self.text),
            Kind::Json => json::document(out, answer),
            Kind::JsonLines => json::lines(out, answer),
            Kind::Files => text::write_files(out, answer, io::stdout().is_terminal()),
        }
    }

    /// Bytes that are written whatever the results are.
    fn size_without_results(&self, answer: &Answer) -> usize {
        let empty = Answer {
            results: Vec::new(),
            ..answer.clone()
        };
        let mut out = Vec::new();
        match self.kind {
            Kind::Json => {
                // A list that is not empty has line ends after its brackets, the last indented.
                let brackets = "\n\n  ".len();
                json::document(&mut out, &empty).map_or(0, |()| out.len() + brackets)
            }
            _ => 0,
        }
    }

    /// Bytes that one result takes.
    fn size(&self, item: &Item, asked: &Highlighter) -> usize {
        match self.kind {
            Kind::Json => json::size_in_document(item),
            Kind::JsonLines => json::line_size(item),
            Kind::Files => item.path.len() + 1,
            Kind::Text => {
                let mut shown = Vec::new();
                match text::write_item(&mut shown, item, asked, &self.text) {
                    Ok(()) => shown.len() + 1,
                    Err(_) => item.text.len(),
                }
            }
        }
    }
}

/// Readers that count tokens get whole chunks, people get excerpts.
fn amount(args: &FormatArgs) -> Amount {
    let (before, after) = (
        args.before_context.or(args.context),
        args.after_context.or(args.context),
    );
    match (before, after, args.max_tokens) {
        (None, None, None) => Amount::Short,
        (None, None, Some(_)) => Amount::Whole,
        (before, after, _) => Amount::Around {
            before: before.unwrap_or(0),
            after: after.unwrap_or(0),
        },
    }
}
