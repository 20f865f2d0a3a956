//! Checks what is derived from the catalog, or named by it: segments and the lexical index.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::{CheckReport, Parts};
use crate::StoreError;
use crate::catalog::SegmentRow;
use crate::records::ContentHash;
use crate::segment::Segment;
use crate::store::LEXICAL;

impl Parts<'_> {
    pub(super) fn check_segments(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let known = self.catalog.check(contents);
        let known = report
            .sort_out("catalog", "contents", known)?
            .unwrap_or_default();
        let mut encoded = HashSet::new();
        for row in &self.rows {
            report.segments += 1;
            let name = row.file_name();
            let opened = self.place.segment(row);
            let Some(segment) = report.sort_out("segments", &name, opened)? else {
                continue;
            };
            let mut problems = segment.verify();
            problems.extend(foreign(row, &segment, &known));
            if !row.contents.iter().all(|&content| encoded.insert(content)) {
                problems.push("a content is encoded twice".into());
            }
            for problem in problems {
                report.find("segments", &name, problem);
            }
        }
        let heads = self.heads.heads.iter();
        report.not_encoded = heads
            .filter(|head| !encoded.contains(&head.content))
            .count() as u64;
        self.check_heads(&known, report)
    }

    /// The packed heads must name the contents that the chunks name.
    fn check_heads(
        &self,
        known: &HashMap<u32, ContentHash>,
        report: &mut CheckReport,
    ) -> Result<(), StoreError> {
        let contents = self.catalog.check(chunk_contents);
        let contents = report
            .sort_out("catalog", "chunks", contents)?
            .unwrap_or_default();
        let heads: Vec<u32> = self.heads.heads.iter().map(|head| head.content).collect();
        if contents != heads {
            report.find(
                "catalog",
                "files",
                "heads name other contents than the chunks",
            );
        }
        if !heads.iter().all(|content| known.contains_key(content)) {
            report.find("catalog", "contents", "a chunk's content is missing");
        }
        Ok(())
    }

    /// The index of dense vectors need not be there, but must be whole if it is.
    #[cfg(feature = "faiss")]
    pub(super) fn check_dense(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        const STAMP: &str = "dense/stamp";
        let storage = &*self.place.storage;
        let there = self.place.storage("examine", STAMP, |s| s.size(STAMP))?;
        let dim = self.place.identity.dense_dim;
        if there.is_some() && crate::dense::DenseIndex::load(storage, dim).is_none() {
            report.find("dense", STAMP, "it does not vouch for the index beside it");
        }
        Ok(())
    }

    pub(super) fn check_lexical(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let lexical = self.place.lexical();
        let damaged = report.sort_out("lexical", LEXICAL, lexical.damaged_files())?;
        for file in damaged.unwrap_or_default() {
            report.find("lexical", file.display().to_string(), "checksum differs");
        }
        let live = |chunk| self.heads.position(chunk).is_some();
        let Some(reader) = report.sort_out("lexical", LEXICAL, lexical.reader(&live))? else {
            return Ok(());
        };
        let (found, expected) = (reader.live_chunks(), self.heads.chunk_ids.len() as u64);
        if found != expected {
            report.find(
                "lexical",
                LEXICAL,
                format!("it holds {found} of {expected} chunks"),
            );
        }
        report.dead_chunks = reader.chunk_ids().filter(|&chunk| !live(chunk)).count() as u64;
        Ok(())
    }
}

/// Whether a segment holds other contents than its row says.
fn foreign(
    row: &SegmentRow,
    segment: &Segment,
    known: &HashMap<u32, ContentHash>,
) -> Option<String> {
    let mut contents = row.contents.iter().enumerate();
    let wrong =
        contents.find(|(ordinal, content)| known.get(content) != Some(&segment.hash(*ordinal)));
    wrong.map(|(ordinal, _)| format!("content {ordinal} is not the one that the catalog names"))
}

fn contents(c: &Connection) -> rusqlite::Result<HashMap<u32, ContentHash>> {
    let mut statement = c.prepare("SELECT id, hash FROM contents")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, ContentHash(row.get(1)?))))?;
    rows.collect()
}

fn chunk_contents(c: &Connection) -> rusqlite::Result<Vec<u32>> {
    let mut statement = c.prepare("SELECT content FROM chunks ORDER BY id")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}
