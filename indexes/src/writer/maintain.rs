//! Housekeeping: merges segments, drops dead contents, purges dead chunks from
//! the lexical index. Each step is published on its own, in the store's usual
//! order, so it can be interrupted or skipped at any point.

use std::collections::HashSet;

use super::update::open_lexical;
use super::{Writer, load};
use crate::StoreError;
use crate::catalog::load::Heads;
use crate::catalog::{self, SegmentRow};
use crate::records::ChunkId;
use crate::segment::{self, Part, Segment};

/// More segments than this are merged.
const SEGMENTS: usize = 8;

/// Segments that reach this size are left alone.
const LARGE_SEGMENT: u64 = 1 << 30;

/// Dead contents are kept for the next branch switch or revert, up to half of
/// the live ones and this many more.
const SPARE_CONTENTS: usize = 2_000;

/// Dead chunks in the lexical index cost little, up to a quarter of the live
/// ones and this many more.
const SPARE_CHUNKS: usize = 2_000;

/// What [`Writer::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// Segments that were merged into one.
    pub merged_segments: usize,
    /// Contents that no chunk had any more and that were dropped.
    pub dropped_contents: usize,
    /// Chunks that were purged from the lexical index.
    pub purged_chunks: usize,
    /// Vectors that were added to the dense index, which only a large store has.
    pub indexed_vectors: usize,
}

/// How much may stay dead.
struct Spare {
    contents: usize,
    chunks: usize,
}

impl Writer {
    /// Keeps the store small and fast. It may be skipped at any time.
    pub fn maintain(&mut self) -> Result<MaintainReport, StoreError> {
        let live = self.state.next_content as usize;
        let heads = self.catalog.check(Heads::load)?;
        let live = live.min(heads.chunk_ids.len());
        self.maintain_with(
            heads,
            Spare {
                contents: SPARE_CONTENTS + live / 2,
                chunks: SPARE_CHUNKS + live / 4,
            },
        )
    }

    /// Drops everything dead, however little it is.
    #[cfg(test)]
    pub(crate) fn maintain_thoroughly(&mut self) -> Result<MaintainReport, StoreError> {
        let heads = self.catalog.check(Heads::load)?;
        self.maintain_with(
            heads,
            Spare {
                contents: 0,
                chunks: 0,
            },
        )
    }

    fn maintain_with(&mut self, heads: Heads, spare: Spare) -> Result<MaintainReport, StoreError> {
        self.ensure_sound()?;
        let done =
            self.merge_segments(&heads, &spare)
                .and_then(|(merged_segments, dropped_contents)| {
                    Ok(MaintainReport {
                        merged_segments,
                        dropped_contents,
                        purged_chunks: self.purge_lexical(&heads, &spare)?,
                        indexed_vectors: self.maintain_dense(&heads)?,
                    })
                });
        self.poison_on_error(done)
    }

    /// Without faiss, dense vectors are always scanned.
    #[cfg(not(feature = "faiss"))]
    fn maintain_dense(&mut self, _heads: &Heads) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Answers how many segments were merged and how many contents dropped.
    fn merge_segments(
        &mut self,
        heads: &Heads,
        spare: &Spare,
    ) -> Result<(usize, usize), StoreError> {
        let rows = self.catalog.check(load::segments)?;
        let live: HashSet<u32> = heads.heads.iter().map(|head| head.content).collect();
        let dead = |row: &SegmentRow| row.contents.iter().filter(|id| !live.contains(id)).count();
        let drop_dead = rows.iter().map(dead).sum::<usize>() > spare.contents;
        let group = match drop_dead {
            true => rows.iter().filter(|row| dead(row) > 0).collect(),
            false => mergeable(&rows),
        };
        let kept = |content| !drop_dead || live.contains(&content);
        let dropped = match drop_dead {
            true => self.forgettable(&rows, &live)?,
            false => Vec::new(),
        };
        if !group.is_empty() || !dropped.is_empty() {
            self.rewrite(&group, kept, &dropped)?;
        }
        Ok((group.len(), dropped.len()))
    }

