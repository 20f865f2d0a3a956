//! OpenAI's chat interface: the last question is answered from what the search finds.
//!
//! What a client says as `system` is not passed on: how an answer cites is fathom's own.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Response, sse};
use fathom_answerer::context::Context;
use fathom_answerer::conversation::Conversation;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::{begin, limits};
use super::events::{Event, Heard, stream};
use super::input::Input;
use super::problem::Problem;
use super::search::{reply, root};
use super::state::Shared;
use super::status;
use crate::engine::Place;
use crate::engine::freshness::Freshness;
use crate::engine::requests::SearchParams;
use crate::output::answer::{Asked, document, write_evidence};
use crate::output::style::Paint;

/// Earlier questions that are kept.
const TURNS: usize = 8;
/// The model that answers, if only one repository is served.
const MODEL: &str = "fathom";

/// A conversation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ChatParams {
    /// `fathom`, or `fathom/NAME` for the repository in the folder of that name.
    #[serde(default)]
    model: String,
    /// The last one of `user` is answered.
    messages: Vec<ChatMessage>,
    /// Send the answer as it comes, as server-sent events.
    #[serde(default)]
    stream: Option<bool>,
    /// Tokens of the answer at most, up to 4096.
    #[serde(default)]
    max_tokens: Option<usize>,
    /// The same by its newer name.
    #[serde(default)]
    max_completion_tokens: Option<usize>,
    /// Only 1.
    #[serde(default)]
    n: Option<usize>,
}

/// A message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ChatMessage {
    /// `user` and `assistant` count.
    role: String,
    /// Text, or parts of which those of type `text` count.
    content: Option<Content>,
}

/// What a message says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Content {
    /// Text.
    Text(String),
    /// Several pieces.
    Parts(Vec<Part>),
}

/// A piece of a message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Part {
    /// The text, if it is one.
    #[serde(default)]
    text: Option<String>,
}

/// What can be asked.
#[derive(Serialize, JsonSchema)]
pub struct ModelsReply {
    /// `list`
    object: &'static str,
    /// Models for chats, then the one for vectors.
    data: Vec<ModelReply>,
}

/// A model.
#[derive(Serialize, JsonSchema)]
pub struct ModelReply {
    /// Its name.
    id: String,
    /// `model`
    object: &'static str,
    /// 0
    created: u64,
    /// `fathom`
    owned_by: &'static str,
}

