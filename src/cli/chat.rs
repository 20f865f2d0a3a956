//! `fathom chat`: questions one after the other; what was said and shown before is kept.

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use fathom::config::Flags;
use fathom::engine::question::Asker;
use fathom::engine::reranking::Reranking;
use fathom::engine::session::Session;
use fathom::reader::{self, Readers};
use fathom_answerer::card::Place;
use fathom_answerer::conversation::Conversation;
use fathom_retriever::Mode;

use super::Global;
use super::ask::{finish, open};
use super::freshness::{self, Freshness};
use super::reader::AnswerArgs;
use super::search::{FilterArgs, FreshnessArgs};
use super::terminal::Terminal;
use crate::errors::{self, Exit};
use fathom::output::answer::{document, write_evidence};
use fathom::output::card::range;
use fathom::output::style::Paint;

/// What a line that begins with `/` may say.
const COMMANDS: &str =
    "`/sources` lists the code that was shown, `/new` forgets what was said, `/quit` ends";

#[derive(Args, Debug)]
#[command(
    after_help = "Each line of stdin is a question. Of lines that begin with `/`: `/sources` lists the code that was shown, `/new` forgets what was said, `/quit` ends. Ctrl-C stops an answer."
)]
pub struct ChatArgs {
    /// Ask about what lies below this path
    #[arg(default_value = ".")]
    path: PathBuf,
    /// One JSON document per question, each on a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    freshness: FreshnessArgs,
}

/// What a line asks for.
enum Line {
    Question(String),
    Sources,
    New,
    Quit,
    Unknown(String),
    Nothing,
}

pub fn run(global: &Global, args: &ChatArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        top_k: args.filter.top_k(),
        no_background: args.freshness.no_background(),
        reader: args.answer.options(),
        ..Flags::default()
    })?;
    let mut readers = Readers::new(reader::sources(&settings)?, &settings);
    // There is time to load it while the first question is written.
    readers.begin();
    let paint = Paint::for_stdout(settings.color);
    let wanted = args.freshness.wanted(true);
    let (workspace, model) = open(global, &args.path, &settings, None, wanted)?;
    let reranking = Reranking::by_settings(&settings);
    let mut chat = Chat {
        global,
        args,
        paint,
        failed: false,
        asker: Asker {
            session: Session {
                workspace: &workspace,
                model: &model,
                reranking: reranking.as_ref(),
            },
            request: args.filter.request("", Mode::Hybrid, settings.top_k),
            limits: args.answer.limits(),
            readers: &mut readers,
            conversation: &mut Conversation::default(),
            listener: &mut Terminal::new(global, (!args.json).then_some(paint)),
        },
    };
    chat.talk(&mut io::stdin().lock())?;
    Ok(if chat.failed {
        Exit::Error
    } else {
        Exit::Found
    })
}

struct Chat<'a> {
    global: &'a Global,
    args: &'a ChatArgs,
    paint: Paint,
    asker: Asker<'a>,
    /// Whether a question could not be answered.
    failed: bool,
}

impl Chat<'_> {
    fn talk(&mut self, lines: &mut dyn BufRead) -> anyhow::Result<()> {
        let is_terminal = io::stdin().is_terminal();
        let mut line = String::new();
        loop {
            if is_terminal {
                let _prompt = io::stderr().write_all(b"> ");
            }
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match parse(&line) {
                Line::Question(question) => self.answer(&question)?,
                Line::Sources => self.sources()?,
                Line::New => *self.asker.conversation = Conversation::default(),
                Line::Quit => return Ok(()),
                Line::Unknown(word) => errors::tell(&format!("`{word}` is unknown; {COMMANDS}")),
                Line::Nothing => {}
            }
        }
    }

    /// Answers one question. What fails is told, and the next question may be asked.
    fn answer(&mut self, question: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        if self.args.freshness.wanted(false) == Freshness::Words {
            let workspace = self.asker.session.workspace;
            freshness::ensure(self.global, workspace, Freshness::Words)?;
        }
        let asked = match self.asker.ask(question, began) {
            Ok(asked) => asked,
            Err(error) => {
                self.failed = true;
                errors::finish(Err(error));
                return Ok(());
            }
        };
        let mut out = BufWriter::new(io::stdout().lock());
        if self.args.json {
            serde_json::to_writer(&mut out, &document(&asked))?;
        } else {
            write_evidence(&mut out, &asked, self.paint)?;
        }
        writeln!(out)?;
        out.flush()?;
        // An interrupted answer ends the answer, not the chat.
        let _exit = finish(self.global, &asked, self.args.answer.stats());
        Ok(())
    }

    /// Lists the code that the reader still sees.
    fn sources(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (number, piece) in self.asker.conversation.pieces() {
            let place = Place {
                path: piece.path.clone(),
                start_line: piece.lines.0,
                end_line: piece.lines.1,
            };
            writeln!(out, "[{number}] {}", range(&place, self.paint))?;
        }
        out.flush()
    }
}

fn parse(line: &str) -> Line {
    match line.trim() {
        "" => Line::Nothing,
        "/sources" => Line::Sources,
        "/new" => Line::New,
        "/quit" | "/exit" => Line::Quit,
        word if word.starts_with('/') && !word.contains(' ') => Line::Unknown(word.to_owned()),
        question => Line::Question(question.to_owned()),
    }
}
