//! Colours, by meaning. Without colour nothing is lost: every style is only an addition.

use std::fmt::Display;
use std::io::IsTerminal;

use crate::config::ColorChoice;
use anstyle::{AnsiColor, Style};

/// Paints text, or leaves it alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// For stdout: `--color` first, then `NO_COLOR`, then whether it is a terminal.
    pub fn for_stdout(choice: ColorChoice) -> Paint {
        let no_color = std::env::var_os(crate::env::NO_COLOR).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Paint {
            on: match choice {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => !no_color && !dumb && std::io::stdout().is_terminal(),
            },
        }
    }

    /// Whether colours are on.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// A file name.
    pub fn path(self, text: impl Display) -> String {
        self.paint(AnsiColor::Magenta.on_default(), text)
    }

    /// A line number.
    pub fn line(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// The name of a function, type, …
    pub fn name(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    /// Things of lesser weight.
    pub fn faint(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// A word of the query.
    pub fn found(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// All is well.
    pub fn good(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Worth a look.
    pub fn doubtful(self, text: impl Display) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// Does not work.
    pub fn bad(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        if self.on {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }
}
