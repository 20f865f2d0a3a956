//! A repository that is watched, as the rest of the daemon sees it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fathom_indexer::pipeline::Encoders;
use fathom_indexer::watch::{ALLOWANCE, Pending, Signal, Timing, Watcher};

use super::encoding::{Encoding, Ended};
use super::protocol::{Reply, RepositoryStatus};
use super::repository::Repository;
use crate::config::Settings;
use crate::workspace::{Workspace, WorkspaceError};

/// What the thread is told.
pub(super) enum Message {
    Signal(Signal),
    CatchUp(CatchUp),
    /// A run of encoding has ended.
    Encoded(Ended),
    Stop,
}

/// A command that waits.
pub(super) struct CatchUp {
    pub rules: String,
    pub encoded: bool,
    pub wait: bool,
    pub reply: Sender<Reply>,
}

/// Where the thread gets its messages.
#[derive(Clone)]
pub(super) struct Inbox {
    sender: Sender<Message>,
}

impl Inbox {
    /// If the thread is gone nobody needs the message.
    pub fn send(&self, message: Message) {
        let _ = self.sender.send(message);
    }
}

/// A repository that is watched. Dropping it ends the watching.
pub struct Watched {
    inbox: Inbox,
    stop: Arc<AtomicBool>,
    status: Arc<Mutex<RepositoryStatus>>,
    looked: Arc<Mutex<Option<Instant>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Where lines about what was done go.
pub type OnNote = Arc<dyn Fn(&str) + Send + Sync>;

impl Watched {
    /// Begins to watch the repository of `root`.
    pub fn start(
        root: &Path,
        settings: &Settings,
        cookies: &Path,
        encoders: Arc<Encoders>,
        on: OnNote,
    ) -> Result<Watched, WorkspaceError> {
        let workspace = Workspace::open_to_build(root, settings)?.with_encoders(encoders.clone());
        let (sender, messages) = channel();
        let inbox = Inbox { sender };
        let status = Arc::new(Mutex::new(RepositoryStatus {
            root: workspace.root().display().to_string(),
            state: "starting".into(),
            ..RepositoryStatus::default()
        }));
        let (stop, looked) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let name = blake3::hash(workspace.root().as_os_str().as_encoded_bytes()).to_hex();
        let mut repository = Repository {
            settings: settings.clone(),
            watcher: start_watcher(&workspace, cookies, &inbox, &name),
            cookies: cookies.join(&name[..16]),
            cookie: 0,
            workspace: Arc::new(workspace),
            encoders,
            encoding: Encoding::default(),
            messages,
            inbox: inbox.clone(),
            stop: stop.clone(),
            pending: Pending::new(Timing::default(), Instant::now()),
            waiting: Vec::new(),
            backlog: 0,
            newest: 0,
            encoding_fails: false,
            not_before: Instant::now(),
            encode_after: Instant::now(),
            reopen: false,
            status: status.clone(),
            looked: Arc::clone(&looked),
            on,
        };
        let thread = std::thread::Builder::new()
            .name("repository".into())
            .spawn(move || repository.run())
            .map_err(|source| WorkspaceError::Path {
                path: root.to_owned(),
                source,
            })?;
        Ok(Watched {
            inbox,
            stop,
            status,
            looked,
            thread: Some(thread),
        })
    }

    /// Catches up with the files as they are now; answers when it has.
    pub fn catch_up(&self, rules: String, encoded: bool, wait: bool) -> Receiver<Reply> {
        let (reply, answer) = channel();
        let request = CatchUp {
            rules,
            encoded,
            wait,
            reply,
        };
        // If the thread is gone the answer never comes, and the receiver says so.
        self.inbox.send(Message::CatchUp(request));
        answer
    }

    /// How it is.
    pub fn status(&self) -> RepositoryStatus {
        let mut status = lock(&self.status).clone();
        status.looked_seconds_ago = lock(&self.looked).map(|at| at.elapsed().as_secs());
        status
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.inbox.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the watching already.
            let _ = thread.join();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start_watcher(workspace: &Workspace, cookies: &Path, inbox: &Inbox, name: &str) -> Watcher {
    let cookies = cookies.join(&name[..16]);
    // Without the folder there are no events, which the watcher says.
    let _ = std::fs::create_dir(&cookies);
    let inbox = inbox.clone();
    let on = Arc::new(move |signal| {
        inbox.send(Message::Signal(signal));
    });
    Watcher::start(workspace.root(), &cookies, ALLOWANCE, on)
}
