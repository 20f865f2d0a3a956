//! The reader through llama.cpp, with a small model that the project makes
//! itself (`training/reader/`).
#![cfg(feature = "llama")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "llama/common.rs"]
mod common;
#[path = "llama/drafts.rs"]
mod drafts;
#[path = "llama/files.rs"]
mod files;
#[path = "llama/interrupt.rs"]
mod interrupt;
#[path = "llama/memory.rs"]
mod memory;
#[path = "llama/prompts.rs"]
mod prompts;
