//! Reads single rows and lists from the catalog.

use rusqlite::{Connection, OptionalExtension, Row};

use super::codec::{unpack_sorted, unpack_text};
use super::{hash, invalid, unsigned};
use crate::records::{
    ChunkId, ChunkKind, ChunkRecord, ContentHash, FileId, FileRecord, FileRow, FileStat,
    ReferenceRecord, SkipReason, SkipRecord, SymbolRecord,
};

const FILE_COLUMNS: &str = "id, path, size, mtime_ns, ctime_ns, inode, hash, racy, language, lossy,
                            note, generated, lines, unreadable, first_chunk, symbols";

/// All files by path.
pub(crate) fn files(c: &Connection) -> rusqlite::Result<Vec<FileRow>> {
    let sql = format!("SELECT {FILE_COLUMNS} FROM files ORDER BY path");
    let mut statement = c.prepare_cached(&sql)?;
    let rows = statement.query_map([], file_row)?;
    rows.collect()
}

/// A file and the id of its first chunk, by path.
pub(crate) fn file_at(c: &Connection, path: &[u8]) -> rusqlite::Result<Option<(FileRow, u32)>> {
    let sql = format!("SELECT {FILE_COLUMNS} FROM files WHERE path = ?1");
    c.prepare_cached(&sql)?
        .query_row([path], |row| Ok((file_row(row)?, row.get(14)?)))
        .optional()
}

fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: FileId(row.get(0)?),
        record: FileRecord {
            path: row.get(1)?,
            stat: stat(row, 2)?,
            hash: hash(row, 6)?,
            racy: row.get(7)?,
            language: row.get(8)?,
            lossy: row.get(9)?,
            note: row.get(10)?,
            generated: row.get(11)?,
            lines: row.get(12)?,
        },
        unreadable: row.get(13)?,
    })
}

fn stat(row: &Row<'_>, first: usize) -> rusqlite::Result<FileStat> {
    Ok(FileStat {
        size: unsigned(row, first)?,
        mtime_ns: row.get(first + 1)?,
        ctime_ns: row.get(first + 2)?,
        inode: unsigned(row, first + 3)?,
    })
}

/// The list of skipped paths, in the order it was given.
pub(crate) fn skips(c: &Connection) -> rusqlite::Result<Vec<SkipRecord>> {
    let sql = "SELECT path, reason, detail, size, mtime_ns, ctime_ns, inode FROM skips ORDER BY n";
    let mut statement = c.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let has_stat = row.get::<_, Option<i64>>(3)?.is_some();
        Ok(SkipRecord {
            path: row.get(0)?,
            reason: SkipReason::from_number(row.get(1)?)
                .ok_or_else(|| invalid(1, "unknown skip reason"))?,
            detail: row.get(2)?,
            stat: has_stat.then(|| stat(row, 3)).transpose()?,
        })
    })?;
    rows.collect()
}

/// How many paths are skipped for each reason.
pub(crate) fn skip_counts(c: &Connection) -> rusqlite::Result<Vec<(SkipReason, u64)>> {
    let sql = "SELECT reason, count(*) FROM skips GROUP BY reason";
    let mut statement = c.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let reason = SkipReason::from_number(row.get(0)?);
        let reason = reason.ok_or_else(|| invalid(0, "unknown skip reason"))?;
        Ok((reason, unsigned(row, 1)?))
    })?;
    rows.collect()
}

