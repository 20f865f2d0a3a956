//! Running the model: documents and queries in, embeddings out.

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use crate::runtime::{self, RuntimeLocation};
use crate::{Document, Embedding, EncoderError, Profile, TextEncoder, TokenMatrix};

/// How to open an [`Encoder`].
#[derive(Debug, Clone)]
pub struct EncoderOptions {
    /// Threads inside one forward pass. One is best for throughput (one
    /// encoder per core); more shorten a single query.
    pub intra_threads: usize,
    /// How to find the library.
    pub runtime: RuntimeLocation,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            intra_threads: 1,
            runtime: RuntimeLocation::Search,
        }
    }
}

/// One ONNX Runtime session with its tokenizer. Open one per worker.
pub struct Encoder {
    session: Session,
    text: TextEncoder,
    profile: Profile,
}

impl Encoder {
    /// Loads the runtime (once per process), the tokenizer and the model.
    ///
    /// # Errors
    /// If one of them is missing or damaged; the message says what to do.
    pub fn open(profile: &Profile, options: &EncoderOptions) -> Result<Encoder, EncoderError> {
        Ok(Encoder {
            session: open_session(profile, options)?,
            text: TextEncoder::open(profile)?,
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
        let query = self.text.query(text);
        self.encode(&query)
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
        let reason = match self.forward(doc) {
            Ok(embedding) if is_finite(&embedding) => return Ok(embedding),
            Ok(_) => "its output has values that are not finite".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(EncoderError::Run {
            profile: self.profile.name().to_owned(),
            tokens: doc.ids.len(),
            reason,
        })
    }

    fn forward(&mut self, doc: &Document) -> ort::Result<Embedding> {
        let ids: Vec<i64> = doc.ids.iter().map(|&id| id.into()).collect();
        let input = TensorRef::from_array_view(([1, ids.len()], &ids[..]))?;
        let outputs = self.session.run(ort::inputs!["input_ids" => input])?;
        let (_, tokens) = outputs["tokens"].try_extract_tensor::<f32>()?;
        let (_, dense) = outputs["dense"].try_extract_tensor::<f32>()?;
        let dim = self.profile.token_dim();
        let tokens = match self.profile.text_rules().keep_special_rows {
            true => tokens,
            false => &tokens[dim..tokens.len() - dim],
        };
        Ok(Embedding {
            tokens: TokenMatrix::new(dim, tokens.to_vec()),
            dense: dense.to_vec(),
        })
    }
}

fn open_session(profile: &Profile, options: &EncoderOptions) -> Result<Session, EncoderError> {
    let environment = runtime::environment(&options.runtime)?;
    let bytes = profile.model_bytes()?;
    let session = || -> ort::Result<Session> {
        Session::builder(&environment)?
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .with_intra_threads(options.intra_threads)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?
            .commit_from_memory(&bytes)
    };
    session().map_err(|error| EncoderError::Model {
        profile: profile.name().to_owned(),
        reason: error.to_string(),
    })
}

fn is_finite(embedding: &Embedding) -> bool {
    let values = embedding.tokens.as_slice().iter().chain(&embedding.dense);
    values.copied().all(f32::is_finite)
}
