//! Model profiles, text preparation and ONNX Runtime sessions: text in, token
//! matrices and dense vectors out.
//!
//! The crate knows models and nothing of chunks, files or indexes. A
//! [`Profile`] describes a model as data, a [`TextEncoder`] turns text into
//! the ids that the model reads (no runtime needed), and an [`Encoder`] runs
//! the model.

mod embedding;
mod error;
mod judge;
mod profile;
pub mod runtime;
mod session;
mod telemetry;
mod text;

pub use embedding::{Document, Embedding, TokenMatrix};
pub use error::EncoderError;
pub use judge::Judge;
pub use profile::{Kind, KnownHash, Named, Profile, TextRules};
pub use runtime::RuntimeLocation;
pub use session::{Encoder, EncoderOptions, PairEncoder, PairScore, Provider};
pub use text::TextEncoder;
