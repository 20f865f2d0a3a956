//! One repository that is kept fresh, on a thread of its own.
//!
//! Everything it does begins with a message: a signal of the watcher, a command that wants to
//! catch up, the end. It is a writer only while it writes one change or one slice of encodings,
//! so another process that wants to write waits a few seconds at most.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fathom_indexer::pipeline::{Encoders, Event, RefreshReport};
use fathom_indexer::watch::{Mode, Pending, Signal, Watcher};

use super::protocol::{Reply, RepositoryStatus, rules};
use super::watched::{CatchUp, Inbox, Message, OnNote, lock};
use crate::config::{REPOSITORY_FILE, Settings};
use crate::workspace::{Workspace, WorkspaceError};

/// Chunks that are encoded at once, with nothing else in between: what a save changes.
const FEW: u64 = 48;
/// Longest time that encoding a backlog keeps others from writing.
const SLICE: Duration = Duration::from_secs(4);
/// Between slices, so that one who waits for the lock gets it.
const BREATH: Duration = Duration::from_millis(60);
/// After a failure, or while another process writes.
const RETRY: Duration = Duration::from_secs(2);
/// A cookie that has not come by then will not come.
const COOKIE: Duration = Duration::from_millis(700);
/// How much the priority of encoding a backlog is lowered.
const NICENESS: i32 = 10;

/// One that waits for the events before it.
pub(super) struct Waiting {
    request: CatchUp,
    cookie: PathBuf,
    until: Instant,
    /// All events before it have come.
    arrived: bool,
}

/// The thread's side.
pub(super) struct Repository {
    pub(super) settings: Settings,
    pub(super) workspace: Workspace,
    pub(super) encoders: Arc<Encoders>,
    pub(super) watcher: Watcher,
    pub(super) cookies: PathBuf,
    pub(super) cookie: u64,
    pub(super) messages: Receiver<Message>,
    pub(super) inbox: Inbox,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) pending: Pending,
    pub(super) waiting: Vec<Waiting>,
    /// Chunks that are not encoded.
    pub(super) backlog: u64,
    /// Encoding does not work; it is tried again now and then.
    pub(super) encoding_fails: bool,
    /// When to try again after a failure.
    pub(super) not_before: Instant,
    /// The repository's own settings may have changed.
    pub(super) reopen: bool,
    pub(super) status: Arc<Mutex<RepositoryStatus>>,
    pub(super) looked: Arc<Mutex<Option<Instant>>>,
    pub(super) on: OnNote,
}

impl Repository {
    pub(super) fn run(&mut self) {
        self.look();
        let mode = self.watcher.mode();
        (self.on)(&format!(
            "watching `{}` by {mode}",
            self.workspace.root().display()
        ));
        while !self.stop.load(Ordering::SeqCst) {
            match self.messages.recv_timeout(self.rest()) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(message) = self.messages.try_recv() {
                self.take(message);
            }
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            self.serve_waiting();
            let now = Instant::now();
            if now >= self.due() {
                self.look();
            } else if self.backlog > 0 && now >= self.not_before {
                self.encode_slice();
            }
        }
    }

    /// How long there is nothing to do.
    fn rest(&self) -> Duration {
        let mut next = self.due();
        if self.backlog > 0 {
            next = next.min(self.not_before);
        }
        for waiting in self.waiting.iter().filter(|waiting| !waiting.arrived) {
            next = next.min(waiting.until);
        }
        next.saturating_duration_since(Instant::now())
    }