/// A whole answer.
#[derive(Serialize, JsonSchema)]
pub struct ChatReply {
    id: String,
    /// `chat.completion`
    object: &'static str,
    /// Seconds since 1970.
    created: u64,
    model: String,
    choices: Vec<Choice>,
    usage: Value,
    /// What `/v1/ask` answers: sources, what was checked, evidence.
    fathom: Value,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Choice {
    index: usize,
    message: Value,
    finish_reason: &'static str,
}

impl Content {
    fn text(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => {
                let texts = parts.iter().filter_map(|part| part.text.as_deref());
                texts.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// `GET /v1/models`
pub async fn models(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let model = |id: String| ModelReply {
        id,
        object: "model",
        created: 0,
        owned_by: "fathom",
    };
    let profile = shared.engine.profile().id().to_owned();
    let names = names(&shared).into_iter().map(|(name, _)| name);
    reply(&ModelsReply {
        object: "list",
        data: names.chain([profile]).map(model).collect(),
    })
}

/// Models for chats and the repositories that they answer about.
fn names(shared: &Shared) -> Vec<(String, String)> {
    let roots = shared.engine.roots();
    let path = |root: &std::path::PathBuf| root.to_string_lossy().into_owned();
    let named = roots
        .iter()
        .map(|root| (format!("{MODEL}/{}", status::name(root)), path(root)));
    let alone = (roots.len() == 1).then(|| (MODEL.to_owned(), String::new()));
    alone.into_iter().chain(named).collect()
}

/// `POST /v1/chat/completions`
pub async fn completions(
    State(shared): State<Arc<Shared>>,
    Input(params): Input<ChatParams>,
) -> Result<Response, Problem> {
    if params.n.is_some_and(|n| n != 1) {
        return Err(Problem::bad("`n` is not 1; ask once for each answer"));
    }
    let (model, path) = chosen(&shared, &params.model)?;
    let (earlier, question) = turns(&params.messages)?;
    let search = SearchParams {
        query: question.clone(),
        ..SearchParams::default()
    };
    let request = search.request(shared.engine.settings().top_k)?;
    let tokens = params.max_completion_tokens.or(params.max_tokens);
    let limits = limits(&shared, tokens.unwrap_or(0), 0)?;
    let work = move |shared: &Shared, place: &Place, heard: &mut Heard| {
        let mut conversation = conversation(&earlier);
        let asked = (question.as_str(), limits);
        let asked = shared
            .engine
            .ask(place, asked, request, &mut conversation, heard)?;
        if asked.given.is_none() {
            heard.send(Event::Text(evidence(&asked)));
        }
        let mut document = document(&asked);
        document["root"] = root(place).into();
        Ok(document)
    };
    let events = begin(&shared, path, Freshness::Encoded, work)?;
    let chat = Chat::new(model);
    match params.stream.unwrap_or(false) {
        true => Ok(chat.stream(events)),
        false => chat.whole(events).await,
    }
}

fn chosen(shared: &Shared, model: &str) -> Result<(String, String), Problem> {
    let names = names(shared);
    let found = match model {
        "" => names.first(),
        model => names.iter().find(|(name, _)| name == model),
    };
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        let asked: String = model.chars().take(80).collect();
        let message = format!(
            "there is no model `{asked}`; ask for {}",
            known.join(" or ")
        );
        Problem::new(StatusCode::NOT_FOUND, "model-not-found", message)
    })
}

/// Questions and answers before, and the question now.
fn turns(messages: &[ChatMessage]) -> Result<(Vec<(String, String)>, String), Problem> {
    let mut turns: Vec<(String, String)> = Vec::new();
    for message in messages {
        let text = message
            .content
            .as_ref()
            .map(Content::text)
            .unwrap_or_default();
        match (message.role.as_str(), turns.last_mut()) {
            ("user", _) => turns.push((text, String::new())),
            ("assistant", Some((_, answer))) => *answer = text,
            _ => {}
        }
    }
    match turns.pop() {
        Some((question, _)) if !question.trim().is_empty() => {
            let before = turns.len().saturating_sub(TURNS);
            Ok((turns.split_off(before), question))
        }
        _ => Err(Problem::bad(
            "there is no question; send a message of role `user` with text",
        )),
    }
}

/// What was said before, without its citations: they are of code that is not shown again.
fn conversation(earlier: &[(String, String)]) -> Conversation {
    let mut conversation = Conversation::default();
    let citation = Regex::new(r"\s?\[(\d+|\?)\]");
    for (question, answer) in earlier {
        let (prompt, context) = conversation.prompt(question, Context::of(Vec::new()));
        let answer = match &citation {
            Ok(citation) => citation.replace_all(answer, "").into_owned(),
            Err(_) => answer.clone(),
        };
        conversation.keep(question, context, &prompt, &answer);
    }
    conversation
}

/// What was found, where nobody answers.
fn evidence(asked: &Asked) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = write_evidence(&mut text, asked, Paint::default());
    String::from_utf8_lossy(&text).into_owned()
}

/// An answer in OpenAI's form.
struct Chat {
    id: String,
    created: u64,
    model: String,
}

impl Chat {
    fn new(model: String) -> Chat {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Chat {
            id: format!("chatcmpl-{:x}", since.as_nanos()),
            created: since.as_secs(),
            model,
        }
    }

