//! `fathom serve`: HTTP for programs and a page for people, on one address.
//!
//! A request passes the gate (Host, Origin, token), the limits (requests at once, size, time) and
//! reaches the engine, which is blocking and therefore has threads of its own.

mod answers;
mod chat;
mod connection;
mod events;
pub mod gate;
mod input;
mod jobs;
mod metrics;
mod openapi;
mod page;
mod params;
mod problem;
pub mod replies;
mod routes;
mod search;
mod server;
mod state;
mod status;
mod vectors;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Settings;
use crate::workspace::WorkspaceError;
use gate::{Token, TokenError};

pub use problem::Problem;
pub use server::{answer_until, serve};

/// What may be asked for at once, how much, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests at once; more are answered 429.
    pub requests: usize,
    /// Answers of readers that are given or waited for at once; more are answered 503.
    pub answers: usize,
    /// Open connections; more wait.
    pub connections: usize,
    /// Bytes of a request's body.
    pub body: usize,
    /// Time for a request, the reading of its body included.
    pub request: Duration,
    /// Time for an answer of a reader.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests: 16,
            answers: 4,
            connections: 256,
            body: 1 << 20,
            request: Duration::from_secs(30),
            answer: Duration::from_secs(300),
        }
    }
}

/// What is served, to whom and where.
pub struct Options {
    /// Settings of the user.
    pub settings: Settings,
    /// Paths in the repositories.
    pub paths: Vec<PathBuf>,
    /// Where to listen; port 0: any that is free.
    pub listen: SocketAddr,
    /// More names by which the server may be addressed, with or without a port.
    pub hosts: Vec<String>,
    /// Other sites whose pages may ask.
    pub origins: Vec<String>,
    /// What every request for repository text must carry.
    pub token: Option<Token>,
    /// How much may be asked.
    pub limits: Limits,
    /// Links that open an editor, with `{path}` and `{line}`.
    pub editor: String,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A path leads nowhere.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The address cannot be used.
    #[error("cannot listen on {address}: {source}; `--listen 127.0.0.1:0` takes any free port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others could reach it, and nothing keeps them out.
    #[error(
        "{0} can be reached from other machines, which needs a token; write a long random text into a file that only you can read, and give `--token-file FILE`"
    )]
    TokenNeeded(SocketAddr),
    /// The token is not usable.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No threads.
    #[error("cannot start the threads of the server: {0}; see `ulimit -u`")]
    Threads(std::io::Error),
}
