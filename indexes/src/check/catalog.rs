//! Checks the catalog: SQLite's structures, rows that refer to each other, texts and digests.

use rusqlite::Connection;

use super::{CheckReport, Parts};
use crate::StoreError;
use crate::catalog::digest::digest;
use crate::catalog::load::FileHead;
use crate::catalog::query::{self, StoredSymbol};
use crate::catalog::update::chunk_of_line;
use crate::records::{ChunkRecord, ContentHash, FileRow, SymbolRecord};
use crate::store::CATALOG;

/// Queries that count what must not be there.
const ORPHANS: &[(&str, &str)] = &[
    (
        "chunks outside of their file",
        "SELECT count(*) FROM chunks c LEFT JOIN files f ON f.id = c.file
         WHERE f.id IS NULL OR c.id < f.first_chunk OR c.id >= f.first_chunk + length(f.heads) / 5",
    ),
    (
        "chunks without a content",
        "SELECT count(*) FROM chunks WHERE content NOT IN (SELECT id FROM contents)",
    ),
    (
        "texts without a file",
        "SELECT count(*) FROM texts WHERE file NOT IN (SELECT id FROM files)",
    ),
    (
        "symbols without a file",
        "SELECT count(*) FROM symbols WHERE file NOT IN (SELECT id FROM files)",
    ),
    (
        "references without a file",
        "SELECT count(*) FROM refs WHERE file NOT IN (SELECT id FROM files)",
    ),
    (
        "references without a name",
        "SELECT count(*) FROM refs WHERE name NOT IN (SELECT id FROM names)",
    ),
    (
        "name lists without a file",
        "SELECT count(*) FROM file_names WHERE file NOT IN (SELECT id FROM files)",
    ),
    (
        "ids beyond the counters",
        "SELECT (SELECT coalesce(max(id), 0) FROM files) >= next_file
              + (SELECT coalesce(max(id), 0) FROM chunks) >= next_chunk
              + (SELECT coalesce(max(id), 0) FROM contents) >= next_content
              + (SELECT coalesce(max(id), 0) FROM segments) >= next_segment FROM state",
    ),
    (
        "skips that are not counted",
        "SELECT (SELECT count(*) FROM skips) <> skipped FROM state",
    ),
];

impl Parts<'_> {
    pub(super) fn check_catalog(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let problems = self.catalog.check(integrity);
        for problem in report
            .sort_out("catalog", CATALOG, problems)?
            .unwrap_or_default()
        {
            report.find("catalog", CATALOG, problem);
        }
        for (what, sql) in ORPHANS {
            let count = self
                .catalog
                .check(|c| c.query_row(sql, [], |row| row.get::<_, i64>(0)));
            match report.sort_out("catalog", CATALOG, count)? {
                Some(0) | None => {}
                Some(count) => report.find("catalog", CATALOG, format!("{what}: {count}")),
            }
        }
        self.check_files(report)
    }

    fn check_files(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let mut mentions = 0;
        for file in self.heads.files() {
            let path = String::from_utf8_lossy(self.heads.path(file)).into_owned();
            let problem = self.check_file(file, &mut mentions);
            if let Some(Some(problem)) = report.sort_out("catalog", &path, problem)? {
                report.find("catalog", path, problem);
            }
            report.files += 1;
        }
        report.chunks = self.heads.chunk_ids.len() as u64;
        let stored = "SELECT count(*) FROM refs";
        let stored = self
            .catalog
            .check(|c| c.query_row(stored, [], |row| row.get::<_, i64>(0)));
        match report.sort_out("catalog", "refs", stored)? {
            Some(count) if count != mentions => {
                report.find(
                    "catalog",
                    "refs",
                    format!("{count} rows, {mentions} are listed"),
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// The first thing wrong with a file's rows.
    fn check_file(
        &self,
        file: &FileHead,
        mentions: &mut i64,
    ) -> Result<Option<String>, StoreError> {
        let path = self.heads.path(file);
        let Some((row, first)) = self.catalog.check(|c| query::file_at(c, path))? else {
            return Ok(Some("not found by its path".into()));
        };
        let Some(text) = self.catalog.check(|c| query::text(c, file.id))? else {
            return Ok(Some("its text is missing".into()));
        };
        let count = file.positions.len();
        let chunks = self
            .catalog
            .check(|c| query::chunk_range(c, first, count))?;
        let symbols = self.catalog.check(|c| query::symbols_of_file(c, file.id))?;
        let misplaced = |s: &StoredSymbol| s.chunk != chunk_of_line(&chunks, s.record.line);
        if symbols.iter().any(misplaced) {
            return Ok(Some("a symbol names the wrong chunk".into()));
        }
        let symbols: Vec<SymbolRecord> = symbols.into_iter().map(|symbol| symbol.record).collect();
        let lines = self
            .catalog
            .check(|c| query::mentions_of_file(c, file.id))?;
        *mentions += lines.len() as i64;
        let rows = lines.iter().map(|(name, lines)| (*name, lines.as_slice()));
        let computed = digest(&row.record, &chunks, &symbols, rows);
        let references = lines.iter().map(|(_, lines)| lines.len()).sum();
        let found = [symbols.len(), references, text.len()].map(|n| n as u64);
        if (computed, found) != self.catalog.check(|c| query::totals(c, file.id))? {
            return Ok(Some("its rows differ from their digest or totals".into()));
        }
        Ok(self.check_chunks(file, &row, &chunks, &text))
    }

    fn check_chunks(
        &self,
        file: &FileHead,
        row: &FileRow,
        chunks: &[ChunkRecord],
        text: &[u8],
    ) -> Option<String> {
        if ContentHash::of(text) != row.record.hash {
            return Some("its text differs from its hash".into());
        }
        let heads = &self.heads.heads[file.positions.clone()];
        let kinds = chunks.iter().map(|chunk| chunk.kind);
        if !kinds.eq(heads.iter().map(|head| head.kind)) {
            return Some("its chunks differ from their heads".into());
        }
        let inside = |chunk: &ChunkRecord| {
            let bytes = chunk.bytes.start as usize..chunk.bytes.end as usize;
            text.get(bytes).is_some()
        };
        (!chunks.iter().all(inside)).then(|| "a chunk lies outside of its text".into())
    }
}

/// SQLite's own check of its pages and indexes; empty when all is well.
fn integrity(c: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = c.prepare("PRAGMA integrity_check")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let problems: Vec<String> = rows.collect::<Result<_, _>>()?;
    Ok(problems
        .into_iter()
        .filter(|problem| problem != "ok")
        .collect())
}
