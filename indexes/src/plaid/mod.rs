//! Indexes in the layout that PyLate, fast-plaid and next-plaid share.
//!
//! A folder holds the codebook (`centroids.npy`, `bucket_cutoffs.npy`, `bucket_weights.npy`), for
//! each chunk of documents the number of tokens of each (`doclens.<i>.json`) with their centroids
//! (`<i>.codes.npy`) and packed residuals (`<i>.residuals.npy`), and for all of them the documents
//! by centroid (`ivf.npy`, `ivf_lengths.npy`). Documents have numbers, in their order, and no names.
//!
//! The layout packs the bits of a residual row from the highest bit of a byte down, fathom from the
//! lowest up: one is the other with the bits of every byte reversed. [`Exporter`] writes such a
//! folder, [`PlaidIndex`] reads one.

mod error;
mod export;
mod import;
mod layout;
pub mod npy;
pub(crate) mod npy_header;

#[cfg(test)]
mod tests;

pub use error::PlaidError;
pub use export::{Exported, Exporter};
pub use import::{CodedDocuments, PlaidIndex};