    fn due(&self) -> Instant {
        let polling = matches!(self.watcher.mode(), Mode::Polling { .. });
        let due = self.pending.due(polling);
        if matches!(self.state().as_str(), "waiting" | "failing") {
            return due.max(self.not_before);
        }
        due
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Stop => {}
            Message::Signal(Signal::Cookie(path)) => {
                let _ = std::fs::remove_file(&path);
                let arrived = self
                    .waiting
                    .iter_mut()
                    .filter(|waiting| waiting.cookie == path);
                arrived.for_each(|waiting| waiting.arrived = true);
            }
            Message::Signal(signal) => {
                self.watcher.heed(&signal);
                self.reopen |= match &signal {
                    Signal::Changed(path) => path.ends_with(REPOSITORY_FILE),
                    _ => true,
                };
                self.pending.note(Instant::now());
                if self.is_well() {
                    lock(&self.status).state = "changing".into();
                }
            }
            Message::CatchUp(request) => self.enqueue(request),
        }
    }

    /// All events of what happened before now come before that of a file made now.
    fn enqueue(&mut self, request: CatchUp) {
        self.cookie += 1;
        let cookie = self.cookies.join(self.cookie.to_string());
        let events = matches!(self.watcher.mode(), Mode::Events { .. });
        let arrived = !(events && std::fs::write(&cookie, "").is_ok());
        if arrived {
            // Nothing tells what has happened: only looking does.
            self.pending.note(Instant::now());
        }
        self.waiting.push(Waiting {
            request,
            cookie,
            until: Instant::now() + COOKIE,
            arrived,
        });
    }

    /// Answers those who have waited long enough for events, after looking if there were any.
    fn serve_waiting(&mut self) {
        let now = Instant::now();
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.arrived) {
            if now >= waiting.until {
                waiting.arrived = true;
                self.pending.note(now);
            }
        }
        if !self.waiting.iter().any(|waiting| waiting.arrived) {
            return;
        }
        // A new folder makes one more look necessary, as does what happens meanwhile.
        for _ in 0..3 {
            if self.pending.any() || !self.is_well() {
                self.look_at_words();
            }
        }
        self.answer_waiting(|request| !request.encoded);
        if self.waiting.iter().any(|waiting| waiting.arrived) {
            self.encode_few();
        }
        self.answer_waiting(|_| true);
    }

    /// Answers those whose events have come and whom `ready` accepts.
    fn answer_waiting(&mut self, ready: impl Fn(&CatchUp) -> bool) {
        let (is_well, ours) = (self.is_well(), rules(self.workspace.settings()));
        let (backlog, fails) = (self.backlog > 0, self.encoding_fails);
        self.waiting.retain(|waiting| {
            let request = &waiting.request;
            let wants_more = request.wait && backlog;
            if !waiting.arrived || !ready(request) || (wants_more && is_well && !fails) {
                return true;
            }
            let reply = match is_well && !wants_more && request.rules == ours {
                true => Reply::CaughtUp,
                // Another process writes, or something fails: the command sees for itself.
                false => Reply::NotHere,
            };
            // One who has gone away needs no answer.
            let _ = request.reply.send(reply);
            false
        });
    }

    /// Whether the last look succeeded.
    fn is_well(&self) -> bool {
        matches!(self.state().as_str(), "fresh" | "changing" | "encoding")
    }

    /// Compares the index with the files, and encodes what changed if that is little.
    fn look(&mut self) {
        self.look_at_words();
        self.encode_few();
    }

    /// Encodes at once what a save changed.
    fn encode_few(&mut self) {
        let again = !self.encoding_fails || Instant::now() >= self.not_before;
        if self.is_well() && again && (1..=FEW).contains(&self.backlog) {
            let stop = self.stop.clone();
            self.encode(&stop);
        }
    }

    /// Compares the index with the files.
    fn look_at_words(&mut self) {
        let began = Instant::now();
        self.pending.take();
        let result = self.refresh();
        let found = result.as_ref().is_ok_and(RefreshReport::changed_anything);
        match result {
            Ok(report) => {
                if self.watcher.follow(&report.folders) {
                    self.pending.note(Instant::now());
                }
                self.after_refresh(&report);
            }
            Err(error) => self.failed(&error),
        }
        self.pending.looked(began, Instant::now(), found);
        *lock(&self.looked) = Some(Instant::now());
        lock(&self.status).looks += 1;
    }

    fn refresh(&mut self) -> Result<RefreshReport, WorkspaceError> {
        if std::mem::take(&mut self.reopen) {
            let root = self.workspace.root().to_owned();
            let workspace = Workspace::open(&root, &self.settings)?;
            self.workspace = workspace.with_encoders(self.encoders.clone());
        }
        let (stop, nothing) = (self.stop.clone(), |_| ());
        self.workspace
            .refresh(false, Duration::ZERO, &stop, &nothing)
    }

    fn after_refresh(&mut self, report: &RefreshReport) {
        let changed =
            report.changed_anything() || lock(&self.status).generation != report.generation;
        if changed && self.count().is_err() {
            return;
        }
        self.settle();
        if report.changed_anything() {
            (self.on)(&told(self.workspace.root(), report));
        }
    }

    /// Reads from the index how much there is and how much is to be done.
    fn count(&mut self) -> Result<(), ()> {
        let counted = self.workspace.snapshot().map(|snapshot| {
            (
                snapshot.generation(),
                snapshot.file_count(),
                snapshot.missing(),
                snapshot.coverage(),
            )
        });
        match counted {
            Ok((generation, files, missing, coverage)) => {
                self.backlog = missing;
                let mut status = lock(&self.status);
                status.generation = generation;
                status.files = files;
                status.queue = missing;
                status.coverage = coverage;
                Ok(())
            }
            Err(error) => {
                self.failed(&error);
                Err(())
            }
        }
    }

    fn state(&self) -> String {
        lock(&self.status).state.clone()
    }

    /// Nothing failed.
    fn settle(&mut self) {
        let mut status = lock(&self.status);
        status.watching = self.watcher.mode().to_string();
        status.state = if self.backlog > 0 {
            "encoding"
        } else {
            "fresh"
        }
        .into();
    }

    fn failed(&mut self, error: &WorkspaceError) {
        self.not_before = Instant::now() + RETRY;
        self.pending.note(Instant::now());
        let mut status = lock(&self.status);
        status.watching = self.watcher.mode().to_string();
        if error.is_busy() {
            status.state = "waiting".into();
            return;
        }
        status.errors += 1;
        status.state = "failing".into();
        let message = error.to_string();
        let is_new = status.last_error.as_ref() != Some(&message);
        status.last_error = Some(message.clone());
        drop(status);
        // The root may have gone and come back, which ends its watches.
        self.watcher.heed(&Signal::Lost);
        if is_new && !self.stop.load(Ordering::SeqCst) {
            (self.on)(&message);
        }
    }

    /// Encodes part of a backlog, at low priority, until there is something more important.
    fn encode_slice(&mut self) {
        let interrupt = self.inbox.interrupt.clone();
        interrupt.store(false, Ordering::SeqCst);
        if self.stop.load(Ordering::SeqCst) {
            return;
        }
        self.encode(&interrupt);
        self.not_before = self.not_before.max(Instant::now() + BREATH);
    }

    fn encode(&mut self, cancel: &AtomicBool) {
        let began = Instant::now();
        let (workspace, on, is_slice) = (&self.workspace, &self.on, self.backlog > FEW);
        let work = || {
            if is_slice {
                // A thread's own: it and those that it starts stand back.
                let _ = rustix::process::nice(NICENESS);
            }
            workspace.encode(Duration::ZERO, cancel, &|event| {
                if let Event::Saved { done } = event {
                    let (root, took) = (workspace.root().display(), began.elapsed().as_secs_f64());
                    on(&format!("`{root}`: {done} chunks encoded in {took:.2} s"));
                }
                if is_slice && began.elapsed() > SLICE {
                    cancel.store(true, Ordering::SeqCst);
                }
            })
        };
        let result = std::thread::scope(|scope| scope.spawn(work).join());
        self.encoding_fails = !matches!(&result, Ok(Ok(_)));
        match result {
            Ok(Ok(_)) => {
                if self.count().is_ok() {
                    self.settle();
                }
            }
            Ok(Err(error)) if error.is_busy() => {
                self.encoding_fails = false;
                self.not_before = Instant::now() + RETRY;
            }
            Ok(Err(error)) => {
                // Words are found without vectors: it goes on, and tries again later.
                self.not_before = Instant::now() + 15 * RETRY;
                let mut status = lock(&self.status);
                status.errors += 1;
                status.last_error = Some(error.to_string());
            }
            Err(_) => {
                self.not_before = Instant::now() + 15 * RETRY;
                lock(&self.status).last_error = Some("a thread that encodes panicked".into());
            }
        }
    }
}

fn told(root: &Path, report: &RefreshReport) -> String {
    let parts: Vec<String> = [
        (report.added, "added"),
        (report.changed, "changed"),
        (report.renamed, "renamed"),
        (report.removed, "removed"),
        (report.unreadable, "unreadable"),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let (files, took) = (parts.join(", "), report.took.as_secs_f64());
    format!("`{}`: {files} in {took:.2} s", root.display())
}
