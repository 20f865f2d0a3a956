//! Encoding beside the thread that looks at files: neither waits for the other but to write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use fathom_indexer::pipeline::{EncodeReport, Event};

use super::watched::{Inbox, Message, OnNote};
use crate::workspace::{Workspace, WorkspaceError};

/// How one run ended; `None` after a panic.
pub(super) type Ended = Option<Result<EncodeReport, WorkspaceError>>;

/// At most one run at a time; dropping it ends the run after the document at hand.
#[derive(Default)]
pub(super) struct Encoding {
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<()>,
    cancel: Arc<AtomicBool>,
    /// What was just saved, not a backlog.
    urgent: bool,
}

impl Encoding {
    /// Whether a run is going on.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends a run that works on a backlog. [`Message::Encoded`] follows.
    pub fn stop_backlog(&self) {
        if let Some(running) = self.running.as_ref().filter(|running| !running.urgent) {
            running.cancel.store(true, Ordering::SeqCst);
        }
    }

    /// Begins a run over so many of the newest chunks, or over everything. It tells `inbox` when it
    /// ends.
    pub fn start(
        &mut self,
        workspace: &Arc<Workspace>,
        newest: Option<usize>,
        inbox: &Inbox,
        on: &OnNote,
    ) {
        let cancel = Arc::new(AtomicBool::new(false));
        let (workspace, inbox, on) = (workspace.clone(), inbox.clone(), on.clone());
        let stop = cancel.clone();
        let work = move || {
            let run = AssertUnwindSafe(|| encode(&workspace, newest, &stop, &on));
            inbox.send(Message::Encoded(catch_unwind(run).ok()));
        };
        let thread = std::thread::Builder::new().name("encoding".into());
        // Without a thread there is no run; the next message brings another try.
        self.running = thread.spawn(work).ok().map(|thread| Running {
            thread,
            cancel,
            urgent: newest.is_some(),
        });
    }

    /// The run has told that it ended.
    pub fn ended(&mut self) {
        if let Some(running) = self.running.take() {
            // Whether it panicked it has told.
            let _ = running.thread.join();
        }
    }
}

impl Drop for Encoding {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.cancel.store(true, Ordering::SeqCst);
        }
        self.ended();
    }
}

fn encode(
    workspace: &Workspace,
    newest: Option<usize>,
    cancel: &AtomicBool,
    on: &OnNote,
) -> Result<EncodeReport, WorkspaceError> {
    let began = Instant::now();
    workspace.encode_part(newest, cancel, &|event| {
        if let Event::Saved { done } = event {
            let (root, took) = (workspace.root().display(), began.elapsed().as_secs_f64());
            on(&format!("`{root}`: {done} chunks encoded in {took:.2} s"));
        }
    })
}
