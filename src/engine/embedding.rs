//! Vectors of any text by the bundled model, and how well texts answer a query by them.

use fathom_encoders::{Document, Embedding, TextEncoder};
use fathom_indexer::pipeline;

use super::serving::{Engine, EngineError};
use crate::workspace::WorkspaceError;

/// Most tokens of one request: some seconds of one core.
pub const MOST_TOKENS: usize = 32_768;
/// Texts that are encoded at once.
const BATCH: usize = 8;

/// The vectors of a text. A text that is longer than the model's window is encoded in pieces.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// One for each piece.
    pieces: Vec<Embedding>,
    /// Tokens of all of them.
    pub tokens: usize,
}

impl Engine {
    /// Vectors of queries.
    ///
    /// # Errors
    /// If the model does not load, or there is too much.
    pub fn embed_queries(&self, queries: &[String]) -> Result<Vec<Embedded>, EngineError> {
        let text = self.text_encoder()?;
        let tokens: Vec<usize> = queries
            .iter()
            .map(|query| text.query(query).ids.len())
            .collect();
        check(tokens.iter().sum())?;
        let embedded = queries.iter().zip(tokens).map(|(query, tokens)| {
            let embedding = self.selected_model().encode_query(query)?;
            Ok(Embedded {
                pieces: vec![embedding],
                tokens,
            })
        });
        let embedded: Result<_, WorkspaceError> = embedded.collect();
        Ok(embedded?)
    }

    /// Vectors of texts, as code is indexed.
    ///
    /// # Errors
    /// If the model does not load, or there is too much.
    pub fn embed_documents(&self, texts: &[String]) -> Result<Vec<Embedded>, EngineError> {
        let encoder = self.text_encoder()?;
        check(texts.iter().map(|text| encoder.ids(text).len()).sum())?;
        let texts: Vec<Vec<Document>> = texts.iter().map(|text| pieces(&encoder, text)).collect();
        let all: Vec<Document> = texts.iter().flatten().cloned().collect();
        let mut embeddings = self.encode(&all)?.into_iter();
        let embedded = texts.iter().map(|pieces| Embedded {
            pieces: embeddings.by_ref().take(pieces.len()).collect(),
            tokens: tokens(pieces),
        });
        Ok(embedded.collect())
    }

    fn text_encoder(&self) -> Result<TextEncoder, WorkspaceError> {
        Ok(TextEncoder::open(self.profile())?)
    }

    /// By a session that is not the one of queries, so that searches need not wait.
    fn encode(&self, documents: &[Document]) -> Result<Vec<Embedding>, WorkspaceError> {
        let _working = crate::leaving::working();
        let mut encoder = self.encoders().take()?;
        let mut embeddings = Vec::with_capacity(documents.len());
        for batch in documents.chunks(BATCH) {
            embeddings.append(&mut pipeline::embed(&mut encoder, batch)?);
        }
        self.encoders().give_back(encoder);
        Ok(embeddings)
    }
}

fn check(tokens: usize) -> Result<(), EngineError> {
    match tokens > MOST_TOKENS {
        true => Err(EngineError::TooMuch { tokens }),
        false => Ok(()),
    }
}

fn tokens(pieces: &[Document]) -> usize {
    pieces.iter().map(|piece| piece.ids.len()).sum()
}

/// A text in pieces of whole lines that the model can take; an empty one is one piece.
fn pieces(encoder: &TextEncoder, text: &str) -> Vec<Document> {
    let window = encoder.max_document_tokens().max(1);
    let (mut pieces, mut piece, mut length) = (Vec::new(), String::new(), 0);
    for line in text
        .split_inclusive('\n')
        .flat_map(|line| parts(encoder, line, window))
    {
        let tokens = encoder.ids(line).len();
        if length + tokens > window {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
        piece.push_str(line);
        length += tokens;
    }
    pieces.push(piece);
    let document = |piece: &String| encoder.document("", piece, 0);
    pieces.iter().map(document).collect()
}

/// A line, halved until its parts can be taken.
fn parts<'a>(encoder: &TextEncoder, line: &'a str, window: usize) -> Vec<&'a str> {
    let middle = line.floor_char_boundary(line.len() / 2);
    if middle == 0 || encoder.ids(line).len() <= window {
        return vec![line];
    }
    let (before, after) = line.split_at(middle);
    let mut all = parts(encoder, before, window);
    all.extend(parts(encoder, after, window));
    all
}

impl Embedded {
    /// One vector of length 1: the mean of those of the pieces.
    pub fn dense(&self) -> Vec<f32> {
        let mut sum = vec![0.0; self.pieces.first().map_or(0, |piece| piece.dense.len())];
        for piece in &self.pieces {
            for (sum, value) in sum.iter_mut().zip(&piece.dense) {
                *sum += value;
            }
        }
        let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            sum.iter_mut().for_each(|value| *value /= length);
        }
        sum
    }

    /// How well a document answers this query, 0 to 1: the mean over the query's tokens of the
    /// best cosine with a token of the document (late interaction, as in ColBERT).
    pub fn relevance(&self, document: &Embedded) -> f32 {
        let queries = self.pieces.iter().flat_map(rows);
        let (mut sum, mut count) = (0.0, 0);
        for token in queries {
            let others = document.pieces.iter().flat_map(rows);
            sum += others.map(|other| dot(token, other)).fold(0.0, f32::max);
            count += 1;
        }
        match count {
            0 => 0.0,
            count => (sum / count as f32).clamp(0.0, 1.0),
        }
    }
}

fn rows(embedding: &Embedding) -> impl Iterator<Item = &[f32]> {
    (0..embedding.tokens.rows()).map(|row| embedding.tokens.row(row))
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
