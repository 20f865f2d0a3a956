//! Which definition a mention of a name stands for, as far as names and places tell.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use fathom_indexes::{ChunkKind, FileId, ReferenceRecord, SymbolRow};
use fathom_indexes::{Snapshot, StoreError};
use fathom_retriever::rank::Roles;

use super::{Link, Place};
use crate::edited::{Edited, View};

/// Definitions and mentions of a view, read once each.
pub(super) struct Names<'a> {
    pub view: View<'a>,
    /// Edited files by their ids.
    edited: HashMap<FileId, &'a Edited>,
    read: RefCell<HashMap<FileId, Rc<File>>>,
    defined: RefCell<HashMap<String, Rc<Vec<SymbolRow>>>>,
}

/// What is known of one file.
pub(super) struct File {
    pub path: Vec<u8>,
    pub is_test: bool,
    pub text: Vec<u8>,
    pub symbols: Vec<SymbolRow>,
    pub references: Vec<ReferenceRecord>,
}

impl<'a> Names<'a> {
    pub fn new(view: View<'a>) -> Result<Names<'a>, StoreError> {
        let mut edited = HashMap::new();
        for file in view.edited {
            if let Some(head) = view.file(&file.path)? {
                edited.insert(head.id, file);
            }
        }
        Ok(Names {
            view,
            edited,
            read: RefCell::default(),
            defined: RefCell::default(),
        })
    }

    /// The index.
    pub fn snapshot(&self) -> &'a Snapshot {
        self.view.snapshot
    }

    /// Path and language of a file, without reading its text.
    pub fn head(&self, file: FileId) -> Option<(&[u8], &str)> {
        match self.edited.get(&file) {
            Some(edited) => Some((&edited.path, &edited.language)),
            None => self.view.snapshot.file_head(file),
        }
    }

    /// Whether a file is not as the index has it.
    pub fn is_edited(&self, file: FileId) -> bool {
        self.edited.contains_key(&file)
    }

    /// Edited files with their ids.
    pub fn edited(&self) -> impl Iterator<Item = (FileId, &'a Edited)> {
        self.edited.iter().map(|(id, file)| (*id, *file))
    }

    pub fn file(&self, id: FileId) -> Result<Rc<File>, StoreError> {
        if let Some(file) = self.read.borrow().get(&id) {
            return Ok(file.clone());
        }
        let head = self.head(id);
        let path = head.map_or_else(Vec::new, |(path, _)| path.to_vec());
        let is_test = Roles::of(&String::from_utf8_lossy(&path)).test;
        let file = Rc::new(match self.edited.get(&id) {
            Some(edited) => File {
                is_test,
                text: edited.text.clone(),
                symbols: View::symbols(edited, id),
                references: edited.references.clone(),
                path,
            },
            None => File {
                is_test,
                text: self.snapshot().text(id)?,
                symbols: self.snapshot().symbols_of_file(id)?,
                references: self.snapshot().references_of_file(id)?,
                path,
            },
        });
        self.read.borrow_mut().insert(id, file.clone());
        Ok(file)
    }

    /// Mentions of a name: file and line.
    pub fn references_to(&self, name: &str) -> Result<Vec<(FileId, u32)>, StoreError> {
        let mut found = self.snapshot().references_to(name)?;
        found.retain(|(file, _)| !self.is_edited(*file));
        for (id, file) in self.edited() {
            let of_name = file.references.iter().filter(|one| one.name == name);
            found.extend(of_name.map(|one| (id, one.line)));
        }
        Ok(found)
    }

    /// Definitions of exactly this name.
    pub fn defined(&self, name: &str) -> Result<Rc<Vec<SymbolRow>>, StoreError> {
        if let Some(rows) = self.defined.borrow().get(name) {
            return Ok(rows.clone());
        }
        let mut rows = self.snapshot().symbols_named(name, true)?;
        rows.retain(|row| !self.is_edited(row.file));
        for (id, file) in self.edited() {
            let all = View::symbols(file, id).into_iter();
            rows.extend(all.filter(|row| row.record.name == name));
        }
        rows.retain(|row| is_code(row.record.kind));
        let rows = Rc::new(rows);
        self.defined
            .borrow_mut()
            .insert(name.to_owned(), rows.clone());
        Ok(rows)
    }

