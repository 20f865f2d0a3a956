//! Brings an index up to date before a search, as far as there is time for it.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fathom_indexes::Counts;

use crate::daemon::client::{self, Wanted};
use crate::workspace::{OnEvent, Workspace, WorkspaceError};

/// What is encoded before the search rather than after it: about two seconds of work of one core.
const INLINE_BYTES_PER_THREAD: u64 = 48 * 1024;
/// How long a first search waits for another process that is making the index.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
/// How long a search waits for another writer to commit.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long [`Freshness::Everything`] waits for another process that writes.
const WHOLE_PATIENCE: Duration = Duration::from_secs(600);

/// How fresh an index has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Whatever is there.
    AsItIs,
    /// Words of all files as they are now.
    Words,
    /// Words, and vectors as far as they are quickly made; the rest follows in the background.
    Encoded,
    /// Words and vectors, however long it takes.
    Everything,
}

/// What could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The search answers from less than everything.
    Note(String),
    /// Something is wrong.
    Warning(String),
}

/// Brings an index up to date.
pub struct Upkeep<'a> {
    /// Of this repository.
    pub workspace: &'a Workspace,
    /// Stops it; what was indexed is kept.
    pub cancel: &'a AtomicBool,
    /// Receives progress.
    pub on: OnEvent<'a>,
}

impl Upkeep<'_> {
    /// Does what is needed; tells what could not be done.
    ///
    /// # Errors
    /// If the index cannot be made or is not usable, or the work was cancelled.
    pub fn ensure(&self, wanted: Freshness) -> Result<Vec<Notice>, WorkspaceError> {
        let asked = match wanted {
            Freshness::AsItIs => return Ok(Vec::new()),
            Freshness::Words => Wanted::Words,
            Freshness::Encoded => Wanted::Encoded,
            Freshness::Everything => Wanted::Everything,
        };
        if let Some(next) = self.workspace.next() {
            return self.switching(next.name(), wanted);
        }
        let (settings, root) = (self.workspace.settings(), self.workspace.root());
        if client::catch_up(settings, root, asked, self.cancel) {
            return Ok(coverage_note(&self.counts()?, wanted).into_iter().collect());
        }
        if wanted == Freshness::Everything {
            return self.everything().map(|()| Vec::new());
        }
        let Some(obstacle) = self.refresh()? else {
            return match wanted {
                Freshness::Encoded => self.encode(),
                _ => Ok(Vec::new()),
            };
        };
        Ok(vec![obstacle])
    }

    /// Keeps the index that answers up to date, and has the one of the selected model made.
    fn switching(&self, next: &str, wanted: Freshness) -> Result<Vec<Notice>, WorkspaceError> {
        let answers = self.workspace.profile().name();
        let obstacle = self.refresh()?;
        if obstacle.is_none() && wanted != Freshness::Words {
            self.encode_now()?;
        }
        let mut notices: Vec<Notice> = obstacle.into_iter().collect();
        let how = match self.encode_later(&mut notices) {
            true => "it is made in the background",
            false => "`fathom index` makes it",
        };
        let note = format!("`{answers}` answers until the index of `{next}` is complete; {how}");
        notices.push(Notice::Note(note));
        Ok(notices)
    }

    fn counts(&self) -> Result<Counts, WorkspaceError> {
        Ok(self.workspace.glance()?.counts())
    }

    /// Waits for other writers and for all vectors.
    fn everything(&self) -> Result<(), WorkspaceError> {
        let encoded = self
            .workspace
            .refresh(false, WHOLE_PATIENCE, self.cancel, self.on)
            .and_then(|_| self.workspace.encode(WHOLE_PATIENCE, self.cancel, self.on));
        match encoded {
            // Without a runtime there are only words; the search says so itself.
            Err(error) if error.is_of_model() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Brings the words up to date, or tells what keeps it from that: where there is an index, its
    /// last state answers.
    fn refresh(&self) -> Result<Option<Notice>, WorkspaceError> {
        let is_first = self.workspace.glance()?.generation() == 0;
        let patience = match is_first {
            true => FIRST_PATIENCE,
            false => PATIENCE,
        };
        let result = self
            .workspace
            .refresh(false, patience, self.cancel, self.on);
        match result {
            Err(error) if is_first || !error.is_of_store() => Err(error),
            Err(error) if error.is_busy() => {
                let note = format!("answering from the last state of the index: {error}");
                Ok(Some(Notice::Note(note)))
            }
            Err(error) => {
                let warning = format!("answering from the last state of the index: {error}");
                Ok(Some(Notice::Warning(warning)))
            }
            Ok(_) => Ok(None),
        }
    }

    fn encode(&self) -> Result<Vec<Notice>, WorkspaceError> {
        let counts = self.counts()?;
        if counts.encoded >= counts.distinct {
            return Ok(Vec::new());
        }
        let budget = INLINE_BYTES_PER_THREAD * self.workspace.settings().threads as u64;
        if missing_bytes(&counts) <= budget {
            return self.encode_now().map(|()| Vec::new());
        }
        let mut notices = Vec::new();
        let rest = match self.encode_later(&mut notices) {
            true => "the rest follows in the background",
            false => "`fathom index` encodes the rest",
        };
        notices.push(Notice::Note(coverage(&counts, rest)));
        Ok(notices)
    }

    fn encode_now(&self) -> Result<(), WorkspaceError> {
        match self.workspace.encode(Duration::ZERO, self.cancel, self.on) {
            // Another process is at it, or there is no runtime: the search says so itself.
            Err(error) if error.is_busy() || error.is_of_model() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Starts the background process if that is allowed; whether it did.
    fn encode_later(&self, notices: &mut Vec<Notice>) -> bool {
        if !self.workspace.settings().background {
            return false;
        }
        let started = self.workspace.encode_in_background();
        if let Err(error) = &started {
            let warning = format!("cannot start a background process: {error}");
            notices.push(Notice::Warning(warning));
        }
        started.is_ok()
    }
}

/// What whoever keeps the index fresh will still do, if there is something.
pub(super) fn coverage_note(counts: &Counts, wanted: Freshness) -> Option<Notice> {
    let is_partial = wanted == Freshness::Encoded && counts.encoded < counts.distinct;
    is_partial.then(|| Notice::Note(coverage(counts, "the rest follows in the background")))
}

fn coverage(counts: &Counts, rest: &str) -> String {
    let percent = 100 * counts.encoded / counts.distinct.max(1);
    format!("{percent} % of the code is encoded; {rest}")
}

/// Text still to be encoded, taking all chunks for equally long.
fn missing_bytes(counts: &Counts) -> u64 {
    let missing = counts.distinct.saturating_sub(counts.encoded);
    counts.text_bytes / counts.chunks.max(1) * missing
}
