//! What all requests share: the engine, the limits, the figures.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, watch};

use super::gate::Gate;
use super::metrics::Metrics;
use super::{Limits, Options};
use crate::engine::Engine;

/// What all requests share.
pub struct Shared {
    /// Answers.
    pub engine: Engine,
    /// Who may ask.
    pub gate: Gate,
    /// How much may be asked.
    pub limits: Limits,
    /// What was asked.
    pub metrics: Metrics,
    /// Links that open an editor.
    pub editor: String,
    /// When the server began.
    pub began: Instant,
    /// Requests at once.
    pub requests: Arc<Semaphore>,
    /// Answers of readers, given or waited for.
    pub answers: Arc<Semaphore>,
    /// Whose turn it is with the readers.
    pub turn: Arc<Semaphore>,
    /// Threads that search.
    pub workers: Arc<Semaphore>,
    /// Becomes true when the server ends.
    pub stopping: watch::Receiver<bool>,
}

impl Shared {
    /// For a server that has not been asked anything.
    pub fn new(
        engine: Engine,
        gate: Gate,
        options: &Options,
        stopping: watch::Receiver<bool>,
    ) -> Shared {
        let limits = options.limits;
        let threads = options.settings.threads.max(2);
        Shared {
            engine,
            gate,
            limits,
            metrics: Metrics::default(),
            editor: options.editor.clone(),
            began: Instant::now(),
            requests: Arc::new(Semaphore::new(limits.requests)),
            answers: Arc::new(Semaphore::new(limits.answers)),
            turn: Arc::new(Semaphore::new(1)),
            workers: Arc::new(Semaphore::new(threads)),
            stopping,
        }
    }

    /// Returns when the server ends.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // An error means that the server is gone already.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Whether the server ends.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
