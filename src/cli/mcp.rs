//! `fathom mcp`: code search for agents, by the Model Context Protocol.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use fathom::config::Flags;
use fathom::workspace::Workspace;

use super::Global;
use super::reader::ReaderArgs;
use super::serve;
use crate::errors::{Exit, tell};
use crate::mcp::{Listening, Options, serve_http, serve_stdio};

#[derive(Args, Debug)]
pub struct McpArgs {
    /// Paths in the repositories to serve; without, the folders that the client works in, else
    /// the repository of the current folder
    paths: Vec<PathBuf>,
    /// Offer `reindex` too; without, all tools only read
    #[arg(long)]
    allow_write: bool,
    /// Serve clients over HTTP at this address, such as 127.0.0.1:7172, instead of one on stdin
    /// and stdout; port 0 takes any that is free. Another address than this machine's own needs a
    /// token
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// With --http, another name by which the server may be addressed; may be given more than once
    #[arg(long, value_name = "NAME", requires = "http")]
    allow_host: Vec<String>,
    /// With --http, a site whose pages may ask, such as `https://ide.example`; may be given more
    /// than once
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
    /// With --http, file with a text that requests must carry as `Authorization: Bearer TEXT`; only
    /// its user may be able to read it [env: FATHOM_TOKEN, the text itself]
    #[arg(long, value_name = "FILE", requires = "http")]
    token_file: Option<PathBuf>,
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
    let options = Options {
        settings,
        paths: args.paths.clone(),
        allow_write: args.allow_write,
    };
    let Some(address) = args.http else {
        serve_stdio(options)?;
        return Ok(Exit::Found);
    };
    let listening = Listening {
        address,
        hosts: args.allow_host.clone(),
        origins: args.allow_origin.clone(),
        token: serve::token(args.token_file.as_deref())?,
    };
    let ready = |address| tell(&format!("serving agents on http://{address}/mcp"));
    serve_http(options, listening, ready)?;
    Ok(Exit::Found)
}
