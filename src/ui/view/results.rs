//! The list of what was found.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Canvas, put, rows};
use crate::output::excerpt::{self, Amount};
use crate::output::highlight::Highlighter;
use crate::output::{Item, escape};
use crate::ui::layout::rows_of_result;
use crate::ui::state::Focus;
use crate::ui::text;
use fathom_indexer::current::State;

impl Canvas<'_> {
    pub(super) fn results(&self, pane: Rect, buffer: &mut Buffer) {
        if pane.area() == 0 {
            return;
        }
        let (state, answer) = (self.state, &self.state.results.answer);
        let has_keys = state.focus == Focus::Results;
        let title = match (answer.results.len(), state.query.is_blank()) {
            (_, true) => "results".to_owned(),
            (0, _) if state.is_searching => "searching".to_owned(),
            (0, _) => "nothing found".to_owned(),
            (all, _) => {
                let took = answer.took.as_millis();
                format!("{} of {all} · {took} ms", state.results.selected + 1)
            }
        };
        let body = self.title(pane, has_keys, &title, buffer);
        let each = rows_of_result(state, pane);
        let asked = highlighter(state.filters.mode(), answer.query.as_str());
        let shown = answer.results.iter().enumerate().skip(state.results.first);
        let mut free = rows(body);
        for (at, item) in shown {
            let selected = at == state.results.selected;
            for (number, row) in free.by_ref().take(each).enumerate() {
                match number {
                    0 => self.head(item, row, buffer),
                    _ if state.show_scores && number + 1 == each => self.scores(item, row, buffer),
                    _ => self.best_line(item, &asked, row, buffer),
                }
                if selected && number == 0 {
                    buffer.set_style(row, self.theme.selected());
                }
            }
        }
    }

    /// `path:line  name        0.91 high`
    fn head(&self, item: &Item, row: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let score = match row.width {
            0..40 => String::new(),
            _ => format!(" {:.2} {}", item.score, item.confidence),
        };
        let state = match item.state {
            State::Unchanged => "",
            State::Moved { .. } => " moved",
            State::Changed => " changed",
            State::Gone => " gone",
        };
        let room = usize::from(row.width).saturating_sub(score.len() + state.len());
        let place = format!("{}:{}", escape::path(&item.path), item.start_line);
        let (name, style) = match item.name.as_str() {
            "" => (item.kind.to_owned(), theme.faint()),
            name => (escape::path(name.as_bytes()), theme.name()),
        };
        // The file counts more than the name, but each gets a half at least.
        let name_room = room.saturating_sub(text::width(&place) + 1).max(room / 2);
        let name = text::fit(&name, name_room.saturating_sub(1));
        let place = text::fit_end(&place, room.saturating_sub(text::width(&name) + 1));
        let pieces = [
            (place, theme.path()),
            (" ".to_owned(), Style::new()),
            (name, style),
            (state.to_owned(), theme.doubtful()),
        ];
        put(buffer, row, &pieces);
        let x = row.right().saturating_sub(score.len() as u16);
        buffer.set_string(x, row.y, &score, theme.faint());
    }

    /// The line that answers best.
    fn best_line(&self, item: &Item, asked: &Highlighter, row: Rect, buffer: &mut Buffer) {
        let lines = excerpt::lines(item, asked, Amount::Short);
        let matching = lines.iter().find(|line| line.matches);
        let signature = item.signature.split_whitespace().collect::<Vec<_>>();
        let line = match (matching, lines.first()) {
            (Some(line), _) => line.text.clone(),
            (None, _) if !signature.is_empty() => signature.join(" "),
            (None, Some(line)) => line.text.clone(),
            (None, None) => String::new(),
        };
        let line = text::safe(line.trim());
        let line = text::fit(&line, usize::from(row.width).saturating_sub(2));
        let mut pieces = vec![("  ".to_owned(), Style::new())];
        let mut at = 0;
        for found in asked.ranges(&line) {
            pieces.push((line[at..found.start].to_owned(), self.theme.faint()));
            pieces.push((line[found.clone()].to_owned(), self.theme.found()));
            at = found.end;
        }
        pieces.push((line[at..].to_owned(), self.theme.faint()));
        put(buffer, row, &pieces);
    }

    /// Why it matches.
    fn scores(&self, item: &Item, row: Rect, buffer: &mut Buffer) {
        let mut pieces = vec![("  ".to_owned(), Style::new())];
        for (name, score) in &item.scores {
            pieces.push((format!("{name} "), self.theme.faint()));
            pieces.push((format!("{score:+.2}  "), self.theme.name()));
        }
        put(buffer, row, &pieces);
    }
}

/// What marks the words of a query.
pub(super) fn highlighter(mode: &str, query: &str) -> Highlighter {
    match mode {
        "regex" => Highlighter::regex(query),
        _ => Highlighter::words(query),
    }
}
