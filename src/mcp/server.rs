//! The protocol: what the server is, what it offers, and how a call becomes work.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fathom::engine::Engine;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool as Described,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, Peer, RoleServer, ServerHandler};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::call::Call;
use super::fault::Fault;
use super::instructions::INSTRUCTIONS;
use super::progress::progress;
use super::reply::Reply;
use super::tools::Tool;
use super::{Options, roots};

/// Calls that are worked on at the same time.
const AT_ONCE: usize = 4;
/// Calls that wait for that; more are refused.
const WAITING: usize = 64;

/// Serves one client.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    /// Whether the client may say which folders are served: only one that runs the command may.
    hears_roots: bool,
    engine: Mutex<Option<Arc<Engine>>>,
    at_work: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Ends all calls.
    ended: CancellationToken,
}

impl Server {
    /// A server that has opened nothing yet; `ended` stops its calls.
    pub fn new(options: Options, hears_roots: bool, ended: CancellationToken) -> Server {
        Server {
            shared: Arc::new(Shared {
                options,
                hears_roots,
                engine: Mutex::default(),
                at_work: Arc::new(Semaphore::new(AT_ONCE)),
                waiting: AtomicUsize::new(0),
                ended,
            }),
        }
    }

    /// Closes what is open.
    pub fn close(&self) {
        self.keep(None);
    }

    fn kept(&self) -> Option<Arc<Engine>> {
        let engine = self.shared.engine.lock();
        engine.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, engine: Option<Arc<Engine>>) {
        let kept = self.shared.engine.lock();
        let before = std::mem::replace(&mut *kept.unwrap_or_else(PoisonError::into_inner), engine);
        drop(before);
    }

    /// What answers; opened by the first call.
    async fn engine(&self, peer: &Peer<RoleServer>) -> Result<Arc<Engine>, Fault> {
        if let Some(engine) = self.kept() {
            return Ok(engine);
        }
        let asks = self.shared.hears_roots && self.shared.options.paths.is_empty();
        let offered: Vec<PathBuf> = match asks {
            true => roots::offered(peer).await,
            false => Vec::new(),
        };
        let options = self.shared.options.clone();
        let opened = tokio::task::spawn_blocking(move || roots::open(&options, &offered)).await;
        let engine = Arc::new(opened.map_err(|error| Fault::Internal(error.to_string()))??);
        // Another call may have been quicker.
        let engine = self.kept().unwrap_or(engine);
        self.keep(Some(engine.clone()));
        Ok(engine)
    }

    async fn call(
        &self,
        tool: Tool,
        arguments: Value,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply, Fault> {
        let place = Waiting::new(self.shared.clone())?;
        let engine = self.engine(&context.peer).await?;
        let permit = self.shared.at_work.clone().acquire_owned().await;
        drop(place);
        let (progress, steps) = progress(context.meta.get_progress_token());
        let cancel = Arc::new(AtomicBool::new(false));
        let call = Call {
            engine,
            ended: context.ct.clone(),
            cancel: cancel.clone(),
            progress,
            began: Instant::now(),
        };
        let sent = steps.map(|steps| tokio::spawn(steps.send(context.peer.clone())));
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work has ended, also where nobody waits for it any more.
            let _permit = permit;
            call.check()?;
            tool.run(&call, arguments)
        });
        let result = tokio::select! {
            result = work => result,
            () = context.ct.cancelled() => return stopped(&cancel),
            () = self.shared.ended.cancelled() => return stopped(&cancel),
        };
        if let Some(sent) = sent {
            // All progress goes out before the result does.
            let _ = sent.await;
        }
        result.map_err(|error| Fault::Internal(panic_of(error)))?
    }
}

/// Has the work end, and does not wait for it.
fn stopped(cancel: &AtomicBool) -> Result<Reply, Fault> {
    cancel.store(true, Ordering::SeqCst);
    Err(Fault::Cancelled)
}

fn panic_of(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "the work was stopped".to_owned();
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "panic".to_owned())
}

/// A call in the queue.
struct Waiting(Arc<Shared>);

impl Waiting {
    fn new(shared: Arc<Shared>) -> Result<Waiting, Fault> {
        let before = shared.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Waiting(shared);
        match before < WAITING {
            true => Ok(place),
            false => Err(Fault::Busy(before)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("fathom", env!("CARGO_PKG_VERSION"))
                    .with_title("fathom: code search"),
            )
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = Tool::offered(self.shared.options.allow_write);
        let tools: Vec<Described> = tools.map(Tool::describe).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut offered = Tool::offered(self.shared.options.allow_write);
        let Some(tool) = offered.find(|tool| tool.name() == request.name) else {
            let name: String = request.name.chars().take(80).collect();
            let message = format!("there is no tool `{name}`; `tools/list` lists those there are");
            return Err(ErrorData::invalid_params(message, None));
        };
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let result: CallToolResult = match self.call(tool, arguments, context).await {
            Ok(reply) => reply.into(),
            Err(fault) => fault.into(),
        };
        Ok(result.into())
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        if self.shared.hears_roots && self.shared.options.paths.is_empty() {
            let server = self.clone();
            // Watchers take a moment to end.
            tokio::task::spawn_blocking(move || server.close());
        }
    }
}
