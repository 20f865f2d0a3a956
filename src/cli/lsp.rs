//! `fathom lsp`: the language server, on stdin and stdout.

use std::io::{self, ErrorKind};

use clap::Args;
use fathom::config::Flags;
use fathom::lsp::{self, Ended};

use super::Global;
use super::reader::ReaderArgs;
use crate::errors::{Exit, Failure};
use crate::stdout;

#[derive(Args, Debug)]
pub struct LspArgs {
    /// What there is anyway; clients give it
    #[arg(long, hide = true)]
    stdio: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub fn run(global: &Global, args: &LspArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        reader: args.reader.options(),
        ..Flags::default()
    })?;
    match lsp::serve(&settings, io::stdin(), stdout::own()?) {
        Ok(Ended::Orderly) => Ok(Exit::Found),
        Ok(Ended::WithoutShutdown) => Ok(Exit::Nothing),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(Failure::new(
            format!("what comes on stdin is not the language server protocol: {error}"),
            "`fathom lsp` is for editors; `docs/editors` says how to set them up",
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}
