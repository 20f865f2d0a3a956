//! Answers the requests of one connection after the other, each on a thread of its own.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fathom_encoders::{Document, Embedding, EncoderError};
use fathom_indexer::pipeline::Encoders;

use super::documents::Documents;
use super::frame::Line;
use super::place::Place;
use super::protocol::{DaemonStatus, Identity, REQUEST_LIMIT, Reply, Request};
use super::watched::{OnNote, Watched};
use crate::config::Settings;
use crate::model::QueryModel;

/// Repositories that one daemon watches.
const REPOSITORIES: usize = 64;
/// Connections at once.
const CONNECTIONS: usize = 64;
/// Documents of one request.
const DOCUMENTS: usize = 1_000;
/// A connection on which nothing was asked for so long is closed.
const SILENCE: Duration = Duration::from_secs(300);

/// What all connections share.
pub struct Server {
    settings: Settings,
    place: Place,
    encoders: Arc<Encoders>,
    model: QueryModel,
    documents: Documents,
    repositories: Mutex<BTreeMap<PathBuf, Arc<Watched>>>,
    stop: AtomicBool,
    /// A client has other models.
    doubt: AtomicBool,
    began: Instant,
    used: Mutex<Instant>,
    connections: AtomicUsize,
    requests: AtomicU64,
    on: OnNote,
}

impl Server {
    /// Serves nothing yet, but begins to load the model.
    pub fn new(
        settings: Settings,
        place: Place,
        encoders: Arc<Encoders>,
        model: QueryModel,
        on: OnNote,
    ) -> Server {
        Server {
            settings,
            place,
            documents: Documents::new(encoders.clone()),
            encoders,
            model,
            repositories: Mutex::default(),
            stop: AtomicBool::new(false),
            doubt: AtomicBool::new(false),
            began: Instant::now(),
            used: Mutex::new(Instant::now()),
            connections: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            on,
        }
    }

    /// Watches the repository of `path` from now on.
    pub fn watch(&self, path: &std::path::Path) -> Result<(), String> {
        let location = crate::workspace::Workspace::locate(path, &self.settings);
        let root = location.map_err(|error| error.to_string())?.root;
        let mut repositories = self.repositories();
        if repositories.contains_key(&root) {
            return Ok(());
        }
        if repositories.len() >= REPOSITORIES {
            return Err(format!("{REPOSITORIES} repositories are watched already"));
        }
        let (cookies, on) = (self.place.cookies(), self.on.clone());
        let watched = Watched::start(&root, &self.settings, &cookies, self.encoders.clone(), on)
            .map_err(|error| error.to_string())?;
        repositories.insert(root, Arc::new(watched));
        Ok(())
    }

    /// Ends all watching; each repository finishes what it is at.
    pub fn end(&self) {
        let repositories = std::mem::take(&mut *self.repositories());
        drop(repositories);
    }

    /// Lets all connections end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked it to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether a client had other models since this was asked last.
    pub fn takes_doubt(&self) -> bool {
        self.doubt.swap(false, Ordering::SeqCst)
    }

    /// The repositories that are watched.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.repositories().keys().cloned().collect()
    }

    /// Since the last request or change of a file.
    pub fn idle(&self) -> Duration {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.elapsed()
    }

    /// Somebody needs it.
    pub fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn repositories(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Arc<Watched>>> {
        self.repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what is asked on a connection until it is closed. A client that says something
    /// that makes no sense is not listened to any longer.
    pub fn attend(&self, stream: UnixStream) {
        let open = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
        if open <= CONNECTIONS {
            // An error of one connection is over with it.
            let _ = self.converse(stream);
        }
        self.connections.fetch_sub(1, Ordering::SeqCst);
    }

    fn converse(&self, stream: UnixStream) -> std::io::Result<()> {
        let mut line = Line::new(stream, REQUEST_LIMIT)?;
        let stop = || self.is_stopped();
        let mut is_same = false;
        while let Some(request) = line.receive::<Request>(SILENCE, &stop)? {
            self.touch();
            self.requests.fetch_add(1, Ordering::Relaxed);
            let reply = match request {
                Request::Hello { identity } => {
                    let ours = Identity::ours(&self.settings);
                    is_same = identity == ours;
                    if identity.profile != ours.profile {
                        self.doubt.store(true, Ordering::SeqCst);
                    }
                    Reply::Hello {
                        identity: ours,
                        pid: std::process::id(),
                    }
                }
                Request::Status => Reply::Status {
                    status: self.status(),
                },
                Request::Stop => {
                    self.stop();
                    Reply::Done
                }
                _ if !is_same => Reply::NotHere,
                other => self.answer(other),
            };
            line.send(&reply)?;
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Embed { query } => {
                embedded(self.model.encode_query(&query).map(|one| vec![one.into()]))
            }
            Request::Encode { documents } if documents.len() > DOCUMENTS => Reply::NotHere,
            Request::Encode { documents } => {
                let documents: Vec<Document> = documents.into_iter().map(Document::from).collect();
                embedded(self.documents.encode(&documents))
            }
            Request::CatchUp {
                root,
                rules,
                encoded,
                wait,
            } => {
                let watched = root
                    .path()
                    .and_then(|root| self.repositories().get(&root).cloned());
                match watched {
                    Some(watched) => self.catch_up(&watched, rules, encoded, wait),
                    None => Reply::NotHere,
                }
            }
            Request::Watch { root } => match root.path().map(|root| self.watch(&root)) {
                Some(Ok(())) => Reply::Done,
                Some(Err(message)) => Reply::Failed { message },
                None => Reply::NotHere,
            },
            Request::Hello { .. } | Request::Status | Request::Stop => Reply::NotHere,
        }
    }

    fn catch_up(&self, watched: &Watched, rules: String, encoded: bool, wait: bool) -> Reply {
        let answer = watched.catch_up(rules, encoded, wait);
        loop {
            match answer.recv_timeout(Duration::from_millis(250)) {
                Ok(reply) => return reply,
                Err(RecvTimeoutError::Timeout) if !self.is_stopped() => self.touch(),
                Err(_) => return Reply::NotHere,
            }
        }
    }

    fn status(&self) -> DaemonStatus {
        let repositories = self.repositories();
        DaemonStatus {
            pid: std::process::id(),
            up_seconds: self.began.elapsed().as_secs(),
            memory_bytes: memory(),
            connections: self.connections.load(Ordering::SeqCst),
            requests: self.requests.load(Ordering::Relaxed),
            repositories: repositories
                .values()
                .map(|watched| watched.status())
                .collect(),
        }
    }
}

fn embedded(result: Result<Vec<Arc<Embedding>>, EncoderError>) -> Reply {
    match result {
        Ok(embeddings) => Reply::Embeddings {
            embeddings: embeddings.iter().map(|one| (&**one).into()).collect(),
        },
        Err(error) => Reply::Failed {
            message: error.to_string(),
        },
    }
}

/// Memory of this process that is in use, in bytes.
fn memory() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
