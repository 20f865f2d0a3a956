//! Draws what the state says, and nothing else. All text from the repository is made safe before it
//! comes here or here.

mod bars;
mod code;
mod explanation;
mod help;
mod results;
mod theme;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub use theme::Theme;

use super::layout::{Panes, panes, titled};
use super::state::State;
use super::text;

/// Draws all of it.
pub fn draw(state: &State, theme: Theme, frame: &mut Frame) {
    let area = frame.area();
    // The terminal has become smaller; the event that says so is on its way.
    if area.width < state.size.width || area.height < state.size.height {
        return;
    }
    let canvas = Canvas { theme, state };
    let buffer = frame.buffer_mut();
    let panes = panes(state);
    let cursor = canvas.draw(&panes, buffer);
    if let (Some(at), None) = (cursor, state.help) {
        frame.set_cursor_position(at);
    }
}

/// What is drawn, and how.
struct Canvas<'a> {
    theme: Theme,
    state: &'a State,
}

impl Canvas<'_> {
    /// Draws everything, and tells where the cursor stands.
    fn draw(&self, panes: &Panes, buffer: &mut Buffer) -> Option<Position> {
        let in_query = self.query(panes.query, buffer);
        let in_filter = self.filters(panes.filters, buffer);
        self.results(panes.results, buffer);
        self.rule(panes, buffer);
        self.code(panes.preview, buffer);
        self.explanation(panes.explanation, buffer);
        self.status(panes.status, buffer);
        if let Some(top) = self.state.help {
            self.help(top, buffer);
        }
        in_query.or(in_filter)
    }

    /// The line between the list and the file, where they stand side by side.
    fn rule(&self, panes: &Panes, buffer: &mut Buffer) {
        let right = match panes.preview.area() {
            0 => panes.explanation,
            _ => panes.preview,
        };
        if panes.results.area() > 0 && right.x > panes.results.right() {
            for y in panes.results.top()..panes.results.bottom() {
                let at = (panes.results.right(), y);
                buffer.set_string(at.0, at.1, "│", self.theme.faint());
            }
        }
    }

    /// Draws a pane's title, and returns what is left of the pane.
    fn title(&self, pane: Rect, has_keys: bool, title: &str, buffer: &mut Buffer) -> Rect {
        let (head, body) = titled(pane);
        if head.height > 0 {
            let title = text::fit_end(title, head.width.into());
            buffer.set_string(head.x, head.y, &title, self.theme.title(has_keys));
            let used = text::width(&title) as u16;
            for x in (head.x + used + 1)..head.right() {
                buffer.set_string(x, head.y, "─", self.theme.faint());
            }
        }
        body
    }
}

/// Writes pieces from the left end of a row, cut at its right end.
fn put(buffer: &mut Buffer, row: Rect, pieces: &[(String, Style)]) {
    let spans = pieces.iter();
    let spans = spans.map(|(text, style)| Span::styled(text.as_str(), *style));
    let line: Line = spans.collect();
    buffer.set_line(row.x, row.y, &line, row.width);
}

/// The rows of an area.
fn rows(area: Rect) -> impl Iterator<Item = Rect> {
    area.rows()
}

#[cfg(test)]
mod tests;
