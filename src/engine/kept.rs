//! The snapshot that requests share: opening one costs more than a search in it.
//!
//! It is given up soon after the last request, because a snapshot keeps the catalog's log from
//! being reset.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use fathom_indexes::Snapshot;

use crate::workspace::{Workspace, WorkspaceError};

/// How long it is kept when nobody asks.
const IDLE: Duration = Duration::from_secs(10);

/// The newest snapshot, while somebody uses it.
#[derive(Default)]
pub struct Kept(Arc<Mutex<Option<Held>>>);

struct Held {
    snapshot: Arc<Snapshot>,
    used: Instant,
}

impl Kept {
    /// The current generation of a repository.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn snapshot(&self, workspace: &Workspace) -> Result<Arc<Snapshot>, WorkspaceError> {
        let generation = workspace.generation()?;
        // Others wait meanwhile: they need the same one.
        let mut held = lock(&self.0);
        if let Some(held) = held.as_mut()
            && held.snapshot.generation() == generation
        {
            held.used = Instant::now();
            return Ok(held.snapshot.clone());
        }
        let snapshot = Arc::new(workspace.snapshot()?);
        if !snapshot.problems().is_empty() {
            *held = None;
            return Ok(snapshot);
        }
        let is_first = held.is_none();
        *held = Some(Held {
            snapshot: snapshot.clone(),
            used: Instant::now(),
        });
        if is_first {
            let kept = Arc::downgrade(&self.0);
            std::thread::spawn(move || give_up(&kept));
        }
        Ok(snapshot)
    }
}

/// Waits until nobody has asked for a while.
fn give_up(kept: &Weak<Mutex<Option<Held>>>) {
    loop {
        std::thread::sleep(IDLE);
        let Some(kept) = kept.upgrade() else {
            return;
        };
        let mut held = lock(&kept);
        if held.as_ref().is_none_or(|held| held.used.elapsed() >= IDLE) {
            *held = None;
            return;
        }
    }
}

fn lock(held: &Mutex<Option<Held>>) -> MutexGuard<'_, Option<Held>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
