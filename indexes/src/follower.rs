//! Whether there is a newer generation, asked again and again.

use std::fs::Metadata;
use std::path::Path;

use crate::StoreError;
use crate::catalog::Catalog;
use crate::store::Place;

/// A connection to a store that tells its generation, at a fraction of what opening it costs.
///
/// It holds no transaction: neither writers nor SQLite's log wait for it.
#[derive(Debug)]
pub struct Follower {
    catalog: Catalog,
    file: Metadata,
}

impl Follower {
    /// `None` where a connection cannot be kept: the store is on a read-only file system, which is
    /// read as if nobody could change it.
    pub(crate) fn open(place: &Place) -> Result<Option<Follower>, StoreError> {
        let path = place.catalog_path();
        let Ok(file) = std::fs::metadata(&path) else {
            return Ok(None);
        };
        let catalog = place.catalog_follower()?;
        Ok(catalog.map(|catalog| Follower { catalog, file }))
    }

    /// The current generation; `None` if the catalog is not the one that was opened any more, or
    /// cannot be read: opening it again tells why.
    pub fn generation(&self) -> Option<u64> {
        if !is_still(&self.file, self.catalog.path()) {
            return None;
        }
        self.catalog.state().ok().map(|state| state.generation)
    }
}

/// Whether a path leads to the same file. That file is open, so no other has its number.
fn is_still(file: &Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (file.dev(), file.ino()))
}
