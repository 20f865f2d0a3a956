//! End-to-end tests of the built program: a command in a temporary tree, then
//! its exit code, stdout and stderr.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod answers;
mod asking;
mod changes;
mod clients;
mod collections;
mod common;
mod config;
mod encoders;
#[path = "../../models/tests/hub/fake.rs"]
mod fake_hub;
mod faults;
mod hostile;
mod injections;
mod install;
mod interchange;
mod interface;
mod interrupt;
mod lsp;
mod mcp;
mod model;
mod models;
mod pressed;
mod processes;
mod protocols;
mod reading;
mod search;
mod server;
mod serving;
mod soak;
mod streaming;
mod suspended;
mod talking;
mod ui;
mod watch;
mod worktrees;
