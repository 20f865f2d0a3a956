//! What the interface knows: all that is shown follows from it.

use std::sync::Arc;

use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Size;

use super::line::Line;
use super::text;
use crate::engine::requests::SearchParams;
use crate::output::syntax::Kind;
use crate::output::{Answer, Item, excerpt};
use fathom_indexer::current::State as Freshness;

/// Modes of search, in the order in which they are offered.
pub const MODES: [&str; 6] = ["hybrid", "late", "dense", "lexical", "regex", "symbol"];
/// Lines shown above a result in its file.
const ABOVE: usize = 2;

/// What may be typed into beside the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Languages.
    Languages,
    /// Kinds of code.
    Kinds,
    /// Path globs.
    Globs,
    /// How it is searched; chosen, not typed.
    Mode,
}

/// Where keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// Into the query.
    #[default]
    Query,
    /// To the list.
    Results,
    /// To the file of the selected result.
    Preview,
    /// To the explanation.
    Explanation,
    /// Into a filter.
    Filter(Field),
}

/// Which code may answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters {
    /// Languages.
    pub languages: Line,
    /// Kinds of code.
    pub kinds: Line,
    /// Path globs, separated by space.
    pub globs: Line,
    /// Index into [`MODES`].
    pub mode: usize,
}

impl Filters {
    /// Name of the mode.
    pub fn mode(&self) -> &'static str {
        MODES[self.mode]
    }

    /// What is typed into a field; `None` for the mode.
    pub fn line(&self, field: Field) -> Option<&Line> {
        match field {
            Field::Languages => Some(&self.languages),
            Field::Kinds => Some(&self.kinds),
            Field::Globs => Some(&self.globs),
            Field::Mode => None,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The answer that is shown.
    pub answer: Arc<Answer>,
    /// The selected result.
    pub selected: usize,
    /// The first result in sight.
    pub first: usize,
    /// Whether the user has moved the selection.
    pub moved: bool,
}

/// A file, cut into pieces that have colours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// Its path below the root.
    pub path: Vec<u8>,
    /// The generation of the index that it is of.
    pub generation: u64,
    /// Its lines, safe to show.
    pub lines: Vec<Vec<(String, Kind)>>,
}

/// The file that is shown.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// What of it has come.
    pub source: Option<Arc<Source>>,
    /// The path and the generation that were asked for.
    pub wanted: Option<(Vec<u8>, u64)>,
    /// The first line in sight, from 0.
    pub top: usize,
    /// The first column in sight.
    pub left: usize,
    /// Why there is nothing.
    pub problem: Option<String>,
}

impl Preview {
    /// Whether this is the file that was asked for.
    pub fn wants(&self, path: &[u8]) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_some_and(|(wanted, _)| wanted == path)
    }
}

/// An explanation of a result.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Number of the request.
    pub id: u64,
    /// Path and line of what is explained.
    pub about: (Vec<u8>, u32),
    /// The card.
    pub card: String,
    /// What a reader says.
    pub prose: String,
    /// What there is to say beside it.
    pub notes: Vec<String>,
    /// Whether more may come.
    pub is_running: bool,
    /// The first row in sight.
    pub top: usize,
}

impl Explanation {
    /// All of it in rows of so many columns; true where a row is a reader's.
    pub fn rows(&self, columns: usize) -> Vec<(String, bool)> {
        let wrapped = |text: &str, said: bool| -> Vec<(String, bool)> {
            let lines = text.lines().map(text::safe);
            let rows = lines.flat_map(|line| text::wrap(&line, columns));
            rows.map(|row| (row, said)).collect()
        };
        let mut rows = wrapped(&self.card, false);
        for part in [self.prose.as_str(), &self.notes.join("\n")] {
            if !part.is_empty() && !rows.is_empty() {
                rows.push((String::new(), true));
            }
            rows.extend(wrapped(part, true));
        }
        rows
    }
}

/// How the index is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    /// Its generation; 0: there is none yet.
    pub generation: u64,
    /// Files in it.
    pub files: u64,
    /// Share of the code that has vectors, 0 to 1.
    pub coverage: f32,
    /// `fresh`, `encoding`, …; empty: it is not known.
    pub state: String,
}

