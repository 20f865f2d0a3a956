//! What keys and answers do, told as scripts: each step is a key or an event, and what it leads to.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use super::state::{Effect, Event, Focus, Index, Message, Source, State};
use super::update::{begin, update};
use crate::engine::requests::SearchParams;
use crate::output::syntax::Kind;
use crate::output::{Answer, Item};

/// A result at some lines of a file.
pub fn item(path: &str, lines: (u32, u32), name: &str) -> Item {
    Item {
        path: path.into(),
        start_line: lines.0,
        end_line: lines.1,
        score: 0.91,
        confidence: "high",
        language: "rust".into(),
        kind: "function",
        name: name.into(),
        signature: format!("fn {name}()"),
        text: format!("fn {name}() {{ lock }}").into(),
        scores: vec![("late", 0.5), ("lexical", 0.25)],
        ..Item::default()
    }
}

/// An answer of a generation.
pub fn answer(generation: u64, results: Vec<Item>) -> Arc<Answer> {
    Arc::new(Answer {
        query: "lock".into(),
        mode: "hybrid",
        generation,
        took: std::time::Duration::from_millis(7),
        results,
        ..Answer::default()
    })
}

/// A terminal of 80 × 24 in which nothing was asked.
pub fn empty() -> State {
    State::new("tree", Size::new(80, 24), SearchParams::default())
}

/// Three results, the first of them loaded.
pub fn with_results() -> State {
    let mut state = empty();
    for c in "lock".chars() {
        press(&mut state, &c.to_string());
    }
    let results = vec![
        item("src/a.rs", (4, 6), "acquire"),
        item("src/b.rs", (10, 20), "Lock::wait"),
        item("docs/c.md", (1, 3), ""),
    ];
    let (id, answer) = (state.asked, answer(1, results));
    update(&mut state, Event::Found { id, answer });
    update(&mut state, Event::Searched { id, message: None });
    update(&mut state, source("src/a.rs", 40));
    state
}

/// A file of so many lines.
pub fn source(path: &str, lines: usize) -> Event {
    let line = |number: usize| vec![(format!("line {number}"), Kind::Plain)];
    Event::Loaded(Arc::new(Source {
        path: path.into(),
        generation: 1,
        lines: (1..=lines).map(line).collect(),
    }))
}

/// Presses a key, named as in the help.
pub fn press(state: &mut State, key: &str) -> Vec<Effect> {
    let (modifiers, code) = match key.split_once('-') {
        Some(("ctrl", c)) => (
            KeyModifiers::CONTROL,
            KeyCode::Char(c.chars().next().unwrap()),
        ),
        Some(("shift", _)) => (KeyModifiers::SHIFT, KeyCode::BackTab),
        _ => (KeyModifiers::NONE, code(key)),
    };
    update(state, Event::Key(KeyEvent::new(code, modifiers)))
}

fn code(key: &str) -> KeyCode {
    match key {
        "tab" => KeyCode::Tab,
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pagedown" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "backspace" => KeyCode::Backspace,
        "F1" => KeyCode::F(1),
        c => KeyCode::Char(c.chars().next().unwrap()),
    }
}

/// What an effect is, in a word or two.
fn named(effect: &Effect) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match effect {
        Effect::Search { id, params } => {
            let filters = [&params.languages, &params.kinds, &params.globs];
            let filters: Vec<&String> = filters.into_iter().flatten().collect();
            format!("search {id} {:?} {} {filters:?}", params.query, params.mode)
        }
        Effect::Load { path, .. } => format!("load {}", text(path)),
        Effect::Explain { id, path, lines } => format!("explain {id} {}:{lines:?}", text(path)),
        Effect::Edit { path, line } => format!("edit {}:{line}", text(path)),
        Effect::Copy(place) => format!("copy {}", text(place)),
        other => format!("{other:?}"),
    }
}

/// Presses keys in turn; what they led to, and where keys go then.
fn script(state: &mut State, keys: &str) -> String {
    let mut all = Vec::new();
    for key in keys.split_whitespace() {
        all.extend(press(state, key).iter().map(named));
    }
    all.push(format!("{:?}", state.focus));
    all.join(", ")
}

#[test]
fn typing_searches_and_nothing_stops_it() {
    let mut state = empty();
    assert_eq!(script(&mut state, "l"), "search 1 \"l\" hybrid [], Query");
    assert!(state.is_waiting());
    assert_eq!(
        script(&mut state, "o left"),
        "search 2 \"lo\" hybrid [], Query"
    );
    assert_eq!(
        script(&mut state, "ctrl-u"),
        "search 3 \"o\" hybrid [], Query"
    );
    assert_eq!(script(&mut state, "ctrl-k"), "StopSearching, Query");
    assert!(!state.is_waiting());
    let effects = update(&mut state, Event::Paste("a\nb".into()));
    assert_eq!(named(&effects[0]), "search 5 \"a b\" hybrid []");
}

