//! Running the model: documents and queries in, embeddings out.

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use crate::runtime::{self, RuntimeLocation};
use crate::{Document, Embedding, EncoderError, Profile, TextEncoder, TokenMatrix, batch};

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
        let mut embeddings = self.run(&[&query])?;
        embeddings
            .pop()
            .ok_or_else(|| self.failed(1, query.ids.len(), "it gave no output"))
    }

    /// Encodes documents, in batches of similar length; results are in the
    /// order of `docs`.
    ///
    /// # Errors
    /// If the model fails or gives a value that is not finite.
    pub fn encode_documents(&mut self, docs: &[Document]) -> Result<Vec<Embedding>, EncoderError> {
        let lengths: Vec<usize> = docs.iter().map(|doc| doc.ids.len()).collect();
        let (order, batches) = batch::plan(&lengths);
        let mut results: Vec<Option<Embedding>> = vec![None; docs.len()];
        for range in batches {
            let members = &order[range];
            let batch: Vec<&Document> = members.iter().map(|&i| &docs[i]).collect();
            for (&i, embedding) in members.iter().zip(self.run(&batch)?) {
                results[i] = Some(embedding);
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// One forward pass.
    fn run(&mut self, batch: &[&Document]) -> Result<Vec<Embedding>, EncoderError> {
        let length = batch.iter().map(|doc| doc.ids.len()).max().unwrap_or(0);
        let reason = match self.forward(batch, length) {
            Ok(embeddings) if embeddings.iter().all(is_finite) => return Ok(embeddings),
            Ok(_) => "its output has values that are not finite".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(self.failed(batch.len(), length, &reason))
    }

    fn forward(&mut self, batch: &[&Document], length: usize) -> ort::Result<Vec<Embedding>> {
        let shape = [batch.len(), length];
        let (ids, mask) = padded(batch, length);
        let outputs = self.session.run(ort::inputs![
            "input_ids" => TensorRef::from_array_view((shape, &ids[..]))?,
            "attention_mask" => TensorRef::from_array_view((shape, &mask[..]))?,
        ])?;
        let (_, tokens) = outputs["tokens"].try_extract_tensor::<f32>()?;
        let (_, dense) = outputs["dense"].try_extract_tensor::<f32>()?;
        let (token_dim, dense_dim) = (self.profile.token_dim(), self.profile.dense_dim());
        let rows = tokens.chunks(length * token_dim);
        let embeddings = batch.iter().zip(rows).zip(dense.chunks(dense_dim));
        let keep_special = self.profile.text_rules().keep_special_rows;
        Ok(embeddings
            .map(|((doc, rows), dense)| {
                let kept = if keep_special {
                    0..doc.ids.len()
                } else {
                    1..doc.ids.len() - 1
                };
                let rows = &rows[kept.start * token_dim..kept.end * token_dim];
                Embedding {
                    tokens: TokenMatrix::new(token_dim, rows.to_vec()),
                    dense: dense.to_vec(),
                }
            })
            .collect())
    }

    fn failed(&self, texts: usize, tokens: usize, reason: &str) -> EncoderError {
        EncoderError::Run {
            profile: self.profile.name().to_owned(),
            texts,
            tokens,
            reason: reason.to_owned(),
        }
    }
}

fn open_session(profile: &Profile, options: &EncoderOptions) -> Result<Session, EncoderError> {
    let environment = runtime::environment(&options.runtime)?;
    let bytes = profile.model_bytes()?;
    let session = || -> ort::Result<Session> {
        Session::builder(&environment)?
            .with_optimization_level(GraphOptimizationLevel::Level1)?
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

/// Ids and attention mask of a batch, `[batch, length]` row-major.
fn padded(batch: &[&Document], length: usize) -> (Vec<i64>, Vec<i64>) {
    let mut ids = vec![0; batch.len() * length];
    let mut mask = vec![0; batch.len() * length];
    for (row, doc) in batch.iter().enumerate() {
        let range = row * length..row * length + doc.ids.len();
        mask[range.clone()].fill(1);
        for (slot, &id) in ids[range].iter_mut().zip(&doc.ids) {
            *slot = id.into();
        }
    }
    (ids, mask)
}

fn is_finite(embedding: &Embedding) -> bool {
    let values = embedding.tokens.as_slice().iter().chain(&embedding.dense);
    values.into_iter().all(|value| value.is_finite())
}
