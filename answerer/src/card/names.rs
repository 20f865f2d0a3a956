//! Which definition a mention of a name stands for, as far as names and places tell.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use fathom_indexes::{ChunkKind, FileId, ReferenceRecord, SymbolRow};
use fathom_indexes::{Snapshot, StoreError};
use fathom_retriever::rank::Roles;

use super::defined::{Defined, From, Meant};
use super::{Link, Place};
use crate::edited::{Edited, View};

/// Definitions and mentions of a view, read once each and only as they are asked for.
pub(super) struct Names<'a> {
    pub view: View<'a>,
    /// Edited files by their ids.
    edited: HashMap<FileId, &'a Edited>,
    read: RefCell<HashMap<FileId, Rc<File<'a>>>>,
    defined: RefCell<HashMap<String, Rc<Defined>>>,
}

/// What is known of one file.
pub(super) struct File<'a> {
    pub path: Vec<u8>,
    pub is_test: bool,
    pub symbols: Vec<SymbolRow>,
    id: FileId,
    snapshot: &'a Snapshot,
    edited: Option<&'a Edited>,
    text: OnceCell<Vec<u8>>,
    /// Where lines begin.
    lines: OnceCell<Vec<usize>>,
    references: OnceCell<Vec<ReferenceRecord>>,
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

    pub fn file(&self, id: FileId) -> Result<Rc<File<'a>>, StoreError> {
        if let Some(file) = self.read.borrow().get(&id) {
            return Ok(file.clone());
        }
        let head = self.head(id);
        let path = head.map_or_else(Vec::new, |(path, _)| path.to_vec());
        let edited = self.edited.get(&id).copied();
        let file = Rc::new(File {
            is_test: Roles::of(&String::from_utf8_lossy(&path)).test,
            symbols: match edited {
                Some(edited) => View::symbols(edited, id),
                None => self.snapshot().symbols_of_file(id)?,
            },
            path,
            id,
            snapshot: self.snapshot(),
            edited,
            text: OnceCell::new(),
            lines: OnceCell::new(),
            references: OnceCell::new(),
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
    fn defined(&self, name: &str) -> Result<Rc<Defined>, StoreError> {
        if let Some(known) = self.defined.borrow().get(name) {
            return Ok(known.clone());
        }
        let mut rows = self.snapshot().symbols_named(name, true)?;
        rows.retain(|row| !self.is_edited(row.file));
        for (id, file) in self.edited() {
            let all = View::symbols(file, id).into_iter();
            rows.extend(all.filter(|row| row.record.name == name));
        }
        rows.retain(|row| is_code(row.record.kind));
        let defined = Rc::new(Defined::new(name, rows));
        self.defined
            .borrow_mut()
            .insert(name.to_owned(), defined.clone());
        Ok(defined)
    }

    /// The definitions that a mention may stand for: those that fit best, all alike. Those whose
    /// scope stands before the name fit best, then those of the same file, then of the folder.
    pub fn meant(&self, name: &str, at: FileId, line: u32) -> Result<Meant, StoreError> {
        let defined = self.defined(name)?;
        let Some(from) = self.from(at) else {
            return Ok(defined.none());
        };
        let can_mean = |row: &SymbolRow| self.can_mean(from.language, row);
        if defined.is_ambiguous() {
            let source = self.file(at)?;
            let scoped = defined.scoped(&from, &source.line(line)?, can_mean);
            if let Some(scoped) = scoped {
                return Ok(scoped);
            }
        }
        Ok(defined.nearest(&from, can_mean))
    }

    /// The definitions that a name alone stands for in a file.
    pub fn meant_in(&self, name: &str, at: FileId) -> Result<Meant, StoreError> {
        let defined = self.defined(name)?;
        Ok(match self.from(at) {
            Some(from) => defined.nearest(&from, |row| self.can_mean(from.language, row)),
            None => defined.none(),
        })
    }

    fn from(&self, file: FileId) -> Option<From<'_>> {
        let (path, language) = self.head(file)?;
        Some(From {
            file,
            path,
            language,
        })
    }

    /// Whether code of a language can mean a definition at all, by its language.
    fn can_mean(&self, here: &str, row: &SymbolRow) -> bool {
        self.head(row.file)
            .is_some_and(|(_, there)| same_family(here, there))
    }
}

impl File<'_> {
    /// Its text.
    pub fn text(&self) -> Result<&[u8], StoreError> {
        if let Some(edited) = self.edited {
            return Ok(&edited.text);
        }
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let text = self.snapshot.text(self.id)?;
        Ok(self.text.get_or_init(|| text))
    }

    /// Mentions of names in it.
    pub fn references(&self) -> Result<&[ReferenceRecord], StoreError> {
        if let Some(edited) = self.edited {
            return Ok(&edited.references);
        }
        if let Some(references) = self.references.get() {
            return Ok(references);
        }
        let references = self.snapshot.references_of_file(self.id)?;
        Ok(self.references.get_or_init(|| references))
    }

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

    /// A line, from 1, without its end; empty behind the last one.
    pub fn line(&self, number: u32) -> Result<Cow<'_, str>, StoreError> {
        let text = self.text()?;
        let lines = self.lines.get_or_init(|| {
            let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let ends = ends.map(|(at, _)| at + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let index = number.saturating_sub(1) as usize;
        let start = lines.get(index).copied().unwrap_or(text.len());
        let end = lines.get(index + 1).map_or(text.len(), |next| next - 1);
        Ok(String::from_utf8_lossy(&text[start.min(end)..end]))
    }

    /// The lines from a line on.
    pub fn lines_from(
        &self,
        number: u32,
    ) -> Result<impl Iterator<Item = Cow<'_, str>>, StoreError> {
        let skipped = number.saturating_sub(1) as usize;
        let lines = self.text()?.split(|&byte| byte == b'\n').skip(skipped);
        Ok(lines.map(String::from_utf8_lossy))
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
