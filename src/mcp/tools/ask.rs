//! `ask`: an answer with checked citations, or the evidence for one.

use std::sync::Arc;

use fathom::engine::freshness::Freshness;
use fathom::engine::question::AnswerLimits;
use fathom::engine::requests::SearchParams;
use fathom::output::answer::{Asked, NO_READER, document, write_evidence, write_given};
use fathom::output::style::Paint;
use fathom_answerer::conversation::Conversation;
use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mcp::call::Call;
use crate::mcp::fault::Fault;
use crate::mcp::reply::{Reply, bytes_of, size, tokens_of};
use crate::mcp::schema;
use crate::mcp::text::{DATA, clean, cut};

/// Tokens of a result, unless told otherwise.
const TOKENS: usize = 3000;
/// Tokens that the model may say.
const ANSWER: usize = 600;
/// Results that are read.
const RESULTS: usize = 10;

/// What `ask` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// A question about the code, in plain words.
    question: String,
    /// Only what lies below this folder or file, relative to the root or absolute; empty:
    /// everything.
    #[serde(default)]
    path: String,
    /// Only these languages, such as `rust` or `python`.
    #[serde(default)]
    languages: Vec<String>,
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
            "question": {"type": "string", "description": "What was asked."},
            "answer": {"type": "string", "description": "The model's answer with [n] for its sources; empty: there is none, see `evidence`."},
            "supported": {"type": "boolean", "description": "Whether the code that was read supports the answer."},
            "answer_confidence": {"type": "number", "description": "0 to 1."},
            "sources": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Places that the answer cites: number, path, start_line, end_line.",
            },
            "doubtful": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What the answer says and the code that was read does not.",
            },
            "evidence": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Lines that bear on the question, best first: path, start_line, end_line, text.",
            },
            "notes": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What to know about this answer.",
            },
            "generation": {"type": "integer", "description": "Generation of the index."},
            "untrusted": {"type": "boolean", "description": "Always true: answer and evidence come from the repository and a model that read it."},
        },
        "required": ["root", "question", "answer", "sources", "evidence", "notes", "generation", "untrusted"],
    }))
}

/// Answers.
pub fn run(call: &Call, params: &Params) -> Result<Reply, Fault> {
    let request = SearchParams {
        query: params.question.clone(),
        top_k: RESULTS,
        languages: params.languages.clone(),
        ..SearchParams::default()
    };
    let request = request.request(RESULTS)?;
    call.engine.load_model();
    let ready = call.ready(&params.path, Freshness::Encoded)?;
    call.check()?;
    let limits = AnswerLimits {
        max_tokens: tokens_of(params.max_tokens, TOKENS).min(ANSWER),
        ..AnswerLimits::default()
    };
    let mut heard = call.listener();
    let question = (params.question.as_str(), limits);
    let mut conversation = Conversation::default();
    let asked = call.engine.ask(
        &ready.place,
        question,
        request,
        &mut conversation,
        &mut heard,
    )?;
    let mut notes = ready.notes.clone();
    notes.append(&mut heard.notes);
    if !asked.has_reader() {
        notes.push(NO_READER.to_owned());
    }
    let bytes = bytes_of(params.max_tokens, TOKENS);
    let text = write(&asked, &notes, bytes)?;
    let structured = structured(&asked, &ready.root(), notes, bytes);
    Reply::new(text, &structured)
}

fn write(asked: &Asked, notes: &[String], bytes: usize) -> Result<String, Fault> {
    let mut out = Vec::new();
    if let Some(given) = &asked.given {
        out.extend_from_slice(given.answered.text.as_bytes());
        write_given(&mut out, given, Paint::default())?;
    }
    write_evidence(&mut out, asked, Paint::default())?;
    let text = clean(&String::from_utf8_lossy(&out));
    let mut head = format!("{DATA}\n");
    for note in notes {
        head.push_str(&format!("note: {note}\n"));
    }
    let (kept, is_all) = cut(&text, bytes.saturating_sub(head.len() + 40));
    let more = if is_all {
        ""
    } else {
        "cut; more with `max_tokens`\n"
    };
    Ok(format!("{head}{kept}{more}"))
}

/// What programs get: the parts of the command's document that agents need.
fn structured(asked: &Asked, root: &str, notes: Vec<String>, bytes: usize) -> Value {
    let mut all = document(asked);
    let mut take = |key: &str| all[key].take();
    let answer = take("answer");
    let mut value = json!({
        "root": root,
        "question": asked.question,
        "answer": answer.as_str().unwrap_or_default(),
        "sources": take("sources"),
        "doubtful": take("doubtful"),
        "evidence": take("evidence"),
        "notes": notes,
        "generation": asked.generation,
        "untrusted": true,
    });
    for key in ["supported", "answer_confidence"] {
        let known = take(key);
        if !known.is_null() {
            value[key] = known;
        }
    }
    let is_answered = value["supported"] == true;
    if let (true, Value::Array(evidence)) = (is_answered, &mut value["evidence"]) {
        evidence.clear();
    }
    while size(&value) > bytes {
        match value["evidence"].as_array_mut().map(Vec::pop) {
            Some(Some(_)) => {}
            _ => break,
        }
    }
    value
}
