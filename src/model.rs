//! The encoder of queries, loading beside everything else.
//!
//! Loading a model takes longer than all the rest of a search, so it begins
//! in a thread of its own before the index is even opened, and it encodes the
//! query as soon as it can.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use fathom_encoders::{Document, Embedding, Encoder, EncoderError, EncoderOptions, Profile};
use fathom_indexer::pipeline;
use fathom_indexes::ChunkRow;
use fathom_retriever::QueryEncoder;

/// A loaded model, and the query that it was loaded for.
struct Loaded {
    encoder: Encoder,
    first: Option<(String, Embedding)>,
}

enum State {
    Loading(JoinHandle<Result<Loaded, EncoderError>>),
    Ready(Box<Loaded>),
    Failed(String),
}

/// A model that is loading, has been loaded, or could not be.
pub struct QueryModel {
    state: Mutex<State>,
}

impl QueryModel {
    /// Begins to load; `query` is encoded as soon as the model is there.
    pub fn start(profile: &Profile, threads: usize, query: Option<&str>) -> QueryModel {
        let profile = profile.clone();
        let query = query.map(str::to_owned);
        let options = EncoderOptions {
            intra_threads: threads,
            ..EncoderOptions::default()
        };
        let thread = std::thread::spawn(move || load(&profile, &options, query));
        QueryModel {
            state: Mutex::new(State::Loading(thread)),
        }
    }

    /// Waits until the model is loaded. The error names the cause and the next step.
    pub fn wait(&self) -> Result<(), String> {
        self.with(|_| ())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Loaded) -> T) -> Result<T, String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = std::mem::replace(&mut *state, State::Failed(String::new()));
        *state = match previous {
            State::Loading(thread) => joined(thread),
            other => other,
        };
        match &mut *state {
            State::Ready(loaded) => Ok(use_it(loaded)),
            State::Failed(reason) => Err(reason.clone()),
            State::Loading(_) => Err("the model is still loading".into()),
        }
    }
}

/// A process must not end while ONNX Runtime is loading in another of its
/// threads: the runtime's destructors would run under that thread and crash.
impl Drop for QueryModel {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let last = std::mem::replace(state, State::Failed(String::new()));
        if let State::Loading(thread) = last {
            // Nobody is left to hear whether it failed.
            let _ = thread.join();
        }
    }
}

fn load(
    profile: &Profile,
    options: &EncoderOptions,
    query: Option<String>,
) -> Result<Loaded, EncoderError> {
    let mut encoder = Encoder::open(profile, options)?;
    let first = match query {
        Some(query) => {
            let embedding = encoder.encode_query(&query)?;
            Some((query, embedding))
        }
        None => None,
    };
    Ok(Loaded { encoder, first })
}

fn joined(thread: JoinHandle<Result<Loaded, EncoderError>>) -> State {
    match thread.join() {
        Ok(Ok(loaded)) => State::Ready(Box::new(loaded)),
        Ok(Err(error)) => State::Failed(error.to_string()),
        Err(_) => State::Failed("the thread that loads the model panicked".into()),
    }
}

impl Loaded {
    fn query(&mut self, query: &str) -> Result<Embedding, EncoderError> {
        match &self.first {
            Some((first, embedding)) if first == query => Ok(embedding.clone()),
            _ => self.encoder.encode_query(query),
        }
    }

    fn chunks(
        &mut self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError> {
        let documents: Vec<Document> = rows
            .iter()
            .zip(texts)
            .map(|(row, text)| pipeline::document_for(self.encoder.text(), row, text))
            .collect();
        pipeline::embed(&mut self.encoder, &documents)
    }
}

impl QueryEncoder for QueryModel {
    fn embed(&self, query: &str) -> Result<Embedding, EncoderError> {
        self.with(|loaded| loaded.query(query))
            .unwrap_or_else(not_loaded)
    }

    fn embed_chunks(
        &self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError> {
        self.with(|loaded| loaded.chunks(rows, texts))
            .unwrap_or_else(not_loaded)
    }
}

fn not_loaded<T>(reason: String) -> Result<T, EncoderError> {
    let profile = Profile::bundled().name().to_owned();
    Err(EncoderError::Model { profile, reason })
}
