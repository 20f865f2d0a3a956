//! Keeps faiss's index of dense vectors up with a large store.

use std::collections::HashSet;

use super::Writer;
use crate::StoreError;
use crate::catalog;
use crate::catalog::load::Heads;
use crate::collection::Collection;
use crate::dense::DenseIndex;
use crate::segment::Segment;
use crate::snapshot::worth_clusters;

/// Where the vector of an encoded content is.
struct Place {
    content: u32,
    segment: usize,
    ordinal: usize,
}

impl Writer {
    /// Builds, extends or leaves the index. What it lacks is scanned by searches,
    /// so it only has to keep up roughly. Answers how many vectors were added.
    pub(super) fn maintain_dense(&mut self, heads: &Heads) -> Result<usize, StoreError> {
        if self.place.identity.dense_dim == 0 {
            return Ok(0);
        }
        let rows = self.usable_segments()?;
        let live: HashSet<u32> = heads.heads.iter().map(|head| head.content).collect();
        let mut places = Vec::with_capacity(live.len());
        for (segment, row) in rows.iter().enumerate() {
            let contents = row.contents.iter().enumerate();
            places.extend(contents.filter(|(_, content)| live.contains(content)).map(
                |(ordinal, &content)| Place {
                    content,
                    segment,
                    ordinal,
                },
            ));
        }
        if !worth_clusters(places.len()) || places.len() < live.len() {
            return Ok(0);
        }
        self.forget_unencoded(&rows, &live)?;
        let open = |row| self.place.segment(row);
        let segments: Vec<Segment> = rows.iter().map(open).collect::<Result<_, _>>()?;
        // Docs with vectors of their own are always scanned.
        places.retain(|place| segments[place.segment].collection == Collection::Main);
        places.sort_by_key(|place| place.content);
        self.update_index(&places, &segments)
    }

    /// A content below the end of the index must be in it. One that was never
    /// encoded and has no chunk could come back under its id, so it loses it.
    fn forget_unencoded(
        &mut self,
        rows: &[catalog::SegmentRow],
        live: &HashSet<u32>,
    ) -> Result<(), StoreError> {
        let encoded: HashSet<u32> = rows
            .iter()
            .flat_map(|row| row.contents.iter().copied())
            .collect();
        let mut known = self.catalog.check(catalog::content_ids)?;
        known.retain(|id| !live.contains(id) && !encoded.contains(id));
        match known.is_empty() {
            true => Ok(()),
            false => self.publish_segments(&[], &[], &known),
        }
    }

    fn update_index(&self, places: &[Place], segments: &[Segment]) -> Result<usize, StoreError> {
        let (storage, dim) = (&*self.place.storage, self.place.identity.dense_dim);
        let known = DenseIndex::load(storage, dim).map(|(index, _)| index);
        // An index that is small beside what it lacks, or mostly dead, is built anew.
        let known = known.filter(|index| {
            let newer = newer_than(index, places).len();
            newer * 4 < places.len() && index.count() < 2 * places.len()
        });
        let (index, added) = match known {
            Some(mut index) => {
                let newer = newer_than(&index, places);
                if !worth_clusters(newer.len().saturating_mul(4)) {
                    return Ok(0);
                }
                let (ids, vector) = vectors(newer, segments);
                index.extend(&ids, &vector)?;
                (index, ids.len())
            }
            None => {
                let (ids, vector) = vectors(places, segments);
                (DenseIndex::build(&ids, dim, &vector)?, ids.len())
            }
        };
        index.save(storage, self.state.generation)?;
        Ok(added)
    }
}

/// The places, sorted by content, that an index does not know.
fn newer_than<'p>(index: &DenseIndex, places: &'p [Place]) -> &'p [Place] {
    &places[places.partition_point(|place| place.content < index.end())..]
}

/// Content ids, and what writes the vector of the n-th of them.
fn vectors<'a>(
    places: &'a [Place],
    segments: &'a [Segment],
) -> (Vec<u32>, impl Fn(usize, &mut [f32]) + 'a) {
    let ids = places.iter().map(|place| place.content).collect();
    let vector = move |at: usize, out: &mut [f32]| {
        let Place {
            segment, ordinal, ..
        } = places[at];
        let dense = segments[segment].dense(ordinal);
        for (out, &code) in out.iter_mut().zip(dense.codes) {
            *out = f32::from(code) * dense.scale;
        }
    };
    (ids, vector)
}
