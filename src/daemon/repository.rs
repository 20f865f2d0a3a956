//! One repository that is kept fresh, on a thread of its own.
//!
//! Everything it does begins with a message: a signal of the watcher, a command that wants to
//! catch up, a run of encoding that has ended, the end. What is encoded is encoded beside it
//! ([`Encoding`]): what was saved last comes before what was left for later. The writer's lock is
//! held only to write.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fathom_indexer::pipeline::{Encoders, RefreshReport};
use fathom_indexer::watch::{Mode, Pending, Signal, Watcher};

use super::encoding::{Encoding, Ended};
use super::protocol::{Reply, RepositoryStatus, rules};
use super::watched::{CatchUp, Inbox, Message, OnNote, lock};
use crate::config::{REPOSITORY_FILE, Settings};
use crate::workspace::{Workspace, WorkspaceError};

/// What a save changes, in chunks: encoded before any backlog, and waited for.
const FEW: u64 = 48;
/// How long a command waits for the vectors of a save, if it is the only one that waits.
const VECTORS: Duration = Duration::from_millis(250);
/// How long another may write before one that looks gives up for now.
const PATIENCE: Duration = Duration::from_millis(500);
/// After a failure, or while another process writes.
const RETRY: Duration = Duration::from_secs(2);
/// A cookie that has not come by then will not come.
const COOKIE: Duration = Duration::from_millis(700);

/// One that waits for the events before it.
pub(super) struct Waiting {
    request: CatchUp,
    cookie: PathBuf,
    until: Instant,
    /// All events before it have come.
    arrived: bool,
    /// Since when the words are those of the files.
    words: Option<Instant>,
}

/// The thread's side.
pub(super) struct Repository {
    pub(super) settings: Settings,
    pub(super) workspace: Arc<Workspace>,
    pub(super) encoders: Arc<Encoders>,
    pub(super) encoding: Encoding,
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
    /// Those of them that came last, as far as no run has taken them for a backlog.
    pub(super) newest: u64,
    /// Encoding does not work; it is tried again now and then.
    pub(super) encoding_fails: bool,
    /// When to try again after a failure.
    pub(super) not_before: Instant,
    /// When to encode again after a failure.
    pub(super) encode_after: Instant,
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
            }
            self.encode();
        }
    }

    /// How long there is nothing to do.
    fn rest(&self) -> Duration {
        let mut next = self.due();
        if self.backlog > 0 && !self.encoding.is_running() {
            next = next.min(self.encode_after);
        }
        for waiting in &self.waiting {
            next = match waiting.words {
                None if waiting.arrived => next,
                None => next.min(waiting.until),
                Some(_) if waiting.request.wait => next,
                Some(since) => next.min(since + VECTORS),
            };
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
            Message::Encoded(ended) => self.encoded(ended),
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
            words: None,
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
        let new = |waiting: &Waiting| waiting.arrived && waiting.words.is_none();
        if self.waiting.iter().any(new) {
            self.look_for_waiting();
        }
        self.answer_waiting();
    }

    fn look_for_waiting(&mut self) {
        // A new folder makes one more look necessary, as does what happens meanwhile.
        for _ in 0..3 {
            if self.pending.any() || !self.is_well() {
                self.look();
            }
        }
        let now = Instant::now();
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.arrived) {
            waiting.words.get_or_insert(now);
        }
    }

    /// Answers those who have what they want, and those who will not get it soon.
    fn answer_waiting(&mut self) {
        let (is_well, ours) = (self.is_well(), rules(self.workspace.settings()));
        let encoding = is_well && !self.encoding_fails;
        let backlog = encoding && self.backlog > 0;
        // Several are better off with the words at once, and the vectors that they then ask for.
        let soon = encoding && (1..=FEW).contains(&self.newest) && self.waiting.len() == 1;
        self.waiting.retain(|waiting| {
            let (request, Some(since)) = (&waiting.request, waiting.words) else {
                return true;
            };
            let wants_more = request.wait && self.backlog > 0;
            let may_wait = match request.wait {
                true => backlog,
                false => request.encoded && soon && since.elapsed() < VECTORS,
            };
            if may_wait {
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

    /// Compares the index with the files.
    fn look(&mut self) {
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
            let workspace = Workspace::open_to_build(&root, &self.settings)?;
            self.workspace = Arc::new(workspace.with_encoders(self.encoders.clone()));
        }
        let (stop, nothing) = (self.stop.clone(), |_| ());
        self.workspace.refresh(false, PATIENCE, &stop, &nothing)
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
        let counted = self.workspace.glance().map(|snapshot| {
            (
                snapshot.generation(),
                snapshot.file_count(),
                snapshot.missing(),
                snapshot.coverage(),
            )
        });
        match counted {
            Ok((generation, files, missing, coverage)) => {
                self.newest = (self.newest + missing.saturating_sub(self.backlog)).min(missing);
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

    /// Has something encoded if there is something: what came last first.
    fn encode(&mut self) {
        if self.backlog == 0 || Instant::now() < self.encode_after {
            return;
        }
        let urgent = (1..=FEW).contains(&self.newest) || self.backlog <= FEW;
        if self.encoding.is_running() {
            if urgent {
                self.encoding.stop_backlog();
            }
            return;
        }
        let newest = urgent.then_some(FEW as usize);
        if !urgent {
            self.newest = 0;
        }
        self.encoding
            .start(&self.workspace, newest, &self.inbox, &self.on);
        if !self.encoding.is_running() {
            self.encode_after = Instant::now() + RETRY;
        }
    }

    /// A run has ended.
    fn encoded(&mut self, ended: Ended) {
        self.encoding.ended();
        self.encoding_fails = false;
        match ended {
            Some(Ok(report)) => self.newest = self.newest.saturating_sub(report.encoded as u64),
            Some(Err(error)) if error.is_busy() => self.encode_after = Instant::now() + RETRY,
            Some(Err(error)) => self.encoding_failed(error.to_string()),
            None => self.encoding_failed("a thread that encodes panicked".into()),
        }
        if self.count().is_ok() && self.is_well() {
            self.settle();
        }
    }

    /// Words are found without vectors: it goes on, and tries again later.
    fn encoding_failed(&mut self, message: String) {
        self.encoding_fails = true;
        self.encode_after = Instant::now() + 15 * RETRY;
        let mut status = lock(&self.status);
        status.errors += 1;
        status.last_error = Some(message);
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