/// What there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Worth knowing.
    Note(String),
    /// Something failed.
    Problem(String),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Columns and rows of the terminal.
    pub size: Size,
    /// Name of the repository, safe to show.
    pub name: String,
    /// What is asked.
    pub query: Line,
    /// Which code may answer.
    pub filters: Filters,
    /// What is in every request.
    pub base: SearchParams,
    /// Where keys go.
    pub focus: Focus,
    /// What was found.
    pub results: Results,
    /// The file of the selected result.
    pub preview: Preview,
    /// The explanation, if it is open.
    pub explanation: Option<Explanation>,
    /// Whether the parts of scores are shown.
    pub show_scores: bool,
    /// Whether the keys are shown, and from which row on.
    pub help: Option<usize>,
    /// How the index is.
    pub index: Index,
    /// What there is to say.
    pub message: Option<Message>,
    /// Number of the last search.
    pub asked: u64,
    /// Whether its answer is still to come.
    pub is_searching: bool,
    /// Number of the last explanation.
    pub explained: u64,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key is pressed.
    Key(KeyEvent),
    /// Text is pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(Size),
    /// Results of a search.
    Found {
        /// Its number.
        id: u64,
        /// They.
        answer: Arc<Answer>,
    },
    /// A search has ended.
    Searched {
        /// Its number.
        id: u64,
        /// What there is to say.
        message: Option<Message>,
    },
    /// A search waits for the index.
    Waiting {
        /// Its number.
        id: u64,
        /// How far it is.
        progress: String,
    },
    /// A file to show.
    Loaded(Arc<Source>),
    /// A file that cannot be shown.
    NotLoaded {
        /// Its path.
        path: Vec<u8>,
        /// Why.
        problem: String,
    },
    /// The card of an explanation.
    Card {
        /// Number of the request.
        id: u64,
        /// The card.
        text: String,
    },
    /// More of what a reader says.
    Prose {
        /// Number of the request.
        id: u64,
        /// More of it.
        text: String,
    },
    /// Something to say beside an explanation.
    Remark {
        /// Number of the request.
        id: u64,
        /// It.
        text: String,
    },
    /// An explanation has ended.
    Explained {
        /// Number of the request.
        id: u64,
    },
    /// How the index is.
    Index(Index),
    /// Something outside failed or succeeded.
    Say(Message),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Search; an older search is given up.
    Search {
        /// Its number.
        id: u64,
        /// What for.
        params: Box<SearchParams>,
    },
    /// Give up searching.
    StopSearching,
    /// Get the text of a file.
    Load {
        /// Its path.
        path: Vec<u8>,
        /// Name of its language.
        language: String,
    },
    /// Explain a place; an older explanation is given up.
    Explain {
        /// Number of the request.
        id: u64,
        /// The file.
        path: Vec<u8>,
        /// First and last line.
        lines: (u32, u32),
    },
    /// Stop the reader.
    StopExplaining,
    /// Open a file in the editor.
    Edit {
        /// The file.
        path: Vec<u8>,
        /// The line.
        line: u32,
    },
    /// Put text into the clipboard.
    Copy(Vec<u8>),
    /// Draw everything anew.
    Redraw,
    /// Let the shell have the terminal until it brings this back.
    Suspend,
    /// End.
    Quit,
}

impl State {
    /// Before anything was asked.
    pub fn new(name: &str, size: Size, base: SearchParams) -> State {
        let mode = MODES.iter().position(|mode| *mode == base.mode);
        State {
            size,
            name: name.to_owned(),
            query: Line::new(&base.query),
            filters: Filters {
                languages: Line::new(&base.languages.join(" ")),
                kinds: Line::new(&base.kinds.join(" ")),
                globs: Line::new(&base.globs.join(" ")),
                mode: mode.unwrap_or_default(),
            },
            base,
            ..State::default()
        }
    }

    /// The selected result.
    pub fn item(&self) -> Option<&Item> {
        self.results.answer.results.get(self.results.selected)
    }

    /// Whether something is to come soon.
    pub fn is_waiting(&self) -> bool {
        let explaining = self.explanation.as_ref().is_some_and(|one| one.is_running);
        let loading = self.preview.wanted.is_some() && self.preview.source.is_none();
        self.is_searching || explaining || loading
    }

    /// The search that is asked for now.
    pub fn params(&self) -> SearchParams {
        let globs = self.filters.globs.text().split_whitespace();
        SearchParams {
            query: self.query.text().trim().to_owned(),
            mode: self.filters.mode().to_owned(),
            languages: self.filters.languages.words(),
            kinds: self.filters.kinds.words(),
            globs: globs.map(str::to_owned).collect(),
            ..self.base.clone()
        }
    }
}

/// The line of a result that is meant, in its file as it is now.
pub fn line_of(item: &Item) -> u32 {
    let shift = match item.state {
        Freshness::Moved { line } => i64::from(line) - i64::from(item.start_line),
        _ => 0,
    };
    let matching = item.matches.first().copied();
    let line = matching.unwrap_or_else(|| excerpt::definition(item));
    (i64::from(line) + shift).clamp(1, i64::from(u32::MAX)) as u32
}

/// The first line of a file that is in sight when a result in it is shown, from 0.
pub fn top_of(item: &Item) -> usize {
    let line = item.matches.first().copied().unwrap_or(item.start_line);
    (line as usize).saturating_sub(1 + ABOVE)
}
