//! The keys, above everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Clear, Widget};

use super::{Canvas, put, rows};
use crate::ui::keys::HELP;
use crate::ui::text;

impl Canvas<'_> {
    pub(super) fn help(&self, top: usize, buffer: &mut Buffer) {
        let widest = |of: fn(&(&str, &str)) -> usize| HELP.iter().map(of).max().unwrap_or_default();
        let keys = widest(|(keys, _)| text::width(keys)) + 2;
        let width = keys + widest(|(_, what)| text::width(what));
        let all = buffer.area;
        let (width, height) = (width as u16 + 2, HELP.len() as u16 + 2);
        let (width, height) = (width.min(all.width), height.min(all.height));
        let area = Rect {
            x: (all.width - width) / 2,
            y: (all.height - height) / 2,
            width,
            height,
        };
        Clear.render(area, buffer);
        let inside = match width > 30 && height > 4 {
            true => {
                let block = Block::bordered().title("keys").style(self.theme.faint());
                let inside = block.inner(area);
                block.render(area, buffer);
                buffer.set_style(inside, Style::reset());
                inside
            }
            false => area,
        };
        for (row, (names, what)) in rows(inside).zip(HELP.iter().skip(top)) {
            let names = format!("{names}{}", " ".repeat(keys - text::width(names)));
            let pieces = [
                (names, self.theme.name()),
                ((*what).to_owned(), Style::new()),
            ];
            put(buffer, row, &pieces);
        }
    }
}
