//! Prompt lookup: drafts copied from the prompt and the output so far,
//! verified by the model in one pass.
//!
//! An answer that quotes its context repeats long runs of it. The last tokens
//! of the output are looked up in the text so far ([`Lookup`]), what followed
//! them there is a draft, and the model scores the whole draft in one batch
//! ([`generate`]). The longest agreeing beginning is kept, the rest is rolled
//! back: the output is that of plain decoding, only sooner. After Prompt
//! Lookup Decoding (A. Saxena, 2023) and speculative decoding (Leviathan et
//! al., 2023).
//!
//! Nothing here knows llama.cpp: the model is a [`Target`].

mod acceptance;
mod cost;
mod decode;
mod draft_model;
mod drafter;
mod ngrams;
mod sample;
#[cfg(test)]
mod tests;

pub use cost::CostCurve;
pub use decode::{DecodeStats, DraftCount, Drafter, Target, Token, generate};
pub use draft_model::DraftModel;
pub use drafter::Lookup;
pub use sample::{Chooser, Chosen, Sampling};
