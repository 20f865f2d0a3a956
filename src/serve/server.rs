//! The life of the server: listen, answer, end cleanly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::gate::Gate;
use super::state::Shared;
use super::{Options, ServeError, routes};
use crate::daemon::OnNote;
use crate::engine::Engine;
use crate::engine::freshness::Freshness;

/// How often it looks whether it should end.
const TICK: Duration = Duration::from_millis(50);
/// Time for the head of a request; an idle connection is closed after it.
const HEAD: Duration = Duration::from_secs(20);
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 64 << 10;
/// Header fields of a request.
const HEADERS: usize = 64;
/// What requests get to end after the server was told to.
const GRACE: Duration = Duration::from_secs(3);

/// Serves until it is cancelled. `on` gets a line about everything that is worth knowing.
///
/// # Errors
/// If it cannot begin.
pub fn serve(options: &Options, cancel: &AtomicBool, on: &OnNote) -> Result<(), ServeError> {
    if !options.listen.ip().is_loopback() && options.token.is_none() {
        return Err(ServeError::TokenNeeded(options.listen));
    }
    let engine = Engine::new(&options.settings, &options.paths)?;
    let limits = options.limits;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Each request has one thread at most; so has each index that is brought up to date.
        .max_blocking_threads(2 * (limits.requests + limits.answers) + engine.roots().len())
        .enable_all()
        .build()
        .map_err(ServeError::Threads)?;
    let result = runtime.block_on(listen(options, engine, cancel, on));
    // What still runs has been told to stop.
    runtime.shutdown_timeout(GRACE);
    result
}

async fn listen(
    options: &Options,
    engine: Engine,
    cancel: &AtomicBool,
    on: &OnNote,
) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listen {
        address: options.listen,
        source,
    };
    let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let gate = Gate::new(
        address,
        &options.hosts,
        &options.origins,
        options.token.clone(),
    );
    let (stop, stopping) = watch::channel(false);
    let shared = Arc::new(Shared::new(engine, gate, options, stopping));
    for root in shared.engine.roots() {
        on(&format!("serving `{}`", root.display()));
    }
    if !address.ip().is_loopback() {
        on(
            "warning: this address can be reached from other machines; what they send and get is not encrypted",
        );
    }
    on(&format!("listening on http://{address}/"));
    warm_up(&shared, on);
    let router = routes::router(shared.clone());
    let end = async {
        told(cancel).await;
        on("stopping");
        // Nobody listens to this if there are no requests.
        let _ = stop.send(true);
    };
    answer_until(listener, router, options.limits.connections, end).await;
    Ok(())
}

/// Answers what comes, on so many connections at once, until `end`; what was begun then has a
/// moment to end.
pub async fn answer_until(
    listener: TcpListener,
    router: Router,
    connections: usize,
    end: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    tokio::select! {
        () = accept(&listener, router, &graceful, connections) => {}
        () = end => {}
    }
    drop(listener);
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// Returns when the flag is set.
async fn told(cancel: &AtomicBool) {
    while !cancel.load(Ordering::SeqCst) {
        sleep(TICK).await;
    }
}

/// Loads the model and brings the indexes up to date, so that the first request need not wait.
fn warm_up(shared: &Arc<Shared>, on: &OnNote) {
    shared.engine.load_model();
    for root in shared.engine.roots() {
        let (shared, root, on) = (shared.clone(), root.clone(), on.clone());
        tokio::spawn(async move {
            let path = root.to_string_lossy();
            let result = shared.fresh(&path, Freshness::Words, |_| ()).await;
            if let Err(problem) = result
                && !shared.is_stopping()
            {
                on(&format!("warning: {}: {}", root.display(), problem.detail));
            }
        });
    }
}

async fn accept(
    listener: &TcpListener,
    router: Router,
    graceful: &GracefulShutdown,
    connections: usize,
) {
    let connections = Arc::new(Semaphore::new(connections));
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => attend(stream, router.clone(), graceful, permit),
            // Out of descriptors, most likely: others will be closed.
            Err(_) => sleep(TICK).await,
        }
    }
}

fn attend(
    stream: TcpStream,
    router: Router,
    graceful: &GracefulShutdown,
    permit: OwnedSemaphorePermit,
) {
    // Without it small answers are only slower.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(
            TokioIo::new(Connection::new(stream)),
            TowerToHyperService::new(router),
        );
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that breaks off is no failure of the server.
        let _ = connection.await;
        drop(permit);
    });
}