/// A value set by the user of the store.
pub(crate) fn meta(c: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    c.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// The text of a file.
pub(crate) fn text(c: &Connection, file: FileId) -> rusqlite::Result<Option<Vec<u8>>> {
    c.prepare_cached("SELECT length, body FROM texts WHERE file = ?1")?
        .query_row([file.0], |row| {
            unpack_text(row.get_ref(1)?.as_blob()?, unsigned(row, 0)?)
                .ok_or_else(|| invalid(1, "text does not decompress to its length"))
        })
        .optional()
}

const CHUNKS: &str =
    "SELECT c.id, h.hash, c.kind, c.name, c.qualified_name, c.signature, c.doc, c.scope,
                             c.byte_start, c.byte_end, c.line_start, c.line_end
                      FROM chunks c JOIN contents h ON h.id = c.content";

/// Chunks by their ids; one that there is not is left out.
pub(crate) fn chunks(
    c: &Connection,
    ids: impl Iterator<Item = ChunkId>,
    mut see: impl FnMut(ChunkId, ChunkRecord),
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(&format!("{CHUNKS} WHERE c.id = ?1"))?;
    for id in ids {
        let record = statement.query_row([id.0], chunk_record).optional()?;
        if let Some(record) = record {
            see(id, record);
        }
    }
    Ok(())
}

/// Chunks with ids in `first..first + count`, ascending.
pub(crate) fn chunk_range(
    c: &Connection,
    first: u32,
    count: usize,
) -> rusqlite::Result<Vec<ChunkRecord>> {
    let mut statement = c.prepare_cached(&format!(
        "{CHUNKS} WHERE c.id >= ?1 AND c.id < ?2 ORDER BY c.id"
    ))?;
    let end = i64::from(first) + count as i64;
    let rows = statement.query_map((first, end), chunk_record)?;
    rows.collect()
}

fn chunk_record(row: &Row<'_>) -> rusqlite::Result<ChunkRecord> {
    Ok(ChunkRecord {
        content: hash(row, 1)?,
        kind: kind(row, 2)?,
        name: row.get(3)?,
        qualified_name: row.get(4)?,
        signature: row.get(5)?,
        doc: row.get(6)?,
        scope: row.get(7)?,
        bytes: row.get(8)?..row.get(9)?,
        lines: (row.get(10)?, row.get(11)?),
    })
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<ChunkKind> {
    ChunkKind::from_number(row.get(column)?).ok_or_else(|| invalid(column, "unknown kind"))
}

/// A definition, the file that holds it, and which of that file's chunks holds its first line.
pub(crate) struct StoredSymbol {
    pub file: FileId,
    pub chunk: Option<u32>,
    pub record: SymbolRecord,
}

const SYMBOLS: &str =
    "SELECT file, chunk, name, qualified_name, kind, line, end_line, signature FROM symbols";

/// Definitions of a name, by file and position. Letter case is folded for ASCII only.
pub(crate) fn symbols_named(
    c: &Connection,
    name: &str,
    exact_case: bool,
) -> rusqlite::Result<Vec<StoredSymbol>> {
    let exactly = if exact_case {
        "AND name = ?1 COLLATE BINARY"
    } else {
        ""
    };
    let sql = format!("{SYMBOLS} WHERE name = ?1 {exactly} ORDER BY file, n");
    let mut statement = c.prepare_cached(&sql)?;
    let rows = statement.query_map([name], symbol)?;
    rows.collect()
}

fn symbol(row: &Row<'_>) -> rusqlite::Result<StoredSymbol> {
    Ok(StoredSymbol {
        file: FileId(row.get(0)?),
        chunk: row.get(1)?,
        record: SymbolRecord {
            name: row.get(2)?,
            qualified_name: row.get(3)?,
            kind: kind(row, 4)?,
            line: row.get(5)?,
            end_line: row.get(6)?,
            signature: row.get(7)?,
        },
    })
}

/// Definitions in a file, in order.
pub(crate) fn symbols_of_file(c: &Connection, file: FileId) -> rusqlite::Result<Vec<StoredSymbol>> {
    let sql = format!("{SYMBOLS} WHERE file = ?1 ORDER BY n");
    let mut statement = c.prepare_cached(&sql)?;
    let rows = statement.query_map([file.0], symbol)?;
    rows.collect()
}

/// Shows every definition to `see`, by file and position.
pub(crate) fn each_symbol(
    c: &Connection,
    mut see: impl FnMut(StoredSymbol),
) -> rusqlite::Result<()> {
    let sql = format!("{SYMBOLS} ORDER BY file, n");
    let mut statement = c.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        see(symbol(row)?);
    }
    Ok(())
}

/// Types and interfaces of other names whose signatures hold a name.
pub(crate) fn types_signed(c: &Connection, name: &str) -> rusqlite::Result<Vec<(FileId, u32)>> {
    let sql = "SELECT file, line FROM symbols WHERE kind IN (?1, ?2) AND instr(signature, ?3) > 0
               AND name <> ?3 COLLATE BINARY";
    let kinds = (ChunkKind::Type as u8, ChunkKind::Interface as u8);
    let mut statement = c.prepare_cached(sql)?;
    let rows = statement.query_map((kinds.0, kinds.1, name), |row| {
        Ok((FileId(row.get(0)?), row.get(1)?))
    })?;
    rows.collect()
}

/// Shows to `see` how often each file mentions each name, by name.
pub(crate) fn each_mention(
    c: &Connection,
    mut see: impl FnMut(&str, FileId, u32),
) -> rusqlite::Result<()> {
    let sql = "SELECT n.name, r.file, r.mentions FROM refs r JOIN names n ON n.id = r.name
               ORDER BY r.name, r.file";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        see(row.get_ref(0)?.as_str()?, FileId(row.get(1)?), row.get(2)?);
    }
    Ok(())
}

