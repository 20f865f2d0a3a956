//! Running models: documents and queries in, embeddings out.

mod bundled;
mod graph;
mod heads;
mod options;
mod pairs;
mod published;
mod tensors;

use crate::profile::Parts;
use crate::{Document, Embedding, EncoderError, Profile, TextEncoder, TokenMatrix};
use bundled::Joint;
pub use options::{EncoderOptions, Provider};
pub use pairs::{PairEncoder, PairScore};
use published::PublishedEncoder;

/// The sessions of one profile with its tokenizer. Open one per worker.
pub struct Encoder {
    engine: Engine,
    text: TextEncoder,
    profile: Profile,
}

/// What runs.
enum Engine {
    Joint(Box<Joint>),
    Published(Box<PublishedEncoder>),
    /// Token vectors of the first, the dense vector of the second.
    Pair(Box<Encoder>, Box<Encoder>),
}

impl Encoder {
    /// Loads the runtime (once per process), the tokenizer and the model.
    ///
    /// # Errors
    /// If one of them is missing or damaged; the message says what to do.
    pub fn open(profile: &Profile, options: &EncoderOptions) -> Result<Encoder, EncoderError> {
        let text = TextEncoder::open(profile)?;
        let engine = match profile.parts() {
            Parts::Joint(described) => Engine::Joint(Box::new(Joint::open(described, options)?)),
            Parts::Published(published) => Engine::Published(Box::new(PublishedEncoder::open(
                published,
                text.clone(),
                options,
            )?)),
            Parts::Pair(late, dense) => Engine::Pair(
                Box::new(Encoder::open(late, options)?),
                Box::new(Encoder::open(dense, options)?),
            ),
        };
        Ok(Encoder {
            engine,
            text,
            profile: profile.clone(),
        })
    }

    /// The model that this encodes with.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The tokenizer, to prepare documents with.
    pub fn text(&self) -> &TextEncoder {
        &self.text
    }

    /// Encodes a question.
    ///
    /// # Errors
    /// If the model fails.
    pub fn encode_query(&mut self, text: &str) -> Result<Embedding, EncoderError> {
        match &mut self.engine {
            Engine::Joint(joint) => {
                let query = self.text.query(text);
                joint.encode(&query.ids)
            }
            Engine::Published(published) => published.query(text),
            Engine::Pair(late, dense) => {
                Ok(both(late.encode_query(text)?, dense.encode_query(text)?))
            }
        }
    }

    /// Encodes documents; results are in the order of `docs`.
    ///
    /// Each text is one forward pass: activations are quantised with one scale
    /// per pass, so a batch would make a document's vectors depend on its
    /// neighbours, and it would gain no speed (2 % at 60 tokens, none at 180).
    ///
    /// # Errors
    /// If the model fails or gives a value that is not finite.
    pub fn encode_documents(&mut self, docs: &[Document]) -> Result<Vec<Embedding>, EncoderError> {
        docs.iter().map(|doc| self.encode(doc)).collect()
    }

    fn encode(&mut self, doc: &Document) -> Result<Embedding, EncoderError> {
        match &mut self.engine {
            Engine::Joint(joint) => joint.encode(&doc.ids),
            Engine::Published(published) => published.document(&doc.ids),
            Engine::Pair(late, dense) => Ok(both(
                late.encode(doc)?,
                dense.encode(&Document::new(doc.dense_ids.clone(), 0))?,
            )),
        }
    }
}

fn both(late: Embedding, dense: Embedding) -> Embedding {
    Embedding {
        tokens: late.tokens,
        dense: dense.dense,
    }
}

/// `run`'s embedding, if it is one.
fn checked(
    profile: &str,
    tokens: usize,
    run: impl FnOnce() -> Result<Embedding, String>,
) -> Result<Embedding, EncoderError> {
    let reason = match run() {
        Ok(embedding) if is_finite(&embedding) => return Ok(embedding),
        Ok(_) => "its output has values that are not finite".to_owned(),
        Err(reason) => reason,
    };
    Err(EncoderError::Run {
        profile: profile.to_owned(),
        tokens,
        reason,
    })
}

fn is_finite(embedding: &Embedding) -> bool {
    let values = embedding.tokens.as_slice().iter().chain(&embedding.dense);
    values.copied().all(f32::is_finite)
}

/// A vector's share of each direction, at length 1; one without a direction stays as it is.
fn normalise(vector: &mut [f32]) {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}

fn matrix(dim: usize, mut rows: Vec<f32>) -> TokenMatrix {
    rows.chunks_exact_mut(dim.max(1)).for_each(normalise);
    TokenMatrix::new(dim, rows)
}
