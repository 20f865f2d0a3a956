//! What commands and servers do with a repository: bring it up to date, search, ask, explain.
//!
//! Nothing here prints, reads arguments or knows a protocol.

pub mod embedding;
pub mod explanation;
pub mod freshness;
pub mod listener;
pub mod prose;
pub mod question;
pub mod repository;
pub mod requests;
pub mod reranking;
pub mod results;
pub mod session;

mod kept;
mod serving;

pub use repository::Repository;
pub use serving::{Engine, EngineError, Place};
