//! The `fathom` program: parse, run one command, end with its exit code.

mod cli;
mod errors;
mod eval;
mod install;
mod mcp;
mod progress;
mod signals;
mod stdout;

use std::process::ExitCode;

use clap::Parser;
use cli::{Arguments, Command};

fn main() -> ExitCode {
    let Arguments { global, command } = Arguments::parse();
    let result = match command {
        Command::Index(args) => cli::index::run(&global, &args),
        Command::Search(args) => cli::search::run(&global, &args),
        Command::Ui(args) => cli::ui::run(&global, &args),
        Command::Similar(args) => cli::similar::run(&global, &args),
        Command::Ask(args) => cli::ask::run(&global, &args),
        Command::Chat(args) => cli::chat::run(&global, &args),
        Command::Explain(args) => cli::explain::run(&global, &args),
        Command::Map(args) => cli::map::run(&global, &args),
        Command::Mcp(args) => cli::mcp::run(&global, &args),
        Command::Install(args) => cli::install::run(&global, &args),
        Command::Uninstall(args) => cli::install::run_uninstall(&global, &args),
        Command::Lsp(args) => cli::lsp::run(&global, &args),
        Command::Watch(args) => cli::watch::run(&global, &args),
        Command::Serve(args) => cli::serve::run(&global, &args),
        Command::Daemon(args) => cli::daemon::run(&global, &args),
        Command::Status(args) => cli::status::run(&global, &args),
        Command::Check(args) => cli::check::run(&global, &args),
        Command::Clear(args) => cli::clear::run(&global, &args),
        Command::Doctor(args) => cli::doctor::run(&global, &args),
        Command::Model(args) => cli::model::run(&global, &args),
        Command::Completions(args) => cli::completions::run(&args),
        Command::Man(args) => cli::man::run(&args),
        Command::Eval(args) => cli::eval::run(&global, &args),
    };
    let exit = errors::finish(result);
    fathom::leaving::leave();
    exit.into()
}
