//! Model files on this machine: what was brought here and from where, and how
//! files are imported, verified and removed.

mod bundle;
mod error;
mod import;
mod parts;
mod record;
mod remove;
mod verify;

pub use bundle::{Bundle, files_of_encoder};
pub use error::StoreError;
pub use import::{Imported, Source};
pub use parts::{PartName, all_parts};
pub use record::{FileRecord, Origin, RECORD_FILE, Record};
pub use remove::{Removed, remove_cached, remove_own};
pub use verify::{Verdict, verify};

/// Whether `needed` bytes fit onto the disk of `folder`, as far as the system tells.
fn check_room(needed: u64, folder: &std::path::Path) -> Result<(), StoreError> {
    match crate::space::available(folder) {
        Some(free) if free < needed => Err(StoreError::NoRoom {
            needed,
            free,
            folder: folder.to_owned(),
        }),
        _ => Ok(()),
    }
}
