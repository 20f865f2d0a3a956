//! A change of files: all of it or nothing.

use crate::StoreError;
use crate::catalog::update::Rows;
use crate::catalog::{Catalog, State, query, write_state};
use crate::lexical::{LexicalDoc, LexicalWriter};
use crate::records::{ChunkId, ChunkRecord, ContentHash, FileId, FileStat, NewFile, SkipRecord};
use crate::store::Place;

use super::Writer;

/// Changes to the files of a store. Chunks are searchable by their words after
/// [`Update::commit`]; dropping the update undoes it.
///
/// An operation that fails makes the commit fail too, and with it the writer;
/// only input that is refused ([`StoreError::Input`]) leaves everything as it was.
pub struct Update<'w> {
    place: &'w Place,
    catalog: &'w Catalog,
    rows: Rows<'w>,
    lexical: &'w mut Option<LexicalWriter>,
    committed: &'w mut State,
    failed: &'w mut Option<String>,
    changed: bool,
    /// Chunks were added to the lexical index.
    words: bool,
    open: bool,
}

impl<'w> Update<'w> {
    pub(super) fn begin(writer: &'w mut Writer) -> Result<Update<'w>, StoreError> {
        writer
            .catalog
            .check(|c| c.execute_batch("BEGIN IMMEDIATE"))?;
        Ok(Update {
            place: &writer.place,
            rows: Rows::new(&writer.catalog.connection, writer.state),
            catalog: &writer.catalog,
            lexical: &mut writer.lexical,
            committed: &mut writer.state,
            failed: &mut writer.failed,
            changed: false,
            words: false,
            open: true,
        })
    }

    /// Stores a file with its text, chunks, symbols and references in place of
    /// what is stored at its path.
    ///
    /// # Errors
    /// [`StoreError::Input`] if the hash is not that of the text, or a chunk does
    /// not lie in it.
    pub fn put_file(&mut self, file: &NewFile<'_>) -> Result<FileId, StoreError> {
        validate(file)?;
        let stored = self.rows.put_file(file);
        let (id, first) = self.done(stored)?;
        self.add_words(&file.record.path, first, &file.chunks, file.text)?;
        Ok(id)
    }

    /// Removes the file at a path, if there is one.
    pub fn remove_file(&mut self, path: &[u8]) -> Result<(), StoreError> {
        let removed = self.rows.remove_file(path);
        self.done(removed).map(drop)
    }

    /// Moves a file to another path, in place of what is there. Its contents
    /// keep their encodings.
    ///
    /// # Errors
    /// [`StoreError::Input`] if there is no file at `from`.
    pub fn rename_file(
        &mut self,
        from: &[u8],
        to: &[u8],
        stat: FileStat,
    ) -> Result<(), StoreError> {
        let renamed = self.rows.rename_file(from, to, stat);
        let (id, first, chunks) = self.done(renamed)?.ok_or_else(|| unknown(from))?;
        let text = self.catalog.check(|c| query::text(c, id)).and_then(|text| {
            text.ok_or_else(|| StoreError::damaged(self.catalog.path(), "a file has no text"))
        });
        let text = self.keep_error(text)?;
        self.add_words(to, first, &chunks, &text)
    }

    /// Records another stat for bytes that were found unchanged.
    ///
    /// # Errors
    /// [`StoreError::Input`] if there is no file at `path`.
    pub fn touch(&mut self, path: &[u8], stat: FileStat, racy: bool) -> Result<(), StoreError> {
        let known = self.rows.touch(path, stat, racy);
        self.known(known, path)
    }

    /// Keeps the last good entry of a file that could not be read, with the reason.
    ///
    /// # Errors
    /// [`StoreError::Input`] if there is no file at `path`.
    pub fn set_unreadable(&mut self, path: &[u8], detail: &str) -> Result<(), StoreError> {
        let known = self.rows.set_unreadable(path, detail);
        self.known(known, path)
    }

    /// Replaces the whole list of skipped paths. The same list again is no change.
    pub fn set_skipped(&mut self, all: &[SkipRecord]) -> Result<(), StoreError> {
        let stored = self.catalog.check(query::skips);
        if self.keep_error(stored)? == all {
            return Ok(());
        }
        let replaced = self.rows.set_skipped(all);
        self.done(replaced)
    }

    /// Stores a value for [`Snapshot::meta`](crate::Snapshot::meta). The same value
    /// again is no change.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let stored = self.catalog.check(|c| query::meta(c, key));
        if self.keep_error(stored)?.as_deref() == Some(value) {
            return Ok(());
        }
        let set = self.rows.set_meta(key, value);
        self.done(set)
    }

