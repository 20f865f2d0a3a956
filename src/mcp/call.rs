//! One call of a tool, as the tool sees it: what is served, who waits, and until when.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fathom::daemon::protocol::RepositoryStatus;
use fathom::engine::freshness::{Freshness, Notice};
use fathom::engine::listener::Listener;
use fathom::engine::{Engine, EngineError, Place};
use fathom::output::answer::Given;
use fathom::output::escape;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::progress::Progress;
use super::text;

/// How long a call waits for an index that is being made, before it answers from what is there.
/// Clients give up after a minute, some after less.
const PATIENCE: Duration = Duration::from_secs(12);

/// A call.
pub struct Call {
    /// Answers it.
    pub engine: Arc<Engine>,
    /// Set when nobody waits any more.
    pub ended: CancellationToken,
    /// Stops the work.
    pub cancel: Arc<AtomicBool>,
    /// Where it tells how far it is.
    pub progress: Progress,
    /// When it began: progress is told in seconds, which only grow.
    pub began: Instant,
}

/// A place that is up to date, and what there is to say of it.
pub struct Ready {
    /// The place.
    pub place: Place,
    /// What could not be done.
    pub notes: Vec<String>,
}

impl Ready {
    /// The root that paths are relative to.
    pub fn root(&self) -> String {
        let root = self.place.repository.workspace().root().to_owned();
        escape::path(root.as_os_str().as_encoded_bytes())
    }
}

impl Call {
    /// The place that a path means, its index as fresh as `wanted`.
    pub fn ready(&self, path: &str, wanted: Freshness) -> Result<Ready, Fault> {
        if path.contains('\0') {
            return Err(Fault::Request("the path holds a NUL byte".into()));
        }
        let place = self.engine.place(path)?;
        let notes = self.catch_up(&place, wanted)?;
        Ok(Ready { place, notes })
    }

    /// Brings an index up to date, as far as there is time. A first index is made in the
    /// background; the call fails with what to do if not even its words are there in time.
    pub fn catch_up(&self, place: &Place, wanted: Freshness) -> Result<Vec<String>, Fault> {
        let began = Instant::now();
        let hurried = Cell::new(false);
        let on = |status: &RepositoryStatus| {
            self.tell(status);
            let is_late = wanted != Freshness::Everything && began.elapsed() > PATIENCE;
            if is_late {
                hurried.set(true);
                self.cancel.store(true, Ordering::SeqCst);
            }
        };
        let result = self.engine.catch_up(place, wanted, &self.cancel, &on);
        if hurried.get() {
            self.cancel
                .store(self.ended.is_cancelled(), Ordering::SeqCst);
        }
        match result {
            Ok(notices) => Ok(notices.into_iter().map(words).collect()),
            Err(EngineError::Workspace(error)) if error.is_cancelled() && hurried.get() => {
                self.early(place)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is there before the index is complete.
    fn early(&self, place: &Place) -> Result<Vec<String>, Fault> {
        let workspace = place.repository.workspace();
        match workspace.snapshot()?.generation() {
            0 => Err(EngineError::NotReady {
                root: workspace.root().to_owned(),
            }
            .into()),
            _ => Ok(vec![
                "the index is still being made; this is from what is there, call again for more"
                    .to_owned(),
            ]),
        }
    }

    fn tell(&self, status: &RepositoryStatus) {
        let (files, percent) = (status.files, 100.0 * status.coverage);
        let root = Path::new(&status.root).file_name().unwrap_or_default();
        let message = format!(
            "indexing `{}`: {files} files, {percent:.0} % encoded",
            escape::path(root.as_encoded_bytes())
        );
        self.progress
            .tell(self.began.elapsed().as_secs_f64(), None, message);
    }

    /// Fails if nobody waits any more.
    pub fn check(&self) -> Result<(), Fault> {
        match self.ended.is_cancelled() {
            true => Err(Fault::Cancelled),
            false => Ok(()),
        }
    }

    /// Hears an answer and hands it on line by line.
    pub fn listener(&self) -> Heard {
        Heard {
            cancel: self.cancel.clone(),
            progress: self.progress.clone(),
            began: self.began,
            notes: Vec::new(),
        }
    }
}

fn words(notice: Notice) -> String {
    match notice {
        Notice::Note(words) | Notice::Warning(words) => words,
    }
}

/// Hands an answer on as progress, and keeps what there is to say beside it.
pub struct Heard {
    cancel: Arc<AtomicBool>,
    progress: Progress,
    began: Instant,
    /// What was said beside the answer.
    pub notes: Vec<String>,
}

impl Listener for Heard {
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>> {
        Ok(self.cancel.clone())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.progress.is_wanted() {
            let done = self.began.elapsed().as_secs_f64();
            self.progress.tell(done, None, text::clean(text));
        }
        Ok(())
    }

    fn given(&mut self, _: &Given) -> io::Result<()> {
        Ok(())
    }

    fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    fn warn(&mut self, warning: &str) {
        self.notes.push(warning.to_owned());
    }
}
