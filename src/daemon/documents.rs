//! Encodes documents for searches: chunks that were saved a moment ago and are not encoded yet.
//!
//! Several searches find the same new chunks, so what was made is kept for the next. None waits
//! for all that others want: each document is a turn of its own, and after a while a search is
//! given what there is.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fathom_encoders::{Document, Embedding, Encoder, EncoderError};
use fathom_indexer::pipeline::{self, Encoders};

/// After this time a search gets the embeddings that there are by then.
const BUDGET: Duration = Duration::from_millis(100);
/// Numbers in the embeddings that are kept: 16 MiB.
const KEPT: usize = 4 << 20;

/// The encoder of documents that searches ask for.
pub(super) struct Documents {
    encoders: Arc<Encoders>,
    encoder: Mutex<Option<Encoder>>,
    kept: Mutex<Kept>,
}

/// All that an embedding is made of.
type Ids = (bool, [Vec<u32>; 2]);

#[derive(Default)]
struct Kept {
    by_ids: HashMap<Ids, Arc<Embedding>>,
    /// Oldest first.
    order: VecDeque<Ids>,
    numbers: usize,
}

impl Documents {
    /// Loads nothing yet.
    pub fn new(encoders: Arc<Encoders>) -> Documents {
        Documents {
            encoders,
            encoder: Mutex::new(None),
            kept: Mutex::default(),
        }
    }

    /// Embeddings of the first of `documents`, at least one, as many as there is time for.
    pub fn encode(&self, documents: &[Document]) -> Result<Vec<Arc<Embedding>>, EncoderError> {
        let until = Instant::now() + BUDGET;
        let mut embeddings = Vec::with_capacity(documents.len());
        for document in documents {
            if !embeddings.is_empty() && Instant::now() >= until {
                break;
            }
            embeddings.push(self.one(document)?);
        }
        Ok(embeddings)
    }

    fn one(&self, document: &Document) -> Result<Arc<Embedding>, EncoderError> {
        if let Some(known) = self.kept().get(document) {
            return Ok(known);
        }
        let mut slot = lock(&self.encoder);
        // Whoever had the turn before may have wanted the same.
        if let Some(known) = self.kept().get(document) {
            return Ok(known);
        }
        let encoder = match &mut *slot {
            Some(encoder) => encoder,
            none => none.insert(self.encoders.take()?),
        };
        let mut made = pipeline::embed(encoder, std::slice::from_ref(document))?;
        drop(slot);
        let made = Arc::new(made.remove(0));
        self.kept().put(document, made.clone());
        Ok(made)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ids(document: &Document) -> Ids {
    let (ids, dense_ids) = (document.ids.clone(), document.dense_ids.clone());
    (document.docs, [ids, dense_ids])
}

fn numbers(embedding: &Embedding) -> usize {
    embedding.tokens.as_slice().len() + embedding.dense.len()
}

impl Kept {
    fn get(&self, document: &Document) -> Option<Arc<Embedding>> {
        self.by_ids.get(&ids(document)).cloned()
    }

    fn put(&mut self, document: &Document, embedding: Arc<Embedding>) {
        self.numbers += numbers(&embedding);
        if let Some(before) = self.by_ids.insert(ids(document), embedding) {
            self.numbers -= numbers(&before);
            return;
        }
        self.order.push_back(ids(document));
        while self.numbers > KEPT {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            let gone = self.by_ids.remove(&oldest);
            self.numbers -= gone.map_or(0, |gone| numbers(&gone));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fathom_encoders::TokenMatrix;

    #[test]
    fn what_is_kept_is_bounded_and_the_newest() {
        let document = |id| Document::new(vec![id], 0);
        let large = KEPT / 8;
        let mut kept = Kept::default();
        for id in 0..100 {
            let tokens = TokenMatrix::new(1, vec![id as f32; large]);
            let dense = Vec::new();
            kept.put(&document(id), Arc::new(Embedding::new(tokens, dense)));
            // Twice the same is one.
            let again = kept.get(&document(id)).unwrap();
            kept.put(&document(id), again);
        }
        assert_eq!(kept.numbers, 8 * large);
        assert_eq!((kept.by_ids.len(), kept.order.len()), (8, 8));
        let there = |id| kept.get(&document(id)).is_some();
        assert_eq!((there(91), there(92), there(99)), (false, true, true));
    }
}
