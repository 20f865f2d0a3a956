//! fathom: finds code on the user's own machine.
//!
//! This is the façade over the crates that do the work. [`workspace::Workspace`]
//! is one repository opened for use: refresh it, search it, ask for its status.
//! [`config::Settings`] says where things live and how much may be done.
//! Everything that talks to people or programs (arguments, text, JSON) is in the
//! binary, not here.

pub mod config;
pub mod daemon;
pub mod env;
pub mod model;
pub mod reader;
pub mod workspace;
