//! From files on disk to a searchable store: walking, cutting into chunks,
//! planning what changed, and the pipeline that indexes and encodes.
//!
//! This crate knows nothing of queries.

pub mod chunk;
pub mod language;
mod symbols;
