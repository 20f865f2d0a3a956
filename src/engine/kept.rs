//! The snapshot that requests share: opening one costs more than a search in it.
//!
//! It is given up soon after the last request, because a snapshot keeps the catalog's log from
//! being reset.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use fathom_indexes::{Follower, Snapshot};

use crate::workspace::{Workspace, WorkspaceError};

/// How long it is kept when nobody asks.
const IDLE: Duration = Duration::from_secs(10);

/// The newest snapshot, while somebody uses it.
#[derive(Default)]
pub struct Kept(Arc<Mutex<Option<Held>>>);

struct Held {
    snapshot: Arc<Snapshot>,
    /// Tells when there is a newer one, of the store in this folder.
    follower: Follower,
    store: PathBuf,
    used: Instant,
}

impl Held {
    fn is_newest(&self, workspace: &Workspace) -> bool {
        self.store == workspace.store_dir()
            && self.follower.generation() == Some(self.snapshot.generation())
    }
}

impl Kept {
    /// The current generation of a repository.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn snapshot(&self, workspace: &Workspace) -> Result<Arc<Snapshot>, WorkspaceError> {
        // Others wait meanwhile: they need the same one.
        let mut held = lock(&self.0);
        if let Some(held) = held.as_mut().filter(|held| held.is_newest(workspace)) {
            held.used = Instant::now();
            return Ok(held.snapshot.clone());
        }
        let was_empty = held.take().is_none();
        // Followed first: what is committed meanwhile makes the snapshot old, not new.
        let follower = workspace.follow()?;
        let snapshot = Arc::new(workspace.snapshot()?);
        let Some(follower) = follower.filter(|_| snapshot.problems().is_empty()) else {
            return Ok(snapshot);
        };
        *held = Some(Held {
            snapshot: snapshot.clone(),
            follower,
            store: workspace.store_dir().to_owned(),
            used: Instant::now(),
        });
        if was_empty {
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
