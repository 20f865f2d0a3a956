//! The card of a result, and what a reader says about it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, put, rows};
use crate::output::escape;
use crate::ui::state::Focus;

impl Canvas<'_> {
    pub(super) fn explanation(&self, pane: Rect, buffer: &mut Buffer) {
        let Some(one) = self.state.explanation.as_ref().filter(|_| pane.area() > 0) else {
            return;
        };
        let doing = match (one.is_running, one.card.is_empty()) {
            (true, true) => " · looking",
            (true, false) => " · asking the reader, esc stops it",
            (false, _) => "",
        };
        let title = format!("{}:{}{doing}", escape::path(&one.about.0), one.about.1);
        let has_keys = self.state.focus == Focus::Explanation;
        let body = self.title(pane, has_keys, &title, buffer);
        let all = one.rows(body.width.into());
        for (row, (line, said)) in rows(body).zip(all.into_iter().skip(one.top)) {
            let is_heading = !said && !line.starts_with(' ');
            let style = match is_heading {
                true => self.theme.name(),
                false => Style::new(),
            };
            put(buffer, row, &[(line, style)]);
        }
    }
}
