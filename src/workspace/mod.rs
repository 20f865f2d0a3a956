//! One repository, opened for use.

pub mod background;
mod choice;
pub mod codebook;
mod interchange;
mod root;
mod unused;
mod worktrees;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fathom_encoders::{EncoderError, Profile, TextEncoder};
use fathom_indexer::current::{self, State};
use fathom_indexer::pipeline::{
    self, EncodeReport, Encoders, Event, IndexError, IndexOptions, RefreshReport,
};
use fathom_indexer::walk::WalkOptions;
use fathom_indexes::plaid::PlaidError;
use fathom_indexes::{
    CheckReport, Collection, Follower, Snapshot, Store, StoreError, StoreOptions,
};
use fathom_retriever::{
    QueryEncoder, RetrieveError, SearchOutcome, SearchRequest, SimilarRequest, Vectors,
};

use crate::config::Settings;
use crate::encoder::{self, ChoiceError};
use choice::{Choice, Purpose};
pub use interchange::{ExportReport, ImportError, ImportReport, Inspected, Inspection};
pub use root::Location;
pub use unused::Unused;

/// So many new files at once may be those of another worktree.
const MANY_FILES: usize = 16;
/// How long a new bundled model waits for whoever writes to the old one's index.
const RENEWAL: Duration = Duration::from_secs(5);
/// How often a snapshot is taken anew because a writer removed what belongs to it.
const SUPERSEDED: usize = 20;

