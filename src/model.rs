//! The encoder of queries, loading beside everything else.
//!
//! Loading a model takes longer than all the rest of a search, so it begins
//! in a thread of its own before the index is even opened, and it encodes the
//! query as soon as it can. Where a daemon runs, it has the model loaded and is asked instead.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use fathom_encoders::{
    Document, Embedding, Encoder, EncoderError, EncoderOptions, Profile, TextEncoder,
};
use fathom_indexer::pipeline;
use fathom_indexes::ChunkRow;
use fathom_retriever::QueryEncoder;

use crate::config::Settings;
use crate::daemon::client::Remote;

/// A model, and the query that it was loaded for.
struct Loaded {
    profile: Profile,
    options: EncoderOptions,
    engine: Engine,
    first: Option<(String, Embedding)>,
}

/// Where encoding happens.
enum Engine {
    Here(Box<Encoder>),
    /// In the daemon, which has the model loaded.
    Daemon(Remote),
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
    /// Begins to load, or to ask the daemon if there is one; `query` is encoded as soon as the
    /// model is there.
    pub fn start(profile: &Profile, settings: &Settings, query: Option<&str>) -> QueryModel {
        let daemon = settings.clone();
        let find = move || Remote::connect(&daemon);
        QueryModel::load(profile, settings.threads, query, find)
    }

    /// Begins to load the model in this process.
    pub fn start_here(profile: &Profile, threads: usize) -> QueryModel {
        QueryModel::load(profile, threads, None, || None)
    }

    fn load(
        profile: &Profile,
        threads: usize,
        query: Option<&str>,
        daemon: impl FnOnce() -> Option<Remote> + Send + 'static,
    ) -> QueryModel {
        let profile = profile.clone();
        let query = query.map(str::to_owned);
        let options = EncoderOptions {
            intra_threads: threads,
            ..EncoderOptions::default()
        };
        let thread = std::thread::spawn(move || load(profile, options, daemon(), query));
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
    profile: Profile,
    options: EncoderOptions,
    daemon: Option<Remote>,
    query: Option<String>,
) -> Result<Loaded, EncoderError> {
    let engine = match daemon {
        Some(daemon) => Engine::Daemon(daemon),
        None => Engine::Here(Box::new(Encoder::open(&profile, &options)?)),
    };
    let mut loaded = Loaded {
        profile,
        options,
        engine,
        first: None,
    };
    if let Some(query) = query {
        let embedding = loaded.query(&query)?;
        loaded.first = Some((query, embedding));
    }
    Ok(loaded)
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
        if let Some((_, embedding)) = self.first.as_ref().filter(|(first, _)| first == query) {
            return Ok(embedding.clone());
        }
        if let Engine::Daemon(daemon) = &mut self.engine
            && let Ok(embedding) = daemon.query(query)
        {
            return Ok(embedding);
        }
        self.here()?.encode_query(query)
    }

    fn chunks(
        &mut self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError> {
        let text = TextEncoder::open(&self.profile)?;
        let documents: Vec<Document> = rows
            .iter()
            .zip(texts)
            .map(|(row, file)| pipeline::document_for(&text, row, file))
            .collect();
        self.documents(&documents)
    }

    fn documents(&mut self, documents: &[Document]) -> Result<Vec<Embedding>, EncoderError> {
        if let Engine::Daemon(daemon) = &mut self.engine
            && let Ok(embeddings) = daemon.documents(documents)
        {
            return Ok(embeddings);
        }
        pipeline::embed(self.here()?, documents)
    }

    /// The encoder in this process; a daemon that did not answer is not asked again.
    fn here(&mut self) -> Result<&mut Encoder, EncoderError> {
        if let Engine::Daemon(_) = self.engine {
            let encoder = Encoder::open(&self.profile, &self.options)?;
            self.engine = Engine::Here(Box::new(encoder));
        }
        match &mut self.engine {
            Engine::Here(encoder) => Ok(encoder),
            Engine::Daemon(_) => not_loaded("the daemon went away".into()),
        }
    }
}

impl QueryModel {
    /// Encodes one query, whoever asks.
    pub fn encode_query(&self, query: &str) -> Result<Embedding, EncoderError> {
        self.with(|loaded| loaded.query(query))
            .unwrap_or_else(not_loaded)
    }

    /// Encodes documents, as they would be stored.
    pub fn encode_documents(&self, documents: &[Document]) -> Result<Vec<Embedding>, EncoderError> {
        self.with(|loaded| loaded.documents(documents))
            .unwrap_or_else(not_loaded)
    }
}

impl QueryEncoder for QueryModel {
    fn embed(&self, query: &str) -> Result<Embedding, EncoderError> {
        self.encode_query(query)
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
