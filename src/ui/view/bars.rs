//! The query, the filters and the line below everything.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Canvas, put};
use crate::ui::state::{Field, Focus, Index, Message};
use crate::ui::text;

/// What stands before the query.
const PROMPT: &str = "› ";

impl Canvas<'_> {
    /// The query and the mode; tells where the cursor is, if it is here.
    pub(super) fn query(&self, row: Rect, buffer: &mut Buffer) -> Option<Position> {
        if row.area() == 0 {
            return None;
        }
        let (state, theme) = (self.state, self.theme);
        let mode = state.filters.mode();
        let right = match row.width {
            0..30 => String::new(),
            _ => format!(" {mode}"),
        };
        let room = usize::from(row.width).saturating_sub(PROMPT.len() - 2 + 1 + right.len());
        let (shown, column) = state.query.shown(room.max(1));
        let in_query = state.focus == Focus::Query;
        let text = match (shown.is_empty(), in_query) {
            (true, _) => (
                text::fit("ask a question, name a symbol", room),
                theme.faint(),
            ),
            _ => (shown, theme.name()),
        };
        put(
            buffer,
            row,
            &[(PROMPT.to_owned(), theme.title(in_query)), text],
        );
        let x = row.right().saturating_sub(right.len() as u16);
        buffer.set_string(x, row.y, &right, theme.faint());
        in_query.then(|| Position {
            x: (row.x + 2 + column as u16).min(row.right().saturating_sub(1)),
            y: row.y,
        })
    }

    /// The filters; tells where the cursor is, if it is here.
    pub(super) fn filters(&self, row: Rect, buffer: &mut Buffer) -> Option<Position> {
        if row.area() == 0 {
            return None;
        }
        let filters = &self.state.filters;
        let fields = [
            (Field::Languages, "lang"),
            (Field::Kinds, "kind"),
            (Field::Globs, "path"),
            (Field::Mode, "mode"),
        ];
        let mut cursor = None;
        let mut pieces = Vec::new();
        let focused = |field| self.state.focus == Focus::Filter(field);
        // Where there is little room only the field that keys go to is there.
        let alone = row.width < 60 && fields.iter().any(|(field, _)| focused(*field));
        let room = match alone {
            true => usize::from(row.width).saturating_sub(7),
            false => usize::from(row.width / 4).saturating_sub(7),
        };
        for (field, name) in fields {
            if alone && !focused(field) {
                continue;
            }
            let (value, column) = match filters.line(field) {
                Some(line) if focused(field) => line.shown(room.max(1)),
                Some(line) => (text::fit(&text::safe(line.text()), room), 0),
                None => (filters.mode().to_owned(), 0),
            };
            pieces.push((format!("{name} "), self.theme.title(focused(field))));
            let used: usize = pieces.iter().map(|(piece, _)| text::width(piece)).sum();
            if focused(field) {
                let x = row.x + (used + column) as u16;
                cursor = Some(Position {
                    x: x.min(row.right().saturating_sub(1)),
                    y: row.y,
                });
            }
            let value = if value.is_empty() {
                "any".to_owned()
            } else {
                value
            };
            let is_set = filters.line(field).is_none_or(|line| !line.is_blank());
            let style = match is_set {
                true => self.theme.name(),
                false => self.theme.faint(),
            };
            pieces.push((value, style));
            pieces.push(("  ".to_owned(), self.theme.faint()));
        }
        put(buffer, row, &pieces);
        cursor
    }

    /// What there is to say, else how the index is.
    pub(super) fn status(&self, row: Rect, buffer: &mut Buffer) {
        if row.area() == 0 {
            return;
        }
        let (state, theme) = (self.state, self.theme);
        let (text, style) = match &state.message {
            Some(Message::Note(note)) => (note.clone(), theme.doubtful()),
            Some(Message::Problem(problem)) => (problem.clone(), theme.bad()),
            None => (self.summary(), theme.faint()),
        };
        let hint = match row.width {
            0..40 => "",
            40..70 => " ? keys",
            _ => " enter open · ctrl-e explain · ? keys",
        };
        let room = usize::from(row.width).saturating_sub(text::width(hint));
        put(buffer, row, &[(text::fit(&text::safe(&text), room), style)]);
        let x = row.right().saturating_sub(text::width(hint) as u16);
        buffer.set_string(x, row.y, hint, theme.faint());
    }

    /// The repository and its index in a few words.
    fn summary(&self) -> String {
        let Index {
            generation,
            files,
            coverage,
            state,
        } = &self.state.index;
        let doing = match self.state.is_searching {
            true => " · searching",
            false => "",
        };
        if *generation == 0 {
            return format!("{} · not indexed yet{doing}", self.state.name);
        }
        let vectors = match coverage {
            all if *all >= 1.0 => String::new(),
            some => format!(" · {:.0} % encoded", (some * 100.0).floor()),
        };
        let state = match state.as_str() {
            "" => String::new(),
            "daemon" => " · watched by the daemon".to_owned(),
            state => format!(" · {state}"),
        };
        format!("{} · {files} files{vectors}{state}{doing}", self.state.name)
    }
}
