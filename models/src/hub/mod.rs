//! The hub: repositories of model files behind HTTP, and a cache on disk that
//! all of its tools share.
//!
//! Paths, headers and folders are those of the Hugging Face hub:
//! `/api/models/{repository}/revision/{revision}`,
//! `/{repository}/resolve/{commit}/{file}`, `models--owner--name/{blobs,refs,snapshots}`.

mod api;
mod cache;
mod error;
mod fetch;
mod http;
mod part;
mod retry;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use api::{RemoteFile, Repository};
pub use cache::Cache;
pub use error::HubError;
pub use fetch::{Event, Fetched};

/// The hub that is asked unless the user names another.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// A token for the hub, which no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, without the line end that files have.
    #[must_use]
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        let sendable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (!text.is_empty() && sendable).then(|| Token(text.to_owned()))
    }

    /// The token itself, for the request.
    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where the hub is, and how it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubOptions {
    /// Address, without a slash at its end.
    pub endpoint: String,
    /// Sent to that address and to no other.
    pub token: Option<Token>,
    /// Nothing is asked.
    pub offline: bool,
    /// The cache, such as `~/.cache/huggingface/hub`.
    pub cache: PathBuf,
    /// How often and how soon something that failed is tried again.
    pub retry: Retry,
}

/// How often and how soon something that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Failures in a row, without a byte in between, after which it is an error.
    pub failures: u32,
    /// Wait after the first; each further one waits twice as long.
    pub first_wait: Duration,
    /// No wait is longer, whatever the server asks for.
    pub longest_wait: Duration,
    /// A connection from which nothing comes for so long is broken.
    pub silence: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            failures: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            silence: Duration::from_secs(30),
        }
    }
}

/// A hub that can be asked.
pub struct Hub {
    options: HubOptions,
    agent: ureq::Agent,
}

impl Hub {
    /// Does not connect yet.
    #[must_use]
    pub fn new(options: HubOptions) -> Hub {
        let agent = http::agent(options.retry.silence);
        Hub { options, agent }
    }

    /// The cache on disk.
    #[must_use]
    pub fn cache(&self) -> Cache {
        Cache::new(&self.options.cache)
    }

    /// The page of a repository, for people.
    #[must_use]
    pub fn page(&self, repository: &str) -> String {
        format!("{}/{repository}", self.options.endpoint)
    }
}
