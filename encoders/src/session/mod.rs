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

/// So few documents are not worth the loading of models one after the other.
const FEW: usize = 16;

/// The sessions of one profile with its tokenizer. Open one per worker.
pub struct Encoder {
    engine: Engine,
    text: TextEncoder,
    profile: Profile,
    one_at_a_time: bool,
}

/// What runs.
enum Engine {
    Joint(Box<Joint>),
    Published(Box<PublishedEncoder>),
    /// Token vectors of the first, the dense vector of the second.
    Pair(Box<Later>, Box<Later>),
    /// Code, docs.
    Collections(Box<Later>, Box<Later>),
}

/// A member of a profile of several, opened when it is first needed: who encodes documents of one
/// collection needs the model of that one only.
struct Later {
    profile: Profile,
    options: EncoderOptions,
    opened: Option<Encoder>,
}

impl Later {
    fn new(profile: &Profile, options: &EncoderOptions) -> Box<Later> {
        Box::new(Later {
            profile: profile.clone(),
            options: options.clone(),
            opened: None,
        })
    }

    fn get(&mut self) -> Result<&mut Encoder, EncoderError> {
        match &mut self.opened {
            Some(encoder) => Ok(encoder),
            none => Ok(none.insert(Encoder::open(&self.profile, &self.options)?)),
        }
    }

    fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Gives its memory back; the next who needs it loads it again.
    fn close(&mut self) {
        self.opened = None;
    }
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
            Parts::Pair(late, dense) => {
                Engine::Pair(Later::new(late, options), Later::new(dense, options))
            }
            Parts::Collections(code, docs) => {
                Engine::Collections(Later::new(code, options), Later::new(docs, options))
            }
        };
        Ok(Encoder {
            engine,
            text,
            profile: profile.clone(),
            one_at_a_time: options.one_at_a_time,
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
                joint.encode_query(&query.ids)
            }
            Engine::Published(published) => published.query(text),
            Engine::Pair(late, dense) => Ok(both(
                late.get()?.encode_query(text)?,
                dense.get()?.encode_query(text)?,
            )),
            Engine::Collections(code, docs) => Ok(Embedding {
                docs: Some(Box::new(docs.get()?.encode_query(text)?)),
                ..code.get()?.encode_query(text)?
            }),
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
        self.encode_until(docs, &|| false)
    }

    /// [`Encoder::encode_documents`] until it is told to stop: those of the first documents.
    ///
    /// # Errors
    /// If the model fails or gives a value that is not finite.
    pub fn encode_until(
        &mut self,
        docs: &[Document],
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Embedding>, EncoderError> {
        let in_turn = self.one_at_a_time && docs.len() > FEW;
        match &mut self.engine {
            Engine::Pair(late, dense) if in_turn => return both_in_turn(late, dense, docs, stop),
            Engine::Collections(code, docs_model) if in_turn => {
                // What comes together is of one collection.
                let other = if docs[0].docs { code } else { docs_model };
                other.close();
            }
            _ => {}
        }
        each(docs, stop, |doc| self.encode(doc))
    }

    /// Whether documents should come many at once: its models are loaded one at a time.
    pub fn takes_turns(&self) -> bool {
        let has_several = matches!(self.engine, Engine::Pair(..) | Engine::Collections(..));
        self.one_at_a_time && has_several
    }

    fn encode(&mut self, doc: &Document) -> Result<Embedding, EncoderError> {
        match &mut self.engine {
            Engine::Joint(joint) => joint.encode(&doc.ids),
            Engine::Published(published) => published.document(&doc.ids),
            Engine::Pair(late, dense) => Ok(both(
                late.get()?.encode(doc)?,
                dense
                    .get()?
                    .encode(&Document::new(doc.dense_ids.clone(), 0))?,
            )),
            Engine::Collections(code, docs) => {
                let model = if doc.docs { docs } else { code };
                model.get()?.encode(doc)
            }
        }
    }
}

/// All documents by one model, then all by the other; the one that is loaded begins, so that each
/// is loaded once for two calls.
fn both_in_turn(
    late: &mut Later,
    dense: &mut Later,
    docs: &[Document],
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Embedding>, EncoderError> {
    let tokens = |late: &mut Later| late.get()?.encode_until(docs, stop);
    let vectors = |dense: &mut Later| {
        let encoder = dense.get()?;
        each(docs, stop, |doc| {
            encoder.encode(&Document::new(doc.dense_ids.clone(), 0))
        })
    };
    let (of_late, of_dense) = if dense.is_open() {
        let of_dense = vectors(dense)?;
        dense.close();
        (tokens(late)?, of_dense)
    } else {
        let of_late = tokens(late)?;
        late.close();
        (of_late, vectors(dense)?)
    };
    let pairs = of_late.into_iter().zip(of_dense);
    Ok(pairs.map(|(late, dense)| both(late, dense)).collect())
}

/// Encodes one document after the other, until told to stop.
fn each(
    docs: &[Document],
    stop: &dyn Fn() -> bool,
    encode: impl FnMut(&Document) -> Result<Embedding, EncoderError>,
) -> Result<Vec<Embedding>, EncoderError> {
    let wanted = docs.iter().take_while(|_| !stop());
    wanted.map(encode).collect()
}

fn both(late: Embedding, dense: Embedding) -> Embedding {
    Embedding::new(late.tokens, dense.dense)
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
