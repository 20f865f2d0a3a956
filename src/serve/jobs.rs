//! Work of the engine for a request: in threads of its own, so many at once, for so long, and not
//! longer than somebody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::problem::Problem;
use super::state::Shared;
use crate::daemon::protocol::RepositoryStatus;
use crate::engine::freshness::{Freshness, Notice};
use crate::engine::{EngineError, Place};

/// How long a request waits for an index to catch up before it is answered from what is there.
const FRESHNESS: Duration = Duration::from_secs(10);

/// A flag that is set when nobody waits any more.
pub struct Cancel(pub Arc<AtomicBool>);

impl Cancel {
    /// Not set yet.
    pub fn new() -> Cancel {
        Cancel(Arc::default())
    }

    /// Sets it now.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.set();
    }
}

/// The result of a thread; a panic in it is a problem of this request alone.
pub async fn joined<T>(handle: &mut JoinHandle<Result<T, Problem>>) -> Result<T, Problem> {
    match handle.await {
        Ok(result) => result,
        Err(error) => {
            let message = format!("this request ran into a fault of fathom: {error}");
            Err(Problem::internal(format!("{message}; please report it")))
        }
    }
}

impl Shared {
    /// Has the engine do something, when one of its threads is free.
    ///
    /// # Errors
    /// What the engine says; 503 where the time is over.
    pub async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Shared) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let in_time = async {
            let worker = self.workers.clone().acquire_owned().await;
            let shared = self.clone();
            let mut handle = spawn_blocking(move || {
                let result = work(&shared);
                drop(worker);
                result
            });
            joined(&mut handle).await
        };
        let limit = self.limits.request;
        match timeout(limit, in_time).await {
            Ok(result) => result,
            Err(_) => Err(Problem::busy(
                "timeout",
                format!(
                    "this took longer than {} s; ask for less, or again later",
                    limit.as_secs()
                ),
            )),
        }
    }

    /// What a path means, with its index brought up to date as far as there is time; and what is
    /// not up to date.
    ///
    /// # Errors
    /// If the path is not served, there is no index yet, or it cannot be used.
    pub async fn fresh(
        self: &Arc<Self>,
        path: &str,
        wanted: Freshness,
        on: impl Fn(&RepositoryStatus) + Send + 'static,
    ) -> Result<(Place, Vec<String>), Problem> {
        let cancel = Cancel::new();
        let (shared, flag, path) = (self.clone(), cancel.0.clone(), path.to_owned());
        let mut handle = spawn_blocking(move || {
            let place = shared.engine.place(&path)?;
            let notes = match shared.engine.catch_up(&place, wanted, &flag, &on) {
                Ok(notices) => notices.into_iter().map(words).collect(),
                Err(EngineError::Workspace(error)) if error.is_cancelled() => as_it_is(&place)?,
                Err(error) => return Err(error.into()),
            };
            Ok((place, notes))
        });
        let patience = FRESHNESS.min(self.limits.request);
        match timeout(patience, joined(&mut handle)).await {
            Ok(result) => result,
            Err(_) => {
                cancel.set();
                joined(&mut handle).await
            }
        }
    }
}

/// Whether there is something to answer from, while the index is still being made.
fn as_it_is(place: &Place) -> Result<Vec<String>, Problem> {
    let workspace = place.repository.workspace();
    match workspace.glance()?.generation() {
        0 => {
            let root = workspace.root().to_owned();
            Err(EngineError::NotReady { root }.into())
        }
        _ => Ok(vec![
            "the index is still being made; this is from what is there".to_owned(),
        ]),
    }
}

fn words(notice: Notice) -> String {
    match notice {
        Notice::Note(text) | Notice::Warning(text) => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_of_its_request_alone() {
        for panics in [true, true, false] {
            let mut handle = spawn_blocking(move || {
                assert!(!panics, "a fault");
                Ok("an answer")
            });
            let result = joined(&mut handle).await;
            match panics {
                true => assert_eq!(result.unwrap_err().status, 500),
                false => assert_eq!(result.unwrap(), "an answer"),
            }
        }
    }
}
