//! `find_similar`: code like the code at a line.

use fathom::engine::freshness::Freshness;
use fathom::engine::requests::SearchParams;
use fathom::output::escape;
use schemars::JsonSchema;
use serde::Deserialize;

use super::page;
use super::search::{RESULTS, span, with_one_more};
use crate::mcp::call::Call;
use crate::mcp::fault::Fault;
use crate::mcp::reply::Reply;

/// What `find_similar` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The file, relative to the root or absolute.
    path: String,
    /// A line of the code that others are compared with, from 1.
    line: u32,
    /// Only these languages, such as `rust` or `python`.
    #[serde(default)]
    languages: Vec<String>,
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

fn results() -> usize {
    RESULTS
}

/// Finds code like some code.
pub fn run(call: &Call, params: &Params) -> Result<Reply, Fault> {
    let span = span(params.top_k, params.offset, params.max_tokens);
    let place = escape::path(params.path.as_bytes());
    let title = format!("code like {place}:{}", params.line);
    let request = SearchParams {
        query: title.clone(),
        top_k: with_one_more(span),
        offset: params.offset,
        languages: params.languages.clone(),
        ..SearchParams::default()
    };
    let request = request.request(RESULTS)?;
    call.engine.load_model();
    let ready = call.ready(&params.path, Freshness::Encoded)?;
    let file = super::span::require_file(&ready.place, &params.path)?;
    if !(1..=file.record.lines).contains(&params.line) {
        let (line, lines) = (params.line, file.record.lines);
        let message = format!("{place} has {lines} lines; line {line} is not one of them");
        return Err(Fault::Request(message));
    }
    call.check()?;
    let answer = call.engine.similar(&ready.place, params.line, request)?;
    page::reply(&title, &ready, answer, span, ready.notes.clone())
}
