//! One repository, opened for use.

pub mod background;
mod choice;
pub mod codebook;
mod error;
mod interchange;
mod open;
mod root;
mod unused;
mod worktrees;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fathom_encoders::{Profile, TextEncoder};
use fathom_indexer::current::{self, State};
use fathom_indexer::pipeline::{self, EncodeReport, Encoders, Event, IndexOptions, RefreshReport};
use fathom_indexer::walk::WalkOptions;
use fathom_indexes::{CheckReport, Collection, Follower, Snapshot, Store, StoreError};
use fathom_retriever::{QueryEncoder, SearchOutcome, SearchRequest, SimilarRequest, Vectors};

use crate::config::Settings;
use crate::encoder;
pub use error::WorkspaceError;
use error::path_error;
pub use interchange::{ExportReport, ImportError, ImportReport, Inspected, Inspection};
use open::open_store;
pub use root::Location;
pub use unused::Unused;

/// So many new files at once may be those of another worktree.
const MANY_FILES: usize = 16;
/// How often a snapshot is taken anew because a writer removed what belongs to it.
const SUPERSEDED: usize = 20;

/// Receives progress.
pub type OnEvent<'a> = &'a (dyn Fn(Event) + Sync);

/// One repository with its index and the settings that hold in it.
pub struct Workspace {
    location: Location,
    settings: Settings,
    warnings: Vec<String>,
    profile: Profile,
    /// The repository's folder of data, which may hold indexes by several models.
    base: PathBuf,
    /// The profile that is selected, while its index is not complete and another one answers.
    next: Option<Profile>,
    text: OnceLock<TextEncoder>,
    /// Opened again when there is a codebook for it.
    store: Mutex<Store>,
    encoders: Arc<Encoders>,
}

impl Workspace {
    /// This repository with encoders that others use too, if they are of its profile.
    pub fn with_encoders(self, encoders: Arc<Encoders>) -> Workspace {
        match encoders.profile().id() == self.profile.id() {
            true => Workspace { encoders, ..self },
            false => self,
        }
    }

    /// The profile that is selected, while its index is not complete and another one answers.
    pub fn next(&self) -> Option<&Profile> {
        self.next.as_ref()
    }

    /// From now on this index answers.
    fn becomes_current(&self) -> Result<(), WorkspaceError> {
        let names = &self.settings.encoder.names;
        let noted = choice::set_current(&self.base, &self.profile, names);
        noted.map_err(|source| path_error(&self.base, source))
    }

    /// The folder that is indexed.
    pub fn root(&self) -> &Path {
        &self.location.root
    }

    /// The part of it that was asked for, relative, as bytes.
    pub fn under(&self) -> Option<&[u8]> {
        self.location.under.as_deref()
    }

    /// The folder of the index.
    pub fn store_dir(&self) -> &Path {
        &self.location.store
    }

    /// Settings that hold in this repository.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Doubts about the repository's `.fathom.toml`.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The model profile of the index.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Brings the words of the index up to date with the files: after it everything is found by
    /// its words. `patience` is how long to wait for another writer.
    pub fn refresh(
        &self,
        force: bool,
        patience: Duration,
        cancel: &AtomicBool,
        on: OnEvent,
    ) -> Result<RefreshReport, WorkspaceError> {
        let options = self.index_options(force, patience);
        let text = self.text()?;
        let root = self.root();
        let mut report = pipeline::refresh(root, &self.store(), text, &options, cancel, on)?;
        if report.generation == 1 || report.added + report.changed >= MANY_FILES {
            report.borrowed = self.borrow(patience)?;
        }
        Ok(report)
    }

    /// Encodes what is not encoded yet, in batches that are kept one by one.
    pub fn encode(
        &self,
        patience: Duration,
        cancel: &AtomicBool,
        on: OnEvent,
    ) -> Result<EncodeReport, WorkspaceError> {
        self.borrow(patience)?;
        self.encode_with(self.index_options(false, patience), cancel, on)
    }

    /// Encodes at low priority: as many of the newest chunks as are given, or everything that is
    /// left. Does not wait for another process that encodes.
    pub fn encode_part(
        &self,
        newest: Option<usize>,
        cancel: &AtomicBool,
        on: OnEvent,
    ) -> Result<EncodeReport, WorkspaceError> {
        let options = IndexOptions {
            at_most: newest.unwrap_or(usize::MAX),
            background: true,
            ..self.index_options(false, Duration::ZERO)
        };
        self.encode_with(options, cancel, on)
    }

    fn encode_with(
        &self,
        mut options: IndexOptions,
        cancel: &AtomicBool,
        on: OnEvent,
    ) -> Result<EncodeReport, WorkspaceError> {
        let (store, patience) = (self.store(), options.wait);
        options.threads = encoder::sessions(&self.profile, options.threads).count;
        let _working = crate::leaving::working();
        let report = pipeline::encode_missing(&store, &self.encoders, &options, cancel, on)?;
        if !report.cancelled && report.encoded > 0 {
            self.train_codebook(&store, patience, codebook::ENOUGH)?;
        }
        let is_only = choice::is_plain(&self.base) && self.location.store == self.base;
        if !is_only && self.next.is_none() && store.snapshot()?.missing() == 0 {
            self.becomes_current()?;
        }
        Ok(report)
    }

