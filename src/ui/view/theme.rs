//! Colours, by meaning. Without colours weight, underlining and reversal remain.

use ratatui::style::{Color, Modifier, Style};

use crate::output::syntax::Kind;

/// How things look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    /// Whether there are colours.
    pub color: bool,
}

impl Theme {
    fn colored(self, color: Color) -> Style {
        match self.color {
            true => Style::new().fg(color),
            false => Style::new(),
        }
    }

    /// Things of lesser weight.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// A name.
    pub fn name(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A file name.
    pub fn path(self) -> Style {
        self.colored(Color::Magenta)
    }

    /// A word of the query.
    pub fn found(self) -> Style {
        self.colored(Color::Red)
            .add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// Worth a look.
    pub fn doubtful(self) -> Style {
        self.colored(Color::Yellow)
    }

    /// Does not work.
    pub fn bad(self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is selected.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A title; of the pane that keys go to.
    pub fn title(self, has_keys: bool) -> Style {
        match has_keys {
            true => self.colored(Color::Cyan).add_modifier(Modifier::BOLD),
            false => self.faint(),
        }
    }

    /// A piece of code.
    pub fn code(self, kind: Kind) -> Style {
        match kind {
            Kind::Plain => Style::new(),
            Kind::Comment => self.faint(),
            Kind::String => self.colored(Color::Green),
            Kind::Number => self.colored(Color::Cyan),
            Kind::Keyword => self.colored(Color::Blue).add_modifier(Modifier::BOLD),
            Kind::Call => self.colored(Color::Yellow),
            Kind::Type => self.colored(Color::Cyan),
        }
    }
}
