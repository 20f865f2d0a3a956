//! What a snapshot keeps in memory: one scan over the files, one over the segments.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::{Connection, Row};

use super::codec::{Head, unpack_heads, unpack_numbers};
use super::{SegmentRow, hash, invalid, unsigned};
use crate::records::{ChunkHead, ChunkId, FileId};

/// A file, as far as searching needs it.
#[derive(Clone, Debug)]
pub(crate) struct FileHead {
    pub id: FileId,
    pub generated: bool,
    path: Range<usize>,
    language: usize,
    first_chunk: u32,
    /// Positions of its chunks in [`Heads::chunk_ids`].
    pub positions: Range<usize>,
}

/// All live chunks of one generation in flat arrays, ascending by chunk id.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    files: Vec<FileHead>,
    by_id: HashMap<FileId, usize>,
    paths: Vec<u8>,
    languages: Vec<String>,
    pub chunk_ids: Vec<ChunkId>,
    /// Index into `files` by position.
    chunk_files: Vec<u32>,
    /// Kind and content by position.
    pub heads: Vec<Head>,
    pub symbols: u64,
    pub references: u64,
    pub text_bytes: u64,
    pub unreadable: u64,
}

const FILES: &str = "SELECT id, path, language, generated, first_chunk, heads, symbols, refs,
                            text_bytes, unreadable IS NOT NULL FROM files";

impl Heads {
    /// Reads the heads of all files.
    pub fn load(c: &Connection) -> rusqlite::Result<Heads> {
        let mut heads = Heads::default();
        let mut languages = HashMap::new();
        let mut statement = c.prepare_cached(FILES)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            heads.read_file(row, &mut languages)?;
        }
        heads.order_by_chunk()?;
        Ok(heads)
    }

    fn read_file(
        &mut self,
        row: &Row<'_>,
        languages: &mut HashMap<String, usize>,
    ) -> rusqlite::Result<()> {
        let path_start = self.paths.len();
        self.paths.extend_from_slice(row.get_ref(1)?.as_blob()?);
        let first_position = self.heads.len();
        unpack_heads(row.get_ref(5)?.as_blob()?, &mut self.heads)
            .ok_or_else(|| invalid(5, "chunk heads do not decode"))?;
        let language = row.get_ref(2)?.as_str()?;
        let language = match languages.get(language) {
            Some(&known) => known,
            None => self.add_language(language, languages),
        };
        self.files.push(FileHead {
            id: FileId(row.get(0)?),
            generated: row.get(3)?,
            path: path_start..self.paths.len(),
            language,
            first_chunk: row.get(4)?,
            positions: first_position..self.heads.len(),
        });
        self.symbols += unsigned(row, 6)?;
        self.references += unsigned(row, 7)?;
        self.text_bytes += unsigned(row, 8)?;
        self.unreadable += u64::from(row.get::<_, bool>(9)?);
        Ok(())
    }

    fn add_language(&mut self, name: &str, languages: &mut HashMap<String, usize>) -> usize {
        let index = self.languages.len();
        self.languages.push(name.to_owned());
        languages.insert(name.to_owned(), index);
        index
    }

    /// Puts files in the order of their chunks and numbers the chunks.
    fn order_by_chunk(&mut self) -> rusqlite::Result<()> {
        if !self.files.is_sorted_by_key(|file| file.first_chunk) {
            self.sort_files();
        }
        for (index, file) in self.files.iter().enumerate() {
            self.by_id.insert(file.id, index);
            for n in 0..file.positions.len() as u32 {
                let id = file.first_chunk.checked_add(n);
                let id = id.ok_or_else(|| invalid(4, "chunk ids overflow"))?;
                self.chunk_ids.push(ChunkId(id));
                self.chunk_files.push(index as u32);
            }
        }
        match self.chunk_ids.is_sorted_by(|a, b| a < b) {
            true => Ok(()),
            false => Err(invalid(4, "chunk ids of two files overlap")),
        }
    }

    fn sort_files(&mut self) {
        self.files.sort_by_key(|file| file.first_chunk);
        let mut sorted = Vec::with_capacity(self.heads.len());
        for file in &mut self.files {
            let start = sorted.len();
            sorted.extend_from_slice(&self.heads[file.positions.clone()]);
            file.positions = start..sorted.len();
        }
        self.heads = sorted;
    }

    /// Files in the order of their chunks.
    pub fn files(&self) -> &[FileHead] {
        &self.files
    }

    pub fn file(&self, id: FileId) -> Option<&FileHead> {
        self.by_id.get(&id).map(|&index| &self.files[index])
    }

    pub fn path(&self, file: &FileHead) -> &[u8] {
        &self.paths[file.path.clone()]
    }

    pub fn language(&self, file: &FileHead) -> &str {
        &self.languages[file.language]
    }

    /// The file of the chunk at a position.
    pub fn file_at(&self, position: usize) -> &FileHead {
        &self.files[self.chunk_files[position] as usize]
    }

    /// Where a live chunk stands in the arrays.
    pub fn position(&self, id: ChunkId) -> Option<usize> {
        self.chunk_ids.binary_search(&id).ok()
    }

    /// What a filter may ask of the chunk at a position.
    pub fn chunk_head(&self, position: usize) -> ChunkHead<'_> {
        let file = self.file_at(position);
        ChunkHead {
            id: self.chunk_ids[position],
            file: file.id,
            path: self.path(file),
            language: self.language(file),
            kind: self.heads[position].kind,
        }
    }
}

/// The live segments, ascending by id.
pub(crate) fn segments(c: &Connection) -> rusqlite::Result<Vec<SegmentRow>> {
    let sql = "SELECT id, bytes, checksum, contents FROM segments ORDER BY id";
    let mut statement = c.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(SegmentRow {
            id: row.get(0)?,
            bytes: unsigned(row, 1)?,
            checksum: hash(row, 2)?,
            contents: unpack_numbers(row.get_ref(3)?.as_blob()?)
                .ok_or_else(|| invalid(3, "content list does not decode"))?,
        })
    })?;
    rows.collect()
}
