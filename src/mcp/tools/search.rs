//! `search`: code by meaning, words, symbol or pattern.

use fathom::engine::freshness::Freshness;
use fathom::engine::requests::{MOST_RESULTS, SearchParams};
use schemars::JsonSchema;
use serde::Deserialize;

use super::page::{self, Span};
use crate::mcp::call::Call;
use crate::mcp::fault::Fault;
use crate::mcp::reply::Reply;

/// Results of a page, unless told otherwise.
pub const RESULTS: usize = 8;
/// Characters of a query.
const QUERY: usize = 10_000;

/// What `search` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// A question in plain words, a name, an error text; in mode `regex` a pattern.
    query: String,
    /// How to search. hybrid (the default): by meaning, words and names; right for nearly
    /// everything. regex: every line that matches, complete. symbol: definitions of a name.
    /// lexical: words only. late, dense: meaning only.
    #[serde(default)]
    mode: Mode,
    /// Only below this folder or file, relative to the root or absolute; empty: everywhere.
    #[serde(default)]
    path: String,
    /// Only these languages, such as `rust` or `python`.
    #[serde(default)]
    languages: Vec<String>,
    /// Only files that match one of these globs, such as `src/**`; `!tests/**` leaves files out.
    #[serde(default)]
    globs: Vec<String>,
    /// Only these kinds of code: function, method, type, interface, module, impl, constant,
    /// variable, macro, test, section, data, code.
    #[serde(default)]
    kinds: Vec<String>,
    /// Only this content. all (the default); code: with its doc comments; docs: Markdown and other
    /// prose; config: JSON, YAML, TOML and other data.
    #[serde(default)]
    content: Content,
    /// Number of results, 1 to 200.
    #[serde(default = "results")]
    top_k: usize,
    /// Results to leave out at the beginning: `next_offset` of the page before.
    #[serde(default)]
    offset: usize,
    /// The result fits into so many tokens (of about four bytes), 200 to 50000; 0: 4000.
    #[serde(default)]
    max_tokens: usize,
}

/// How to search. Without comments, so that its schema is a plain list.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Hybrid,
    Regex,
    Symbol,
    Lexical,
    Late,
    Dense,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Mode::Hybrid => "hybrid",
            Mode::Regex => "regex",
            Mode::Symbol => "symbol",
            Mode::Lexical => "lexical",
            Mode::Late => "late",
            Mode::Dense => "dense",
        }
    }

    fn needs_vectors(self) -> bool {
        matches!(self, Mode::Hybrid | Mode::Late | Mode::Dense)
    }
}

/// What is searched. Without comments, so that its schema is a plain list.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Content {
    #[default]
    All,
    Code,
    Docs,
    Config,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Content::All => "all",
            Content::Code => "code",
            Content::Docs => "docs",
            Content::Config => "config",
        }
    }
}

fn results() -> usize {
    RESULTS
}

/// Searches.
pub fn run(call: &Call, params: &Params) -> Result<Reply, Fault> {
    if params.query.len() > QUERY {
        return Err(Fault::Request(format!(
            "the query has {} bytes; at most {QUERY} are understood, ask for the essence of it",
            params.query.len()
        )));
    }
    let span = span(params.top_k, params.offset, params.max_tokens);
    let request = SearchParams {
        query: params.query.clone(),
        mode: params.mode.name().to_owned(),
        top_k: with_one_more(span),
        offset: params.offset,
        languages: params.languages.clone(),
        globs: params.globs.clone(),
        kinds: params.kinds.clone(),
        content: params.content.name().to_owned(),
        ..SearchParams::default()
    };
    let request = request.request(RESULTS)?;
    let wanted = match params.mode.needs_vectors() {
        true => Freshness::Encoded,
        false => Freshness::Words,
    };
    if params.mode.needs_vectors() {
        // It loads while the index is brought up to date.
        call.engine.load_model();
    }
    let ready = call.ready(&params.path, wanted)?;
    call.check()?;
    let mut heard = call.listener();
    let answer = call.engine.search(&ready.place, request, &mut heard)?;
    let mut notes = ready.notes.clone();
    notes.append(&mut heard.notes);
    let title = format!("`{}` ({})", shortened(&params.query), params.mode.name());
    page::reply(&title, &ready, answer, span, notes)
}

/// The page that is asked for.
pub fn span(top_k: usize, offset: usize, max_tokens: usize) -> Span {
    let most = if top_k == 0 { RESULTS } else { top_k };
    Span {
        offset,
        most,
        max_tokens,
    }
}

/// Results to search for beside those of earlier pages: one more tells whether there are more.
pub fn with_one_more(span: Span) -> usize {
    let has_room = span.offset.saturating_add(span.most) < MOST_RESULTS;
    span.most.saturating_add(usize::from(has_room))
}

/// A query on one short line.
fn shortened(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    let line = words.join(" ");
    let short: String = line.chars().take(80).collect();
    match short.len() < line.len() {
        true => format!("{short}…"),
        false => short,
    }
}
