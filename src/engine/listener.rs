//! Who hears what comes before the result: a terminal, a client of a server, nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::output::answer::Given;

/// Hears an answer while it comes, and what there is to say beside it.
pub trait Listener {
    /// A reader begins; the flag stops it while it answers.
    ///
    /// # Errors
    /// If it must not begin.
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>>;

    /// The reader has ended, whether it answered or failed.
    fn end(&mut self) {}

    /// More of an answer: whole lines, ready to be shown.
    ///
    /// # Errors
    /// If nobody hears any more, which stops the reader.
    fn text(&mut self, text: &str) -> io::Result<()>;

    /// The answer whose text came is complete; it may be followed by a better one.
    ///
    /// # Errors
    /// If nobody hears any more.
    fn given(&mut self, given: &Given) -> io::Result<()>;

    /// Something worth knowing.
    fn note(&mut self, note: &str);

    /// Something does not work as it should; the work goes on without.
    fn warn(&mut self, warning: &str);
}

/// Hears nothing, but may stop a reader.
#[derive(Clone, Debug, Default)]
pub struct Silent {
    /// Stops the reader.
    pub cancel: Arc<AtomicBool>,
    /// What would have been said.
    pub said: Vec<String>,
}

impl Listener for Silent {
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>> {
        Ok(self.cancel.clone())
    }

    fn text(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn given(&mut self, _: &Given) -> io::Result<()> {
        Ok(())
    }

    fn note(&mut self, note: &str) {
        self.said.push(note.to_owned());
    }

    fn warn(&mut self, warning: &str) {
        self.said.push(warning.to_owned());
    }
}
