//! Encodings that another store of the same model has.

use super::Writer;
use super::maintain::write_coded;
use crate::StoreError;
use crate::records::ContentHash;
use crate::segment::Part;
use crate::snapshot::Snapshot;

/// Contents of one new segment, at most.
const CONTENTS: usize = 16_384;

impl Writer {
    /// Copies encodings from another store, of contents that are known here and not encoded; the
    /// two share nothing afterwards. A segment that is damaged or cannot be read here is left
    /// alone. Answers how many contents are encoded by it.
    pub fn borrow(&mut self, donor: &Snapshot) -> Result<usize, StoreError> {
        self.ensure_sound()?;
        if !donor.is_of(&self.place.identity) {
            return Ok(0);
        }
        let place = self.place.clone();
        let mut borrowed = 0;
        for (row, segment) in donor.open_segments() {
            let hashes: Vec<ContentHash> =
                (0..row.contents.len()).map(|at| segment.hash(at)).collect();
            let wanted = self.wanted(hashes.into_iter())?;
            if wanted.is_empty() || !segment.verify().is_empty() {
                continue;
            }
            for wanted in wanted.chunks(CONTENTS) {
                let part = |&(id, at): &(u32, usize)| segment.part(id, at);
                let parts: Vec<Part<'_>> = wanted.iter().map(part).collect();
                let id = self.state.next_segment;
                let layout = place.layout(segment.collection);
                let row = write_coded(&*place.storage, id, layout, &parts);
                let published = row.and_then(|row| self.publish_segments(&[row], &[], &[]));
                self.poison_on_error(published)?;
                borrowed += wanted.len();
            }
        }
        Ok(borrowed)
    }
}
