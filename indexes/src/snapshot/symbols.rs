//! Definitions and references by name.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::Snapshot;
use crate::catalog::query::{self, StoredSymbol};
use crate::records::{FileId, ReferenceRecord, SymbolRecord, SymbolRow};
use crate::{StoreError, text};

impl Snapshot {
    /// Definitions of a name, by file and position. Without `exact_case` the case
    /// of ASCII letters does not matter.
    pub fn symbols_named(
        &self,
        name: &str,
        exact_case: bool,
    ) -> Result<Vec<SymbolRow>, StoreError> {
        let symbols = self.read(|c| query::symbols_named(c, name, exact_case))?;
        Ok(symbols
            .into_iter()
            .filter_map(|s| self.symbol_row(s))
            .collect())
    }

    /// Definitions whose names hold one or more of `words` (lower-case, as
    /// [`text::words`] gives them), those with the most of them first, then the
    /// shortest names; at most `limit`.
    pub fn symbols_matching(
        &self,
        words: &[String],
        limit: usize,
    ) -> Result<Vec<SymbolRow>, StoreError> {
        let mut rows = Vec::new();
        for name in self.names_matching(words)? {
            if rows.len() >= limit {
                break;
            }
            rows.extend(self.symbols_named(&name, false)?);
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// Distinct names with at least one of the words, best first.
    fn names_matching(&self, words: &[String]) -> Result<Vec<String>, StoreError> {
        let words: HashSet<&str> = words.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        self.read(|c| {
            query::symbol_names(c, |name| {
                // Most names are ruled out without splitting them.
                let lower = name.to_lowercase();
                if words.iter().any(|word| lower.contains(word)) {
                    let parts: HashSet<String> = text::words(name).into_iter().collect();
                    let shared = words.iter().filter(|word| parts.contains(**word)).count();
                    if shared > 0 {
                        found.push((Reverse(shared), name.len(), name.to_owned()));
                    }
                }
            })
        })?;
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, _, name)| name).collect())
    }

    /// Mentions of a name: file and line, by file.
    pub fn references_to(&self, name: &str) -> Result<Vec<(FileId, u32)>, StoreError> {
        self.read(|c| query::references(c, name))
    }

    /// Definitions in a file, in order; none for a file of another generation.
    pub fn symbols_of_file(&self, file: FileId) -> Result<Vec<SymbolRow>, StoreError> {
        let symbols = self.read(|c| query::symbols_of_file(c, file))?;
        Ok(symbols
            .into_iter()
            .filter_map(|s| self.symbol_row(s))
            .collect())
    }

    /// Mentions of names in a file, by line and name.
    pub fn references_of_file(&self, file: FileId) -> Result<Vec<ReferenceRecord>, StoreError> {
        self.read(|c| query::references_of_file(c, file))
    }

    /// Shows every definition to `see`, by file and position. `see` must not ask this snapshot
    /// for anything: it is locked meanwhile.
    pub fn each_symbol(&self, mut see: impl FnMut(FileId, SymbolRecord)) -> Result<(), StoreError> {
        self.read(|c| query::each_symbol(c, |symbol| see(symbol.file, symbol.record)))
    }

    /// Types and interfaces of other names whose signatures hold a name: file and line.
    pub fn types_signed(&self, name: &str) -> Result<Vec<(FileId, u32)>, StoreError> {
        self.read(|c| query::types_signed(c, name))
    }

    /// Shows to `see` how often each file mentions each name, all files of a name together.
    /// `see` must not ask this snapshot for anything: it is locked meanwhile.
    pub fn each_mention(&self, see: impl FnMut(&str, FileId, u32)) -> Result<(), StoreError> {
        self.read(|c| query::each_mention(c, see))
    }

    /// How often a name is mentioned.
    pub fn reference_count(&self, name: &str) -> Result<u32, StoreError> {
        self.read(|c| query::reference_count(c, name))
    }

    fn symbol_row(&self, symbol: StoredSymbol) -> Option<SymbolRow> {
        let file = self.heads.file(symbol.file)?;
        let ids = &self.heads.chunk_ids[file.positions.clone()];
        Some(SymbolRow {
            file: file.id,
            path: self.heads.path(file).to_vec(),
            chunk: symbol.chunk.and_then(|n| ids.get(n as usize).copied()),
            record: symbol.record,
        })
    }
}
