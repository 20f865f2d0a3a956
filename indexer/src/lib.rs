//! From files on disk to a searchable store: walking, cutting into chunks,
//! planning what changed, the pipeline that indexes and encodes, and noticing
//! that there is something to do.
//!
//! This crate knows nothing of queries.

pub mod chunk;
pub mod current;
mod document;
pub mod language;
pub mod pipeline;
pub mod plan;
pub mod sample;
mod skip;
mod source;
mod symbols;
pub mod walk;
pub mod watch;
