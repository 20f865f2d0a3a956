//! The Model Context Protocol: what agents ask, over stdin and stdout or over HTTP.
//!
//! `server` speaks the protocol, `tools` does the work, one file per tool. Nothing is opened or
//! loaded before the first call of a tool.

mod call;
mod fault;
mod http;
mod instructions;
mod progress;
mod reply;
mod roots;
mod schema;
mod server;
mod stdio;
mod text;
mod tools;

use std::path::PathBuf;

use fathom::config::Settings;

pub use http::{Listening, serve as serve_http};
pub use stdio::serve as serve_stdio;

/// What is served, and to what extent.
#[derive(Clone, Debug)]
pub struct Options {
    /// Settings of the user.
    pub settings: Settings,
    /// Paths in the repositories that are served; none: what the client offers, else the
    /// repository of the current folder.
    pub paths: Vec<PathBuf>,
    /// Whether `reindex` is offered.
    pub allow_write: bool,
}