/// The names that a file mentions, by line and name.
pub(crate) fn references_of_file(
    c: &Connection,
    file: FileId,
) -> rusqlite::Result<Vec<ReferenceRecord>> {
    let mut name = c.prepare_cached("SELECT name FROM names WHERE id = ?1")?;
    let mut references = Vec::new();
    for (id, lines) in mentions_of_file(c, file)? {
        let name: String = name.query_row([id], |row| row.get(0))?;
        references.extend(lines.into_iter().map(|line| ReferenceRecord {
            name: name.clone(),
            line,
        }));
    }
    references.sort_unstable_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
    Ok(references)
}

/// Ids of the names that a file mentions, ascending, each with its lines.
pub(crate) fn mentions_of_file(
    c: &Connection,
    file: FileId,
) -> rusqlite::Result<Vec<(u32, Vec<u32>)>> {
    let names = c
        .prepare_cached("SELECT names FROM file_names WHERE file = ?1")?
        .query_row([file.0], |row| {
            unpack_sorted(row.get_ref(0)?.as_blob()?)
                .ok_or_else(|| invalid(0, "name list does not decode"))
        })
        .optional()?;
    let mut statement =
        c.prepare_cached("SELECT lines, mentions FROM refs WHERE name = ?1 AND file = ?2")?;
    let mut mentions = Vec::new();
    for name in names.unwrap_or_default() {
        let lines = statement
            .query_row((name, file.0), |row| {
                let count = unsigned(row, 1)?;
                unpack_sorted(row.get_ref(0)?.as_blob()?)
                    .filter(|lines| lines.len() as u64 == count)
                    .ok_or_else(|| invalid(0, "line list does not decode to its length"))
            })
            .optional()?;
        mentions.push((name, lines.unwrap_or_default()));
    }
    Ok(mentions)
}

/// The digest stored for a file, and how many symbols, references and bytes of text it should have.
pub(crate) fn totals(c: &Connection, file: FileId) -> rusqlite::Result<(ContentHash, [u64; 3])> {
    c.prepare_cached("SELECT digest, symbols, refs, text_bytes FROM files WHERE id = ?1")?
        .query_row([file.0], |row| {
            let totals = [unsigned(row, 1)?, unsigned(row, 2)?, unsigned(row, 3)?];
            Ok((hash(row, 0)?, totals))
        })
}

/// Shows each distinct defined name to `see`, in index order.
pub(crate) fn symbol_names(c: &Connection, mut see: impl FnMut(&str)) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached("SELECT DISTINCT name FROM symbols ORDER BY name")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        see(row.get_ref(0)?.as_str()?);
    }
    Ok(())
}

/// Mentions of a name: file and lines.
pub(crate) fn references(c: &Connection, name: &str) -> rusqlite::Result<Vec<(FileId, u32)>> {
    let sql = "SELECT r.file, r.lines FROM names n JOIN refs r ON r.name = n.id WHERE n.name = ?1";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([name])?;
    let mut mentions = Vec::new();
    while let Some(row) = rows.next()? {
        let file = FileId(row.get(0)?);
        let lines = unpack_sorted(row.get_ref(1)?.as_blob()?)
            .ok_or_else(|| invalid(1, "line list does not decode"))?;
        mentions.extend(lines.into_iter().map(|line| (file, line)));
    }
    Ok(mentions)
}

/// How often a name is mentioned.
pub(crate) fn reference_count(c: &Connection, name: &str) -> rusqlite::Result<u32> {
    let sql = "SELECT coalesce(sum(r.mentions), 0) FROM names n JOIN refs r ON r.name = n.id WHERE n.name = ?1";
    c.prepare_cached(sql)?.query_row([name], |row| row.get(0))
}
