//! What the reader is shown: chunks chosen by value within a token budget.
//!
//! Code stays byte for byte as it is, but for secrets; numbers and signatures
//! stand outside of it. That lets an answer quote, and lets a quotation be checked.

mod around;
mod overview;
mod pack;
mod sources;
#[cfg(test)]
mod tests;

use crate::cite::Shown;
use crate::untrusted;

pub use around::{around, at};
pub use overview::for_question;
pub use pack::{File, Want, pack};
pub use sources::gather;

/// Lines of one file, to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Relative to the root, as bytes.
    pub path: Vec<u8>,
    /// Name of the language.
    pub language: String,
    /// First and last line, from 1.
    pub lines: (u32, u32),
    /// Heads of the definitions that the lines are inside of, outermost first.
    pub inside: Vec<String>,
    /// The lines with their ends, without secrets.
    pub text: String,
    /// Secrets that were taken out.
    pub redacted: usize,
}

impl Piece {
    /// Lines of a file, secrets taken out.
    #[must_use]
    pub fn new(path: &[u8], language: &str, lines: (u32, u32), text: &str) -> Piece {
        let redacted = untrusted::redact(text);
        Piece {
            path: path.to_owned(),
            language: language.to_owned(),
            lines,
            inside: Vec::new(),
            text: redacted.text,
            redacted: redacted.count,
        }
    }

    /// `path:start-end`, on one line whatever the path holds.
    #[must_use]
    pub fn label(&self) -> String {
        let path = String::from_utf8_lossy(&self.path);
        let path: String = path
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        format!("{path}:{}-{}", self.lines.0, self.lines.1)
    }

    /// As it is shown under its number: label, heads, fenced code.
    #[must_use]
    pub fn render(&self, number: usize) -> String {
        let mut out = format!("[{number}] {}\n", self.label());
        for head in &self.inside {
            let head: Vec<&str> = head.split_whitespace().collect();
            out.push_str(&format!(
                "inside: {}\n",
                untrusted::redact(&head.join(" ")).text
            ));
        }
        let fence = untrusted::fence(&self.text);
        let end = if self.text.ends_with('\n') { "" } else { "\n" };
        out.push_str(&format!(
            "{fence}{}\n{}{end}{fence}\n",
            self.language, self.text
        ));
        out
    }
}

/// Everything that the reader is shown with one question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// In the order shown: the best last, next to the question.
    pub pieces: Vec<Piece>,
    /// Pieces that were shown with earlier questions: numbers go on after them.
    pub before: usize,
    /// A map of the repository, without secrets; empty: none is shown.
    pub overview: String,
}

/// The number of what may be named and quoted, but not cited: none that an answer gives.
pub const UNNUMBERED: usize = usize::MAX;

impl Context {
    /// These pieces in this order.
    #[must_use]
    pub fn of(pieces: Vec<Piece>) -> Context {
        Context {
            pieces,
            ..Context::default()
        }
    }

    /// The same below a map of the repository; secrets are taken out of it.
    #[must_use]
    pub fn with_overview(self, map: &str) -> Context {
        Context {
            overview: untrusted::redact(map).text,
            ..self
        }
    }

    /// Without the pieces that earlier ones hold, numbered on after them.
    #[must_use]
    pub fn after(mut self, earlier: &[Piece], before: usize) -> Context {
        let holds = |one: &Piece, piece: &Piece| {
            let (from, to) = (one.lines.0 <= piece.lines.0, one.lines.1 >= piece.lines.1);
            one.path == piece.path && from && to && one.text.contains(&piece.text)
        };
        self.pieces
            .retain(|piece| !earlier.iter().any(|one| holds(one, piece)));
        Context { before, ..self }
    }

    /// The pieces with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Piece)> {
        (self.before + 1..).zip(&self.pieces)
    }

    /// All pieces as they are shown, an empty line between them.
    #[must_use]
    pub fn render(&self) -> String {
        let pieces = self.numbered();
        let pieces: Vec<String> = pieces.map(|(number, piece)| piece.render(number)).collect();
        pieces.join("\n")
    }

    /// The pieces, for the check of citations. Heads count as shown, and so does the map.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let overview = (!self.overview.is_empty()).then(|| Shown {
            number: UNNUMBERED,
            label: String::new(),
            text: self.overview.clone(),
        });
        let shown = self.numbered().map(|(number, piece)| Shown {
            number,
            label: piece.label(),
            text: match piece.inside.is_empty() {
                true => piece.text.clone(),
                false => format!("{}\n{}", piece.inside.join("\n"), piece.text),
            },
        });
        shown.chain(overview).collect()
    }
}
