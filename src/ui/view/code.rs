//! The file of the selected result, with its lines marked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::results::highlighter;
use super::{Canvas, put, rows};
use crate::output::escape;
use crate::output::highlight::Highlighter;
use crate::output::syntax::Kind;
use crate::ui::state::Focus;
use crate::ui::text;

impl Canvas<'_> {
    pub(super) fn code(&self, pane: Rect, buffer: &mut Buffer) {
        let Some(item) = self.state.item().filter(|_| pane.area() > 0) else {
            return;
        };
        let preview = &self.state.preview;
        let title = escape::path(&item.path);
        let has_keys = self.state.focus == Focus::Preview;
        let body = self.title(pane, has_keys, &title, buffer);
        if let Some(problem) = &preview.problem {
            let problem = text::fit(&text::safe(problem), body.width.into());
            put(buffer, body, &[(problem, self.theme.bad())]);
        }
        let Some(source) = &preview.source else {
            return;
        };
        let answer = &self.state.results.answer;
        let asked = highlighter(self.state.filters.mode(), &answer.query);
        let digits = source.lines.len().to_string().len().max(3);
        let lines = source.lines.iter().enumerate().skip(preview.top);
        for (row, (at, line)) in rows(body).zip(lines) {
            let number = at as u32 + 1;
            let inside = (item.start_line..=item.end_line).contains(&number);
            let gutter = match (inside, row.width) {
                (_, 0..30) => String::new(),
                (true, _) => format!("{number:>digits$} ▌ "),
                (false, _) => format!("{number:>digits$} │ "),
            };
            let style = match inside {
                true => self.theme.title(true),
                false => self.theme.faint(),
            };
            let room = usize::from(row.width).saturating_sub(text::width(&gutter));
            let mut pieces = vec![(gutter, style)];
            pieces.extend(self.pieces(line, inside.then_some(&asked), room));
            put(buffer, row, &pieces);
        }
    }

    /// What of a line is in sight, in its colours; what was found is marked.
    fn pieces(
        &self,
        line: &[(String, Kind)],
        asked: Option<&Highlighter>,
        room: usize,
    ) -> Vec<(String, Style)> {
        let left = self.state.preview.left;
        let mut pieces = Vec::new();
        let mut column = 0;
        for (piece, kind) in line {
            let columns = text::width(piece);
            let skip = left.saturating_sub(column);
            let most = (left + room).saturating_sub(column.max(left));
            if most > 0 && columns > skip {
                let seen = text::window(piece, skip, most);
                pieces.extend(self.marked(&seen, asked, self.theme.code(*kind)));
            }
            column += columns;
        }
        pieces
    }

    fn marked(
        &self,
        piece: &str,
        asked: Option<&Highlighter>,
        style: Style,
    ) -> Vec<(String, Style)> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for found in asked.map(|asked| asked.ranges(piece)).unwrap_or_default() {
            pieces.push((piece[at..found.start].to_owned(), style));
            let mark = style.patch(self.theme.found());
            pieces.push((piece[found.clone()].to_owned(), mark));
            at = found.end;
        }
        pieces.push((piece[at..].to_owned(), style));
        pieces
    }
}
