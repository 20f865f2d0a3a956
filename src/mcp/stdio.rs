//! The server on stdin and stdout: one client, which started this process. It ends when stdin
//! does, when that client is gone, or on a signal, whatever it is doing then.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::{StdioReader, stdio_pipes};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::server::Server;
use crate::stdout;

/// How long calls may go on when nobody can ask any more.
const GRACE: Duration = Duration::from_millis(400);
/// How long the end may take after that.
const CLOSING: Duration = Duration::from_millis(400);
/// How often it is looked whether the client is still there.
const LOOK: Duration = Duration::from_millis(500);
/// Longest message that is read.
const LONGEST: usize = 4 << 20;

/// Serves until the client is gone.
///
/// # Errors
/// If the process cannot serve at all.
pub fn serve(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve_one(options));
    // Work that does not stop is not waited for.
    runtime.shutdown_background();
    result
}

async fn serve_one(options: Options) -> anyhow::Result<()> {
    let gone = CancellationToken::new();
    tokio::spawn(watch_client(gone.clone()));
    let ended = CancellationToken::new();
    let server = Server::new(options, true, ended.clone());
    // Its way of writing is left aside: it is stdout itself where that is no pipe.
    let (stdin, _) = stdio_pipes();
    let stdout = File::from_std(stdout::own()?);
    let stdin = Ending {
        stdin,
        gone: gone.clone(),
    };
    let transport = AsyncRwTransport::new_server(stdin, stdout).with_max_line_length(LONGEST);
    let serving = async {
        match server.clone().serve(transport).await {
            Ok(running) => {
                // Why it ended does not matter: the client is gone.
                let _ = running.waiting().await;
                Ok(())
            }
            // A client that asked nothing.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(anyhow::anyhow!(
                "the client does not begin with `initialize`: {error}"
            )),
        }
    };
    let end = async {
        gone.cancelled().await;
        tokio::time::sleep(GRACE).await;
        ended.cancel();
        tokio::time::sleep(CLOSING).await;
    };
    let result = tokio::select! {
        result = serving => result,
        () = end => Ok(()),
    };
    let closing = tokio::task::spawn_blocking(move || server.close());
    // Files in the temporary folder are removed if there is time.
    let _ = tokio::time::timeout(CLOSING, closing).await;
    result
}

/// Waits for a signal, or until the process that started this one is gone: its end of stdin may
/// live on in a child of it.
async fn watch_client(gone: CancellationToken) {
    let parent = rustix::process::getppid();
    let orphaned = async {
        while rustix::process::getppid() == parent {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = orphaned => {}
        () = ended_by_signal() => {}
    }
    gone.cancel();
}

/// Waits for a signal that ends a server.
pub async fn ended_by_signal() {
    tokio::select! {
        () = signalled(SignalKind::terminate()) => {}
        () = signalled(SignalKind::interrupt()) => {}
        () = signalled(SignalKind::hangup()) => {}
    }
}

async fn signalled(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        // Then the signal does what it does by itself.
        Err(_) => std::future::pending().await,
    }
}

/// stdin, and word of its end.
struct Ending {
    stdin: StdioReader,
    gone: CancellationToken,
}

impl AsyncRead for Ending {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stdin).poll_read(context, buffer));
        if result.is_err() || buffer.filled().len() == before {
            self.gone.cancel();
        }
        Poll::Ready(result)
    }
}
