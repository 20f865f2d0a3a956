//! Files as an editor holds them, saved or not: where there is one, it takes the place of what
//! the index has of its path.

use fathom_indexes::{FileId, ReferenceRecord, Snapshot, StoreError, SymbolRecord, SymbolRow};

/// A file in an editor, parsed as the indexer parses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// Relative to the root, `/`-separated, as bytes.
    pub path: Vec<u8>,
    /// Name of the language.
    pub language: String,
    /// What the editor holds.
    pub text: Vec<u8>,
    /// Definitions in it.
    pub symbols: Vec<SymbolRecord>,
    /// Mentions of names in it.
    pub references: Vec<ReferenceRecord>,
}

/// One generation of the index, with some files as editors hold them.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The generation.
    pub snapshot: &'a Snapshot,
    /// Files that are not as they were indexed, or not indexed at all.
    pub edited: &'a [Edited],
}

impl<'a> From<&'a Snapshot> for View<'a> {
    fn from(snapshot: &'a Snapshot) -> View<'a> {
        let edited = &[];
        View { snapshot, edited }
    }
}

impl<'a> View<'a> {
    /// The edited file at a path.
    pub(crate) fn edited_at(&self, path: &[u8]) -> Option<&'a Edited> {
        self.edited.iter().find(|file| file.path == path)
    }

    /// An edited file with its definitions as rows.
    pub(crate) fn symbols(edited: &Edited, id: FileId) -> Vec<SymbolRow> {
        let row = |record: &SymbolRecord| SymbolRow {
            file: id,
            path: edited.path.clone(),
            record: record.clone(),
            chunk: None,
        };
        edited.symbols.iter().map(row).collect()
    }

    /// A file's id, language and number of lines; `None` if there is no such file.
    pub(crate) fn file(&self, path: &[u8]) -> Result<Option<Head>, StoreError> {
        let stored = self.snapshot.file(path)?;
        let Some(at) = self.edited.iter().position(|file| file.path == path) else {
            return Ok(stored.map(|row| Head {
                id: row.id,
                language: row.record.language,
                lines: row.record.lines,
            }));
        };
        let file = &self.edited[at];
        // Ids of files that are nowhere else begin at the far end.
        let id = stored.map_or(FileId(u32::MAX - at as u32), |row| row.id);
        Ok(Some(Head {
            id,
            language: file.language.clone(),
            lines: String::from_utf8_lossy(&file.text).lines().count() as u32,
        }))
    }
}

/// What is to know of a file before it is read.
pub(crate) struct Head {
    pub id: FileId,
    pub language: String,
    pub lines: u32,
}
