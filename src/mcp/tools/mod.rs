//! The tools: what each is called, takes, gives and does.

mod ask;
mod explain;
mod map;
mod page;
mod search;
mod similar;
mod span;
mod status;

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool as Described, ToolAnnotations};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::fault::Fault;
use super::reply::Reply;
use super::schema;

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Finds code.
    Search,
    /// Finds code like some code.
    FindSimilar,
    /// Lines of a file.
    ReadSpan,
    /// The card of a symbol or a place.
    ExplainSymbol,
    /// The most important definitions.
    RepoMap,
    /// An answer with citations.
    Ask,
    /// What is indexed.
    IndexStatus,
    /// Makes the index whole.
    Reindex,
}

impl Tool {
    const ALL: [Tool; 8] = [
        Tool::Search,
        Tool::FindSimilar,
        Tool::ReadSpan,
        Tool::ExplainSymbol,
        Tool::RepoMap,
        Tool::Ask,
        Tool::IndexStatus,
        Tool::Reindex,
    ];

    /// The tools that a client may call.
    pub fn offered(allow_write: bool) -> impl Iterator<Item = Tool> {
        let all = Tool::ALL.into_iter();
        all.filter(move |&tool| allow_write || tool != Tool::Reindex)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Search => "search",
            Tool::FindSimilar => "find_similar",
            Tool::ReadSpan => "read_span",
            Tool::ExplainSymbol => "explain_symbol",
            Tool::RepoMap => "repo_map",
            Tool::Ask => "ask",
            Tool::IndexStatus => "index_status",
            Tool::Reindex => "reindex",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Tool::Search => "Search code",
            Tool::FindSimilar => "Find similar code",
            Tool::ReadSpan => "Read lines of a file",
            Tool::ExplainSymbol => "Explain a symbol or place",
            Tool::RepoMap => "Map of the repository",
            Tool::Ask => "Answer with citations",
            Tool::IndexStatus => "State of the index",
            Tool::Reindex => "Make the index whole",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Tool::Search => {
                "Finds code in this repository by meaning, words, symbol or regex, best first, with the code itself. Use it before grep or opening files: for questions (\"where are retries limited\"), names, error texts, and with mode `regex` for every occurrence of a pattern. Always current."
            }
            Tool::FindSimilar => {
                "Finds code that does the same as, or is written like, the code at a line. Use it before writing something that may exist already, and to find all places that need the same fix."
            }
            Tool::ReadSpan => {
                "Reads lines of a file with their numbers. Use it for lines that another tool named, instead of reading the whole file."
            }
            Tool::ExplainSymbol => {
                "Says what a symbol or line is: definition, signature, doc comment, callers, callees, implementors, tests, similar code, last change. One call replaces several searches for references. Takes a name (`Writer::commit`), a place (`src/main.rs:12`), or a stack trace."
            }
            Tool::RepoMap => {
                "Lists the most important definitions of the repository, or of a folder, by how much other code uses them. Use it once to get to know a code base."
            }
            Tool::Ask => {
                "Answers a question about the code by a language model on this machine, with citations that were checked against the files; without a model it returns the evidence. Slower than `search`."
            }
            Tool::IndexStatus => {
                "Tells what is indexed: files, languages, share with vectors, what was left out and why. Use it when a search misses something that should be there."
            }
            Tool::Reindex => {
                "Brings the whole index up to date, vectors included, and waits for it. Searches do what is needed by themselves; use it only to wait for a complete index."
            }
        }
    }

    /// What clients are told.
    pub fn describe(self) -> Described {
        let (input, output) = self.schemas();
        let annotations = ToolAnnotations::with_title(self.title())
            .read_only(self != Tool::Reindex)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        Described::new(self.name(), self.description(), input)
            .with_title(self.title())
            .with_raw_output_schema(output)
            .with_annotations(annotations)
    }

    fn schemas(self) -> (Arc<JsonObject>, Arc<JsonObject>) {
        match self {
            Tool::Search => (schema::of::<search::Params>(), schema::of::<page::Page>()),
            Tool::FindSimilar => (schema::of::<similar::Params>(), schema::of::<page::Page>()),
            Tool::ReadSpan => (schema::of::<span::Params>(), schema::of::<span::Lines>()),
            Tool::ExplainSymbol => (schema::of::<explain::Params>(), explain::output()),
            Tool::RepoMap => (schema::of::<map::Params>(), schema::of::<map::Shown>()),
            Tool::Ask => (schema::of::<ask::Params>(), ask::output()),
            Tool::IndexStatus | Tool::Reindex => (
                schema::of::<status::Params>(),
                schema::of::<status::Shown>(),
            ),
        }
    }

    /// Does the work.
    ///
    /// # Errors
    /// With what the agent can do about it.
    pub fn run(self, call: &Call, arguments: Value) -> Result<Reply, Fault> {
        match self {
            Tool::Search => search::run(call, &self.read(arguments)?),
            Tool::FindSimilar => similar::run(call, &self.read(arguments)?),
            Tool::ReadSpan => span::run(call, &self.read(arguments)?),
            Tool::ExplainSymbol => explain::run(call, &self.read(arguments)?),
            Tool::RepoMap => map::run(call, &self.read(arguments)?),
            Tool::Ask => ask::run(call, &self.read(arguments)?),
            Tool::IndexStatus => status::run(call, &self.read(arguments)?, false),
            Tool::Reindex => status::run(call, &self.read(arguments)?, true),
        }
    }

    fn read<T: DeserializeOwned>(self, arguments: Value) -> Result<T, Fault> {
        serde_json::from_value(arguments).map_err(|error| Fault::Arguments {
            tool: self.name(),
            reason: error.to_string(),
        })
    }
}