/// Receives progress.
pub type OnEvent<'a> = &'a (dyn Fn(Event) + Sync);

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The path does not lead anywhere.
    #[error("cannot open `{}`: {source}; give the path of a folder or file", path.display())]
    Path {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no index, and the command does not make one.
    #[error("`{}` is not indexed; run `fathom index` there first", root.display())]
    NotIndexed {
        /// The root that was looked for.
        root: PathBuf,
    },
    /// A search would index everything that a user has.
    #[error(
        "`{}` is a home folder or the whole file system; search in a folder below it, or run `fathom index` there if all of it is meant",
        root.display()
    )]
    TooMuch {
        /// The folder.
        root: PathBuf,
    },
    /// The codebook of a model profile is not usable.
    #[error(
        "codebook `{}`: {problem}; if it was trained here, remove it and another will be",
        path.display()
    )]
    Codebook {
        /// The file, or the profile that brings it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Walking, chunking or committing failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The selected model cannot be used.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// An index could not be exported.
    #[error(transparent)]
    Export(#[from] PlaidError),
    /// An index could not be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The search failed.
    #[error(transparent)]
    Retrieve(#[from] RetrieveError),
}

impl WorkspaceError {
    /// Whether another process is writing to the index.
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            WorkspaceError::Store(StoreError::Busy { .. })
                | WorkspaceError::Index(IndexError::Store(StoreError::Busy { .. }))
        )
    }

    /// Whether the index cannot be written, be it that another process does or that it may not be.
    pub fn is_of_store(&self) -> bool {
        matches!(
            self,
            WorkspaceError::Store(_) | WorkspaceError::Index(IndexError::Store(_))
        )
    }

    /// Whether the work was stopped from outside.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, WorkspaceError::Index(IndexError::Cancelled))
    }

    /// Whether the model or its runtime is at fault, not the index.
    pub fn is_of_model(&self) -> bool {
        matches!(
            self,
            WorkspaceError::Encoder(_)
                | WorkspaceError::Choice(_)
                | WorkspaceError::Index(IndexError::Encoder(_))
        )
    }
}

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
    /// Opens the repository that `path` belongs to, making an empty index if there is none.
    pub fn open(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        Workspace::renewed(locate(path, settings)?, settings, Purpose::Answer)
    }

    /// Opens the repository that `path` belongs to for the models that are selected, complete or
    /// not: to index it.
    pub fn open_to_build(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        Workspace::renewed(locate(path, settings)?, settings, Purpose::Build)
    }

    /// The profile that answers in the repository that `path` belongs to.
    pub fn answering(path: &Path, settings: &Settings) -> Result<Profile, WorkspaceError> {
        let base = locate(path, settings)?.store;
        Ok(choice::choose(&base, settings, Purpose::Answer)?.profile)
    }

    /// Like [`Workspace::open`], but does not begin to index a home folder or the whole file
    /// system only because somebody searched there.
    pub fn open_to_search(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let location = locate(path, settings)?;
        if !root::is_indexed(&location.store) && root::is_home_or_top(&location.root) {
            return Err(WorkspaceError::TooMuch {
                root: location.root,
            });
        }
        Workspace::renewed(location, settings, Purpose::Answer)
    }

    /// Where the repository that `path` belongs to is, and its index; opens nothing.
    pub fn locate(path: &Path, settings: &Settings) -> Result<Location, WorkspaceError> {
        locate(path, settings)
    }

    /// Opens `path` as a root of its own, even inside another repository.
    pub fn open_exactly(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let location = root::exactly(path, &settings.data_dir);
        Workspace::renewed(
            location.map_err(|source| path_error(path, source))?,
            settings,
            Purpose::Build,
        )
    }

    /// Opens a repository that is indexed already; never makes anything.
    pub fn open_indexed(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let location = locate(path, settings)?;
        if root::is_indexed(&location.store) {
            Workspace::at(location, settings, Purpose::Answer)
        } else {
            Err(WorkspaceError::NotIndexed {
                root: location.root,
            })
        }
    }

    /// Like [`Workspace::open`], but begins anew where the index is damaged beyond use, or was
    /// made by another model or an older format. Only for those who ask for it.
    pub fn open_anew(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let opened = Workspace::open_to_build(path, settings);
        let usable = opened.and_then(|workspace| workspace.snapshot().map(|_| workspace));
        match usable {
            Err(WorkspaceError::Store(error)) if is_beyond_use(&error) => {
                Workspace::clear(path, settings)?;
                Workspace::open_to_build(path, settings)
            }
            other => other,
        }
    }

    /// Deletes the index of the repository that `path` belongs to, whatever its state, unless
    /// another process writes to it. Returns the root.
    pub fn clear(path: &Path, settings: &Settings) -> Result<PathBuf, WorkspaceError> {
        let Location { root, store, .. } = locate(path, settings)?;
        if !store.is_dir() {
            return Err(WorkspaceError::NotIndexed { root });
        }
        for other in choice::stores(&store) {
            Store::remove(&other, Duration::ZERO)?;
        }
        Store::remove(&store, Duration::ZERO)?;
        Ok(root)
    }

    /// Like [`Workspace::at`], but begins anew where an older program's bundled model made the index:
    /// nobody can ask that model any more.
    fn renewed(
        location: Location,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Workspace, WorkspaceError> {
        let workspace = Workspace::at(location.clone(), settings, purpose)?;
        let is_plain = workspace.location.store == workspace.base;
        let of_another =
            |store: Store| matches!(store.generation(), Err(StoreError::Profile { .. }));
        if !is_plain || !of_another(workspace.store()) {
            return Ok(workspace);
        }
        Store::empty(&workspace.base, choice::BESIDE, RENEWAL)?;
        drop(workspace);
        let mut workspace = Workspace::at(location, settings, purpose)?;
        let root = workspace.location.root.display();
        let why = format!("the bundled model is a new one, so the index of `{root}` is made anew");
        workspace.warnings.push(why);
        Ok(workspace)
    }

    fn at(
        mut location: Location,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Workspace, WorkspaceError> {
        let (settings, warnings) = settings.narrowed_by(&location.root);
        let base = location.store.clone();
        let Choice {
            profile,
            store,
            next,
        } = choice::choose(&base, &settings, purpose)?;
        location.store = store;
        let is_first = !choice::has_current(&base);
        let options = encoder::options_of(&profile, &settings);
        let workspace = Workspace {
            store: Mutex::new(open_store(&location, &profile, &settings)?),
            location,
            settings,
            warnings,
            encoders: Arc::new(Encoders::new(&profile, options)),
            profile,
            base,
            next,
            text: OnceLock::new(),
        };
        // The first one answers from the beginning.
        if is_first && workspace.location.store != workspace.base {
            workspace.becomes_current()?;
        }
        Ok(workspace)
    }

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

fn open_store(
    location: &Location,
    profile: &Profile,
    settings: &Settings,
) -> Result<Store, WorkspaceError> {
    let options = |profile: &Profile| -> Result<StoreOptions, WorkspaceError> {
        Ok(StoreOptions {
            profile_id: profile.id().to_owned(),
            token_dim: profile.token_dim(),
            dense_dim: profile.dense_dim(),
            codebook: codebook::of_profile(profile, &settings.data_dir)?,
        })
    };
    let (folder, main) = (&location.store, options(profile.code())?);
    Ok(match profile.docs() {
        None => Store::open(folder, &main)?,
        Some(docs) => Store::open_both(folder, &main, &options(docs)?)?,
    })
}

/// Whether nothing but a new index helps. What a newer fathom wrote is not ours to replace.
fn is_beyond_use(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } | StoreError::Profile { .. } => true,
        StoreError::Version {
            found, supported, ..
        } => found < supported,
        _ => false,
    }
}

fn locate(path: &Path, settings: &Settings) -> Result<Location, WorkspaceError> {
    root::locate(path, &settings.data_dir).map_err(|source| path_error(path, source))
}

fn path_error(path: &Path, source: std::io::Error) -> WorkspaceError {
    WorkspaceError::Path {
        path: path.to_owned(),
        source,
    }
}
