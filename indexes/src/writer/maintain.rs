//! Housekeeping: merges segments, drops dead contents, purges dead chunks from
//! the lexical index. Each step is published on its own, in the store's usual
//! order, so it can be interrupted or skipped at any point.

use std::collections::HashSet;

use super::Writer;
use super::update::open_lexical;
use crate::StoreError;
use crate::catalog::load::Heads;
use crate::catalog::{self, SegmentRow, segment_file_name};
use crate::collection::Collection;
use crate::records::ChunkId;
use crate::segment::{self, Layout, Part, Recoded, Segment};
use crate::store::Place;

/// More segments than this are merged.
const SEGMENTS: usize = 8;
/// So many segments of words do not wait for the next vectors to be merged.
const MOST_OF_WORDS: usize = 32;

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
    /// Segments of int8 tokens that were coded with the codebook.
    pub recoded_segments: usize,
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

    /// [`Writer::maintain`], where changes of words have piled up. It follows new vectors otherwise,
    /// but texts that were there before need none: nothing would ever be merged while branches
    /// are switched.
    pub fn maintain_words(&mut self) -> Result<Option<MaintainReport>, StoreError> {
        match &self.lexical {
            Some(lexical) if lexical.segments()? > MOST_OF_WORDS => self.maintain().map(Some),
            _ => Ok(None),
        }
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
        let done = self.tidy(&heads, &spare);
        self.poison_on_error(done)
    }

    fn tidy(&mut self, heads: &Heads, spare: &Spare) -> Result<MaintainReport, StoreError> {
        self.drop_foreign(heads)?;
        let recoded_segments = self.recode()?;
        let (merged_segments, dropped_contents) = self.merge_segments(heads, spare)?;
        Ok(MaintainReport {
            merged_segments,
            recoded_segments,
            dropped_contents,
            purged_chunks: self.purge_lexical(heads, spare)?,
            indexed_vectors: self.maintain_dense(heads)?,
        })
    }

    /// Removes segments that cannot be read here, once their contents are encoded again.
    fn drop_foreign(&mut self, heads: &Heads) -> Result<(), StoreError> {
        let mut live = heads.heads.iter();
        if self.foreign.is_empty() || !live.all(|head| self.encoded.contains(head.content)) {
            return Ok(());
        }
        let removed: Vec<u32> = std::mem::take(&mut self.foreign).into_iter().collect();
        self.publish_segments(&[], &removed, &[])?;
        for id in removed {
            // What stays is cleared by the next writer.
            let _ = self.place.storage.remove(&segment_file_name(id));
        }
        Ok(())
    }

    /// Codes the tokens of int8 segments, one segment after the other.
    fn recode(&mut self) -> Result<usize, StoreError> {
        let place = self.place.clone();
        let has_codebook = |collection| place.layout(collection).codebook.is_some();
        if !Collection::ALL.into_iter().any(has_codebook) {
            return Ok(0);
        }
        let mut recoded = 0;
        for row in self.usable_segments()? {
            let segment = place.segment(&row)?;
            if segment.bits().is_none() && has_codebook(segment.collection) {
                drop(segment);
                self.rewrite(&[&row], |_| true, &[])?;
                recoded += 1;
            }
        }
        Ok(recoded)
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
        let rows = self.usable_segments()?;
        let live: HashSet<u32> = heads.heads.iter().map(|head| head.content).collect();
        let dead = |row: &SegmentRow| row.contents.iter().filter(|id| !live.contains(id)).count();
        // A segment that cannot be read here may still name contents that seem dead.
        let drop_dead =
            self.foreign.is_empty() && rows.iter().map(dead).sum::<usize>() > spare.contents;
        if !drop_dead {
            return Ok((self.merge_small()?, 0));
        }
        let dropped = self.forgettable(&rows, &live)?;
        let mut merged = 0;
        for rows in self.by_collection(&rows)? {
            let group: Vec<&SegmentRow> = rows.into_iter().filter(|row| dead(row) > 0).collect();
            // Together they may be more than one segment should hold.
            for group in split(&group) {
                self.rewrite(group, |content| live.contains(&content), &[])?;
                merged += group.len();
            }
        }
        self.publish_segments(&[], &[], &dropped)?;
        Ok((merged, dropped.len()))
    }

    /// Merges as long as there are too many segments. Answers how many were merged.
    fn merge_small(&mut self) -> Result<usize, StoreError> {
        let mut merged = 0;
        loop {
            let rows = self.usable_segments()?;
            let collections = self.by_collection(&rows)?;
            let groups = collections.iter().map(|rows| mergeable(rows));
            let Some(group) = groups.into_iter().find(|group| !group.is_empty()) else {
                return Ok(merged);
            };
            self.rewrite(&group, |_| true, &[])?;
            merged += group.len();
        }
    }

    /// The segments of each collection: vectors of two models are in no segment together.
    fn by_collection<'r>(
        &self,
        rows: &'r [SegmentRow],
    ) -> Result<Vec<Vec<&'r SegmentRow>>, StoreError> {
        if !self.place.has_docs() {
            return Ok(vec![rows.iter().collect()]);
        }
        let mut both = vec![Vec::new(), Vec::new()];
        for row in rows {
            both[self.place.segment(row)?.collection as usize].push(row);
        }
        Ok(both)
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
        let place = self.place.clone();
        let storage = &*place.storage;
        let mut segments = Vec::with_capacity(group.len());
        for row in group {
            segments.push(open_sound(&place, row)?);
        }
        let collection = segments.first().map(|segment| segment.collection);
        let layout = place.layout(collection.unwrap_or(Collection::Main));
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
            added.push(write_coded(storage, id, layout, &parts)?);
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
fn open_sound(place: &Place, row: &SegmentRow) -> Result<Segment, StoreError> {
    let segment = place.segment(row)?;
    match segment.verify().into_iter().next() {
        None => Ok(segment),
        Some(problem) => Err(StoreError::damaged(
            place.storage.locate(&row.file_name()),
            problem,
        )),
    }
}

/// Writes a segment, with its tokens coded if there is a codebook.
pub(super) fn write_coded(
    storage: &dyn crate::storage::Storage,
    id: u32,
    layout: Layout<'_>,
    parts: &[Part<'_>],
) -> Result<SegmentRow, StoreError> {
    match layout.codebook {
        None => segment::write(storage, id, layout, parts),
        Some(known) => {
            let recoded = Recoded::new(parts, &known.codebook);
            segment::write(storage, id, layout, &recoded.parts(parts))
        }
    }
}

/// Cuts a row of segments so that no group is much larger than [`LARGE_SEGMENT`].
fn split<'g, 'r>(rows: &'g [&'r SegmentRow]) -> Vec<&'g [&'r SegmentRow]> {
    let mut groups = Vec::new();
    let (mut first, mut bytes) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        bytes += row.bytes;
        if bytes >= LARGE_SEGMENT {
            groups.push(&rows[first..=at]);
            (first, bytes) = (at + 1, 0);
        }
    }
    if first < rows.len() {
        groups.push(&rows[first..]);
    }
    groups
}

/// When there are too many segments: the smallest, as long as the next is not
/// much larger than all before it together, so that a content is copied a
/// logarithmic number of times.
fn mergeable<'r>(rows: &[&'r SegmentRow]) -> Vec<&'r SegmentRow> {
    let mut group: Vec<&SegmentRow> = rows
        .iter()
        .copied()
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
