//! All definitions of one name, by where they are and which scope they are in.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use fathom_indexes::{FileId, SymbolRow};

use super::names::folder;

/// Signs between a scope and a name, as code writes them.
const WRITTEN: [char; 5] = [':', '.', '-', '>', '#'];
/// Signs between scopes in qualified names.
const QUALIFYING: [char; 5] = [':', '.', '#', '/', '\\'];

/// Definitions of one name, by file and position.
pub(super) struct Defined {
    name: String,
    rows: Vec<SymbolRow>,
    by_file: HashMap<FileId, Rc<[usize]>>,
    by_folder: HashMap<Vec<u8>, Vec<usize>>,
    scopes: OnceCell<Scopes>,
    /// Those that code can mean by the name alone, by its folder and language.
    nearest: RefCell<HashMap<Vec<u8>, ByLanguage>>,
}

/// Definitions that code of a language can mean.
type ByLanguage = HashMap<String, Rc<[usize]>>;

/// Definitions by the innermost scope that they are in.
#[derive(Default)]
struct Scopes {
    rows: HashMap<String, Vec<usize>>,
    /// Bytes of the longest scope.
    longest: usize,
}

/// Where a name is mentioned, as far as that says which definitions it can mean.
pub(super) struct From<'a> {
    pub file: FileId,
    pub path: &'a [u8],
    pub language: &'a str,
}

/// Some of the definitions of a name, by file and position.
#[derive(Clone)]
pub(super) struct Meant {
    all: Rc<Defined>,
    rows: Rc<[usize]>,
}

impl Meant {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn first(&self) -> Option<&SymbolRow> {
        self.iter().next()
    }

    pub fn iter(&self) -> impl Iterator<Item = &SymbolRow> {
        self.rows.iter().map(|&row| &self.all.rows[row])
    }

    /// Whether the definition that begins at a line of a file is one of them.
    pub fn has(&self, file: FileId, line: u32) -> bool {
        self.iter()
            .any(|row| row.file == file && row.record.line == line)
    }
}

impl Defined {
    pub fn new(name: &str, rows: Vec<SymbolRow>) -> Defined {
        let mut by_file: HashMap<FileId, Vec<usize>> = HashMap::new();
        let mut by_folder: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            by_file.entry(row.file).or_default().push(at);
            let folder = folder(&row.path);
            match by_folder.get_mut(folder) {
                Some(known) => known.push(at),
                None => {
                    by_folder.insert(folder.to_vec(), vec![at]);
                }
            }
        }
        let by_file = by_file.into_iter().map(|(file, rows)| (file, rows.into()));
        Defined {
            name: name.to_owned(),
            by_file: by_file.collect(),
            by_folder,
            rows,
            scopes: OnceCell::new(),
            nearest: RefCell::default(),
        }
    }

    /// Whether there is a choice.
    pub fn is_ambiguous(&self) -> bool {
        self.rows.len() > 1
    }

    /// Definitions whose scope stands before the name on a line, the nearest of them; `None` if
    /// there are none.
    pub fn scoped(
        self: &Rc<Defined>,
        from: &From<'_>,
        line: &str,
        can_mean: impl Fn(&SymbolRow) -> bool,
    ) -> Option<Meant> {
        let mut all = self.behind_scopes(line);
        all.retain(|&row| can_mean(&self.rows[row]));
        let of = |keep: &dyn Fn(&SymbolRow) -> bool| -> Vec<usize> {
            let kept = all.iter().copied().filter(|&row| keep(&self.rows[row]));
            kept.collect()
        };
        let own = of(&|row| row.file == from.file);
        let here = folder(from.path);
        let near = match own.is_empty() {
            true => of(&|row| folder(&row.path) == here),
            false => own,
        };
        let rows = if near.is_empty() { all } else { near };
        (!rows.is_empty()).then(|| self.some(rows.into()))
    }

    /// Definitions in a file, else in its folder, else anywhere.
    pub fn nearest(
        self: &Rc<Defined>,
        from: &From<'_>,
        can_mean: impl Fn(&SymbolRow) -> bool,
    ) -> Meant {
        if let Some(own) = self.by_file.get(&from.file) {
            return self.some(own.clone());
        }
        let here = match self.by_folder.contains_key(folder(from.path)) {
            true => folder(from.path),
            // Where nothing is near it does not matter where that is.
            false => b"/",
        };
        if let Some(known) = self.known(here, from.language) {
            return self.some(known);
        }
        let fit = |rows: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
            rows.filter(|&row| can_mean(&self.rows[row])).collect()
        };
        let near = self.by_folder.get(here);
        let near = near.map_or_else(Vec::new, |near| fit(&mut near.iter().copied()));
        let rows: Rc<[usize]> = match near.is_empty() {
            true => fit(&mut (0..self.rows.len())).into(),
            false => near.into(),
        };
        let mut known = self.nearest.borrow_mut();
        let known = known.entry(here.to_vec()).or_default();
        known.insert(from.language.to_owned(), rows.clone());
        self.some(rows)
    }

    fn known(&self, folder: &[u8], language: &str) -> Option<Rc<[usize]>> {
        let nearest = self.nearest.borrow();
        nearest.get(folder)?.get(language).cloned()
    }

    /// None of the definitions.
    pub fn none(self: &Rc<Defined>) -> Meant {
        self.some(Rc::default())
    }

    fn some(self: &Rc<Defined>, rows: Rc<[usize]>) -> Meant {
        let all = self.clone();
        Meant { all, rows }
    }

    /// Definitions whose innermost scope a line writes in front of the name, ascending:
    /// `Scope::name`, `Scope.name`.
    fn behind_scopes(&self, line: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for (at, _) in line.match_indices(&self.name) {
            let scope = line[..at].trim_end_matches(WRITTEN);
            // A scope may end with such a sign itself: `Vec<T>`.
            for end in scope.len()..at {
                let scopes = self
                    .scopes
                    .get_or_init(|| Scopes::of(&self.name, &self.rows));
                scopes.ending_at(&line[..end], &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Scopes {
    fn of(name: &str, rows: &[SymbolRow]) -> Scopes {
        let mut scopes = Scopes::default();
        for (at, row) in rows.iter().enumerate() {
            if let Some(scope) = innermost_scope(&row.record.qualified_name, name) {
                scopes.longest = scopes.longest.max(scope.len());
                match scopes.rows.get_mut(scope) {
                    Some(known) => known.push(at),
                    None => {
                        scopes.rows.insert(scope.to_owned(), vec![at]);
                    }
                }
            }
        }
        scopes
    }

    /// Adds the definitions in scopes that a text ends with, as whole words.
    fn ending_at(&self, text: &str, found: &mut Vec<usize>) {
        let starts = text.char_indices().rev().map(|(at, _)| at);
        for at in starts.take_while(|at| text.len() - at <= self.longest) {
            let before = text[..at].chars().next_back();
            let is_whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if is_whole && let Some(rows) = self.rows.get(&text[at..]) {
                found.extend(rows);
            }
        }
    }
}

/// The last scope of a qualified name.
fn innermost_scope<'q>(qualified_name: &'q str, name: &str) -> Option<&'q str> {
    let scope = qualified_name.strip_suffix(name)?;
    let scope = scope.trim_end_matches(QUALIFYING);
    let start = scope.rfind(QUALIFYING).map_or(0, |at| at + 1);
    scope.get(start..).filter(|scope| !scope.is_empty())
}
