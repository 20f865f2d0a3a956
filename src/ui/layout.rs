//! Which part of the terminal shows what.

use ratatui::layout::Rect;

use super::state::{Focus, State};

/// Columns from which the list and the file stand side by side.
const WIDE: u16 = 90;
/// Rows of the body from which they stand one above the other.
const HIGH: u16 = 14;
/// Rows of the file's side from which the explanation stands below it.
const ROOM_FOR_BOTH: u16 = 24;
/// Rows of the terminal from which the filters are always shown.
const ROOM_FOR_FILTERS: u16 = 10;

/// The parts; those that do not fit are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panes {
    /// The query.
    pub query: Rect,
    /// The filters.
    pub filters: Rect,
    /// The results.
    pub results: Rect,
    /// The file.
    pub preview: Rect,
    /// The explanation.
    pub explanation: Rect,
    /// How the index is, and what there is to say.
    pub status: Rect,
}

/// The parts of the terminal as it is now.
pub fn panes(state: &State) -> Panes {
    let all = Rect::new(0, 0, state.size.width, state.size.height);
    let mut panes = Panes::default();
    let mut rest = all;
    (panes.query, rest) = split(rest, 1);
    let in_filter = matches!(state.focus, Focus::Filter(_));
    if in_filter || all.height >= ROOM_FOR_FILTERS {
        (panes.filters, rest) = split(rest, 1);
    }
    (rest, panes.status) = split(rest, rest.height.saturating_sub(1));
    body(state, rest, &mut panes);
    panes
}

fn body(state: &State, body: Rect, panes: &mut Panes) {
    let on_detail = matches!(state.focus, Focus::Preview | Focus::Explanation);
    let detail = if body.width >= WIDE {
        let list = body.width * 2 / 5;
        panes.results = Rect {
            width: list,
            ..body
        };
        Rect {
            x: body.x + list + 1,
            width: body.width - list - 1,
            ..body
        }
    } else if body.height >= HIGH {
        let (list, detail) = split(body, body.height * 2 / 5);
        panes.results = list;
        detail
    } else if on_detail {
        body
    } else {
        panes.results = body;
        Rect::default()
    };
    details(state, detail, panes);
}

fn details(state: &State, detail: Rect, panes: &mut Panes) {
    if state.explanation.is_none() {
        panes.preview = detail;
    } else if detail.height >= ROOM_FOR_BOTH {
        (panes.preview, panes.explanation) = split(detail, detail.height / 2);
    } else if state.focus == Focus::Preview {
        panes.preview = detail;
    } else {
        panes.explanation = detail;
    }
}

/// The first `height` rows, and the others.
fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let upper = Rect { height, ..area };
    let lower = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (upper, lower)
}

/// A pane's title, if there is room for one, and what lies below it.
pub fn titled(pane: Rect) -> (Rect, Rect) {
    split(pane, u16::from(pane.height >= 5))
}

/// Rows of one result in the list.
pub fn rows_of_result(state: &State, pane: Rect) -> usize {
    let roomy = usize::from(pane.height >= 12);
    1 + roomy + usize::from(state.show_scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::{Explanation, Field};
    use ratatui::layout::Size;

    fn shown(width: u16, height: u16, focus: Focus, explained: bool) -> String {
        let mut state = State {
            size: Size::new(width, height),
            focus,
            ..State::default()
        };
        state.explanation = explained.then(Explanation::default);
        let panes = panes(&state);
        let parts = [
            ("query", panes.query),
            ("filters", panes.filters),
            ("results", panes.results),
            ("preview", panes.preview),
            ("explanation", panes.explanation),
            ("status", panes.status),
        ];
        let parts = parts.iter().filter(|(_, area)| area.area() > 0);
        let parts = parts.map(|(name, area)| format!("{name} {area}"));
        parts.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn panes_follow_the_size() {
        use Focus::*;
        for ((width, height, focus, explained), expected) in [
            (
                (120, 30, Query, false),
                "query 120x1+0+0, filters 120x1+0+1, results 48x27+0+2, preview 71x27+49+2, status 120x1+0+29",
            ),
            (
                (120, 30, Query, true),
                "query 120x1+0+0, filters 120x1+0+1, results 48x27+0+2, preview 71x13+49+2, explanation 71x14+49+15, status 120x1+0+29",
            ),
            (
                (80, 24, Results, true),
                "query 80x1+0+0, filters 80x1+0+1, results 80x8+0+2, explanation 80x13+0+10, status 80x1+0+23",
            ),
            (
                (20, 5, Query, false),
                "query 20x1+0+0, results 20x3+0+1, status 20x1+0+4",
            ),
            (
                (20, 5, Preview, true),
                "query 20x1+0+0, preview 20x3+0+1, status 20x1+0+4",
            ),
            (
                (20, 5, Filter(Field::Mode), false),
                "query 20x1+0+0, filters 20x1+0+1, results 20x2+0+2, status 20x1+0+4",
            ),
            ((1, 1, Query, false), "query 1x1+0+0"),
            ((0, 0, Query, true), ""),
        ] {
            assert_eq!(shown(width, height, focus, explained), expected);
        }
    }
}
