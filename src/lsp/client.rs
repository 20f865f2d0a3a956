//! What goes to the client: answers, progress, messages, documents to be shown.
//!
//! Whoever sends never waits. A client that does not read for so long that the queue is full is
//! as good as gone.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::frame;

/// Bytes that wait for a client that does not read.
const WAITING: usize = 64 << 20;

/// The client.
#[derive(Default)]
pub struct Client {
    queue: Mutex<Queue>,
    changed: Condvar,
    gone: AtomicBool,
    requests: AtomicU64,
    abilities: OnceLock<Abilities>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    is_writing: bool,
    is_closed: bool,
}

/// What a client said that it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Shows progress that a server begins.
    pub progress: bool,
    /// Opens documents.
    pub show_document: bool,
    /// Renders Markdown in a hover.
    pub markdown: bool,
    /// Knows symbols in symbols.
    pub nested_symbols: bool,
    /// Knows actions that are more than commands.
    pub actions: bool,
}

/// How much a message matters, by the numbers of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Something does not work as it should.
    Warning = 2,
    /// Something worth knowing.
    Info = 3,
}

impl Abilities {
    /// From the `capabilities` of a client. What is not as it should be is not there.
    pub fn of(capabilities: &Value) -> Abilities {
        let has = |pointer: &str| capabilities.pointer(pointer) == Some(&Value::Bool(true));
        let formats = capabilities.pointer("/textDocument/hover/contentFormat");
        let formats = formats.and_then(Value::as_array);
        Abilities {
            progress: has("/window/workDoneProgress"),
            show_document: has("/window/showDocument/support"),
            markdown: formats.is_none_or(|all| all.iter().any(|one| one == "markdown")),
            nested_symbols: has("/textDocument/documentSymbol/hierarchicalDocumentSymbolSupport"),
            actions: capabilities
                .pointer("/textDocument/codeAction/codeActionLiteralSupport")
                .is_some_and(Value::is_object),
        }
    }
}

impl Client {
    /// What it can; nothing before it has said so.
    pub fn abilities(&self) -> Abilities {
        self.abilities.get().cloned().unwrap_or_default()
    }

    /// What it said that it can.
    pub fn set_abilities(&self, abilities: Abilities) {
        // It says so once.
        let _ = self.abilities.set(abilities);
    }

    /// Sends a message.
    pub fn send(&self, message: &Value) {
        let bytes = message.to_string().into_bytes();
        let mut queue = self.lock();
        if queue.is_closed {
            return;
        }
        queue.bytes += bytes.len();
        if queue.bytes > WAITING {
            queue.is_closed = true;
            queue.messages.clear();
            self.gone.store(true, Ordering::SeqCst);
        } else {
            queue.messages.push_back(bytes);
        }
        self.changed.notify_all();
    }

    /// Tells something.
    pub fn notify(&self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Asks for something whose answer says nothing more.
    pub fn request(&self, method: &str, params: Value) {
        let id = self.requests.fetch_add(1, Ordering::SeqCst);
        let id = format!("fathom-{id}");
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
    }

    /// A line for the client's log.
    pub fn log(&self, weight: Weight, message: &str) {
        let params = json!({"type": weight as u8, "message": message});
        self.notify("window/logMessage", params);
    }

    /// A line for whoever sits there.
    pub fn tell(&self, weight: Weight, message: &str) {
        let params = json!({"type": weight as u8, "message": message});
        self.notify("window/showMessage", params);
    }

    /// Whether nobody reads any more.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
    }

    /// Writes what is sent until it is closed or nobody reads any more.
    pub fn write_to(&self, output: &mut impl Write) {
        while let Some(message) = self.next() {
            let written = frame::write(output, &message);
            let mut queue = self.lock();
            queue.bytes = queue.bytes.saturating_sub(message.len());
            queue.is_writing = false;
            if written.is_err() {
                queue.is_closed = true;
                self.gone.store(true, Ordering::SeqCst);
            }
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        loop {
            if let Some(message) = queue.messages.pop_front() {
                queue.is_writing = true;
                return Some(message);
            }
            if queue.is_closed {
                return None;
            }
            let waited = self.changed.wait(queue);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes nothing more, and waits until what was sent is written, but not for ever.
    pub fn close(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut queue = self.lock();
        queue.is_closed = true;
        self.changed.notify_all();
        while (!queue.messages.is_empty() || queue.is_writing) && !self.is_gone() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_read_is_gone_in_the_end() {
        let client = Client::default();
        let text = "x".repeat(1 << 20);
        for _ in 0..60 {
            client.notify("a", text.as_str().into());
        }
        assert!(!client.is_gone());
        for _ in 0..10 {
            client.notify("a", text.as_str().into());
        }
        assert!(client.is_gone());
        client.close(Duration::from_secs(60));
    }

    #[test]
    fn abilities_are_read_from_anything() {
        assert!(!Abilities::of(&json!(7)).progress);
        let all = json!({"window": {"workDoneProgress": true, "showDocument": {"support": true}},
            "textDocument": {"hover": {"contentFormat": ["plaintext"]}}});
        let all = Abilities::of(&all);
        assert!(all.progress && all.show_document && !all.markdown);
    }
}
