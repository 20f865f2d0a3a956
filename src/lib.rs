//! fathom: finds code on the user's own machine.
//!
//! This is the façade over the crates that do the work. [`workspace::Workspace`]
//! is one repository opened for use: refresh it, search it, ask for its status.
//! [`config::Settings`] says where things live and how much may be done.
//! [`engine`] does what commands and servers ask for, [`output`] is how it looks to people
//! and programs, [`serve`] is HTTP, [`ui`] a terminal. Arguments, standard streams and signals are in the binary, not here.

pub mod config;
pub mod daemon;
pub mod encoder;
pub mod engine;
pub mod env;
pub mod leaving;
pub mod lsp;
pub mod model;
pub mod output;
#[cfg(feature = "qdrant")]
pub mod qdrant;
pub mod reader;
pub mod serve;
pub mod ui;
pub mod workspace;
