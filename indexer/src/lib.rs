//! From files on disk to a searchable store: walking, cutting into chunks,
//! planning what changed, and the pipeline that indexes and encodes.
//!
//! This crate knows nothing of queries.

pub mod chunk;
mod document;
pub mod language;
pub mod pipeline;
pub mod plan;
pub mod sample;
mod skip;
mod source;
mod symbols;
pub mod walk;
