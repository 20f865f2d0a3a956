//! What keys mean.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::line::Edit;
use super::state::{Field, Focus, State};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ends it.
    Quit,
    /// Closes what is open, or ends it.
    Leave,
    /// Shows the keys, or hides them.
    Help,
    /// To the next pane or field, or the one before.
    Focus {
        /// The one before.
        back: bool,
    },
    /// Into the query.
    ToQuery,
    /// Into the filters.
    ToFilters,
    /// Selects another result, so many further down.
    Select(isize),
    /// Moves what is read, so many rows down.
    Scroll(isize),
    /// Moves what is read by so many pages.
    Page(isize),
    /// Moves the file to the side.
    Shift(isize),
    /// To the first, or the last.
    Edge {
        /// The last.
        last: bool,
    },
    /// Opens the selected result in the editor.
    Open,
    /// Explains the selected result, or closes its explanation.
    Explain,
    /// Shows why results match, or hides it.
    Scores,
    /// Copies the selected result's place.
    Copy,
    /// Another mode.
    Mode {
        /// The one before.
        back: bool,
    },
    /// Changes what is typed.
    Edit(Edit),
    /// Draws everything anew.
    Redraw,
    /// Gives the terminal back to the shell for a while.
    Suspend,
}

/// The keys, for people.
pub const HELP: &[(&str, &str)] = &[
    ("↑ ↓  ctrl-p ctrl-n", "the result before, the next one"),
    ("tab  shift-tab", "the next pane, the one before"),
    ("enter", "open in $VISUAL or $EDITOR"),
    ("ctrl-e", "explain the result; once more: close"),
    ("ctrl-s", "why it matches: the parts of each score"),
    ("ctrl-t", "the next mode of search"),
    ("ctrl-f", "filters; tab to the next, enter to the query"),
    ("ctrl-y", "copy path:line"),
    ("page up, page down", "scroll the file or the explanation"),
    ("esc", "stop the reader, close, else quit"),
    ("ctrl-c", "quit"),
    ("ctrl-l  ctrl-z", "draw anew, to the shell"),
    (
        "ctrl-a -w -u -k",
        "edit: to the start, delete word, before, after",
    ),
    ("outside of the query", "j k g G to move, h l sideways,"),
    ("", "/ to the query, e s y as with ctrl, ? keys, q quit"),
];

/// What a key asks for where keys go now; `None`: nothing.
pub fn action(key: &KeyEvent, state: &State) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let with = |modifier| key.modifiers.contains(modifier);
    match key.code {
        KeyCode::Char(c) if with(KeyModifiers::CONTROL) => control(c.to_ascii_lowercase()),
        KeyCode::Char(_) if with(KeyModifiers::ALT) => None,
        KeyCode::Char('?') if state.query.text().is_empty() || !is_typed_into(state.focus) => {
            Some(Action::Help)
        }
        KeyCode::Char(c) if is_typed_into(state.focus) => Some(Action::Edit(Edit::Insert(c))),
        KeyCode::Char(c) => letter(c, state.focus),
        code => special(code, state.focus),
    }
}

/// Whether letters are text there.
pub fn is_typed_into(focus: Focus) -> bool {
    match focus {
        Focus::Query => true,
        Focus::Filter(field) => field != Field::Mode,
        Focus::Results | Focus::Preview | Focus::Explanation => false,
    }
}

fn is_read(focus: Focus) -> bool {
    matches!(focus, Focus::Preview | Focus::Explanation)
}

fn control(c: char) -> Option<Action> {
    Some(match c {
        'c' => Action::Quit,
        'n' => Action::Select(1),
        'p' => Action::Select(-1),
        'e' => Action::Explain,
        's' => Action::Scores,
        'y' => Action::Copy,
        't' => Action::Mode { back: false },
        'f' => Action::ToFilters,
        'l' => Action::Redraw,
        'z' => Action::Suspend,
        'a' => Action::Edit(Edit::Home),
        'd' => Action::Edit(Edit::Delete),
        'h' => Action::Edit(Edit::Backspace),
        'k' => Action::Edit(Edit::DeleteToEnd),
        'u' => Action::Edit(Edit::DeleteToStart),
        'w' => Action::Edit(Edit::DeleteWord),
        _ => return None,
    })
}

fn letter(c: char, focus: Focus) -> Option<Action> {
    let down = |rows| match is_read(focus) {
        true => Action::Scroll(rows),
        false => Action::Select(rows),
    };
    Some(match c {
        'q' => Action::Quit,
        '/' => Action::ToQuery,
        'e' => Action::Explain,
        's' => Action::Scores,
        'y' => Action::Copy,
        'j' => down(1),
        'k' => down(-1),
        'g' => Action::Edge { last: false },
        'G' => Action::Edge { last: true },
        'h' if focus == Focus::Preview => Action::Shift(-1),
        'l' if focus == Focus::Preview => Action::Shift(1),
        ' ' if focus == Focus::Filter(Field::Mode) => Action::Mode { back: false },
        ' ' if is_read(focus) => Action::Page(1),
        _ => return None,
    })
}

fn special(code: KeyCode, focus: Focus) -> Option<Action> {
    let typed = is_typed_into(focus);
    let on_mode = focus == Focus::Filter(Field::Mode);
    let in_filter = matches!(focus, Focus::Filter(_));
    Some(match code {
        KeyCode::Esc => Action::Leave,
        KeyCode::F(1) => Action::Help,
        KeyCode::Tab => Action::Focus { back: false },
        KeyCode::BackTab => Action::Focus { back: true },
        KeyCode::Enter if in_filter => Action::ToQuery,
        KeyCode::Enter => Action::Open,
        KeyCode::Down if is_read(focus) => Action::Scroll(1),
        KeyCode::Up if is_read(focus) => Action::Scroll(-1),
        KeyCode::Down => Action::Select(1),
        KeyCode::Up => Action::Select(-1),
        KeyCode::PageDown => Action::Page(1),
        KeyCode::PageUp => Action::Page(-1),
        KeyCode::Left if on_mode => Action::Mode { back: true },
        KeyCode::Right if on_mode => Action::Mode { back: false },
        KeyCode::Left if focus == Focus::Preview => Action::Shift(-1),
        KeyCode::Right if focus == Focus::Preview => Action::Shift(1),
        KeyCode::Home if !typed => Action::Edge { last: false },
        KeyCode::End if !typed => Action::Edge { last: true },
        KeyCode::Left => Action::Edit(Edit::Left),
        KeyCode::Right => Action::Edit(Edit::Right),
        KeyCode::Home => Action::Edit(Edit::Home),
        KeyCode::End => Action::Edit(Edit::End),
        KeyCode::Backspace => Action::Edit(Edit::Backspace),
        KeyCode::Delete => Action::Edit(Edit::Delete),
        _ => return None,
    })
}
