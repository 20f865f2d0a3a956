//! Answers that can be checked: context, prompts, the reader model, prompt
//! lookup, citations and their verification, explanation cards.
//!
//! The crate knows chunks and results, and nothing of terminals or protocols.

pub mod answer;
pub mod card;
pub mod cite;
pub mod confidence;
pub mod context;
pub mod conversation;
pub mod edited;
pub mod evidence;
pub mod lookup;
pub mod map;
pub mod models;
pub mod prompt;
pub mod reader;
#[cfg(test)]
mod testing;
pub mod tiers;
pub mod untrusted;
