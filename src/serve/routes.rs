//! Addresses and what answers there.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::problem::Problem;
use super::state::Shared;
use super::{answers, chat, openapi, page, search, status, vectors};

/// What everybody may have who may ask at all: nothing of it comes from a repository.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/openapi.json"];
/// Where work is done.
const WORK: &str = "/v1/";

/// Everything that is served.
pub fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/v1/search", post(search::search))
        .route("/v1/similar", post(search::similar))
        .route("/v1/ask", post(answers::ask))
        .route("/v1/explain", post(answers::explain))
        .route("/v1/map", get(search::map))
        .route("/v1/text", get(search::text))
        .route("/v1/status", get(status::status))
        .route("/v1/models", get(chat::models))
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/embeddings", post(vectors::embeddings))
        .route("/v1/rerank", post(vectors::rerank))
        .route("/healthz", get(status::health))
        .route("/readyz", get(status::readiness))
        .route("/metrics", get(status::metrics))
        .route("/openapi.json", get(openapi::document));
    page::FILES
        .iter()
        .fold(api, |router, file| {
            router.route(file.path, get(move || async move { page::response(file) }))
        })
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(shared.clone(), pass))
        .with_state(shared)
}

async fn no_route(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(80).collect();
    let message = format!("there is nothing at `{path}`; see /openapi.json");
    Problem::new(StatusCode::NOT_FOUND, "no-route", message)
}

async fn no_method(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    let message = format!("`{path}` does not take `{method}`; see /openapi.json");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", message)
}

/// Every request: through the gate, counted, with the headers that every answer has.
async fn pass(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("other", MatchedPath::as_str).to_owned();
    let path = request.uri().path();
    let is_open = OPEN.contains(&path) || page::FILES.iter().any(|file| file.path == path);
    let checked = shared
        .gate
        .check(request.method(), request.headers(), is_open);
    let mut response = match checked {
        Ok(passed) => {
            let is_preflight = request.method() == Method::OPTIONS && passed.origin.is_some();
            let mut response = match is_preflight {
                true => StatusCode::NO_CONTENT.into_response(),
                false => limited(&shared, request, next).await,
            };
            if let Some(origin) = passed.origin {
                allow(response.headers_mut(), &origin);
            }
            response
        }
        Err(problem) => problem.into_response(),
    };
    protect(response.headers_mut());
    shared
        .metrics
        .count(&route, response.status().as_u16(), began.elapsed());
    response
}

/// Lets only so many requests work at once.
async fn limited(shared: &Shared, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(WORK) {
        return next.run(request).await;
    }
    let Ok(_permit) = shared.requests.try_acquire() else {
        let limit = shared.limits.requests;
        let message = format!("{limit} requests are being answered; ask again in a second");
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message).into_response();
    };
    next.run(request).await
}

/// Lets a page of another site read the answer.
fn allow(headers: &mut HeaderMap, origin: &str) {
    let Ok(origin) = HeaderValue::from_str(origin) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in allowed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let shared = HeaderValue::from_static("cross-origin");
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        shared,
    );
}

/// Keeps browsers from guessing, keeping, embedding and telling.
fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        let name = HeaderName::from_static(name);
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
