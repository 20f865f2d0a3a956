//! Progress of a call, on its way to the client.

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::{Peer, RoleServer};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that wait for a client that is slow to read; what comes on top is left out.
const WAITING: usize = 64;

/// One step of a call.
struct Step {
    done: f64,
    total: Option<f64>,
    message: String,
}

/// Where a call tells how far it is.
#[derive(Clone)]
pub struct Progress {
    sender: Option<Sender<Step>>,
}

/// Where the steps come out.
pub struct Steps {
    receiver: Receiver<Step>,
    token: ProgressToken,
}

/// Progress of a call whose client wants it.
pub fn progress(token: Option<ProgressToken>) -> (Progress, Option<Steps>) {
    let Some(token) = token else {
        return (Progress { sender: None }, None);
    };
    let (sender, receiver) = channel(WAITING);
    let sender = Some(sender);
    (Progress { sender }, Some(Steps { receiver, token }))
}

impl Progress {
    /// Whether anybody hears it.
    pub fn is_wanted(&self) -> bool {
        self.sender.is_some()
    }

    /// Tells a step. `done` only ever grows.
    pub fn tell(&self, done: f64, total: Option<f64>, message: String) {
        if let Some(sender) = &self.sender {
            // A client that does not read misses steps, not results.
            let _ = sender.try_send(Step {
                done,
                total,
                message,
            });
        }
    }
}

impl Steps {
    /// Sends all steps, until the call has ended.
    pub async fn send(mut self, peer: Peer<RoleServer>) {
        while let Some(step) = self.receiver.recv().await {
            let mut params = ProgressNotificationParam::new(self.token.clone(), step.done);
            params.total = step.total;
            params.message = Some(step.message);
            if peer.notify_progress(params).await.is_err() {
                return;
            }
        }
    }
}
