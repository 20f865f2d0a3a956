//! What an event changes, and what is to be done because of it. Nothing here touches the world.

use ratatui::layout::Rect;

use super::keys::{self, Action, HELP};
use super::layout::{panes, rows_of_result, titled};
use super::line::{Edit, Line};
use super::state::{
    Effect, Event, Explanation, Field, Focus, MODES, Message, Results, State, line_of, top_of,
};
use crate::output::{Answer, excerpt};

/// Columns of a step to the side.
const STEP: isize = 8;
/// The fields of the filters, in the order of the tab key.
const FIELDS: [Field; 4] = [Field::Languages, Field::Kinds, Field::Globs, Field::Mode];

/// What is to be done when the interface begins.
pub fn begin(state: &mut State) -> Vec<Effect> {
    let effects = search(state);
    settle(state);
    effects
}

/// Takes an event in; what is to be done is returned in its order.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = happened(state, event);
    settle(state);
    effects.extend(load(state));
    effects
}

fn happened(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => match keys::action(&key, state) {
            Some(action) => act(state, action),
            None => Vec::new(),
        },
        Event::Paste(text) => typed(state, |line| line.insert(&text)),
        Event::Resize(size) => {
            state.size = size;
            Vec::new()
        }
        Event::Index(index) => changed(state, index),
        event => {
            came(state, event);
            Vec::new()
        }
    }
}

/// Something that was asked for has come.
fn came(state: &mut State, event: Event) {
    match event {
        Event::Found { id, answer } if id == state.asked => found(state, answer),
        Event::Searched { id, message } if id == state.asked => {
            state.is_searching = false;
            state.message = message;
        }
        Event::Waiting { id, progress } if id == state.asked => {
            state.message = Some(Message::Note(progress));
        }
        Event::Loaded(source) if state.preview.wants(&source.path) => {
            state.preview.source = Some(source);
        }
        Event::NotLoaded { path, problem } if state.preview.wants(&path) => {
            state.preview.problem = Some(problem);
        }
        Event::Card { id, text } => explaining(state, id, |one| one.card = text),
        Event::Prose { id, text } => explaining(state, id, |one| one.prose.push_str(&text)),
        Event::Remark { id, text } => explaining(state, id, |one| one.notes.push(text)),
        Event::Explained { id } => explaining(state, id, |one| one.is_running = false),
        Event::Say(message) => state.message = Some(message),
        // The answer to something that nobody waits for any more.
        _ => {}
    }
}

fn explaining(state: &mut State, id: u64, change: impl FnOnce(&mut Explanation)) {
    if let Some(one) = state.explanation.as_mut().filter(|one| one.id == id) {
        change(one);
    }
}

/// Shows an answer. Where it is the same search's, a selection that the user made stays.
fn found(state: &mut State, answer: std::sync::Arc<Answer>) {
    let place = |item: &crate::output::Item| (item.path.clone(), item.start_line);
    let before = state.item().filter(|_| state.results.moved).map(place);
    let kept = before.and_then(|before| {
        let mut places = answer.results.iter().map(place);
        places.position(|place| place == before)
    });
    state.results = Results {
        answer,
        selected: kept.unwrap_or_default(),
        first: state.results.first,
        moved: kept.is_some(),
    };
    if kept.is_none() {
        state.results.first = 0;
        state.preview.wanted = None;
    }
}

/// The index is another one: what is shown is searched for anew, once it is quiet.
fn changed(state: &mut State, index: super::state::Index) -> Vec<Effect> {
    let is_quiet = matches!(index.state.as_str(), "fresh" | "daemon" | "");
    let is_newer = index.generation > state.results.answer.generation;
    state.index = index;
    match is_quiet && is_newer && !state.is_searching && !state.query.is_blank() {
        true => search(state),
        false => Vec::new(),
    }
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(top) = state.help {
        return in_help(state, top, action);
    }
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Leave => return leave(state),
        Action::Help => state.help = Some(0),
        Action::Focus { back } => state.focus = next_focus(state, back),
        Action::ToQuery => state.focus = Focus::Query,
        Action::ToFilters => state.focus = Focus::Filter(Field::Languages),
        Action::Select(by) => select(state, by),
        Action::Scroll(by) => scroll(state, by),
        Action::Page(by) => page(state, by),
        Action::Shift(by) => {
            state.preview.left = state.preview.left.saturating_add_signed(by * STEP);
        }
        Action::Edge { last } => edge(state, last),
        Action::Open => return open(state),
        Action::Explain => return explain(state),
        Action::Scores => state.show_scores = !state.show_scores,
        Action::Copy => return copy(state),
        Action::Mode { back } => {
            let step = if back { MODES.len() - 1 } else { 1 };
            state.filters.mode = (state.filters.mode + step) % MODES.len();
            state.results.moved = false;
            return search(state);
        }
        Action::Edit(edit) => return edited(state, edit),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
    }
    Vec::new()
}

