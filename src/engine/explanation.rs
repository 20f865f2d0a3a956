//! What is explained: the cards of a place, of a symbol, or of the places of a stack trace.

use std::path::Path;

use fathom_answerer::card::{self, Card, Choice, Found, Subject, Target};
use fathom_answerer::edited::View;
use fathom_indexes::Snapshot;
use fathom_retriever::{RetrieveError, SimilarRequest, chunk_at, similar};

use crate::model::QueryModel;
use crate::output::card::{Explained, Like, Seen};
use crate::workspace::{Workspace, WorkspaceError};

/// Places of a stack trace that are explained.
const PLACES: usize = 5;
/// Chunks of similar code on a card.
const SIMILAR: usize = 3;
/// Similarity below which code is not like the subject.
const ALIKE: f32 = 0.6;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// A place or a symbol.
    One(Target),
    /// A stack trace or the output of a compiler.
    Trace(String),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::One(Target::Symbol(name)) => f.write_str(name),
            Wanted::One(Target::Lines { path, start, end }) if start == end => {
                write!(f, "{path}:{start}")
            }
            Wanted::One(Target::Lines { path, start, end }) => write!(f, "{path}:{start}-{end}"),
            Wanted::Trace(_) => f.write_str("-"),
        }
    }
}

/// The cards of what is wanted. `model` gives the model that compares code, if one is at hand;
/// it is asked only where cards show similar code.
///
/// # Errors
/// If the index cannot be read.
pub fn explain<'a>(
    workspace: &Workspace,
    view: View<'_>,
    wanted: &Wanted,
    model: &dyn Fn() -> Option<&'a QueryModel>,
) -> Result<Seen, WorkspaceError> {
    let snapshot = view.snapshot;
    let subjects = find(workspace, view, wanted)?;
    let model = match can_compare(snapshot, &subjects) {
        true => model(),
        false => None,
    };
    let mut seen = Seen {
        target: wanted.to_string(),
        generation: snapshot.generation(),
        cards: Vec::new(),
        choices: subjects.choices,
        missing: subjects.missing,
        changed: Vec::new(),
    };
    for subject in subjects.found {
        let card = card::card(view, subject)?;
        seen.cards
            .push(explained(workspace, snapshot, model, card)?);
    }
    let paths = seen.cards.iter();
    let paths = paths.map(|one| one.card.subject.place.path.as_slice());
    seen.changed = workspace.changed(snapshot, paths.collect())?;
    Ok(seen)
}

/// What there is to explain, and what could not be found.
#[derive(Default)]
struct Subjects {
    found: Vec<Subject>,
    choices: Vec<Choice>,
    missing: Vec<String>,
}

fn find(
    workspace: &Workspace,
    view: View<'_>,
    wanted: &Wanted,
) -> Result<Subjects, WorkspaceError> {
    let snapshot = view.snapshot;
    let mut subjects = Subjects::default();
    match wanted {
        Wanted::One(Target::Symbol(name)) => {
            let found = card::find_symbol(snapshot, name)?;
            subjects.add(found, name.clone());
        }
        Wanted::One(Target::Lines { path, start, end }) => {
            // A file that was opened is the one that is meant.
            let opened = workspace.under().filter(|_| Path::new(path).exists());
            let path = opened.unwrap_or(path.as_bytes());
            let found = card::find(view, path, *start, *end)?;
            subjects.add(found, wanted.to_string());
        }
        Wanted::Trace(text) => of_trace(snapshot, text, &mut subjects)?,
    }
    Ok(subjects)
}

impl Subjects {
    fn add(&mut self, found: Found, written: String) {
        match found {
            Found::One(subject) => {
                let is_new = |known: &Subject| known.place != subject.place;
                if self.found.iter().all(is_new) {
                    self.found.push(*subject);
                }
            }
            Found::Many(choices) => self.choices.extend(choices),
            Found::Nothing => self.missing.push(written),
        }
    }
}

/// The places of a trace that are in the index; those of other people's code are left out.
fn of_trace(
    snapshot: &Snapshot,
    text: &str,
    subjects: &mut Subjects,
) -> Result<(), WorkspaceError> {
    let files = snapshot.files()?;
    let paths: Vec<&[u8]> = files
        .iter()
        .map(|file| file.record.path.as_slice())
        .collect();
    for mention in card::mentions(text) {
        for path in card::resolve(&mention, &paths) {
            let found = card::find(snapshot, path, mention.line, mention.line)?;
            if subjects.found.len() < PLACES && found != Found::Nothing {
                subjects.add(found, String::new());
            }
        }
    }
    if subjects.found.is_empty() {
        subjects
            .missing
            .push("any place that stdin names".to_owned());
    }
    Ok(())
}

/// Similar code is told only where it costs no encoding of the repository.
fn can_compare(snapshot: &Snapshot, subjects: &Subjects) -> bool {
    subjects.found.len() == 1 && snapshot.coverage() > 0.5
}

fn explained(
    workspace: &Workspace,
    snapshot: &Snapshot,
    model: Option<&QueryModel>,
    card: Card,
) -> Result<Explained, WorkspaceError> {
    let change = card::last_change(workspace.root(), &card.subject.place);
    let similar = match model {
        Some(model) if model.wait().is_ok() => alike(snapshot, model, &card.subject)?,
        _ => Vec::new(),
    };
    Ok(Explained {
        card,
        change,
        similar,
    })
}

fn alike(
    snapshot: &Snapshot,
    model: &QueryModel,
    subject: &Subject,
) -> Result<Vec<Like>, WorkspaceError> {
    let line = subject.asked.unwrap_or(subject.place.start_line);
    let chunk = match chunk_at(snapshot, &subject.place.path, line) {
        Ok(chunk) => chunk.id,
        // What is only in an editor yet is like nothing.
        Err(RetrieveError::NoSuchChunk { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let request = SimilarRequest {
        chunk,
        top_k: SIMILAR,
        filter: Default::default(),
        per_file: Some(1),
    };
    let hits = similar(snapshot, model, &request)?.hits.into_iter();
    let alike = hits.filter(|hit| hit.score >= ALIKE);
    Ok(alike.map(Like::from).collect())
}