    async fn whole(
        self,
        events: tokio::sync::mpsc::UnboundedReceiver<Event>,
    ) -> Result<Response, Problem> {
        let (document, text) = gather(events).await?;
        let text = match &document["answer"] {
            Value::String(answer) => answer.clone(),
            _ => text,
        };
        reply(&ChatReply {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            choices: vec![Choice {
                index: 0,
                message: json!({
                    "role": "assistant",
                    "content": text,
                    "citations": document["sources"],
                }),
                finish_reason: finish(&document),
            }],
            usage: usage(&document),
            fathom: document,
        })
    }

    fn stream(self, events: tokio::sync::mpsc::UnboundedReceiver<Event>) -> Response {
        let mut is_first = true;
        stream(events, move |event| {
            let mut sent = Vec::new();
            if std::mem::take(&mut is_first) {
                sent.push(self.chunk(json!({"role": "assistant", "content": ""}), None, json!({})));
            }
            match event {
                Event::Text(text) => {
                    sent.push(self.chunk(json!({ "content": text }), None, json!({})));
                }
                Event::Done(document) => {
                    let more = json!({
                        "usage": usage(&document),
                        "citations": document["sources"],
                        "fathom": document,
                    });
                    sent.push(self.chunk(json!({}), Some(finish(&more["fathom"])), more));
                    sent.push(sse::Event::default().data("[DONE]"));
                }
                Event::Failed(problem) => {
                    let message = format!("{}; {}", problem.detail, problem.next);
                    let error =
                        json!({"message": message, "type": problem.code, "code": problem.status});
                    sent.push(sse::Event::default().data(json!({ "error": error }).to_string()));
                }
                Event::Status(_) | Event::Note(_) | Event::Card(_) | Event::Given(_) => {}
            }
            sent
        })
    }

    fn chunk(&self, delta: Value, finish: Option<&str>, more: Value) -> sse::Event {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        });
        if let (Value::Object(chunk), Value::Object(more)) = (&mut chunk, more) {
            chunk.extend(more);
        }
        sse::Event::default().data(chunk.to_string())
    }
}

/// The document, and the text where no reader gave one.
async fn gather(
    mut events: tokio::sync::mpsc::UnboundedReceiver<Event>,
) -> Result<(Value, String), Problem> {
    let mut text = String::new();
    loop {
        match events.recv().await {
            Some(Event::Text(more)) => text.push_str(&more),
            Some(Event::Done(document)) => return Ok((document, text)),
            Some(Event::Failed(problem)) => return Err(problem),
            Some(_) => {}
            None => return Err(Problem::internal("the answer broke off")),
        }
    }
}

fn finish(document: &Value) -> &'static str {
    match document["finish"].as_str() {
        Some("length" | "deadline") => "length",
        _ => "stop",
    }
}

fn usage(document: &Value) -> Value {
    let of = |name: &str| document["stats"][name].as_u64().unwrap_or(0);
    let (prompt, answer) = (of("prompt_tokens"), of("answer_tokens"));
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn messages(value: Value) -> Vec<ChatMessage> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_last_question_is_asked() {
        let (earlier, question) = turns(&messages(json!([
            {"role": "system", "content": "be a pirate"},
            {"role": "user", "content": "what is a lock"},
            {"role": "assistant", "content": "A file [1]."},
            {"role": "user", "content": [{"type": "text", "text": "who"}, {"type": "text", "text": "takes it"}]},
        ])))
        .unwrap();
        assert_eq!(question, "who\ntakes it");
        assert_eq!(
            earlier,
            [("what is a lock".to_owned(), "A file [1].".to_owned())]
        );
        for wrong in [
            json!([]),
            json!([{"role": "system", "content": "x"}]),
            json!([{"role": "user", "content": " "}]),
            json!([{"role": "user", "content": null}]),
        ] {
            assert_eq!(turns(&messages(wrong)).unwrap_err().status, 400);
        }
    }
}
