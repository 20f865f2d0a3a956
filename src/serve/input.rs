//! Bodies of requests: JSON, of bounded size, that comes in time.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::gate::check_content_type;
use super::problem::Problem;
use super::state::Shared;

/// What is still read of a body that is too large, so that its sender gets to read the answer.
const DRAIN: usize = 16 << 20;

/// A JSON body.
pub struct Input<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Input<T>, Problem> {
        check_content_type(request.headers())?;
        let limits = shared.limits;
        let reading = read(request.into_body(), limits.body);
        let Ok(read) = tokio::time::timeout(limits.request, reading).await else {
            let seconds = limits.request.as_secs();
            return Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "slow-body",
                format!("the body did not come within {seconds} s; send it at once"),
            ));
        };
        let value = serde_json::from_slice(&read?);
        value.map(Input).map_err(|error| {
            let message = format!("the body is not what is expected: {error}");
            Problem::bad(format!("{message}; see /openapi.json"))
        })
    }
}

/// The bytes of a body, if there are not too many.
async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::bad(format!("the body broke off: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length += data.len();
        if length <= limit {
            bytes.extend_from_slice(&data);
        } else if length > limit + DRAIN {
            break;
        }
    }
    match length <= limit {
        true => Ok(bytes),
        false => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body",
            format!("the body has more than {limit} bytes; send less, or in several requests"),
        )),
    }
}

/// What stands behind the `?` of an address.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Asked<T>, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(value)| Asked(value)).map_err(|error| {
            let message = format!("the query is not what is expected: {}", error.body_text());
            Problem::bad(format!("{message}; see /openapi.json"))
        })
    }
}

/// How an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON document at the end.
    Json,
    /// Server-sent events as it comes.
    Events,
}

impl FromRequestParts<Arc<Shared>> for Form {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Shared>,
    ) -> Result<Form, Self::Rejection> {
        let accepted = parts.headers.get_all(header::ACCEPT).iter();
        let mut kinds = accepted.filter_map(|value| value.to_str().ok());
        match kinds.any(|kind| kind.contains("text/event-stream")) {
            true => Ok(Form::Events),
            false => Ok(Form::Json),
        }
    }
}