#[test]
fn only_the_newest_answer_counts() {
    let mut state = with_results();
    press(&mut state, "s");
    let old = state.asked - 1;
    update(
        &mut state,
        Event::Found {
            id: old,
            answer: answer(1, Vec::new()),
        },
    );
    update(
        &mut state,
        Event::Searched {
            id: old,
            message: None,
        },
    );
    assert_eq!(state.results.answer.results.len(), 3);
    assert!(state.is_searching);
}

#[test]
fn the_selection_moves_and_its_file_is_loaded() {
    let mut state = with_results();
    assert_eq!(script(&mut state, "down"), "load src/b.rs, Query");
    assert_eq!(state.preview.top, 7);
    assert_eq!(script(&mut state, "ctrl-n ctrl-n"), "load docs/c.md, Query");
    assert_eq!(
        script(&mut state, "ctrl-p up up"),
        "load src/b.rs, load src/a.rs, Query"
    );
    assert_eq!(script(&mut state, "tab G"), "load docs/c.md, Results");
}

#[test]
fn a_file_that_is_there_is_not_loaded_again() {
    let mut state = with_results();
    let (id, first) = (state.asked, item("src/a.rs", (30, 31), "other"));
    let answer = answer(1, vec![item("src/a.rs", (4, 6), "acquire"), first]);
    update(&mut state, Event::Found { id, answer });
    assert_eq!(script(&mut state, "down"), "Query");
    assert_eq!(state.preview.top, 27);
}

#[test]
fn a_result_that_the_user_chose_stays_selected() {
    let mut state = with_results();
    press(&mut state, "down");
    let id = state.asked;
    let results = vec![item("new.rs", (1, 2), ""), item("src/b.rs", (10, 20), "")];
    update(
        &mut state,
        Event::Found {
            id,
            answer: answer(2, results),
        },
    );
    assert_eq!(state.item().unwrap().path, b"src/b.rs");
    press(&mut state, "s");
    let (id, results) = (state.asked, vec![item("new.rs", (1, 2), "")]);
    let effects = update(
        &mut state,
        Event::Found {
            id,
            answer: answer(2, results),
        },
    );
    assert_eq!(
        effects.iter().map(named).collect::<Vec<_>>(),
        ["load new.rs"]
    );
}

#[test]
fn enter_opens_and_ctrl_y_copies() {
    let mut state = with_results();
    assert_eq!(script(&mut state, "enter"), "edit src/a.rs:4, Query");
    assert_eq!(
        script(&mut state, "down ctrl-y"),
        "load src/b.rs, copy src/b.rs:10, Query"
    );
    assert_eq!(script(&mut empty(), "enter ctrl-y ctrl-e"), "Query");
}

#[test]
fn filters_are_typed_and_modes_chosen() {
    let mut state = with_results();
    assert_eq!(
        script(&mut state, "ctrl-f g o"),
        "search 5 \"lock\" hybrid [\"g\"], search 6 \"lock\" hybrid [\"go\"], Filter(Languages)"
    );
    assert_eq!(
        script(&mut state, "tab tab *"),
        "search 7 \"lock\" hybrid [\"go\", \"*\"], Filter(Globs)"
    );
    assert_eq!(
        script(&mut state, "tab right right left"),
        "search 8 \"lock\" late [\"go\", \"*\"], search 9 \"lock\" dense [\"go\", \"*\"], \
         search 10 \"lock\" late [\"go\", \"*\"], Filter(Mode)"
    );
    assert_eq!(
        script(&mut state, "enter ctrl-t"),
        "search 11 \"lock\" dense [\"go\", \"*\"], Query"
    );
}

#[test]
fn the_tab_key_goes_around() {
    let mut state = with_results();
    let mut seen = |keys| script(&mut state, keys);
    assert_eq!(seen("tab"), "Results");
    assert_eq!(seen("tab tab"), "Query");
    assert_eq!(seen("shift-tab"), "Preview");
    assert_eq!(seen("ctrl-e tab"), "explain 1 src/a.rs:(4, 4), Explanation");
    assert_eq!(seen("ctrl-e"), "StopExplaining, Results");
    assert_eq!(seen("/"), "Query");
}

