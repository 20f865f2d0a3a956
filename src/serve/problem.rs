//! Failures as clients see them: JSON by RFC 9457, with the next step.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fathom_retriever::RetrieveError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::EngineError;
use crate::engine::requests::RequestError;
use crate::reader::ReaderChoiceError;
use crate::workspace::WorkspaceError;

/// Seconds after which one may try again.
const RETRY: u32 = 1;

/// Why a request has no answer (`application/problem+json`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// The meaning of the HTTP status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, as a stable name such as `bad-request`.
    pub code: String,
    /// What went wrong, where and why.
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Problem {
    /// A message `what: why; what to do`.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Problem {
        let message = message.into();
        let (detail, next) = match message.rsplit_once("; ") {
            Some((detail, next)) => (detail.to_owned(), next.to_owned()),
            None => (message, String::new()),
        };
        Problem {
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail,
            next,
        }
    }

    /// The request is wrong.
    pub fn bad(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// The server cannot answer now.
    pub fn busy(code: &str, message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    /// A fault of the program.
    pub fn internal(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let is_passing = self.is_passing();
        let mut response = (status, axum::Json(self)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if is_passing {
            headers.insert(header::RETRY_AFTER, RETRY.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Problem {
        Problem::bad(error.to_string())
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Problem {
        let message = error.to_string();
        match error {
            EngineError::Outside { .. } => {
                Problem::new(StatusCode::NOT_FOUND, "not-served", message)
            }
            EngineError::Which { .. } | EngineError::TooMuch { .. } => Problem::bad(message),
            EngineError::NotReady { .. } => Problem::busy("not-ready", message),
            EngineError::Missing(_) => Problem::new(StatusCode::NOT_FOUND, "not-indexed", message),
            EngineError::Workspace(error) => error.into(),
            EngineError::Reader(_) => Problem::busy("reader", message),
            EngineError::Other(error) => other(error),
        }
    }
}

impl From<WorkspaceError> for Problem {
    fn from(error: WorkspaceError) -> Problem {
        let message = error.to_string();
        match error {
            WorkspaceError::Retrieve(RetrieveError::NoSuchChunk { .. }) => {
                Problem::new(StatusCode::NOT_FOUND, "not-indexed", message)
            }
            WorkspaceError::Retrieve(RetrieveError::Regex { .. } | RetrieveError::Glob { .. }) => {
                Problem::bad(message)
            }
            WorkspaceError::Retrieve(
                RetrieveError::NoEncoder { .. } | RetrieveError::Encoder(_),
            ) => Problem::busy("no-model", message),
            WorkspaceError::Path { .. } => Problem::busy("repository-gone", message),
            WorkspaceError::TooMuch { .. } => Problem::bad(message),
            error if error.is_of_model() => Problem::busy("no-model", message),
            error if error.is_busy() => Problem::busy("index-busy", message),
            error if error.is_cancelled() => Problem::busy("stopped", "the work was stopped"),
            _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "index", message),
        }
    }
}

/// What the engine only has in words.
fn other(error: anyhow::Error) -> Problem {
    let error = match error.downcast::<WorkspaceError>() {
        Ok(error) => return error.into(),
        Err(error) => error,
    };
    let message = format!("{error:#}");
    match error.downcast::<ReaderChoiceError>() {
        Ok(_) => Problem::busy("reader", message),
        Err(_) => Problem::internal(message),
    }
}
