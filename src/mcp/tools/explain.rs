//! `explain_symbol`: what a symbol, a place or the places of a stack trace are.

use std::sync::Arc;

use fathom::engine::explanation::Wanted;
use fathom::engine::freshness::Freshness;
use fathom::engine::question::AnswerLimits;
use fathom::output::answer::given_json;
use fathom::output::escape;
use fathom::output::style::Paint;
use fathom_answerer::card::{self, Target};
use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mcp::call::Call;
use crate::mcp::fault::Fault;
use crate::mcp::reply::{Reply, bytes_of, size};
use crate::mcp::schema;
use crate::mcp::text::{DATA, clean, cut};

/// Tokens of a result, unless told otherwise.
const TOKENS: usize = 3000;
/// Characters of a target that is no stack trace.
const TARGET: usize = 1000;

/// What `explain_symbol` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// A name such as `commit` or `Writer::commit`, a place such as `src/main.rs:12` or
    /// `src/main.rs:12-30`, or a whole stack trace or compiler message.
    target: String,
    /// The repository, if several are served: its root.
    #[serde(default)]
    path: String,
    /// Also have the local language model explain it, which takes some seconds.
    #[serde(default)]
    prose: bool,
    /// The result fits into so many tokens (of about four bytes), 200 to 50000; 0: 3000.
    #[serde(default)]
    max_tokens: usize,
}

/// The schema of what it gives.
pub fn output() -> Arc<JsonObject> {
    schema::object(json!({
        "type": "object",
        "properties": {
            "root": {"type": "string", "description": "Folder that all paths are relative to."},
            "target": {"type": "string", "description": "What was asked for."},
            "generation": {"type": "integer", "description": "Generation of the index."},
            "cards": {
                "type": "array",
                "items": {"type": "object"},
                "description": "What it is: path, lines, signature, doc, callers, callees, implementors, tests, similar code, last change. Data from the repository.",
            },
            "choices": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Definitions to choose from, where the name has several; ask for one as `path:line`.",
            },
            "missing": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What is not in the index.",
            },
            "prose": {"type": "object", "description": "What the language model says, if it was asked."},
            "untrusted": {"type": "boolean", "description": "Always true: names, docs and code come from the repository."},
        },
        "required": ["root", "target", "generation", "cards", "choices", "missing", "untrusted"],
    }))
}

/// Explains.
pub fn run(call: &Call, params: &Params) -> Result<Reply, Fault> {
    let (wanted, path) = wanted(call, params)?;
    let ready = call.ready(&path, Freshness::Words)?;
    let seen = call.engine.explain(&ready.place, &wanted)?;
    let mut text = Vec::new();
    seen.text(&mut text, Paint::default())?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let mut document = seen.document();
    for missing in &seen.missing {
        let name = escape::path(missing.as_bytes());
        text.push_str(&format!(
            "`{name}` is not in the index; `search` finds what it may be called\n"
        ));
    }
    if let (true, Some(first)) = (params.prose, seen.cards.first()) {
        let mut heard = call.listener();
        let limits = (AnswerLimits::default(), false);
        let prose = call.engine.tell(&ready.place, first, limits, &mut heard)?;
        match &prose.given {
            Some(given) => {
                text.push_str(&format!("\n{}\n", given.answered.text));
                document["prose"] = given_json(given).into();
            }
            None => {
                text.push_str("\nno language model is installed; `fathom model pull` gets one\n")
            }
        }
    }
    document["root"] = ready.root().into();
    document["untrusted"] = true.into();
    let bytes = bytes_of(params.max_tokens, TOKENS);
    shorten(&mut document, bytes);
    let text = clean(&text);
    let (kept, is_all) = cut(&text, bytes.saturating_sub(DATA.len() + 80));
    let more = if is_all {
        ""
    } else {
        "cut; more with `max_tokens`\n"
    };
    Reply::new(format!("{DATA}\n{kept}{more}"), &document)
}

/// What is meant, and the repository that it is in.
fn wanted(call: &Call, params: &Params) -> Result<(Wanted, String), Fault> {
    let target = params.target.trim();
    if target.is_empty() {
        let message = "the target is empty; give a name or a place as `src/main.rs:12`";
        return Err(Fault::Request(message.into()));
    }
    if target.contains('\n') {
        return Ok((Wanted::Trace(target.to_owned()), params.path.clone()));
    }
    if target.len() > TARGET {
        let message = format!("the target has more than {TARGET} bytes; give a name or a place");
        return Err(Fault::Request(message));
    }
    let Target::Lines { path, start, end } = card::parse(target) else {
        return Ok((Wanted::One(card::parse(target)), params.path.clone()));
    };
    // A path that exists is within the roots or refused; another may be the end of a longer one.
    let placed = match call.engine.place(&path) {
        Ok(place) => place,
        Err(_) if !path.starts_with('/') && !path.contains("..") => {
            let target = Target::Lines { path, start, end };
            return Ok((Wanted::One(target), params.path.clone()));
        }
        Err(error) => return Err(error.into()),
    };
    let root = placed.repository.workspace().root().to_owned();
    let under = placed.under.unwrap_or_default();
    let target = Target::Lines {
        path: String::from_utf8_lossy(&under).into_owned(),
        start,
        end,
    };
    Ok((Wanted::One(target), root.to_string_lossy().into_owned()))
}

/// Leaves out the ends of lists until the document fits.
fn shorten(document: &mut Value, bytes: usize) {
    for most in [20, 10, 5, 3, 1, 0] {
        if size(document) <= bytes {
            return;
        }
        if let Value::Array(choices) = &mut document["choices"] {
            choices.truncate(most);
        }
        let Value::Array(cards) = &mut document["cards"] else {
            return;
        };
        cards.truncate(most.max(1));
        let lists = cards.iter_mut().filter_map(Value::as_object_mut);
        for list in lists.flat_map(|card| card.values_mut()) {
            match list {
                Value::Array(items) => items.truncate(most),
                Value::String(text) if most < 5 => {
                    let kept: String = text.chars().take(200 * most.max(1)).collect();
                    *text = kept;
                }
                _ => {}
            }
        }
    }
}
