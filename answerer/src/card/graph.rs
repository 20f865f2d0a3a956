//! Who mentions whom, for editors: from a name on a line to its definition, and from a definition
//! to every line that means it.

use fathom_indexes::{FileId, StoreError, SymbolRow};

use super::names::{Names, is_code};
use super::subject::{self, Found};
use super::{Card, Link, Subject, of_names, relations};
use crate::edited::View;

/// Definitions and mentions, read as they are asked for.
pub struct Graph<'a> {
    names: Names<'a>,
}

/// A definition or a piece of code that mentions one, and the lines that do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What is mentioned, or mentions.
    pub subject: Subject,
    /// Lines of the mentions, from 1, ascending.
    pub lines: Vec<u32>,
}

impl<'a> Graph<'a> {
    /// Of a view.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(view: impl Into<View<'a>>) -> Result<Graph<'a>, StoreError> {
        let names = Names::new(view.into())?;
        Ok(Graph { names })
    }

    /// What a line of a file is a part of.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn at(&self, path: &[u8], start: u32, end: u32) -> Result<Option<Subject>, StoreError> {
        match subject::find(self.names.view, path, start, end)? {
            Found::One(subject) => Ok(Some(*subject)),
            Found::Many(_) | Found::Nothing => Ok(None),
        }
    }

    /// Definitions that a name on a line of a file may stand for, all alike likely. A definition
    /// stands for itself where its name is on its own first line.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn meant(&self, path: &[u8], line: u32, name: &str) -> Result<Vec<Subject>, StoreError> {
        let Some(head) = self.names.view.file(path)? else {
            return Ok(Vec::new());
        };
        let source = self.names.file(head.id)?;
        let own = source.symbols.iter().filter(|row| {
            row.record.line == line && row.record.name == name && is_code(row.record.kind)
        });
        let own: Vec<&SymbolRow> = own.collect();
        if !own.is_empty() {
            return Ok(own.iter().filter_map(|row| self.subject(row)).collect());
        }
        let meant = self.names.meant(name, head.id, line)?;
        Ok(meant.iter().filter_map(|row| self.subject(row)).collect())
    }

    /// The card of a subject.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn card(&self, subject: Subject) -> Result<Card, StoreError> {
        of_names(&self.names, subject)
    }

    /// Every line that means a definition, those inside of it too; by path and line.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn references(&self, subject: &Subject) -> Result<Vec<(Vec<u8>, u32)>, StoreError> {
        let mut found = self.mentions(subject)?;
        found.extend(self.inside(subject, &subject.name)?);
        let mut lines: Vec<(Vec<u8>, u32)> = found
            .into_iter()
            .map(|(_, link)| (link.place.path, link.line))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        Ok(lines)
    }

    /// Definitions that mention one; lines outside of any definition stand for themselves.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn callers(&self, subject: &Subject) -> Result<Vec<Site>, StoreError> {
        let mut sites: Vec<Site> = Vec::new();
        for (file, link) in self.mentions(subject)? {
            let source = self.names.file(file)?;
            let caller = match source.enclosing(link.line) {
                Some(row) => self.subject(row),
                None => self.at(&link.place.path, link.line, link.line)?,
            };
            let Some(caller) = caller else { continue };
            let known = sites
                .iter_mut()
                .find(|site| site.subject.place == caller.place);
            match known {
                Some(site) => site.lines.push(link.line),
                None => sites.push(Site {
                    subject: caller,
                    lines: vec![link.line],
                }),
            }
        }
        sites.iter_mut().for_each(Site::order);
        Ok(sites)
    }

    /// Definitions that one mentions, in the order of its lines.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn callees(&self, subject: &Subject) -> Result<Vec<Site>, StoreError> {
        let (links, _) = relations::callees(&self.names, subject)?;
        let source = self.names.file(subject.file)?;
        let references = source.references()?;
        let mut sites = Vec::new();
        for link in links {
            let Some(callee) = self.defined_at(&link)? else {
                continue;
            };
            let lines = (subject.place.start_line..=subject.place.end_line)
                .filter(|line| {
                    let mut all = references.iter();
                    all.any(|one| one.line == *line && one.name == callee.name)
                })
                .collect();
            sites.push(Site {
                subject: callee,
                lines,
            });
        }
        Ok(sites)
    }

    /// A line of a file, from 1, without its end; `None` if there is no such file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn line(&self, path: &[u8], line: u32) -> Result<Option<String>, StoreError> {
        match self.names.view.file(path)? {
            Some(head) => {
                let source = self.names.file(head.id)?;
                Ok(Some(source.line(line)?.into_owned()))
            }
            None => Ok(None),
        }
    }

    fn mentions(&self, subject: &Subject) -> Result<Vec<(FileId, Link)>, StoreError> {
        if subject.name.is_empty() || !is_code(subject.kind) {
            return Ok(Vec::new());
        }
        let (name, place) = (&subject.name, &subject.place);
        relations::mentions_of(&self.names, name, subject.file, place)
    }

    /// Lines of a subject that mention a name.
    fn inside(&self, subject: &Subject, name: &str) -> Result<Vec<(FileId, Link)>, StoreError> {
        let source = self.names.file(subject.file)?;
        let lines = subject.place.start_line..=subject.place.end_line;
        let own = source
            .references()?
            .iter()
            .filter(|one| one.name == name && lines.contains(&one.line));
        Ok(own
            .map(|one| (subject.file, source.link(one.line, 1)))
            .collect())
    }

    /// The definition that a link leads to.
    fn defined_at(&self, link: &Link) -> Result<Option<Subject>, StoreError> {
        let Some(head) = self.names.view.file(&link.place.path)? else {
            return Ok(None);
        };
        let source = self.names.file(head.id)?;
        let row = source.symbols.iter().find(|row| {
            row.record.line == link.place.start_line && row.record.qualified_name == link.name
        });
        Ok(row.and_then(|row| self.subject(row)))
    }

    fn subject(&self, row: &SymbolRow) -> Option<Subject> {
        let (_, language) = self.names.head(row.file)?;
        Some(subject::of_symbol(row, language, None))
    }
}

impl Site {
    fn order(&mut self) {
        self.lines.sort_unstable();
        self.lines.dedup();
    }
}