/// While the keys are shown: they move, and any other closes them.
fn in_help(state: &mut State, top: usize, action: Action) -> Vec<Effect> {
    let by = match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Scroll(by) | Action::Select(by) => by,
        Action::Page(by) => by * 5,
        _ => {
            state.help = None;
            return Vec::new();
        }
    };
    state.help = Some(top.saturating_add_signed(by).min(HELP.len() - 1));
    Vec::new()
}

fn leave(state: &mut State) -> Vec<Effect> {
    if let Focus::Filter(_) = state.focus {
        state.focus = Focus::Query;
        return Vec::new();
    }
    match &mut state.explanation {
        Some(one) if one.is_running => {
            one.is_running = false;
            one.notes.push("stopped".to_owned());
            vec![Effect::StopExplaining]
        }
        _ => vec![Effect::Quit],
    }
}

fn next_focus(state: &State, back: bool) -> Focus {
    let around = |all: &[Focus]| {
        let at = all.iter().position(|focus| *focus == state.focus);
        let step = if back { all.len() - 1 } else { 1 };
        all[(at.unwrap_or_default() + step) % all.len()]
    };
    let panes = [
        Focus::Query,
        Focus::Results,
        Focus::Preview,
        Focus::Explanation,
    ];
    match state.focus {
        Focus::Filter(_) => {
            let fields = FIELDS.map(Focus::Filter);
            around(&[&[Focus::Query], fields.as_slice()].concat())
        }
        _ if state.explanation.is_some() => around(&panes),
        _ => around(&panes[..3]),
    }
}

fn select(state: &mut State, by: isize) {
    let last = state.results.answer.results.len().saturating_sub(1);
    let selected = state.results.selected.saturating_add_signed(by).min(last);
    if selected != state.results.selected {
        state.results.selected = selected;
        state.results.moved = true;
        state.preview.wanted = None;
    }
}

/// Whether the explanation is what is read, rather than the file.
fn reads_explanation(state: &State) -> bool {
    state.focus != Focus::Preview && state.explanation.is_some()
}

fn scroll(state: &mut State, by: isize) {
    let top = match &mut state.explanation {
        Some(one) if state.focus != Focus::Preview => &mut one.top,
        _ => &mut state.preview.top,
    };
    *top = top.saturating_add_signed(by);
}

fn page(state: &mut State, by: isize) {
    let panes = panes(state);
    let pane = match reads_explanation(state) {
        true => panes.explanation,
        false => panes.preview,
    };
    let rows = rows(pane).max(2) - 1;
    scroll(state, by * rows as isize);
}

fn edge(state: &mut State, last: bool) {
    let far = if last { isize::MAX } else { isize::MIN + 1 };
    match state.focus {
        Focus::Preview | Focus::Explanation => {
            scroll(state, if last { isize::MAX / 2 } else { far });
        }
        _ => select(state, far),
    }
}

/// Opens the selected result in the editor.
fn open(state: &State) -> Vec<Effect> {
    let effect = state.item().map(|item| Effect::Edit {
        path: item.path.clone(),
        line: line_of(item),
    });
    effect.into_iter().collect()
}

fn copy(state: &State) -> Vec<Effect> {
    let effect = state.item().map(|item| {
        let mut place = item.path.clone();
        place.extend_from_slice(format!(":{}", line_of(item)).as_bytes());
        Effect::Copy(place)
    });
    effect.into_iter().collect()
}

