//! Search over a store: query understanding, candidates, fusion, code-aware ranking, exact modes, evaluation.

pub mod bootstrap;
mod calibrate;
pub mod candidates;
mod confidence;
mod content;
mod definitions;
mod error;
pub mod evaluate;
pub mod filter;
mod imports;
mod intent;
mod judging;
pub mod lines;
mod paths;
pub mod rank;
mod regex_mode;
mod request;
mod search;
mod similar;
mod symbol_mode;
pub mod understand;
mod vectors;
mod words;

pub use content::Content;
pub use error::RetrieveError;
pub use imports::is_import;
pub use request::{
    Confidence, Filter, Mode, QueryEncoder, SearchHit, SearchOutcome, SearchRequest,
};
pub use search::{search, search_with};
pub use similar::{SimilarRequest, chunk_at, similar};
pub use vectors::{VectorQuery, Vectors};
