//! Answers that can be checked: context, prompts, the reader model, prompt
//! lookup, citations and their verification, explanation cards.
//!
//! The crate knows chunks and results, and nothing of terminals or protocols.

pub mod card;
pub mod cite;
pub mod context;
pub mod evidence;
pub mod lookup;
pub mod map;
pub mod models;
pub mod prompt;
pub mod reader;
#[cfg(test)]
mod testing;
pub mod untrusted;