    /// The definitions that a mention may stand for: those that fit best, all alike.
    pub fn meant(
        &self,
        name: &str,
        at: FileId,
        line_text: &str,
    ) -> Result<Vec<SymbolRow>, StoreError> {
        let defined = self.defined(name)?;
        let Some(from) = self.head(at) else {
            return Ok(Vec::new());
        };
        let fit = |row: &SymbolRow| self.fit(row, (at, from), line_text);
        let best = defined.iter().filter_map(fit).max();
        let chosen = defined.iter().filter(|row| fit(row) == best);
        Ok(match best {
            Some(_) => chosen.cloned().collect(),
            None => Vec::new(),
        })
    }

    /// How well a definition fits a mention; `None` if its language is another one.
    fn fit(
        &self,
        row: &SymbolRow,
        (at, (path, language)): (FileId, (&[u8], &str)),
        line_text: &str,
    ) -> Option<u32> {
        if !same_family(self.head(row.file)?.1, language) {
            return None;
        }
        let scoped = names_scope(line_text, &row.record.qualified_name, &row.record.name);
        let same_file = row.file == at;
        let same_folder = folder(&row.path) == folder(path);
        Some(8 * u32::from(scoped) + 4 * u32::from(same_file) + 2 * u32::from(same_folder))
    }
}

impl File {
    /// The definition that holds a line: the innermost one.
    pub fn enclosing(&self, line: u32) -> Option<&SymbolRow> {
        self.around(line)
            .min_by_key(|row| row.record.end_line - row.record.line)
    }

    fn around(&self, line: u32) -> impl Iterator<Item = &SymbolRow> {
        self.symbols.iter().filter(move |row| {
            row.record.line <= line && line <= row.record.end_line && is_code(row.record.kind)
        })
    }

    /// Whether a line is in a test.
    pub fn is_test_line(&self, line: u32) -> bool {
        self.is_test
            || self
                .around(line)
                .any(|row| row.record.kind == ChunkKind::Test)
    }

    /// A line, from 1, without its end.
    pub fn line(&self, number: u32) -> String {
        let index = number.saturating_sub(1) as usize;
        let line = self.text.split(|&byte| byte == b'\n').nth(index);
        String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
    }

    /// The lines from a line on.
    pub fn lines_from(&self, number: u32) -> impl Iterator<Item = String> {
        let skipped = number.saturating_sub(1) as usize;
        let lines = self.text.split(|&byte| byte == b'\n').skip(skipped);
        lines.map(|line| String::from_utf8_lossy(line).into_owned())
    }

    /// What holds a line, as a link; the line itself if it is in no definition.
    pub fn link(&self, line: u32, candidates: usize) -> Link {
        let place = |start_line, end_line| Place {
            path: self.path.clone(),
            start_line,
            end_line,
        };
        match self.enclosing(line) {
            Some(row) => Link {
                name: row.record.qualified_name.clone(),
                kind: row.record.kind,
                place: place(row.record.line, row.record.end_line),
                line,
                candidates,
            },
            None => Link {
                name: String::new(),
                kind: ChunkKind::Code,
                place: place(line, line),
                line,
                candidates,
            },
        }
    }
}

/// Whether definitions of this kind are code rather than titles and keys.
pub(super) fn is_code(kind: ChunkKind) -> bool {
    !matches!(kind, ChunkKind::Section | ChunkKind::Data)
}

/// The folder of a path, without the last slash.
pub(super) fn folder(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    &path[..slash.unwrap_or(0)]
}

/// Whether code of one language can mention definitions of the other.
fn same_family(a: &str, b: &str) -> bool {
    const FAMILIES: &[&[&str]] = &[
        &["c", "cpp", "objc"],
        &["javascript", "typescript", "tsx", "jsx"],
        &["java", "kotlin", "scala"],
    ];
    a == b
        || FAMILIES
            .iter()
            .any(|family| family.contains(&a) && family.contains(&b))
}

/// Whether the line writes the name behind its own scope: `Scope::name`, `Scope.name`.
fn names_scope(line: &str, qualified_name: &str, name: &str) -> bool {
    let scope = qualified_name
        .strip_suffix(name)
        .map(|scope| scope.trim_end_matches([':', '.', '#', '/', '\\']));
    let scope = scope.and_then(|scope| {
        let start = scope.rfind([':', '.', '#', '/', '\\']);
        scope.get(start.map_or(0, |at| at + 1)..)
    });
    let Some(scope) = scope.filter(|scope| !scope.is_empty()) else {
        return false;
    };
    line.match_indices(scope).any(|(at, _)| {
        let rest = line[at + scope.len()..].trim_start_matches([':', '.', '-', '>', '#']);
        let before = line[..at].chars().next_back();
        rest.len() < line.len() - at - scope.len()
            && rest.starts_with(name)
            && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}
