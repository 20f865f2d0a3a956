//! A repository that stays open and fresh, for those that answer more than once.
//!
//! If a daemon watches it, the daemon is asked to catch up; if none does, it is watched here from
//! the first question on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use fathom_indexer::pipeline::{Encoders, IndexError};
use fathom_indexes::Snapshot;

use super::freshness::{Freshness, Notice, Upkeep, coverage_note};
use super::kept::Kept;
use crate::config::Settings;
use crate::daemon::Watched;
use crate::daemon::client::{self, Wanted};
use crate::daemon::protocol::{Reply, RepositoryStatus, rules};
use crate::workspace::{Workspace, WorkspaceError};

/// How long a question waits for an index that is being made.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often one who waits is told how far it is.
const TICK: Duration = Duration::from_millis(100);

/// Receives how far an index is while one waits for it.
pub type OnStatus<'a> = &'a dyn Fn(&RepositoryStatus);

/// An open repository.
pub struct Repository {
    settings: Settings,
    workspace: RwLock<Arc<Workspace>>,
    encoders: Arc<Encoders>,
    watched: Mutex<Option<Arc<Watched>>>,
    kept: Kept,
    /// Folder of the watcher's files.
    cookies: tempfile::TempDir,
}

/// How waiting for the watcher ended.
enum Waited {
    /// The index is as the files are.
    CaughtUp,
    /// Somebody else writes, or the rules have changed.
    NotHere,
    /// It takes longer than one wants to wait.
    TooLong,
}

impl Repository {
    /// Opens the repository that is rooted at `root`; watches nothing yet.
    ///
    /// # Errors
    /// If there is no such folder, or its index cannot be used.
    pub fn open(
        root: &Path,
        settings: &Settings,
        encoders: Arc<Encoders>,
    ) -> Result<Repository, WorkspaceError> {
        let workspace = Workspace::open_to_search(root, settings)?;
        let cookies = tempfile::Builder::new().prefix("fathom-").tempdir();
        Ok(Repository {
            settings: settings.clone(),
            workspace: RwLock::new(Arc::new(workspace.with_encoders(encoders.clone()))),
            encoders,
            watched: Mutex::new(None),
            kept: Kept::default(),
            cookies: cookies.map_err(|source| WorkspaceError::Path {
                path: std::env::temp_dir(),
                source,
            })?,
        })
    }

    /// The repository as it is open now.
    pub fn workspace(&self) -> Arc<Workspace> {
        let workspace = self.workspace.read();
        workspace.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The current generation, shared by those who ask at the same time.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, WorkspaceError> {
        self.kept.snapshot(&self.workspace())
    }

    /// How its watcher is; `None` if it is not watched here.
    pub fn status(&self) -> Option<RepositoryStatus> {
        let watched = self.lock().clone();
        watched.map(|watched| watched.status())
    }

    /// Brings the index up to date with the files, and tells what could not be done.
    ///
    /// # Errors
    /// If the index cannot be made or is not usable, or the work was cancelled.
    pub fn catch_up(
        &self,
        wanted: Freshness,
        cancel: &AtomicBool,
        on: OnStatus,
    ) -> Result<Vec<Notice>, WorkspaceError> {
        let asked = match wanted {
            Freshness::AsItIs => return Ok(Vec::new()),
            Freshness::Words => Wanted::Words,
            Freshness::Encoded => Wanted::Encoded,
            Freshness::Everything => Wanted::Everything,
        };
        let workspace = self.workspace();
        if workspace.next().is_some() {
            let upkeep = Upkeep {
                workspace: &*self.reopen()?,
                cancel,
                on: &|_| (),
            };
            return upkeep.ensure(wanted);
        }
        if client::catch_up(workspace.settings(), workspace.root(), asked, cancel) {
            return self.notices(wanted, None);
        }
        match self.wait(&workspace, wanted, cancel, on)? {
            Waited::CaughtUp => self.notices(wanted, None),
            Waited::TooLong => {
                let note = "the index is still being made; answering from what is there";
                self.notices(wanted, Some(note))
            }
            Waited::NotHere => {
                let upkeep = Upkeep {
                    workspace: &*self.reopen()?,
                    cancel,
                    on: &|_| (),
                };
                upkeep.ensure(wanted)
            }
        }
    }

    fn wait(
        &self,
        workspace: &Workspace,
        wanted: Freshness,
        cancel: &AtomicBool,
        on: OnStatus,
    ) -> Result<Waited, WorkspaceError> {
        let began = Instant::now();
        let watched = self.watched(workspace)?;
        let everything = wanted == Freshness::Everything;
        let rules = rules(workspace.settings());
        let reply = watched.catch_up(rules, wanted != Freshness::Words, everything);
        loop {
            match reply.recv_timeout(TICK) {
                Ok(Reply::CaughtUp) => return Ok(Waited::CaughtUp),
                Err(RecvTimeoutError::Timeout) if cancel.load(Ordering::SeqCst) => {
                    return Err(IndexError::Cancelled.into());
                }
                Err(RecvTimeoutError::Timeout) if everything || began.elapsed() < PATIENCE => {
                    on(&watched.status());
                }
                Err(RecvTimeoutError::Timeout) => return Ok(Waited::TooLong),
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(Waited::NotHere),
            }
        }
    }

    fn notices(
        &self,
        wanted: Freshness,
        note: Option<&str>,
    ) -> Result<Vec<Notice>, WorkspaceError> {
        let snapshot = self.snapshot()?;
        let note = note.map(|note| Notice::Note(note.to_owned()));
        let coverage = match snapshot.missing() {
            0 => None,
            _ => coverage_note(&snapshot.counts(), wanted),
        };
        Ok(note.into_iter().chain(coverage).collect())
    }

    /// Opens it again: the rules that it carries may have changed.
    fn reopen(&self) -> Result<Arc<Workspace>, WorkspaceError> {
        let root = self.workspace().root().to_owned();
        let workspace = Workspace::open(&root, &self.settings)?;
        let workspace = Arc::new(workspace.with_encoders(self.encoders.clone()));
        *self
            .workspace
            .write()
            .unwrap_or_else(PoisonError::into_inner) = workspace.clone();
        Ok(workspace)
    }

    fn watched(&self, workspace: &Workspace) -> Result<Arc<Watched>, WorkspaceError> {
        let mut watched = self.lock();
        if let Some(watched) = &*watched {
            return Ok(watched.clone());
        }
        let silent = Arc::new(|_: &str| ());
        let (cookies, encoders) = (self.cookies.path(), self.encoders.clone());
        let begun = Watched::start(workspace.root(), &self.settings, cookies, encoders, silent)?;
        Ok(watched.insert(Arc::new(begun)).clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
