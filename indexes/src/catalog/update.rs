//! Writes files, chunks, symbols and references inside an open transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension};

use super::codec::{Head, pack_heads, pack_sorted, pack_text, unpack_sorted};
use super::digest::digest;
use super::{State, content_id, invalid, query};
use crate::records::{
    ChunkRecord, ContentHash, FileId, FileRecord, FileStat, NewFile, ReferenceRecord, SkipRecord,
    SymbolRecord,
};

/// References are written in the order of their names, many at a time: their
/// table is clustered by name, and appending to it is several times faster.
const PENDING_REFERENCES: usize = 1 << 20;

/// The rows that one transaction writes.
pub(crate) struct Rows<'c> {
    c: &'c Connection,
    pub state: State,
    names: HashMap<String, u32>,
    pending: Vec<Mentions>,
    pending_files: HashSet<u32>,
}

/// All mentions of one name in one file.
struct Mentions {
    name: u32,
    file: u32,
    lines: Vec<u32>,
}

impl<'c> Rows<'c> {
    /// Continues from `state` in the transaction open on `c`.
    pub fn new(c: &'c Connection, state: State) -> Rows<'c> {
        Rows {
            c,
            state,
            names: HashMap::new(),
            pending: Vec::new(),
            pending_files: HashSet::new(),
        }
    }

    /// Stores a file, replacing the one at its path. Answers its id and that of its first chunk.
    pub fn put_file(&mut self, file: &NewFile<'_>) -> rusqlite::Result<(FileId, u32)> {
        let id = match self.remove_file(&file.record.path)? {
            Some(known) => known,
            None => FileId(take(&mut self.state.next_file, 1)?),
        };
        let first_chunk = take(&mut self.state.next_chunk, file.chunks.len())?;
        let heads = self.put_chunks(id, first_chunk, &file.chunks)?;
        let mentions = self.mentions(&file.references)?;
        let rows = mentions
            .iter()
            .map(|(&name, lines)| (name, lines.as_slice()));
        self.insert_file(&FileRow {
            id,
            file,
            first_chunk,
            heads: &heads,
            digest: digest(&file.record, &file.chunks, &file.symbols, rows),
        })?;
        self.put_text(id, file.text)?;
        self.put_symbols(id, &file.symbols, &file.chunks)?;
        self.put_mentions(id, mentions)?;
        Ok((id, first_chunk))
    }

    fn put_text(&self, file: FileId, text: &[u8]) -> rusqlite::Result<()> {
        self.c
            .prepare_cached("INSERT INTO texts VALUES (?1, ?2, ?3)")?
            .execute((file.0, text.len() as i64, pack_text(text)))?;
        Ok(())
    }

    fn insert_file(&self, row: &FileRow<'_>) -> rusqlite::Result<()> {
        let sql =
            "INSERT INTO files VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
                                             NULL, ?14, ?15, ?16, ?17, ?18, ?19)";
        let FileRecord {
            path,
            stat,
            hash,
            racy,
            language,
            lossy,
            note,
            generated,
            lines,
        } = &row.file.record;
        self.c.prepare_cached(sql)?.execute(rusqlite::params![
            row.id.0,
            path,
            stat.size as i64,
            stat.mtime_ns,
            stat.ctime_ns,
            stat.inode as i64,
            hash.0,
            racy,
            language,
            lossy,
            note,
            generated,
            lines,
            row.file.symbols.len() as i64,
            row.file.references.len() as i64,
            row.file.text.len() as i64,
            row.first_chunk,
            pack_heads(row.heads),
            row.digest.0,
        ])?;
        Ok(())
    }

