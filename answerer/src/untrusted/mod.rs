//! Repository text as data: secrets never enter a prompt, fences that text
//! cannot close, answers in which nothing is rendered or obeyed.

mod lines;
mod neutral;
mod secrets;
#[cfg(test)]
mod tests;

pub(crate) use lines::Lines;
pub use neutral::{Neutral, neutral};
pub use secrets::{Redacted, redact};

/// A fence that no line of `text` can close: longer than any run of backticks in it.
#[must_use]
pub fn fence(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(3.max(longest + 1))
}
