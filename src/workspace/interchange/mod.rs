//! An index on its way to other programs and to other machines.
//!
//! The index goes into the layout that PyLate, fast-plaid and next-plaid share, where documents
//! are numbers. What they are numbers of lies beside it, in files that only fathom reads. With
//! them an index can be carried to another machine: where the same code is indexed with the same
//! model, encodings are taken over instead of made again.

mod export;
mod import;
mod inspect;
mod sidecar;

pub use export::ExportReport;
pub use import::{ImportError, ImportReport};
pub use inspect::{Inspected, Inspection};
