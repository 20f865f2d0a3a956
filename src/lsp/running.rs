//! Requests that are at work: each can be cancelled, and each is answered once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::client::Client;
use super::message::{self, Id, Refusal};

/// Requests at once; more are refused.
pub const MOST: usize = 1000;

/// A flag that stops work.
pub type Cancel = Arc<AtomicBool>;

/// All requests that have no answer yet.
pub struct Running {
    client: Arc<Client>,
    flags: Mutex<HashMap<Id, One>>,
}

struct One {
    cancel: Cancel,
    /// Tokens of its progress, as JSON.
    tokens: Vec<Value>,
}

impl Running {
    /// None yet.
    pub fn new(client: Arc<Client>) -> Running {
        let flags = Mutex::default();
        Running { client, flags }
    }

    /// One more.
    ///
    /// # Errors
    /// If its id is in use, or there are too many.
    pub fn begin(&self, id: &Id) -> Result<Cancel, Refusal> {
        let mut flags = self.lock();
        if flags.len() >= MOST {
            let why = format!("{MOST} requests have no answer yet; ask again later");
            return Err(Refusal::failed(why));
        }
        if flags.contains_key(id) {
            let why = "a request with this `id` has no answer yet";
            return Err(Refusal::new(message::INVALID_REQUEST, why));
        }
        let cancel = Cancel::default();
        let one = One {
            cancel: cancel.clone(),
            tokens: Vec::new(),
        };
        flags.insert(id.clone(), one);
        Ok(cancel)
    }

    /// A request has progress under a token, by which it can be cancelled too.
    pub fn add_token(&self, id: &Id, token: &Value) {
        if let Some(one) = self.lock().get_mut(id) {
            one.tokens.push(token.clone());
        }
    }

    /// Answers a request, unless it was answered by cancelling it.
    pub fn answer(&self, id: &Id, result: Result<Value, Refusal>) {
        if self.lock().remove(id).is_none() {
            return;
        }
        self.client.send(&match result {
            Ok(result) => message::answered(id, result),
            Err(refusal) => message::refused(Some(id), &refusal),
        });
    }

    /// Stops a request and answers it at once.
    pub fn cancel(&self, id: &Id) {
        let flag = self.lock().get(id).map(|one| one.cancel.clone());
        if let Some(flag) = flag {
            flag.store(true, Ordering::SeqCst);
            self.answer(id, Err(Refusal::cancelled()));
        }
    }

    /// Stops the request that has progress under a token.
    pub fn cancel_token(&self, token: &Value) {
        let flags = self.lock();
        let mut all = flags.iter();
        let found = all.find(|(_, one)| one.tokens.contains(token));
        let id = found.map(|(id, _)| id.clone());
        drop(flags);
        if let Some(id) = id {
            self.cancel(&id);
        }
    }

    /// Stops all of them; nobody wants answers any more.
    pub fn cancel_all(&self) {
        for (_, one) in self.lock().drain() {
            one.cancel.store(true, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, One>> {
        self.flags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_request_is_answered_once() {
        let running = Running::new(Arc::default());
        let (one, two) = (Id::Number(1), Id::Text("1".into()));
        let cancel = running.begin(&one).unwrap();
        running.begin(&two).unwrap();
        assert_eq!(
            running.begin(&one).unwrap_err().code,
            message::INVALID_REQUEST
        );
        running.add_token(&one, &"t".into());
        running.cancel_token(&"t".into());
        assert!(cancel.load(Ordering::SeqCst));
        running.answer(&one, Ok(Value::Null));
        running.begin(&one).unwrap();
        for n in 2..MOST as i64 {
            running.begin(&Id::Number(n)).unwrap();
        }
        assert!(running.begin(&Id::Number(0)).is_err());
    }
}