/// Explains the selected result; closes its explanation where it is open already.
fn explain(state: &mut State) -> Vec<Effect> {
    let Some(item) = state.item() else {
        return Vec::new();
    };
    let about = (item.path.clone(), item.start_line);
    // A chunk may hold more than what it is called after.
    let lines = match item.signature.as_str() {
        "" => (item.start_line, item.end_line),
        _ => (excerpt::definition(item), excerpt::definition(item)),
    };
    if state
        .explanation
        .as_ref()
        .is_some_and(|one| one.about == about)
    {
        state.explanation = None;
        if state.focus == Focus::Explanation {
            state.focus = Focus::Results;
        }
        return vec![Effect::StopExplaining];
    }
    state.explained += 1;
    let id = state.explained;
    let path = about.0.clone();
    state.explanation = Some(Explanation {
        id,
        about,
        is_running: true,
        ..Explanation::default()
    });
    vec![Effect::Explain { id, path, lines }]
}

fn edited(state: &mut State, edit: Edit) -> Vec<Effect> {
    let mut is_other = false;
    let effects = typed(state, |line| is_other = line.edit(edit));
    if is_other { effects } else { Vec::new() }
}

/// Changes the line that keys go to, and searches for it. In a pane where nothing is typed nothing
/// is done.
fn typed(state: &mut State, change: impl FnOnce(&mut Line)) -> Vec<Effect> {
    let line = match state.focus {
        Focus::Query => &mut state.query,
        Focus::Filter(Field::Languages) => &mut state.filters.languages,
        Focus::Filter(Field::Kinds) => &mut state.filters.kinds,
        Focus::Filter(Field::Globs) => &mut state.filters.globs,
        _ => return Vec::new(),
    };
    let before = line.text().to_owned();
    change(line);
    if line.text() == before {
        return Vec::new();
    }
    state.results.moved = false;
    search(state)
}

fn search(state: &mut State) -> Vec<Effect> {
    state.asked += 1;
    state.message = None;
    state.is_searching = !state.query.is_blank();
    if !state.is_searching {
        state.results = Results::default();
        return vec![Effect::StopSearching];
    }
    vec![Effect::Search {
        id: state.asked,
        params: Box::new(state.params()),
    }]
}

/// Has the file of the selected result loaded, unless it is there.
fn load(state: &mut State) -> Option<Effect> {
    if state.preview.wanted.is_some() {
        return None;
    }
    let item = state.item()?;
    let (path, language, top) = (item.path.clone(), item.language.clone(), top_of(item));
    let generation = state.results.answer.generation;
    let preview = &mut state.preview;
    let is_there =
        |source: &super::state::Source| source.path == path && source.generation == generation;
    let known = preview.source.as_deref().is_some_and(is_there);
    (preview.top, preview.left, preview.problem) = (top, 0, None);
    preview.wanted = Some((path.clone(), generation));
    if known {
        return None;
    }
    preview.source = None;
    Some(Effect::Load { path, language })
}

/// Keeps what is selected and what is read in sight.
fn settle(state: &mut State) {
    let panes = panes(state);
    let hidden = |area: Rect| area.area() == 0;
    if state.focus == Focus::Explanation && state.explanation.is_none() {
        state.focus = Focus::Results;
    }
    let results = &state.results.answer.results;
    state.results.selected = state.results.selected.min(results.len().saturating_sub(1));
    if !hidden(panes.results) {
        let fit = (rows(panes.results) / rows_of_result(state, panes.results)).max(1);
        let selected = state.results.selected;
        let first = state.results.first;
        state.results.first = first.clamp((selected + 1).saturating_sub(fit), selected);
    }
    if results.is_empty() {
        state.preview = super::state::Preview::default();
    }
    if let Some(source) = &state.preview.source {
        let last = source
            .lines
            .len()
            .saturating_sub(rows(panes.preview).max(1));
        state.preview.top = state.preview.top.min(last);
    }
    let columns = panes.explanation.width.into();
    if let Some(one) = &mut state.explanation
        && !hidden(panes.explanation)
    {
        let all = one.rows(columns).len();
        one.top = one
            .top
            .min(all.saturating_sub(rows(panes.explanation).max(1)));
    }
}

/// Rows of a pane below its title.
fn rows(pane: Rect) -> usize {
    titled(pane).1.height.into()
}
