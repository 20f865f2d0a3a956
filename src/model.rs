//! The encoder of queries, loading beside everything else.
//!
//! Loading a model takes longer than all the rest of a search, so it begins
//! in a thread of its own before the index is even opened, and it encodes the
//! query as soon as it can. Where a daemon runs, it has the model loaded and is asked instead.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use fathom_encoders::{
    Document, Embedding, Encoder, EncoderError, EncoderOptions, Judge, Profile, TextEncoder,
};
use fathom_indexer::pipeline;
use fathom_indexes::ChunkRow;
use fathom_retriever::QueryEncoder;

use crate::config::Settings;
use crate::daemon::client::Remote;
use crate::encoder;
use crate::leaving::working;
use crate::workspace::{Workspace, WorkspaceError};

/// A model, and the query that it was loaded for.
struct Loaded {
    profile: Profile,
    options: EncoderOptions,
    engine: Engine,
    /// Opened when chunks are to be encoded.
    text: Option<TextEncoder>,
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
    profile: Profile,
    state: Mutex<State>,
    /// Read when it is first asked for.
    judge: OnceLock<Option<Judge>>,
}

impl QueryModel {
    /// Begins to load, or to ask the daemon if there is one; `query` is encoded as soon as the
    /// model is there.
    pub fn start(profile: &Profile, settings: &Settings, query: Option<&str>) -> QueryModel {
        let (daemon, id) = (settings.clone(), profile.id().to_owned());
        // A daemon has the model that is selected, which is not always the one that answers.
        let find = move || match encoder::selected(&daemon) {
            Ok(selected) if selected.id() == id => Remote::connect(&daemon),
            _ => None,
        };
        QueryModel::load(profile, settings, query, find)
    }

    /// Begins to load the model that answers in the repository of a path.
    ///
    /// # Errors
    /// If the path leads nowhere, or the model that is selected cannot be used.
    pub fn start_for(
        path: &Path,
        settings: &Settings,
        query: Option<&str>,
    ) -> Result<QueryModel, WorkspaceError> {
        let profile = Workspace::answering(path, settings)?;
        Ok(QueryModel::start(&profile, settings, query))
    }

    /// This model, or another where the repository's index is of another one: its change of models
    /// was completed a moment ago.
    #[must_use]
    pub fn matching(self, workspace: &Workspace) -> QueryModel {
        match self.profile.id() == workspace.profile().id() {
            true => self,
            false => QueryModel::start(workspace.profile(), workspace.settings(), None),
        }
    }

    /// Begins to load the model in this process.
    pub fn start_here(profile: &Profile, settings: &Settings) -> QueryModel {
        QueryModel::load(profile, settings, None, || None)
    }

    fn load(
        profile: &Profile,
        settings: &Settings,
        query: Option<&str>,
        daemon: impl FnOnce() -> Option<Remote> + Send + 'static,
    ) -> QueryModel {
        let query = query.map(str::to_owned);
        let options = encoder::options(settings, settings.threads);
        let of_thread = profile.clone();
        let thread = std::thread::spawn(move || load(of_thread, options, daemon(), query));
        QueryModel {
            profile: profile.clone(),
            state: Mutex::new(State::Loading(thread)),
            judge: OnceLock::new(),
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
        None => Engine::Here(Box::new(opened(&profile, &options)?)),
    };
    let mut loaded = Loaded {
        profile,
        options,
        engine,
        text: None,
        first: None,
    };
    if let Some(query) = query {
        let embedding = loaded.query(&query)?;
        loaded.first = Some((query, embedding));
    }
    Ok(loaded)
}

fn opened(profile: &Profile, options: &EncoderOptions) -> Result<Encoder, EncoderError> {
    let _working = working();
    Encoder::open(profile, options)
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
        let encoder = self.here()?;
        let _working = working();
        encoder.encode_query(query)
    }

    fn chunks(
        &mut self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError> {
        let text = match &mut self.text {
            Some(text) => text,
            none => none.insert(TextEncoder::open(&self.profile)?),
        };
        let documents: Vec<Document> = rows
            .iter()
            .zip(texts)
            .map(|(row, file)| pipeline::document_for(text, row, file))
            .collect();
        self.documents(&documents)
    }

    fn documents(&mut self, documents: &[Document]) -> Result<Vec<Embedding>, EncoderError> {
        if let Engine::Daemon(daemon) = &mut self.engine
            && let Ok(embeddings) = daemon.documents(documents)
        {
            return Ok(embeddings);
        }
        let encoder = self.here()?;
        let _working = working();
        pipeline::embed(encoder, documents)
    }

    /// The encoder in this process; a daemon that did not answer is not asked again.
    fn here(&mut self) -> Result<&mut Encoder, EncoderError> {
        if let Engine::Daemon(_) = self.engine {
            let encoder = opened(&self.profile, &self.options)?;
            self.engine = Engine::Here(Box::new(encoder));
        }
        match &mut self.engine {
            Engine::Here(encoder) => Ok(encoder),
            Engine::Daemon(_) => not_loaded(&self.profile, "the daemon went away".into()),
        }
    }
}

impl QueryModel {
    /// Encodes one query, whoever asks.
    pub fn encode_query(&self, query: &str) -> Result<Embedding, EncoderError> {
        self.with(|loaded| loaded.query(query))
            .unwrap_or_else(|reason| not_loaded(&self.profile, reason))
    }

    /// Encodes documents, as they would be stored.
    pub fn encode_documents(&self, documents: &[Document]) -> Result<Vec<Embedding>, EncoderError> {
        self.with(|loaded| loaded.documents(documents))
            .unwrap_or_else(|reason| not_loaded(&self.profile, reason))
    }
}

impl QueryEncoder for QueryModel {
    fn embed(&self, query: &str) -> Result<Embedding, EncoderError> {
        self.encode_query(query)
    }

    fn judge(&self) -> Result<Option<&Judge>, EncoderError> {
        if let Some(judge) = self.judge.get() {
            return Ok(judge.as_ref());
        }
        let judge = self.profile.judge()?;
        Ok(self.judge.get_or_init(|| judge).as_ref())
    }

    fn embed_chunks(
        &self,
        rows: &[ChunkRow],
        texts: &[&[u8]],
    ) -> Result<Vec<Embedding>, EncoderError> {
        self.with(|loaded| loaded.chunks(rows, texts))
            .unwrap_or_else(|reason| not_loaded(&self.profile, reason))
    }
}

fn not_loaded<T>(profile: &Profile, reason: String) -> Result<T, EncoderError> {
    let profile = profile.name().to_owned();
    Err(EncoderError::Model { profile, reason })
}
