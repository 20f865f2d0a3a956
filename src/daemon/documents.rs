//! Encodes documents for searches: chunks that were saved a moment ago and are not encoded yet.
//!
//! Several searches find the same new chunks, so what was made is kept for the next. None waits
//! for all that others want: each document is a turn of its own, and after a while a search is
//! given what there is, which may be nothing where many ask.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fathom_encoders::{Document, Embedding, Encoder, EncoderError};
use fathom_indexer::pipeline::{self, Encoders};

/// After this time a search gets the embeddings that there are by then.
const BUDGET: Duration = Duration::from_millis(100);
/// So long a search waits for its turn.
const PATIENCE: Duration = Duration::from_millis(25);
/// Numbers in the embeddings that are kept: 16 MiB.
const KEPT: usize = 4 << 20;

/// The encoder of documents that searches ask for.
pub(super) struct Documents {
    encoders: Arc<Encoders>,
    slot: Mutex<Slot>,
    free: Condvar,
    kept: Mutex<Kept>,
}

/// Where the encoder is between turns, once it is loaded.
enum Slot {
    Free(Option<Box<Encoder>>),
    Taken,
}

/// Who has it encodes; the end of it is the next one's turn.
struct Turn<'a> {
    of: &'a Documents,
    encoder: Option<Box<Encoder>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.of.slot) = Slot::Free(self.encoder.take());
        self.of.free.notify_one();
    }
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
            slot: Mutex::new(Slot::Free(None)),
            free: Condvar::new(),
            kept: Mutex::default(),
        }
    }

    /// Embeddings of the first of `documents`, as many as there is time for.
    pub fn encode(&self, documents: &[Document]) -> Result<Vec<Arc<Embedding>>, EncoderError> {
        let began = Instant::now();
        let mut embeddings = Vec::with_capacity(documents.len());
        for document in documents {
            if began.elapsed() >= BUDGET {
                break;
            }
            match self.one(document, began + PATIENCE)? {
                Some(embedding) => embeddings.push(embedding),
                None => break,
            }
        }
        Ok(embeddings)
    }

    /// `None` if others are encoding until then.
    fn one(
        &self,
        document: &Document,
        until: Instant,
    ) -> Result<Option<Arc<Embedding>>, EncoderError> {
        if let Some(known) = self.kept().get(document) {
            return Ok(Some(known));
        }
        let Some(mut turn) = self.turn_until(until) else {
            return Ok(None);
        };
        // Whoever had the turn before may have wanted the same.
        if let Some(known) = self.kept().get(document) {
            return Ok(Some(known));
        }
        let encoder = match &mut turn.encoder {
            Some(encoder) => encoder,
            none => none.insert(Box::new(self.encoders.take()?)),
        };
        let mut made = pipeline::embed(encoder, std::slice::from_ref(document))?;
        let made = Arc::new(made.remove(0));
        self.kept().put(document, made.clone());
        Ok(Some(made))
    }

    /// The encoder, when nobody else has it.
    fn turn_until(&self, until: Instant) -> Option<Turn<'_>> {
        let patience = until.saturating_duration_since(Instant::now());
        let taken = |slot: &mut Slot| matches!(slot, Slot::Taken);
        let waited = self
            .free
            .wait_timeout_while(lock(&self.slot), patience, taken);
        let (mut slot, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Free(encoder) => Some(Turn { of: self, encoder }),
            Slot::Taken => None,
        }
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
    use fathom_encoders::{EncoderOptions, Profile, TokenMatrix};

    #[test]
    fn who_does_not_get_a_turn_soon_gets_nothing() {
        let encoders = Encoders::new(&Profile::bundled(), EncoderOptions::default());
        let documents = Documents::new(Arc::new(encoders));
        let wanted = [Document::new(vec![1, 7, 2], 0)];
        let turn = documents.turn_until(Instant::now()).unwrap();
        assert!(documents.turn_until(Instant::now()).is_none());
        assert!(documents.encode(&wanted).unwrap().is_empty());
        drop(turn);
        assert!(documents.turn_until(Instant::now()).is_some());
    }

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
