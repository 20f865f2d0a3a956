//! The page for people: files that are part of the program. Nothing in them needs another host.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Only files of this server run and are shown; nothing is embedded, nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// A file of the page.
pub struct File {
    /// Where it is served.
    pub path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// All of them.
pub static FILES: [File; 10] = [
    file("/", "text/html", include_str!("page/index.html")),
    file(
        "/page/style.css",
        "text/css",
        include_str!("page/style.css"),
    ),
    file(
        "/page/icon.svg",
        "image/svg+xml",
        include_str!("page/icon.svg"),
    ),
    file(
        "/page/main.js",
        "text/javascript",
        include_str!("page/main.js"),
    ),
    file(
        "/page/api.js",
        "text/javascript",
        include_str!("page/api.js"),
    ),
    file(
        "/page/dom.js",
        "text/javascript",
        include_str!("page/dom.js"),
    ),
    file(
        "/page/code.js",
        "text/javascript",
        include_str!("page/code.js"),
    ),
    file(
        "/page/results.js",
        "text/javascript",
        include_str!("page/results.js"),
    ),
    file(
        "/page/answer.js",
        "text/javascript",
        include_str!("page/answer.js"),
    ),
    file(
        "/page/card.js",
        "text/javascript",
        include_str!("page/card.js"),
    ),
];

const fn file(path: &'static str, kind: &'static str, text: &'static str) -> File {
    File { path, kind, text }
}

/// The file, with its policy.
pub fn response(file: &'static File) -> Response {
    let kind = format!("{}; charset=utf-8", file.kind);
    let headers = [
        (header::CONTENT_TYPE, kind.as_str()),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, file.text).into_response()
}