    fn put_chunks(
        &mut self,
        file: FileId,
        first: u32,
        chunks: &[ChunkRecord],
    ) -> rusqlite::Result<Vec<Head>> {
        let mut heads = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            heads.push(Head {
                kind: chunk.kind,
                content: self.intern_content(chunk.content)?,
            });
        }
        let sql =
            "INSERT INTO chunks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let mut insert = self.c.prepare_cached(sql)?;
        for ((id, chunk), head) in (first..).zip(chunks).zip(&heads) {
            insert.execute((
                id,
                file.0,
                head.content,
                chunk.kind as u8,
                chunk.bytes.start,
                chunk.bytes.end,
                chunk.lines.0,
                chunk.lines.1,
                &chunk.name,
                &chunk.qualified_name,
                &chunk.signature,
                &chunk.doc,
                &chunk.scope,
            ))?;
        }
        Ok(heads)
    }

    fn intern_content(&mut self, hash: ContentHash) -> rusqlite::Result<u32> {
        if let Some(known) = content_id(self.c, hash)? {
            return Ok(known);
        }
        let id = take(&mut self.state.next_content, 1)?;
        self.c
            .prepare_cached("INSERT INTO contents VALUES (?1, ?2)")?
            .execute((id, hash.0))?;
        Ok(id)
    }

    fn put_symbols(
        &self,
        file: FileId,
        symbols: &[SymbolRecord],
        chunks: &[ChunkRecord],
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO symbols VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let mut insert = self.c.prepare_cached(sql)?;
        for (n, symbol) in symbols.iter().enumerate() {
            insert.execute((
                file.0,
                n as i64,
                &symbol.name,
                &symbol.qualified_name,
                symbol.kind as u8,
                symbol.line,
                symbol.end_line,
                &symbol.signature,
                chunk_of_line(chunks, symbol.line),
            ))?;
        }
        Ok(())
    }

    /// Lines by name, ascending.
    fn mentions(
        &mut self,
        references: &[ReferenceRecord],
    ) -> rusqlite::Result<BTreeMap<u32, Vec<u32>>> {
        let mut mentions: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for reference in references {
            let name = self.intern_name(&reference.name)?;
            mentions.entry(name).or_default().push(reference.line);
        }
        mentions
            .values_mut()
            .for_each(|lines| lines.sort_unstable());
        Ok(mentions)
    }

    fn put_mentions(
        &mut self,
        file: FileId,
        mentions: BTreeMap<u32, Vec<u32>>,
    ) -> rusqlite::Result<()> {
        let names: Vec<u32> = mentions.keys().copied().collect();
        self.c
            .prepare_cached("INSERT INTO file_names VALUES (?1, ?2)")?
            .execute((file.0, pack_sorted(&names)))?;
        self.pending_files.insert(file.0);
        let rows = mentions.into_iter();
        self.pending.extend(rows.map(|(name, lines)| Mentions {
            name,
            file: file.0,
            lines,
        }));
        match self.pending.len() >= PENDING_REFERENCES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn intern_name(&mut self, name: &str) -> rusqlite::Result<u32> {
        if let Some(&known) = self.names.get(name) {
            return Ok(known);
        }
        let known = self
            .c
            .prepare_cached("SELECT id FROM names WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self
                .c
                .prepare_cached("INSERT INTO names(name) VALUES (?1) RETURNING id")?
                .query_row([name], |row| row.get(0))?,
        };
        self.names.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Writes what is kept back. To be called before the transaction ends.
    pub fn flush(&mut self) -> rusqlite::Result<()> {
        self.pending.sort_unstable_by_key(|m| (m.name, m.file));
        let mut insert = self
            .c
            .prepare_cached("INSERT INTO refs VALUES (?1, ?2, ?3, ?4)")?;
        for Mentions { name, file, lines } in self.pending.drain(..) {
            insert.execute((name, file, lines.len() as i64, pack_sorted(&lines)))?;
        }
        self.pending_files.clear();
        Ok(())
    }

    /// Removes a file and all its rows. Answers the id it had.
    pub fn remove_file(&mut self, path: &[u8]) -> rusqlite::Result<Option<FileId>> {
        let row = self
            .c
            .prepare_cached("SELECT id, first_chunk, length(heads) / 5 FROM files WHERE path = ?1")?
            .query_row([path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((id, first, count)) = row else {
            return Ok(None);
        };
        self.remove_chunks(first, count)?;
        self.remove_references(id)?;
        for sql in [
            "DELETE FROM symbols WHERE file = ?1",
            "DELETE FROM texts WHERE file = ?1",
            "DELETE FROM files WHERE id = ?1",
        ] {
            self.c.prepare_cached(sql)?.execute([id])?;
        }
        Ok(Some(FileId(id)))
    }

    fn remove_chunks(&self, first: u32, count: i64) -> rusqlite::Result<()> {
        self.c
            .prepare_cached("DELETE FROM chunks WHERE id >= ?1 AND id < ?1 + ?2")?
            .execute((first, count))?;
        Ok(())
    }

    fn remove_references(&mut self, file: u32) -> rusqlite::Result<()> {
        if self.pending_files.contains(&file) {
            self.flush()?;
        }
        let names = self
            .c
            .prepare_cached("DELETE FROM file_names WHERE file = ?1 RETURNING names")?
            .query_row([file], |row| {
                unpack_sorted(row.get_ref(0)?.as_blob()?)
                    .ok_or_else(|| invalid(0, "name list does not decode"))
            })
            .optional()?;
        let mut delete = self
            .c
            .prepare_cached("DELETE FROM refs WHERE name = ?1 AND file = ?2")?;
        for name in names.unwrap_or_default() {
            delete.execute((name, file))?;
        }
        Ok(())
    }

    /// Gives a file another path and its chunks new ids, since the lexical index
    /// holds the path words of the old ones. Answers the file's chunks and the new first id.
    pub fn rename_file(
        &mut self,
        from: &[u8],
        to: &[u8],
        stat: FileStat,
    ) -> rusqlite::Result<Option<(FileId, u32, Vec<ChunkRecord>)>> {
        let Some((file, first)) = query::file_at(self.c, from)? else {
            return Ok(None);
        };
        if from != to {
            self.remove_file(to)?;
        }
        let count = self.chunk_count(file.id)?;
        let chunks = query::chunk_range(self.c, first, count)?;
        let new_first = take(&mut self.state.next_chunk, count)?;
        self.c
            .prepare_cached("UPDATE chunks SET id = id - ?1 + ?2 WHERE id >= ?1 AND id < ?1 + ?3")?
            .execute((first, new_first, count as i64))?;
        self.c
            .prepare_cached("UPDATE files SET path = ?2, first_chunk = ?3 WHERE id = ?1")?
            .execute((file.id.0, to, new_first))?;
        self.touch(to, stat, file.record.racy)?;
        Ok(Some((file.id, new_first, chunks)))
    }

    fn chunk_count(&self, file: FileId) -> rusqlite::Result<usize> {
        self.c
            .prepare_cached("SELECT length(heads) / 5 FROM files WHERE id = ?1")?
            .query_row([file.0], |row| row.get::<_, u32>(0))
            .map(|count| count as usize)
    }

    /// Records a new stat for unchanged bytes. Answers whether the file is known.
    pub fn touch(&self, path: &[u8], stat: FileStat, racy: bool) -> rusqlite::Result<bool> {
        let sql = "UPDATE files SET size = ?2, mtime_ns = ?3, ctime_ns = ?4, inode = ?5, racy = ?6,
                          unreadable = NULL WHERE path = ?1";
        let (size, inode) = (stat.size as i64, stat.inode as i64);
        let changed = self.c.prepare_cached(sql)?.execute((
            path,
            size,
            stat.mtime_ns,
            stat.ctime_ns,
            inode,
            racy,
        ))?;
        Ok(changed > 0)
    }

    /// Records why a file could not be read. Answers whether the file is known.
    pub fn set_unreadable(&self, path: &[u8], detail: &str) -> rusqlite::Result<bool> {
        let changed = self
            .c
            .prepare_cached("UPDATE files SET unreadable = ?2 WHERE path = ?1")?
            .execute((path, detail))?;
        Ok(changed > 0)
    }

    /// Replaces the list of skipped paths.
    pub fn set_skipped(&mut self, all: &[SkipRecord]) -> rusqlite::Result<()> {
        self.c.execute("DELETE FROM skips", [])?;
        let sql = "INSERT INTO skips VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = self.c.prepare_cached(sql)?;
        for (n, skip) in all.iter().enumerate() {
            let stat = skip.stat.as_ref();
            insert.execute((
                n as i64,
                &skip.path,
                skip.reason as u8,
                &skip.detail,
                stat.map(|s| s.size as i64),
                stat.map(|s| s.mtime_ns),
                stat.map(|s| s.ctime_ns),
                stat.map(|s| s.inode as i64),
            ))?;
        }
        self.state.skipped = all.len() as u64;
        Ok(())
    }

    /// Stores a value under a key.
    pub fn set_meta(&self, key: &str, value: &str) -> rusqlite::Result<()> {
        self.c
            .prepare_cached(
                "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
            )?
            .execute((key, value))?;
        Ok(())
    }
}

/// What a row of `files` is made of.
struct FileRow<'a> {
    id: FileId,
    file: &'a NewFile<'a>,
    first_chunk: u32,
    heads: &'a [Head],
    digest: ContentHash,
}

/// Takes `count` ids that no one has had. Ids end at 2³² − 1.
fn take(next: &mut u32, count: usize) -> rusqlite::Result<u32> {
    let first = *next;
    *next = u32::try_from(count)
        .ok()
        .and_then(|count| first.checked_add(count))
        .ok_or_else(|| invalid(0, "all ids are used up; rebuild the store"))?;
    Ok(first)
}

/// Which of a file's chunks holds a line: the smallest, where several begin or end on it.
pub(crate) fn chunk_of_line(chunks: &[ChunkRecord], line: u32) -> Option<u32> {
    let holds = |chunk: &ChunkRecord| chunk.lines.0 <= line && line <= chunk.lines.1;
    (0..)
        .zip(chunks)
        .filter(|(_, chunk)| holds(chunk))
        .min_by_key(|(_, chunk)| chunk.lines.1 - chunk.lines.0)
        .map(|(n, _)| n)
}
