//! The server on HTTP, for several clients at the same time: `POST`, `GET` and `DELETE` of `/mcp`.
//!
//! Who may ask is decided by the same gate as that of `fathom serve`, before anything else. Which
//! folders are served is said on the command line alone: clients here may be anywhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use fathom::serve::gate::{Gate, Token, check_content_type};
use fathom::serve::{Problem, answer_until};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::server::Server;
use super::stdio::ended_by_signal;

/// Bytes of a message.
const BODY: usize = 1 << 20;
/// Messages that are worked on or wait at the same time; more are answered 429.
const AT_ONCE: usize = 128;
/// Open connections; more wait.
const CONNECTIONS: usize = 256;
/// How long a client may take to send a message.
const READ: Duration = Duration::from_secs(20);
/// How long the index may take to be closed.
const CLOSING: Duration = Duration::from_secs(1);

/// Where the server listens, and whom it lets in.
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// More names by which it may be addressed.
    pub hosts: Vec<String>,
    /// Sites whose pages may ask.
    pub origins: Vec<String>,
    /// What every request must carry.
    pub token: Option<Token>,
}

/// What requests have to get past.
#[derive(Clone)]
struct Door {
    gate: Arc<Gate>,
    room: Arc<Semaphore>,
}

/// Serves until a signal comes; `ready` hears the address.
///
/// # Errors
/// If the address cannot be used, or needs a token and has none.
pub fn serve(
    options: Options,
    listening: Listening,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve_all(options, listening, ready));
    runtime.shutdown_background();
    result
}

async fn serve_all(
    options: Options,
    listening: Listening,
    ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let Listening {
        address,
        hosts,
        origins,
        token,
    } = listening;
    if !address.ip().is_loopback() && token.is_none() {
        anyhow::bail!(
            "{address} can be reached from other machines, which needs a token; write a long random text into a file that only you can read, and give `--token-file FILE`"
        );
    }
    let listener = TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot listen on {address}: {error}; `--http 127.0.0.1:0` takes any free port"
        )
    })?;
    let address = listener.local_addr()?;
    let ended = CancellationToken::new();
    let server = Server::new(options, false, ended.clone());
    let door = Door {
        gate: Arc::new(Gate::new(address, &hosts, &origins, token)),
        room: Arc::new(Semaphore::new(AT_ONCE)),
    };
    let app = router(server.clone(), door, ended.clone());
    ready(address);
    let end = async {
        ended_by_signal().await;
        ended.cancel();
    };
    answer_until(listener, app, CONNECTIONS, end).await;
    let closing = tokio::task::spawn_blocking(move || server.close());
    let _ = tokio::time::timeout(CLOSING, closing).await;
    Ok(())
}

fn router(server: Server, door: Door, ended: CancellationToken) -> Router {
    // The gate has checked names and sites, by rules that are stricter than these.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(BODY)
        .with_cancellation_token(ended);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    Router::new()
        .route_service("/mcp", service)
        .layer(from_fn_with_state(door, enter))
}

/// Lets a request in, or says why not.
async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    if let Err(problem) = door.gate.check(method, headers, false) {
        return problem.into_response();
    }
    if method != Method::POST {
        return next.run(request).await;
    }
    if let Err(problem) = check_content_type(headers) {
        return problem.into_response();
    }
    let Ok(_place) = door.room.clone().try_acquire_owned() else {
        let message = format!("{AT_ONCE} requests are worked on; ask again in a second");
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).into_response();
    };
    match whole(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// A request whose message has arrived.
async fn whole(request: Request) -> Result<Request, Problem> {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(READ, to_bytes(body, BODY)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(head, Body::from(bytes))),
        Ok(Err(_)) => {
            let message = format!("the message cannot be read; send at most {BODY} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "size", message))
        }
        Err(_) => {
            let message = "the message did not come in time; send it at once";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "time", message))
        }
    }
}