#[test]
fn q_quits_where_nothing_is_typed() {
    assert_eq!(script(&mut with_results(), "tab q"), "Quit, Results");
    assert_eq!(script(&mut empty(), "q"), "search 1 \"q\" hybrid [], Query");
    assert_eq!(script(&mut empty(), "ctrl-c"), "Quit, Query");
    assert_eq!(script(&mut empty(), "esc"), "Quit, Query");
    assert_eq!(script(&mut empty(), "ctrl-f esc"), "Query");
    assert_eq!(script(&mut empty(), "? ctrl-c"), "Quit, Query");
    assert_eq!(script(&mut empty(), "? esc"), "Query");
    assert_eq!(
        script(&mut with_results(), "?"),
        "search 5 \"lock?\" hybrid [], Query"
    );
    assert_eq!(script(&mut with_results(), "F1 enter"), "Query");
    assert_eq!(
        script(&mut empty(), "ctrl-z ctrl-l"),
        "Suspend, Redraw, Query"
    );
}

#[test]
fn an_explanation_comes_in_parts_and_can_be_stopped() {
    let mut state = with_results();
    press(&mut state, "ctrl-e");
    let (id, text) = (state.explained, "card".to_owned());
    update(&mut state, Event::Card { id, text });
    for text in ["It takes\n", "the lock.\n"] {
        update(
            &mut state,
            Event::Prose {
                id,
                text: text.into(),
            },
        );
    }
    update(
        &mut state,
        Event::Prose {
            id: id - 1,
            text: "stale".into(),
        },
    );
    let rows = state.explanation.as_ref().unwrap().rows(40);
    let rows: Vec<&str> = rows.iter().map(|(row, _)| row.as_str()).collect();
    assert_eq!(rows, ["card", "", "It takes", "the lock."]);
    assert!(state.is_waiting());
    assert_eq!(script(&mut state, "esc"), "StopExplaining, Query");
    assert!(!state.is_waiting());
    assert_eq!(
        script(&mut state, "down ctrl-e"),
        "load src/b.rs, explain 2 src/b.rs:(10, 10), Query"
    );
    update(&mut state, Event::Explained { id: 2 });
    assert_eq!(script(&mut state, "esc"), "Quit, Query");
}

#[test]
fn what_is_read_scrolls_within_its_ends() {
    let mut state = with_results();
    press(&mut state, "tab");
    press(&mut state, "tab");
    for (key, top) in [
        ("down", 2),
        ("j", 3),
        ("k", 2),
        ("pagedown", 13),
        ("G", 28),
        ("home", 0),
    ] {
        press(&mut state, key);
        assert_eq!(state.preview.top, top, "after {key}");
    }
    press(&mut state, "right");
    assert_eq!(state.preview.left, 8);
    press(&mut state, "h");
    assert_eq!(state.preview.left, 0);
}

#[test]
fn a_changed_index_is_searched_anew_once_it_is_quiet() {
    let mut state = with_results();
    let mut told = |generation, now: &str| {
        let index = Index {
            generation,
            files: 3,
            coverage: 1.0,
            state: now.into(),
        };
        let effects = update(&mut state, Event::Index(index));
        let effects: Vec<String> = effects.iter().map(named).collect();
        effects.join(", ")
    };
    assert_eq!(told(1, "fresh"), "");
    assert_eq!(told(2, "encoding"), "");
    assert_eq!(told(2, "fresh"), "search 5 \"lock\" hybrid []");
    assert_eq!(told(3, "fresh"), "");
}

#[test]
fn faults_are_said_and_forgotten_with_the_next_search() {
    let mut state = with_results();
    let id = state.asked;
    let message = Some(Message::Problem("the pattern is not closed".into()));
    update(
        &mut state,
        Event::Searched {
            id,
            message: message.clone(),
        },
    );
    assert_eq!(state.message, message);
    press(&mut state, "x");
    assert_eq!(state.message, None);
    assert_eq!(state.results.answer.results.len(), 3);
}

#[test]
fn a_query_given_at_the_start_is_asked() {
    let base = SearchParams {
        query: "lock".into(),
        mode: "regex".into(),
        languages: vec!["rust".into()],
        per_file: 2,
        ..SearchParams::default()
    };
    let mut state = State::new("tree", Size::new(80, 24), base.clone());
    let effects = begin(&mut state);
    assert_eq!(
        effects,
        [Effect::Search {
            id: 1,
            params: Box::new(base)
        }]
    );
    assert_eq!(state.focus, Focus::Query);
}

#[test]
fn no_size_is_too_small() {
    for (width, height) in [(0, 0), (1, 1), (20, 5), (9, 2), (200, 3), (3, 200)] {
        let mut state = with_results();
        update(&mut state, Event::Resize(Size::new(width, height)));
        script(&mut state, "down ctrl-e tab pagedown tab G ctrl-f tab F1");
        assert_eq!(state.size, Size::new(width, height));
    }
}
