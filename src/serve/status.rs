//! How the server and its repositories are.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use fathom_indexer::language;
use schemars::JsonSchema;
use serde::Serialize;

use super::metrics::Gauge;
use super::problem::Problem;
use super::search::reply;
use super::state::Shared;
use crate::output::json;
use crate::reader;

/// How the server is.
#[derive(Serialize, JsonSchema)]
pub struct StatusReply {
    /// Version of fathom.
    version: &'static str,
    /// Seconds since the server began.
    uptime_seconds: u64,
    /// Links that open an editor, with `{path}` and `{line}`.
    editor: String,
    /// Readers that answer, in the order in which they are asked.
    readers: Vec<String>,
    /// Model profile of the vectors.
    profile: String,
    /// Names that `languages` may have in a request.
    languages: Vec<&'static str>,
    /// What is served.
    repositories: Vec<RepositoryReply>,
}

/// How a repository is.
#[derive(Default, Serialize, JsonSchema)]
pub struct RepositoryReply {
    /// Its folder.
    root: String,
    /// Name of its folder.
    name: String,
    /// Generation of its index; 0: there is none yet.
    generation: u64,
    /// Files in it.
    files: u64,
    /// Different chunks.
    chunks: u64,
    /// Chunks that have vectors.
    encoded: u64,
    /// Share of the chunks that have vectors, 0 to 1.
    semantic_coverage: f64,
    /// `starting`, `fresh`, `changing`, `encoding`, `waiting` or `failing`; `daemon`: not watched
    /// here.
    state: String,
    /// How changes are noticed.
    watching: String,
    /// Why there is no index, or what failed last.
    error: Option<String>,
}

/// `GET /v1/status`
pub async fn status(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    shared.work(|shared| reply(&StatusReply::of(shared))).await
}

impl StatusReply {
    fn of(shared: &Shared) -> StatusReply {
        let sources = reader::sources(shared.engine.settings()).unwrap_or_default();
        let roots = shared.engine.roots().iter();
        StatusReply {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: shared.began.elapsed().as_secs(),
            editor: shared.editor.clone(),
            readers: sources.iter().map(|one| one.name().to_owned()).collect(),
            profile: shared.engine.profile().id().to_owned(),
            languages: language::all().iter().map(|one| one.name).collect(),
            repositories: roots.map(|root| repository(shared, root)).collect(),
        }
    }
}

fn repository(shared: &Shared, root: &Path) -> RepositoryReply {
    let mut reply = RepositoryReply {
        root: root.to_string_lossy().into_owned(),
        name: name(root),
        state: "failing".to_owned(),
        ..RepositoryReply::default()
    };
    if !root.is_dir() {
        reply.error = Some("the folder is gone".to_owned());
        return reply;
    }
    let opened = shared.engine.repository(root);
    let snapshot =
        opened.and_then(|repository| Ok((repository.workspace().glance()?, repository.status())));
    match snapshot {
        Ok((snapshot, watched)) => {
            let counts = snapshot.counts();
            let watched = watched.unwrap_or_default();
            reply.generation = snapshot.generation();
            reply.files = counts.files;
            reply.chunks = counts.distinct;
            reply.encoded = counts.encoded;
            reply.semantic_coverage = json::rounded(snapshot.coverage());
            reply.state = match watched.state.as_str() {
                "" => "daemon".to_owned(),
                state => state.to_owned(),
            };
            reply.watching = watched.watching;
            reply.error = watched.last_error;
        }
        Err(error) => reply.error = Some(error.to_string()),
    }
    reply
}

/// Name of a root's folder.
pub fn name(root: &Path) -> String {
    let name = root.file_name().unwrap_or(root.as_os_str());
    name.to_string_lossy().into_owned()
}

/// `GET /healthz`: the server runs.
pub async fn health() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: every repository can be searched.
pub async fn readiness(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let waiting = shared
        .work(|shared| {
            let roots = shared.engine.roots().iter();
            let states = roots.map(|root| repository(shared, root));
            let waiting = states.filter(|one| one.generation == 0);
            Ok(waiting.map(|one| one.name).collect::<Vec<_>>())
        })
        .await?;
    match (waiting.is_empty(), shared.is_stopping()) {
        (_, true) => Err(Problem::busy("stopping", "the server is stopping")),
        (true, false) => Ok("ready\n".into_response()),
        (false, false) => Err(Problem::busy(
            "not-ready",
            format!(
                "not indexed yet: {}; ask again in a while",
                waiting.join(", ")
            ),
        )),
    }
}

/// `GET /metrics`
pub async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let text = shared
        .work(|shared| {
            let roots = shared.engine.roots().iter();
            let gauges = roots.filter_map(|root| {
                let repository = shared.engine.repository(root).ok()?;
                let snapshot = repository.workspace().glance().ok()?;
                Some(Gauge {
                    name: name(root),
                    generation: snapshot.generation(),
                    counts: snapshot.counts(),
                })
            });
            let gauges: Vec<Gauge> = gauges.collect();
            let in_flight = shared.limits.requests - shared.requests.available_permits();
            Ok(shared
                .metrics
                .text(shared.began.elapsed(), in_flight, &gauges))
        })
        .await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response())
}
