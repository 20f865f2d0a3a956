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
