//! An answer on its way to the client, line by line.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::asked::Asked;
use super::client::Weight;
use super::progress::Progress;
use crate::engine::listener::Listener;
use crate::output::answer::Given;

/// Characters of the last line that progress shows.
const SHOWN: usize = 80;

/// Sends what comes as `{"text": …}` under the token for partial results, if there is one, and
/// the last line as progress.
pub struct Streamed<'a> {
    asked: &'a Asked,
    progress: &'a Progress,
    partial: Option<Value>,
}

impl<'a> Streamed<'a> {
    /// For a request.
    pub fn new(asked: &'a Asked, progress: &'a Progress) -> Streamed<'a> {
        let partial = asked.partial();
        Streamed {
            asked,
            progress,
            partial,
        }
    }

    /// A part of the answer.
    pub fn part(&self, text: &str) {
        if let Some(token) = &self.partial {
            self.asked.send_part(token, json!({"text": text}));
        }
    }
}

impl Listener for Streamed<'_> {
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>> {
        self.progress.report("reading");
        Ok(self.asked.cancel.clone())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.asked.cancel.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.part(text);
        if let Some(line) = text.lines().rfind(|line| !line.trim().is_empty()) {
            let shown: String = line.chars().take(SHOWN).collect();
            self.progress.report(&shown);
        }
        Ok(())
    }

    fn given(&mut self, _: &Given) -> io::Result<()> {
        Ok(())
    }

    fn note(&mut self, note: &str) {
        self.asked.world.client.log(Weight::Info, note);
    }

    fn warn(&mut self, warning: &str) {
        self.asked.world.client.log(Weight::Warning, warning);
    }
}
