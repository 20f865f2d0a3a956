//! What a new writer does first: clears what an interrupted one left, sets
//! damaged parts aside, and rebuilds what can be rebuilt.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::update::add_chunk;
use super::{Writer, load};
use crate::StoreError;
use crate::catalog::load::Heads;
use crate::catalog::query;
use crate::lexical::LexicalWriter;
use crate::segment::Segment;
use crate::store::{LEXICAL, SEGMENTS};

impl Writer {
    pub(super) fn recover(&mut self) -> Result<(), StoreError> {
        self.remove_leftovers()?;
        self.set_segments_aside(|_| None)?;
        self.repair_lexical()
    }

    /// Reads every byte of what can be rebuilt, sets damaged parts aside, and
    /// rebuilds them; contents of a damaged segment become missing. To be called
    /// when [`Store::check`](crate::Store::check) has found something.
    pub fn repair(&mut self) -> Result<(), StoreError> {
        self.ensure_sound()?;
        let repaired = self.repair_thoroughly();
        self.poison_on_error(repaired)
    }

    fn repair_thoroughly(&mut self) -> Result<(), StoreError> {
        self.set_segments_aside(|segment| segment.verify().into_iter().next())?;
        if self.lexical_is_damaged() {
            self.repairs
                .push("lexical index: checksums differ; rebuilt".into());
            let heads = self.catalog.check(Heads::load)?;
            self.rebuild_lexical(&heads)?;
        }
        Ok(())
    }

    fn lexical_is_damaged(&self) -> bool {
        let damaged = self.place.lexical().damaged_files();
        damaged.map_or(true, |files| !files.is_empty())
    }

    /// Segments that no commit named, and temporary files.
    pub(super) fn remove_leftovers(&self) -> Result<(), StoreError> {
        let rows = self.catalog.check(load::segments)?;
        let named: HashSet<String> = rows.iter().map(|row| row.file_name()).collect();
        for name in self.list(SEGMENTS)? {
            let name = format!("{SEGMENTS}/{name}");
            if !named.contains(&name) && !is_set_aside(&name) {
                self.place.storage("remove", &name, |s| s.remove(&name))?;
            }
        }
        for name in self.list("")?.iter().filter(|name| name.ends_with(".tmp")) {
            self.place.storage("remove", name, |s| s.remove(name))?;
        }
        Ok(())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.place.storage("list", folder, |s| s.list(folder))
    }

    /// Contents of a segment that is damaged or gone become missing, and so are
    /// encoded again; the damaged segment is set aside. So do those of a segment that
    /// another build or another codebook could read, which stays until then. An I/O
    /// error is no damage.
    fn set_segments_aside(
        &mut self,
        problem: impl Fn(&Segment) -> Option<String>,
    ) -> Result<(), StoreError> {
        let mut damaged = Vec::new();
        self.foreign.clear();
        for row in self.catalog.check(load::segments)? {
            let opened = self.place.segment(&row);
            let sound = opened.and_then(|segment| match problem(&segment) {
                None => Ok(()),
                Some(problem) => Err(StoreError::damaged(
                    self.place.storage.locate(&row.file_name()),
                    problem,
                )),
            });
            match sound {
                Ok(()) => {}
                Err(error @ StoreError::Damaged { .. }) => {
                    self.repairs
                        .push(format!("{error}; set aside, to be encoded again"));
                    damaged.push(row);
                }
                Err(StoreError::Version { .. } | StoreError::Codebook { .. }) => {
                    self.foreign.insert(row.id);
                }
                Err(error) => return Err(error),
            }
        }
        if damaged.is_empty() {
            self.encoded = self.usable_segments()?.iter().collect();
            return Ok(());
        }
        let ids: Vec<u32> = damaged.iter().map(|row| row.id).collect();
        self.publish_segments(&[], &ids, &[])?;
        damaged
            .iter()
            .try_for_each(|row| self.set_aside(&row.file_name()))
    }

    /// Keeps damaged data under another name, for those who want to look at it.
    pub(super) fn set_aside(&self, name: &str) -> Result<(), StoreError> {
        if self
            .place
            .storage("examine", name, |s| s.size(name))?
            .is_none()
        {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.map_or(0, |time| time.as_secs());
        let aside = |n| format!("{name}.damaged-{seconds}{}", ".again".repeat(n));
        let mut n = 0;
        while self
            .place
            .storage("examine", name, |s| s.size(&aside(n)))?
            .is_some()
        {
            n += 1;
        }
        self.place
            .storage("set aside", name, |s| s.rename(name, &aside(n)))
    }

    /// The lexical index must hold every live chunk, and ids that it has seen
    /// must not be used again.
    fn repair_lexical(&mut self) -> Result<(), StoreError> {
        let heads = self.catalog.check(Heads::load)?;
        let live = |chunk| heads.position(chunk).is_some();
        let mut opened = self.place.lexical().reader(&live);
        if opened.is_err() {
            // Damage stays, while an error of the moment may be gone.
            opened = self.place.lexical().reader(&live);
        }
        match opened {
            Ok(reader) if reader.live_chunks() == heads.chunk_ids.len() as u64 => {
                let seen = reader.payload().unwrap_or(0);
                let seen = u32::try_from(seen).unwrap_or(u32::MAX);
                self.state.next_chunk = self.state.next_chunk.max(seen);
                return Ok(());
            }
            Ok(reader) => self.repairs.push(format!(
                "lexical index: it holds {} of {} chunks; rebuilt",
                reader.live_chunks(),
                heads.chunk_ids.len()
            )),
            Err(error @ (StoreError::Damaged { .. } | StoreError::Lexical { .. })) => {
                self.repairs.push(format!("{error}; rebuilt"));
            }
            Err(error) => return Err(error),
        }
        self.rebuild_lexical(&heads)
    }

    /// Makes the lexical index anew from the texts in the catalog.
    pub(super) fn rebuild_lexical(&mut self, heads: &Heads) -> Result<(), StoreError> {
        self.lexical = None;
        self.set_aside(LEXICAL)?;
        let mut lexical = self.place.lexical().writer()?;
        for file in heads.files() {
            let ids = &heads.chunk_ids[file.positions.clone()];
            let Some(&first) = ids.first() else { continue };
            let chunks = self
                .catalog
                .check(|c| query::chunk_range(c, first.0, ids.len()))?;
            let text = self.catalog.check(|c| query::text(c, file.id))?;
            let path = String::from_utf8_lossy(heads.path(file));
            for (&id, chunk) in ids.iter().zip(&chunks) {
                add_chunk(
                    &mut lexical,
                    id,
                    &path,
                    chunk,
                    text.as_deref().unwrap_or_default(),
                )?;
            }
        }
        LexicalWriter::commit(&mut lexical, self.state.next_chunk.into())?;
        self.lexical = Some(lexical);
        Ok(())
    }
}

fn is_set_aside(name: &str) -> bool {
    name.contains(".damaged-")
}
