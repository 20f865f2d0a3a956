//! Text that comes in pieces, handed on in lines.

/// What has come of the line that is not complete.
#[derive(Default)]
pub struct Lines(String);

impl Lines {
    /// Adds what came; gives the lines that it completes, with their ends.
    pub fn push(&mut self, piece: &str) -> String {
        self.0.push_str(piece);
        let end = self.0.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.0.split_off(end);
        std::mem::replace(&mut self.0, rest)
    }

    /// The line that has no end.
    pub fn rest(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}