    /// Contents that no live chunk has, encoded or not.
    fn forgettable(
        &self,
        rows: &[SegmentRow],
        live: &HashSet<u32>,
    ) -> Result<Vec<u32>, StoreError> {
        let known = self.catalog.check(catalog::content_ids)?;
        let encoded = rows.iter().flat_map(|row| row.contents.iter().copied());
        let mut dead: Vec<u32> = known
            .into_iter()
            .chain(encoded)
            .filter(|id| !live.contains(id))
            .collect();
        dead.sort_unstable();
        dead.dedup();
        Ok(dead)
    }

    /// Writes what is kept of `group` as one segment and publishes it in their place.
    fn rewrite(
        &mut self,
        group: &[&SegmentRow],
        kept: impl Fn(u32) -> bool,
        dropped: &[u32],
    ) -> Result<(), StoreError> {
        let (storage, identity) = (self.place.storage.clone(), self.place.identity.clone());
        let mut segments = Vec::with_capacity(group.len());
        for row in group {
            segments.push(open_sound(&*storage, row, &identity)?);
        }
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (row, segment) in group.iter().zip(&segments) {
            let contents = row.contents.iter().enumerate();
            let wanted = contents.filter(|(_, content)| kept(**content));
            parts.extend(wanted.map(|(ordinal, &content)| segment.part(content, ordinal)));
        }
        parts.sort_by_key(|part| part.content);
        let mut added = Vec::new();
        if !parts.is_empty() {
            let id = self.state.next_segment;
            added.push(segment::write(&*storage, id, &identity, &parts)?);
        }
        let removed: Vec<u32> = group.iter().map(|row| row.id).collect();
        self.publish_segments(&added, &removed, dropped)?;
        for row in group {
            // Readers that have it open keep it; what stays is cleared by the next writer.
            let _ = storage.remove(&row.file_name());
        }
        Ok(())
    }

    fn purge_lexical(&mut self, heads: &Heads, spare: &Spare) -> Result<usize, StoreError> {
        let live = |chunk| heads.position(chunk).is_some();
        let reader = self.place.lexical().reader(&live)?;
        let mut dead: Vec<ChunkId> = reader.chunk_ids().filter(|&chunk| !live(chunk)).collect();
        drop(reader);
        if dead.len() <= spare.chunks {
            dead.clear();
        }
        let next_chunk = self.state.next_chunk.into();
        let lexical = open_lexical(&mut self.lexical, &self.place)?;
        if !dead.is_empty() {
            lexical.delete(&dead);
            lexical.commit(next_chunk)?;
        }
        lexical.compact()?;
        Ok(dead.len())
    }
}

/// A segment whose every byte was checked: damage must not be copied.
fn open_sound(
    storage: &dyn crate::storage::Storage,
    row: &SegmentRow,
    identity: &catalog::Identity,
) -> Result<Segment, StoreError> {
    let segment = Segment::open(storage, row, identity)?;
    match segment.verify().into_iter().next() {
        None => Ok(segment),
        Some(problem) => Err(StoreError::damaged(
            storage.locate(&row.file_name()),
            problem,
        )),
    }
}

/// When there are too many segments: the smallest, as long as the next is not
/// much larger than all before it together, so that a content is copied a
/// logarithmic number of times.
fn mergeable(rows: &[SegmentRow]) -> Vec<&SegmentRow> {
    let mut group: Vec<&SegmentRow> = rows
        .iter()
        .filter(|row| row.bytes < LARGE_SEGMENT)
        .collect();
    if group.len() <= SEGMENTS {
        return Vec::new();
    }
    group.sort_by_key(|row| (row.bytes, row.id));
    let mut bytes = 0;
    let joins = group.iter().enumerate().take_while(|(at, row)| {
        let fits = *at < 2 || row.bytes <= 2 * bytes;
        bytes += row.bytes;
        fits && bytes < 2 * LARGE_SEGMENT
    });
    let count = joins.count();
    group.truncate(count);
    group
}