    /// Trains a codebook for each model profile that has none, once there is enough to train it
    /// on, and codes with it what is stored.
    fn train_codebook(
        &self,
        store: &Store,
        patience: Duration,
        enough: codebook::Enough,
    ) -> Result<(), WorkspaceError> {
        let data = &self.settings.data_dir;
        let docs = self.profile.docs().map(|docs| (Collection::Docs, docs));
        let main = (Collection::Main, self.profile.code());
        let mut is_new = false;
        for (collection, profile) in std::iter::once(main).chain(docs) {
            if codebook::of_profile(profile, data)?.is_none() {
                let Some(trained) = codebook::train(store, collection, enough)? else {
                    continue;
                };
                codebook::keep(profile.of_tokens().id(), data, &trained)?;
            }
            is_new |= store.snapshot()?.codebook_in(collection).is_none();
        }
        if is_new {
            self.open_again()?.writer(patience)?.maintain()?;
        }
        Ok(())
    }

    fn store(&self) -> Store {
        self.store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Opens the store with the codebook that there is now.
    fn open_again(&self) -> Result<Store, WorkspaceError> {
        let store = open_store(&self.location, &self.profile, &self.settings)?;
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = store.clone();
        Ok(store)
    }

    /// Continues [`Workspace::encode`] in a process of its own that outlives this one.
    pub fn encode_in_background(&self) -> std::io::Result<()> {
        background::spawn(self.root(), &self.settings)
    }

    /// The current generation, to be searched.
    pub fn snapshot(&self) -> Result<Snapshot, WorkspaceError> {
        // A writer may tidy up between the opening of the two indexes.
        for _ in 0..SUPERSEDED {
            let snapshot = self.glance()?;
            match snapshot.open_words() {
                Err(StoreError::Superseded { .. }) => {}
                // Whoever searches by words is told; others do not need them.
                Ok(()) | Err(_) => return Ok(snapshot),
            }
        }
        self.glance()
    }

    /// Number of the current generation, which tells whether there is a newer one.
    pub fn generation(&self) -> Result<u64, WorkspaceError> {
        Ok(self.store().generation()?)
    }

    /// A connection to ask for the generation often; `None` where none can be kept.
    pub fn follow(&self) -> Result<Option<Follower>, WorkspaceError> {
        Ok(self.store().follow()?)
    }

    /// The current generation, for its numbers: its words are not opened.
    pub fn glance(&self) -> Result<Snapshot, WorkspaceError> {
        let snapshot = self.store().snapshot()?;
        // Another process may have trained a codebook and coded the store with it.
        match snapshot.problems() {
            [] => Ok(snapshot),
            _ => Ok(self.open_again()?.snapshot()?),
        }
    }

    /// Searches a generation; what lies outside of the path that was opened is left out, unless
    /// the request names another one.
    pub fn search(
        &self,
        snapshot: &Snapshot,
        encoder: Option<&dyn QueryEncoder>,
        request: SearchRequest,
    ) -> Result<SearchOutcome, WorkspaceError> {
        self.search_with(snapshot, snapshot, encoder, request)
    }

    /// [`Workspace::search`] among vectors that may be elsewhere.
    pub fn search_with(
        &self,
        snapshot: &Snapshot,
        vectors: &dyn Vectors,
        encoder: Option<&dyn QueryEncoder>,
        mut request: SearchRequest,
    ) -> Result<SearchOutcome, WorkspaceError> {
        let opened = || self.location.under.clone();
        request.filter.under = request.filter.under.or_else(opened);
        let found = fathom_retriever::search_with(snapshot, vectors, encoder, &request);
        Ok(found?)
    }

    /// Code like the code at a line of a file, anywhere in the repository.
    pub fn similar(
        &self,
        snapshot: &Snapshot,
        encoder: &dyn QueryEncoder,
        (path, line): (&[u8], u32),
        request: SearchRequest,
    ) -> Result<SearchOutcome, WorkspaceError> {
        let like = SimilarRequest {
            chunk: fathom_retriever::chunk_at(snapshot, path, line)?.id,
            top_k: request.top_k,
            filter: request.filter,
            per_file: request.per_file,
        };
        let mut outcome = fathom_retriever::similar(snapshot, encoder, &like)?;
        let least = request.min_score.unwrap_or(f32::NEG_INFINITY);
        outcome.hits.retain(|hit| hit.score >= least);
        Ok(outcome)
    }

    /// Whether a chunk (its path, first line and bytes) is on disk as it was indexed.
    pub fn compare(
        &self,
        snapshot: &Snapshot,
        path: &[u8],
        line: u32,
        text: &[u8],
    ) -> Result<State, WorkspaceError> {
        let Some(file) = snapshot.file(path)? else {
            return Ok(State::Gone);
        };
        let max_bytes = self.settings.max_file_bytes;
        Ok(current::compare(
            self.root(),
            &file.record,
            line,
            text,
            max_bytes,
        ))
    }

    /// Those of the files at `paths`, each once, that are not as they were indexed.
    pub fn changed(
        &self,
        snapshot: &Snapshot,
        paths: BTreeSet<&[u8]>,
    ) -> Result<Vec<Vec<u8>>, WorkspaceError> {
        let mut changed = Vec::new();
        for path in paths {
            if self.compare(snapshot, path, 1, &[])? != State::Unchanged {
                changed.push(path.to_owned());
            }
        }
        Ok(changed)
    }

    /// Reads every byte of the store and verifies it.
    pub fn check(&self) -> Result<CheckReport, WorkspaceError> {
        Ok(self.store().check()?)
    }

    fn text(&self) -> Result<&TextEncoder, WorkspaceError> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let text = TextEncoder::open(&self.profile)?;
        Ok(self.text.get_or_init(|| text))
    }

    fn index_options(&self, force: bool, patience: Duration) -> IndexOptions {
        IndexOptions {
            force,
            threads: self.settings.threads,
            wait: patience,
            walk: WalkOptions {
                max_file_bytes: self.settings.max_file_bytes,
                exclude: self.settings.ignore.clone(),
                // An index inside of the tree would index itself.
                never: vec![self.settings.data_dir.clone()],
            },
            ..IndexOptions::default()
        }
    }
}
