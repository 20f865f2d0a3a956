//! From what was asked for to what is explained.

use fathom_indexes::{ChunkKind, Snapshot, StoreError, SymbolRow};

use super::names::is_code;
use super::{Place, Subject};
use crate::edited::{Head, View};

/// What is asked to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Lines of a file, as `path:line` or `path:start-end`.
    Lines {
        /// As written.
        path: String,
        /// First line, from 1.
        start: u32,
        /// Last line, included.
        end: u32,
    },
    /// A name, with or without scopes.
    Symbol(String),
}

/// What a target turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One definition, or lines.
    One(Box<Subject>),
    /// Definitions to choose from.
    Many(Vec<Choice>),
    /// No such thing.
    Nothing,
}

/// One definition of an ambiguous name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Name with its scopes.
    pub name: String,
    /// What it is.
    pub kind: ChunkKind,
    /// Where it is; `path:line` explains it.
    pub place: Place,
    /// Signature, may be empty.
    pub signature: String,
}

/// Reads a target: what ends in `:12`, `:12-20` or `:12:5` names lines, all else a symbol.
#[must_use]
pub fn parse(target: &str) -> Target {
    let target = target.trim();
    lines(target).unwrap_or_else(|| Target::Symbol(target.to_owned()))
}

fn lines(target: &str) -> Option<Target> {
    let (path, last) = target.rsplit_once(':')?;
    // `path:line:column`, as compilers write it.
    let (path, last) = match path.rsplit_once(':') {
        Some((path, line)) if range(line).is_some() && range(last).is_some() => (path, line),
        _ => (path, last),
    };
    let (start, end) = range(last)?;
    (!path.is_empty() && !path.ends_with(':')).then(|| Target::Lines {
        path: path.to_owned(),
        start,
        end,
    })
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    (start > 0 && start <= end).then_some((start, end))
}

/// Finds lines of the file at `path` (relative to the root).
///
/// # Errors
/// When the store cannot be read.
pub fn find<'a>(
    view: impl Into<View<'a>>,
    path: &[u8],
    start: u32,
    end: u32,
) -> Result<Found, StoreError> {
    let view = view.into();
    let Some(head) = view.file(path)? else {
        return Ok(Found::Nothing);
    };
    if start > head.lines.max(1) {
        return Ok(Found::Nothing);
    }
    let symbols = match view.edited_at(path) {
        Some(edited) => View::symbols(edited, head.id),
        None => view.snapshot.symbols_of_file(head.id)?,
    };
    let holding = symbols
        .iter()
        .filter(|row| row.record.line <= start && end <= row.record.end_line)
        .min_by_key(|row| row.record.end_line - row.record.line);
    let asked = (start == end).then_some(start);
    let subject = match holding {
        Some(row) => of_symbol(row, &head.language, asked),
        None => of_lines(view, &head, path, (start, end))?,
    };
    Ok(Found::One(Box::new(subject)))
}

pub(super) fn of_symbol(row: &SymbolRow, language: &str, asked: Option<u32>) -> Subject {
    let record = &row.record;
    Subject {
        file: row.file,
        place: place(row),
        asked,
        language: language.to_owned(),
        kind: record.kind,
        name: record.name.clone(),
        qualified_name: record.qualified_name.clone(),
        signature: record.signature.clone(),
    }
}

/// Lines outside of any definition: those asked for, or the chunk around a single one. Of an
/// edited file there are no chunks.
fn of_lines(
    view: View<'_>,
    head: &Head,
    path: &[u8],
    (start, end): (u32, u32),
) -> Result<Subject, StoreError> {
    let chunks = match view.edited_at(path) {
        Some(_) => Vec::new(),
        None => view.snapshot.chunks_of_file(head.id)?,
    };
    let holds = |lines: (u32, u32)| lines.0 <= start && start <= lines.1;
    let chunk = chunks.into_iter().find(|row| holds(row.record.lines));
    let kind = chunk
        .as_ref()
        .map_or(ChunkKind::Code, |row| row.record.kind);
    let (from, to) = match chunk {
        Some(row) if start == end && row.record.name.is_empty() => row.record.lines,
        _ => (start, end.min(head.lines.max(start))),
    };
    Ok(Subject {
        file: head.id,
        place: Place {
            path: path.to_vec(),
            start_line: from,
            end_line: to,
        },
        asked: (start == end).then_some(start),
        language: head.language.clone(),
        kind,
        name: String::new(),
        qualified_name: String::new(),
        signature: String::new(),
    })
}

/// Finds a definition by its name, or by the end of its qualified name:
/// `commit`, `Writer::commit`, `writer.commit()`.
///
/// # Errors
/// When the store cannot be read.
pub fn find_symbol(snapshot: &Snapshot, written: &str) -> Result<Found, StoreError> {
    let segments = segments(written);
    let Some((name, scope)) = segments.split_last() else {
        return Ok(Found::Nothing);
    };
    let mut rows = snapshot.symbols_named(name, false)?;
    keep_if_any(&mut rows, |row| row.record.name == *name);
    keep_if_any(&mut rows, |row| is_code(row.record.kind));
    rows.retain(|row| ends_with(&row.record.qualified_name, name, scope));
    let alone: Vec<String> = segments
        .iter()
        .map(|segment| (*segment).to_owned())
        .collect();
    keep_if_any(&mut rows, |row| {
        scope.is_empty() || self::segments(&row.record.qualified_name) == alone
    });
    choose(snapshot, rows)
}

/// Drops what is not wanted, unless nothing is.
fn keep_if_any<T>(rows: &mut Vec<T>, wanted: impl Fn(&T) -> bool) {
    if rows.iter().any(&wanted) {
        rows.retain(wanted);
    }
}

fn segments(written: &str) -> Vec<&str> {
    let plain = written.trim().trim_end_matches("()").trim_end_matches('!');
    let parts = plain.split(|c: char| !(c.is_alphanumeric() || "_$?!~'@".contains(c)));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    match parts.is_empty() && !plain.is_empty() {
        true => vec![plain],
        false => parts,
    }
}

/// Whether the scopes asked for come in this order before the name.
fn ends_with(qualified_name: &str, name: &str, scope: &[&str]) -> bool {
    let all = segments(qualified_name);
    let before = all.len()
        - usize::from(
            all.last()
                .is_some_and(|last| last.eq_ignore_ascii_case(name)),
        );
    let mut rest = all[..before].iter();
    scope
        .iter()
        .all(|part| rest.any(|segment| segment.eq_ignore_ascii_case(part)))
}

fn choose(snapshot: &Snapshot, rows: Vec<SymbolRow>) -> Result<Found, StoreError> {
    match rows.as_slice() {
        [] => Ok(Found::Nothing),
        [row] => {
            let head = snapshot.file_head(row.file);
            Ok(head.map_or(Found::Nothing, |(_, language)| {
                Found::One(Box::new(of_symbol(row, language, None)))
            }))
        }
        many => Ok(Found::Many(many.iter().map(choice).collect())),
    }
}

fn choice(row: &SymbolRow) -> Choice {
    Choice {
        name: row.record.qualified_name.clone(),
        kind: row.record.kind,
        place: place(row),
        signature: row.record.signature.clone(),
    }
}

fn place(row: &SymbolRow) -> Place {
    Place {
        path: row.path.clone(),
        start_line: row.record.line,
        end_line: row.record.end_line,
    }
}
