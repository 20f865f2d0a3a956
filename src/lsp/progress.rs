//! How far something is: `$/progress`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::client::Client;

/// Names progress that the server begins itself.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Progress of one piece of work; it ends when this is dropped.
pub struct Progress {
    client: Arc<Client>,
    token: Option<Value>,
}

impl Progress {
    /// Under the client's token, or under one of our own if the client shows such progress.
    pub fn new(client: &Arc<Client>, token: Option<Value>, title: &str) -> Progress {
        let token = token.or_else(|| own_token(client));
        let progress = Progress {
            client: client.clone(),
            token,
        };
        progress.send(json!({"kind": "begin", "title": title, "cancellable": true}));
        progress
    }

    /// Of work that nobody asked for.
    pub fn own(client: &Arc<Client>, title: &str) -> Progress {
        let progress = Progress {
            client: client.clone(),
            token: own_token(client),
        };
        progress.send(json!({"kind": "begin", "title": title, "cancellable": false}));
        progress
    }

    /// Its token, if it is shown.
    pub fn token(&self) -> Option<&Value> {
        self.token.as_ref()
    }

    /// What is done now.
    pub fn report(&self, message: &str) {
        self.send(json!({"kind": "report", "message": message}));
    }

    fn send(&self, value: Value) {
        if let Some(token) = &self.token {
            let params = json!({"token": token, "value": value});
            self.client.notify("$/progress", params);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.send(json!({"kind": "end"}));
    }
}

fn own_token(client: &Client) -> Option<Value> {
    if !client.abilities().progress {
        return None;
    }
    let token = format!("fathom-work-{}", NEXT.fetch_add(1, Ordering::SeqCst));
    let params = json!({"token": token});
    client.request("window/workDoneProgress/create", params);
    Some(token.into())
}
