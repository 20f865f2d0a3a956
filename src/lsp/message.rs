//! JSON-RPC: requests, notifications and responses, and how requests fail.

use serde_json::{Value, json};

use crate::engine::EngineError;

/// Identifies a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// What a client sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Wants an answer.
    Request {
        /// Names it in the answer.
        id: Id,
        /// What is asked.
        method: String,
        /// About what.
        params: Value,
    },
    /// Wants none.
    Notification {
        /// What is told.
        method: String,
        /// About what.
        params: Value,
    },
    /// The answer to a request of ours.
    Response {
        /// Of the request.
        id: Id,
    },
}

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Code of JSON-RPC or LSP.
    pub code: i64,
    /// For people.
    pub message: String,
}

/// Content that is no JSON.
pub const PARSE_ERROR: i64 = -32700;
/// JSON that is no message, or one that must not come now.
pub const INVALID_REQUEST: i64 = -32600;
/// A method that there is not.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// Parameters that are not those of the method.
pub const INVALID_PARAMS: i64 = -32602;
/// A panic.
pub const INTERNAL_ERROR: i64 = -32603;
/// A request before `initialize`.
pub const NOT_INITIALIZED: i64 = -32002;
/// The client does not want the answer any more.
pub const CANCELLED: i64 = -32800;
/// The request was understood and cannot be answered.
pub const REQUEST_FAILED: i64 = -32803;

impl Refusal {
    /// With a code.
    pub fn new(code: i64, message: impl Into<String>) -> Refusal {
        let message = message.into();
        Refusal { code, message }
    }

    /// The request was understood and cannot be answered.
    pub fn failed(error: impl std::fmt::Display) -> Refusal {
        Refusal::new(REQUEST_FAILED, format!("{error:#}"))
    }

    /// The client does not want the answer any more.
    pub fn cancelled() -> Refusal {
        Refusal::new(CANCELLED, "cancelled")
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Refusal {
        match error {
            EngineError::Workspace(error) if error.is_cancelled() => Refusal::cancelled(),
            error => Refusal::failed(error),
        }
    }
}

impl From<fathom_indexes::StoreError> for Refusal {
    fn from(error: fathom_indexes::StoreError) -> Refusal {
        Refusal::failed(error)
    }
}

impl From<crate::workspace::WorkspaceError> for Refusal {
    fn from(error: crate::workspace::WorkspaceError) -> Refusal {
        EngineError::from(error).into()
    }
}

impl Id {
    fn of(value: &Value) -> Option<Id> {
        match value {
            Value::Number(number) => number.as_i64().map(Id::Number),
            Value::String(text) => Some(Id::Text(text.clone())),
            _ => None,
        }
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        match self {
            Id::Number(number) => (*number).into(),
            Id::Text(text) => text.as_str().into(),
        }
    }
}

/// Takes a message apart; `Err` with the answer to what is none.
pub fn parse(mut value: Value) -> Result<Message, Value> {
    let id = value.get("id").filter(|id| !id.is_null()).map(Id::of);
    let invalid = |what: &str| Err(refused(None, &Refusal::new(INVALID_REQUEST, what)));
    let method = value.get("method").and_then(Value::as_str);
    let params = |value: &mut Value| value.get_mut("params").map_or(Value::Null, Value::take);
    match (id, method.map(str::to_owned)) {
        (Some(None), _) => invalid("an `id` is a whole number or a text"),
        (Some(Some(id)), Some(method)) => Ok(Message::Request {
            id,
            method,
            params: params(&mut value),
        }),
        (None, Some(method)) => Ok(Message::Notification {
            method,
            params: params(&mut value),
        }),
        (Some(Some(id)), None) if is_response(&value) => Ok(Message::Response { id }),
        _ => invalid("neither a request nor a notification nor a response"),
    }
}

fn is_response(value: &Value) -> bool {
    value.get("result").is_some() || value.get("error").is_some()
}

/// The answer to a request that has a result.
pub fn answered(id: &Id, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.json(), "result": result})
}

/// The answer to a request that has none.
pub fn refused(id: Option<&Id>, refusal: &Refusal) -> Value {
    let Refusal { code, message } = refusal;
    let id = id.map_or(Value::Null, Id::json);
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        for (value, expected) in [
            (json!({"id": 1, "method": "a"}), "request"),
            (json!({"id": "x", "method": "a", "params": {}}), "request"),
            (json!({"method": "a"}), "notification"),
            (json!({"id": null, "method": "a"}), "notification"),
            (json!({"id": 1, "result": null}), "response"),
            (json!({"id": 1, "error": {}}), "response"),
            (json!({"id": 1}), "-32600"),
            (json!({"id": 1.5, "method": "a"}), "-32600"),
            (json!({"id": [], "method": "a"}), "-32600"),
            (json!({}), "-32600"),
            (json!([{"id": 1, "method": "a"}]), "-32600"),
            (json!(7), "-32600"),
        ] {
            let found = match parse(value.clone()) {
                Ok(Message::Request { .. }) => "request".to_owned(),
                Ok(Message::Notification { .. }) => "notification".to_owned(),
                Ok(Message::Response { .. }) => "response".to_owned(),
                Err(answer) => answer["error"]["code"].to_string(),
            };
            assert_eq!(found, expected, "{value}");
        }
    }
}
