//! Search over a store: query understanding, candidates, fusion, code-aware ranking, exact modes, evaluation.

pub mod bootstrap;
mod error;
pub mod evaluate;
pub mod filter;
mod intent;
pub mod lines;
pub mod rank;
mod request;
pub mod understand;
mod words;

pub use error::RetrieveError;
pub use request::{
    Confidence, Filter, Mode, QueryEncoder, SearchHit, SearchOutcome, SearchRequest, Vectors,
};