    /// Makes the change durable and visible. Answers the generation, which is a
    /// new one unless nothing was changed.
    pub fn commit(mut self) -> Result<u64, StoreError> {
        if let Some(cause) = self.failed {
            return Err(StoreError::Poisoned {
                path: self.place.dir.clone(),
                cause: cause.clone(),
            });
        }
        if self.changed {
            let published = self.publish();
            self.keep_error(published)?;
        }
        Ok(self.committed.generation)
    }

    /// The words first: chunks that only the lexical index knows are not seen.
    fn publish(&mut self) -> Result<(), StoreError> {
        self.catalog.check(|_| self.rows.flush())?;
        if let (true, Some(lexical)) = (self.words, &mut self.lexical) {
            lexical.commit(self.rows.state.next_chunk.into())?;
        }
        self.rows.state.generation += 1;
        let state = self.rows.state;
        self.catalog.check(|c| {
            write_state(c, &state)?;
            c.execute_batch("COMMIT")
        })?;
        self.open = false;
        *self.committed = state;
        Ok(())
    }

    fn add_words(
        &mut self,
        path: &[u8],
        first: u32,
        chunks: &[ChunkRecord],
        text: &[u8],
    ) -> Result<(), StoreError> {
        let added = open_lexical(self.lexical, self.place).and_then(|lexical| {
            let path = String::from_utf8_lossy(path);
            for (id, chunk) in (first..).zip(chunks) {
                add_chunk(lexical, ChunkId(id), &path, chunk, text)?;
            }
            Ok(())
        });
        self.words = true;
        self.keep_error(added)
    }

    fn known(&mut self, known: rusqlite::Result<bool>, path: &[u8]) -> Result<(), StoreError> {
        match self.done(known)? {
            true => Ok(()),
            false => Err(unknown(path)),
        }
    }

    /// The result of a change in the catalog.
    fn done<T>(&mut self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        self.changed = true;
        let result = self.catalog.check(|_| result);
        self.keep_error(result)
    }

    /// A change that stopped half-way must not be committed.
    fn keep_error<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.failed.get_or_insert_with(|| error.to_string());
        }
        result
    }
}

impl Drop for Update<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        // Ids that the lexical index has seen stay used.
        self.committed.next_chunk = self.rows.state.next_chunk;
        let rolled_back = self.catalog.roll_back();
        // Nothing can be answered here; the next operation will.
        let _ = self.keep_error(rolled_back);
    }
}

/// The writer of the lexical index, opened when it is first needed.
pub(super) fn open_lexical<'l>(
    lexical: &'l mut Option<LexicalWriter>,
    place: &Place,
) -> Result<&'l mut LexicalWriter, StoreError> {
    match lexical {
        Some(open) => Ok(open),
        closed => Ok(closed.insert(place.lexical().writer()?)),
    }
}

/// Adds the words of one chunk to the lexical index.
pub(super) fn add_chunk(
    lexical: &mut LexicalWriter,
    id: ChunkId,
    path: &str,
    chunk: &ChunkRecord,
    text: &[u8],
) -> Result<(), StoreError> {
    let body = text.get(chunk.bytes.start as usize..chunk.bytes.end as usize);
    lexical.add(&LexicalDoc {
        chunk: id,
        path,
        name: match chunk.qualified_name.is_empty() {
            true => &chunk.name,
            false => &chunk.qualified_name,
        },
        doc: &chunk.doc,
        body: &String::from_utf8_lossy(body.unwrap_or_default()),
    })
}

fn validate(file: &NewFile<'_>) -> Result<(), StoreError> {
    let refuse = |problem: String| {
        let path = String::from_utf8_lossy(&file.record.path).into_owned();
        Err(StoreError::input(format!("`{path}`"), problem))
    };
    if u32::try_from(file.text.len()).is_err() {
        return refuse("its text is longer than 4 GiB".into());
    }
    if ContentHash::of(file.text) != file.record.hash {
        return refuse("its hash is not that of its text".into());
    }
    let outside = |chunk: &&ChunkRecord| {
        chunk.bytes.start > chunk.bytes.end
            || chunk.bytes.end as usize > file.text.len()
            || chunk.lines.0 > chunk.lines.1
    };
    match file.chunks.iter().find(outside) {
        None => Ok(()),
        Some(chunk) => refuse(format!(
            "bytes {:?} are not a range of its text",
            chunk.bytes
        )),
    }
}

fn unknown(path: &[u8]) -> StoreError {
    let path = String::from_utf8_lossy(path);
    StoreError::input(
        format!("a change of `{path}`"),
        "there is no such file in the store",
    )
}
