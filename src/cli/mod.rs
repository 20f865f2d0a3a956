//! The command line: arguments here, one file per command.

pub mod ask;
pub mod chat;
pub mod check;
pub mod clear;
pub mod completions;
pub mod daemon;
pub mod doctor;
pub mod eval;
pub mod explain;
mod format;
mod freshness;
pub mod index;
pub mod install;
pub mod interchange;
pub mod lsp;
pub mod man;
pub mod map;
pub mod mcp;
pub mod model;
mod reader;
pub mod search;
pub mod serve;
pub mod similar;
pub mod status;
mod store;
mod terminal;
pub mod ui;
pub mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use fathom::config::{ColorChoice, Flags, Settings};

use crate::errors;

/// Finds code by meaning, word, symbol or pattern; on your own machine, offline
#[derive(Debug, Parser)]
#[command(name = "fathom", version, max_term_width = 100)]
#[command(after_help = "Run `fathom search \"where is …\"` in a repository to begin.")]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
#[command(
    next_help_heading = "Options of every command",
    next_display_order = 1_000
)]
pub struct Global {
    /// Folder that holds the indexes [env: FATHOM_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Number of threads [env: FATHOM_THREADS]
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// When to colour the output [env: FATHOM_COLOR]
    #[arg(long, global = true, value_name = "WHEN")]
    pub color: Option<ColorChoice>,
    /// No progress and no notes on stderr, only errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build or refresh the index of a repository
    Index(index::IndexArgs),
    /// Find code: ask a question, name a symbol, or give a pattern
    Search(search::SearchArgs),
    /// Search as you type, read and explain what is found, open it in your editor
    Ui(ui::UiArgs),
    /// Find code that is like the code at a line
    Similar(similar::SimilarArgs),
    /// Answer a question about the code by what the code says
    Ask(ask::AskArgs),
    /// Ask one question after the other; what was said before is kept
    Chat(chat::ChatArgs),
    /// Explain a place, a symbol or a stack trace: what it is, who uses it, what tests it
    Explain(explain::ExplainArgs),
    /// Show the most important definitions, within a number of tokens
    Map(map::MapArgs),
    /// Serve coding agents: search, explain and ask by the Model Context Protocol
    Mcp(mcp::McpArgs),
    /// Tell coding agents of fathom: Claude Code, Codex, Cursor, VS Code, Gemini CLI, Zed, …
    Install(install::InstallArgs),
    /// Take back what `fathom install` did
    Uninstall(install::UninstallArgs),
    /// Serve an editor: explanations on hover, answers, symbols, calls
    Lsp(lsp::LspArgs),
    /// Keep indexes fresh and the model loaded, so that searches are quick
    Watch(watch::WatchArgs),
    /// Serve HTTP for programs and a page for people, on this machine
    Serve(serve::ServeArgs),
    /// Look at the process that watches, or end it
    Daemon(daemon::DaemonArgs),
    /// Show what is indexed, what is not, and why
    Status(status::StatusArgs),
    /// Read every byte of the index and verify it
    Check(check::CheckArgs),
    /// Delete the index of a repository (never the repository)
    Clear(clear::ClearArgs),
    /// Check that this installation can work, and say what to do where it cannot
    Doctor(doctor::DoctorArgs),
    /// Work on models
    Model(model::ModelArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(man::ManArgs),
    /// Measure search quality on labelled questions
    Eval(eval::EvalArgs),
}

impl Global {
    /// The settings of this run; doubts about the user's file go to stderr.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        self.settings_with(Flags::default())
    }

    /// Like [`Global::settings`], with the flags of one command.
    pub fn settings_with(&self, flags: Flags) -> anyhow::Result<Settings> {
        let flags = Flags {
            data_dir: self.data_dir.clone(),
            threads: self.threads,
            color: self.color,
            ..flags
        };
        let (settings, warnings) = Settings::load(&flags)?;
        self.warn_all(&warnings);
        Ok(settings)
    }

    /// Warnings on stderr, unless `--quiet`.
    pub fn warn_all(&self, warnings: &[String]) {
        for warning in warnings {
            if !self.quiet {
                errors::warn(warning);
            }
        }
    }

    /// A note on stderr, unless `--quiet`.
    pub fn note(&self, note: &str) {
        if !self.quiet {
            errors::tell(note);
        }
    }
}
