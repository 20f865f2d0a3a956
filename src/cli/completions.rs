//! `fathom completions SHELL`: a completion script on stdout.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Arguments;
use crate::errors::Exit;

#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

pub fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "fathom", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Found)
}
