//! Shows an answer on stdout while it comes, and what there is to say beside it on stderr.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fathom::engine::listener::Listener;
use fathom::output::answer::{Given, write_given};
use fathom::output::style::Paint;

use super::Global;
use crate::{errors, signals};

/// One who reads along.
pub struct Terminal<'a> {
    global: &'a Global,
    /// How answers are shown; `None`: not at all.
    show: Option<Paint>,
    /// Whether an empty line comes before an answer.
    apart: bool,
    /// Whether some of the answer has come.
    begun: bool,
}

impl<'a> Terminal<'a> {
    /// Shows answers with `show`, if at all.
    pub fn new(global: &'a Global, show: Option<Paint>) -> Terminal<'a> {
        Terminal {
            global,
            show,
            apart: false,
            begun: false,
        }
    }

    /// Like [`Terminal::new`], below something else that was shown.
    pub fn below(global: &'a Global, show: Option<Paint>) -> Terminal<'a> {
        Terminal {
            apart: true,
            ..Terminal::new(global, show)
        }
    }
}

impl Listener for Terminal<'_> {
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>> {
        signals::answering()
    }

    fn end(&mut self) {
        signals::answered();
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.show.is_none() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        if self.apart && !self.begun {
            out.write_all(b"\n")?;
        }
        self.begun = true;
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn given(&mut self, given: &Given) -> io::Result<()> {
        self.begun = false;
        match self.show {
            Some(paint) => write_given(&mut io::stdout().lock(), given, paint),
            None => Ok(()),
        }
    }

    fn note(&mut self, note: &str) {
        self.global.note(note);
    }

    fn warn(&mut self, warning: &str) {
        errors::warn(warning);
    }
}
