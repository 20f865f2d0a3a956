//! `fathom mcp`: code search for agents, by the Model Context Protocol.

use std::path::PathBuf;

use clap::Args;
use fathom::config::Flags;
use fathom::workspace::Workspace;

use super::Global;
use super::reader::ReaderArgs;
use crate::errors::Exit;
use crate::mcp::{Options, serve_stdio};

#[derive(Args, Debug)]
pub struct McpArgs {
    /// Paths in the repositories to serve; without, the folders that the client works in, else
    /// the repository of the current folder
    paths: Vec<PathBuf>,
    /// Offer `reindex` too; without, all tools only read
    #[arg(long)]
    allow_write: bool,
    #[command(flatten)]
    reader: ReaderArgs,
}

pub fn run(global: &Global, args: &McpArgs) -> anyhow::Result<Exit> {
    let settings = global.settings_with(Flags {
        // A process that goes on in the background would outlive the client.
        no_background: true,
        reader: args.reader.options(),
        ..Flags::default()
    })?;
    for path in &args.paths {
        Workspace::locate(path, &settings)?;
    }
    serve_stdio(Options {
        settings,
        paths: args.paths.clone(),
        allow_write: args.allow_write,
    })?;
    Ok(Exit::Found)
}
