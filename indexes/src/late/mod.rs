//! Late interaction over coded token matrices: the best contents by MaxSim.
//!
//! A store that is small enough is scanned: every token of every content meets the query, and the
//! ranking is that of the codes themselves, no approximation.
//!
//! The caller brings matrices as [`CodedSet`]s, usually one for each segment, and says which
//! contents may be found; filters come before scoring. Nothing is allocated per content.

mod candidates;
mod interaction;
mod kept;
mod pool;
mod postings;
mod query;
mod rank;
mod search;
mod set;
mod top;

pub use pool::pool;
pub use postings::{OwnedPostings, Postings, postings_of};
pub use query::{LateQuery, LateScorer};
pub use search::{SearchOptions, search};
pub use set::CodedSet;
pub use top::Found;

#[cfg(test)]
mod tests;
