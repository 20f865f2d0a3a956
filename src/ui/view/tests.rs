//! Views as they look, in terminals of several sizes.

#![allow(clippy::unwrap_used)]

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use ratatui::style::Color;

use super::{Theme, draw};
use crate::output::syntax;
use crate::ui::state::{Event, Index, Message, State};
use crate::ui::tests::{answer, empty, item, press, source, with_results};
use crate::ui::update::update;
use crate::ui::workers::shown;
use fathom_indexer::current;

/// The terminal after the state was drawn.
fn drawn(state: &mut State, size: (u16, u16)) -> TestBackend {
    drawn_in(Theme { color: true }, state, size)
}

fn drawn_in(theme: Theme, state: &mut State, (width, height): (u16, u16)) -> TestBackend {
    update(state, Event::Resize(Size::new(width, height)));
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(state, theme, frame)).unwrap();
    terminal.backend().clone()
}

/// Three results, in an index that is being encoded.
fn indexed() -> State {
    let mut state = with_results();
    let index = Index {
        generation: 1,
        files: 12,
        coverage: 0.5,
        state: "encoding".into(),
    };
    update(&mut state, Event::Index(index));
    state
}

#[test]
fn nothing_was_asked_yet() {
    insta::assert_snapshot!(drawn(&mut empty(), (50, 10)), @r#"
    "› ask a question, name a symbol             hybrid"
    "lang any  kind any  path any  mode hybrid         "
    "results ──────────────────────────────────────────"
    "                                                  "
    "                                                  "
    "                                                  "
    "                                                  "
    "                                                  "
    "                                                  "
    "tree · not indexed yet                      ? keys"
    "#);
}

#[test]
fn wide_terminals_show_list_and_file_side_by_side() {
    let mut state = indexed();
    insta::assert_snapshot!(drawn(&mut state, (100, 16)), @r#"
    "› lock                                                                                        hybrid"
    "lang any  kind any  path any  mode hybrid                                                           "
    "1 of 3 · 7 ms ──────────────────────────│src/a.rs ──────────────────────────────────────────────────"
    "src/a.rs:4 acquire             0.91 high│  2 │ line 2                                               "
    "  fn acquire() { lock }                 │  3 │ line 3                                               "
    "src/b.rs:10 Lock::wait         0.91 high│  4 ▌ line 4                                               "
    "  fn Lock::wait() { lock }              │  5 ▌ line 5                                               "
    "docs/c.md:1 function           0.91 high│  6 ▌ line 6                                               "
    "  fn () { lock }                        │  7 │ line 7                                               "
    "                                        │  8 │ line 8                                               "
    "                                        │  9 │ line 9                                               "
    "                                        │ 10 │ line 10                                              "
    "                                        │ 11 │ line 11                                              "
    "                                        │ 12 │ line 12                                              "
    "                                        │ 13 │ line 13                                              "
    "tree · 12 files · 50 % encoded · encoding                       enter open · ctrl-e explain · ? keys"
    "#);
}

#[test]
fn narrow_terminals_show_them_one_above_the_other() {
    let mut state = indexed();
    press(&mut state, "ctrl-s");
    press(&mut state, "down");
    insta::assert_snapshot!(drawn(&mut state, (60, 20)), @r#"
    "› lock                                                hybrid"
    "lang any  kind any  path any  mode hybrid                   "
    "2 of 3 · 7 ms ──────────────────────────────────────────────"
    "src/a.rs:4 acquire                                 0.91 high"
    "  late +0.50  lexical +0.25                                 "
    "src/b.rs:10 Lock::wait                             0.91 high"
    "  late +0.50  lexical +0.25                                 "
    "docs/c.md:1 function                               0.91 high"
    "src/b.rs ───────────────────────────────────────────────────"
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "tree · 12 files · 50 % encoded · encoding             ? keys"
    "#);
}

#[test]
fn small_terminals_show_what_has_the_keys() {
    let mut state = indexed();
    insta::assert_snapshot!(drawn(&mut state, (20, 5)), @r#"
    "› lock              "
    "src/a.rs:4 acquire  "
    "…c/b.rs:10 Lock::wa…"
    "docs/c.md:1 function"
    "tree · 12 files · 5…"
    "#);
    press(&mut state, "tab");
    press(&mut state, "tab");
    insta::assert_snapshot!(drawn(&mut state, (20, 5)), @r#"
    "› lock              "
    "line 2              "
    "line 3              "
    "line 4              "
    "tree · 12 files · 5…"
    "#);
    press(&mut state, "ctrl-f");
    insta::assert_snapshot!(drawn(&mut state, (20, 5)), @r#"
    "› lock              "
    "lang any            "
    "src/a.rs:4 acquire  "
    "…c/b.rs:10 Lock::wa…"
    "tree · 12 files · 5…"
    "#);
}

#[test]
fn the_explanation_is_a_card_and_then_prose() {
    let mut state = indexed();
    press(&mut state, "ctrl-e");
    let id = state.explained;
    let text = "src/a.rs:4-6  function acquire\n  fn acquire()\ncalled by (by name)\n  src/b.rs:12  Lock::wait\n";
    let text = text.to_owned();
    update(&mut state, Event::Card { id, text });
    let text = "It takes the lock [1] and waits until whoever holds it has given it up.\n";
    let text = text.to_owned();
    update(&mut state, Event::Prose { id, text });
    insta::assert_snapshot!(drawn(&mut state, (60, 20)), @r#"
    "› lock                                                hybrid"
    "lang any  kind any  path any  mode hybrid                   "
    "1 of 3 · 7 ms ──────────────────────────────────────────────"
    "src/a.rs:4 acquire                                 0.91 high"
    "src/b.rs:10 Lock::wait                             0.91 high"
    "docs/c.md:1 function                               0.91 high"
    "                                                            "
    "                                                            "
    "src/a.rs:4 · asking the reader, esc stops it ───────────────"
    "src/a.rs:4-6  function acquire                              "
    "  fn acquire()                                              "
    "called by (by name)                                         "
    "  src/b.rs:12  Lock::wait                                   "
    "                                                            "
    "It takes the lock [1] and waits until whoever holds it has  "
    "given it up.                                                "
    "                                                            "
    "                                                            "
    "                                                            "
    "tree · 12 files · 50 % encoded · encoding             ? keys"
    "#);
}

#[test]
fn keys_are_told() {
    let mut state = empty();
    press(&mut state, "?");
    insta::assert_snapshot!(drawn(&mut state, (80, 20)), @r#"
    "› ask a question, name a symbol                                           hybrid"
    "lan┌keys────────────────────────────────────────────────────────────────────┐   "
    "res│↑ ↓  ctrl-p ctrl-n    the result before, the next one                   │───"
    "   │tab  shift-tab        the next pane, the one before                     │   "
    "   │enter                 open in $VISUAL or $EDITOR                        │   "
    "   │ctrl-e                explain the result; once more: close              │   "
    "   │ctrl-s                why it matches: the parts of each score           │   "
    "   │ctrl-t                the next mode of search                           │   "
    "   │ctrl-f                filters; tab to the next, enter to the query      │   "
    "   │ctrl-y                copy path:line                                    │   "
    "   │page up, page down    scroll the file or the explanation                │   "
    "   │esc                   stop the reader, close, else quit                 │   "
    "   │ctrl-c                quit                                              │   "
    "   │ctrl-l  ctrl-z        draw anew, to the shell                           │   "
    "   │ctrl-a -w -u -k       edit: to the start, delete word, before, after    │   "
    "   │outside of the query  j k g G to move, h l sideways,                    │   "
    "   │                      / to the query, e s y as with ctrl, ? keys, q quit│   "
    "   └────────────────────────────────────────────────────────────────────────┘   "
    "                                                                                "
    "tree · not indexed yet                      enter open · ctrl-e explain · ? keys"
    "#);
    insta::assert_snapshot!(drawn(&mut state, (20, 5)), @r#"
    "↑ ↓  ctrl-p ctrl-n  "
    "tab  shift-tab      "
    "enter               "
    "ctrl-e              "
    "ctrl-s              "
    "#);
}

#[test]
fn faults_stand_below() {
    let mut state = with_results();
    let (id, problem) = (state.asked, "no kind\u{1b}[31m of code".to_owned());
    let message = Some(Message::Problem(problem));
    update(&mut state, Event::Searched { id, message });
    let backend = drawn(&mut state, (40, 4));
    insta::assert_snapshot!(backend, @r#"
    "› lock                            hybrid"
    "src/a.rs:4 acquire             0.91 high"
    "src/b.rs:10 Lock::wait         0.91 high"
    "no kind\u{1b}[31m of code         ? keys"
    "#);
}

/// A terminal in which everything that comes from a repository is hostile.
fn hostile() -> State {
    let mut state = with_results();
    let name = "src/\u{1b}]0;x\u{7}\u{202e}日本語のとても長い名前.rs";
    let mut first = item(name, (1, 2), "f\u{9b}31m\u{2066}名前");
    first.text = b"fn \x1b[2Jlock() \xff\t\xe6\x97\xa5".to_vec();
    first.signature.clear();
    first.state = current::State::Changed;
    let id = state.asked;
    let answer = answer(1, vec![first]);
    update(&mut state, Event::Found { id, answer });
    let text = "fn lock() {\t// \u{1b}[2J\u{202e}日本\r\n\t\"日\u{200b}本\u{301}\"\u{0}\r\n}";
    let lines = syntax::lines(text, "rust").into_iter().map(shown).collect();
    let Event::Loaded(mut file) = source(name, 0) else {
        return state;
    };
    std::sync::Arc::make_mut(&mut file).lines = lines;
    update(&mut state, Event::Loaded(file));
    state
}

#[test]
fn hostile_text_is_shown_not_obeyed() {
    let mut state = hostile();
    insta::assert_snapshot!(drawn(&mut state, (92, 12)), @r#"
    "› lock                                                                                hybrid"
    "lang any  kind any  path any  mode hybrid                                                   "
    "1 of 1 · 7 ms ──────────────────────│src/\u{1b}]0;x\u{7}\u{202e}日本語のとても長い名前.rs ──" Hidden by multi-width symbols: [(65, " "), (67, " "), (69, " "), (71, " "), (73, " "), (75, " "), (77, " "), (79, " "), (81, " "), (83, " "), (85, " ")]
    "…長い名前.rs:1 f\u{9b}31m\u… changed│  1 ▌ fn lock() { // \u{1b}[2J\u{202e}日本             " Hidden by multi-width symbols: [(2, " "), (4, " "), (6, " "), (8, " "), (76, " "), (78, " ")]
    "                                    │  2 ▌     "日本́"\u{0}                                  " Hidden by multi-width symbols: [(49, " "), (51, " ")]
    "                                    │  3 │ }                                                "
    "                                    │                                                       "
    "                                    │                                                       "
    "                                    │                                                       "
    "                                    │                                                       "
    "                                    │                                                       "
    "tree · not indexed yet                                  enter open · ctrl-e explain · ? keys"
    "#);
    for width in 1..100 {
        for height in [3, 5, 16] {
            let backend = drawn(&mut state, (width, height));
            for cell in backend.buffer().content() {
                let symbol = cell.symbol();
                assert_eq!(crate::output::escape::text(symbol.as_bytes()), symbol);
            }
        }
    }
}

#[test]
fn without_colours_nothing_has_one() {
    let backend = drawn_in(Theme { color: false }, &mut hostile(), (100, 20));
    let colourless =
        |cell: &ratatui::buffer::Cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset);
    assert!(backend.buffer().content().iter().all(colourless));
}
