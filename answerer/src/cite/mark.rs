//! An answer as it is shown: doubtful claims marked while it comes.

use super::Shown;
use super::known::Known;
use super::scan::{self, Kind, Part};
use crate::untrusted::Lines;

/// Stands behind what is not in the code that was shown.
pub const MARK: &str = "[?]";

/// Marks an answer line by line: a quotation or a name that stands nowhere gets [`MARK`] behind
/// it, a citation of a chunk that was not shown is left out. Agrees with
/// [`Checker`](super::Checker), which sees the answer as it was.
pub struct Marks<'a> {
    known: Known<'a>,
    incoming: Lines,
    /// The open fence, and what came since.
    block: Option<((char, usize), String)>,
}

impl<'a> Marks<'a> {
    /// For an answer to be held against these chunks.
    #[must_use]
    pub fn new(shown: &'a [Shown]) -> Marks<'a> {
        Marks {
            known: Known::new(shown),
            incoming: Lines::default(),
            block: None,
        }
    }

    /// Adds what came; returns complete lines.
    pub fn push(&mut self, piece: &str) -> String {
        let complete = self.incoming.push(piece);
        let lines = complete.split_inclusive('\n');
        lines.map(|line| self.line(line)).collect()
    }

    /// The rest.
    #[must_use]
    pub fn finish(mut self) -> String {
        let rest = self.incoming.rest();
        let mut out = match rest.is_empty() {
            true => rest,
            false => self.line(&rest),
        };
        if let Some((_, text)) = self.block.take() {
            out.push_str(&self.after_block(&text, out.is_empty() || out.ends_with('\n')));
        }
        out
    }

    fn line(&mut self, line: &str) -> String {
        match &mut self.block {
            Some((open, _)) if scan::closes(line, *open) => self.close(line),
            Some((_, text)) => {
                text.push_str(line);
                line.to_owned()
            }
            None => {
                self.block = scan::fence(line).map(|open| (open, String::new()));
                match self.block {
                    Some(_) => line.to_owned(),
                    None => self.prose(line),
                }
            }
        }
    }

    fn close(&mut self, line: &str) -> String {
        let (_, text) = self.block.take().unwrap_or_default();
        format!("{line}{}", self.after_block(&text, line.ends_with('\n')))
    }

    /// What stands below a block: nothing if its lines were shown.
    fn after_block(&self, text: &str, on_new_line: bool) -> String {
        match self.known.holds(None, text, Kind::Block) {
            Some(_) => String::new(),
            None if on_new_line => format!("{MARK}\n"),
            None => format!("\n{MARK}\n"),
        }
    }

    fn prose(&self, line: &str) -> String {
        let mut out = String::with_capacity(line.len());
        let mut from = 0;
        for part in scan::parts(line, 0) {
            if let Kind::Citation(number) = part.kind
                && !self.known.number(number)
            {
                out.push_str(line[from..part.at.start].trim_end_matches(' '));
                from = part.at.end;
            } else if self.is_doubtful(line, &part) {
                out.push_str(&line[from..part.at.end]);
                out.push_str(MARK);
                from = part.at.end;
            }
        }
        out.push_str(&line[from..]);
        out
    }

    fn is_doubtful(&self, line: &str, part: &Part) -> bool {
        let text = &line[part.inner.clone()];
        match part.kind {
            Kind::Name => !self.known.name(text),
            Kind::Code | Kind::Words => self.known.holds(None, text, part.kind).is_none(),
            Kind::Block | Kind::Citation(_) | Kind::Break => false,
        }
    }
}
