//! Several repositories, one model and the readers, kept ready for many requests.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use fathom_answerer::conversation::Conversation;
use fathom_answerer::edited::{Edited, View};
use fathom_answerer::map::{self, Map};
use fathom_encoders::Profile;
use fathom_indexer::pipeline::Encoders;
use fathom_indexes::{Snapshot, StoreError};
use fathom_retriever::{Mode, SearchRequest};

use super::explanation::{self, Wanted};
use super::freshness::{Freshness, Notice};
use super::listener::Listener;
use super::prose::{Prose, Teller};
use super::question::{AnswerLimits, Asker};
use super::repository::{OnStatus, Repository};
use super::reranking::Reranking;
use super::results;
use super::session::Session;
use crate::config::Settings;
use crate::encoder;
use crate::model::QueryModel;
use crate::output::Answer;
use crate::output::answer::Asked;
use crate::output::card::{Explained, Seen};
use crate::reader::{self, ReaderChoiceError, Readers};
use crate::workspace::{Workspace, WorkspaceError};

/// Bytes taken for one token where there is no reader to count them.
const BYTES_PER_TOKEN: usize = 4;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A path that is not served.
    #[error("`{path}` is in none of the repositories that are served here: {served}")]
    Outside {
        /// As it was asked for.
        path: String,
        /// Roots that are served.
        served: String,
    },
    /// It is not said which repository is meant.
    #[error("several repositories are served; say which as `path`: {served}")]
    Which {
        /// Roots that are served.
        served: String,
    },
    /// The index does not exist yet and cannot be made now.
    #[error("`{}` is not indexed yet; ask again in a while", root.display())]
    NotReady {
        /// The repository.
        root: PathBuf,
    },
    /// More text than can be encoded at once.
    #[error(
        "the texts have {tokens} tokens; send at most {} at once",
        super::embedding::MOST_TOKENS
    )]
    TooMuch {
        /// What was sent.
        tokens: usize,
    },
    /// The repository or its index fails.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A reader fails.
    #[error(transparent)]
    Reader(#[from] ReaderChoiceError),
    /// What is asked for is not in the index.
    #[error("`{0}` is not in the index")]
    Missing(String),
    /// Anything else, already in words.
    #[error("{0:#}")]
    Other(anyhow::Error),
}

/// What a request is about: a repository, and the part of it that is meant.
#[derive(Clone)]
pub struct Place {
    /// The repository.
    pub repository: Arc<Repository>,
    /// Relative to its root, `/`-separated; `None` for all of it.
    pub under: Option<Vec<u8>>,
    /// Files of it that an editor holds otherwise than they were indexed; none unless put here.
    pub edited: Arc<[Edited]>,
}

impl Place {
    /// A generation of the index with what the editor holds.
    pub fn view<'a>(&'a self, snapshot: &'a Snapshot) -> View<'a> {
        let edited = &self.edited;
        View { snapshot, edited }
    }
}

/// Answers requests about some repositories. Nothing is opened or loaded before it is needed.
pub struct Engine {
    settings: Settings,
    roots: Vec<PathBuf>,
    encoders: Arc<Encoders>,
    /// By the ids of their profiles: repositories that change models answer with the old one.
    models: Mutex<BTreeMap<String, Arc<QueryModel>>>,
    reranking: Option<Reranking>,
    open: Mutex<BTreeMap<PathBuf, Arc<Repository>>>,
    /// Readers answer one after the other.
    readers: Mutex<Option<Readers>>,
}

impl Engine {
    /// Serves the repositories that `paths` belong to.
    ///
    /// # Errors
    /// If a path leads nowhere.
    pub fn new(settings: &Settings, paths: &[PathBuf]) -> Result<Engine, WorkspaceError> {
        let mut roots = Vec::new();
        for path in paths {
            let root = Workspace::locate(path, settings)?.root;
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        let profile = encoder::selected(settings).map_err(WorkspaceError::from)?;
        let options = encoder::options_of(&profile, settings);
        Ok(Engine {
            settings: settings.clone(),
            roots,
            encoders: Arc::new(Encoders::new(&profile, options)),
            models: Mutex::default(),
            reranking: Reranking::by_settings(settings),
            open: Mutex::default(),
            readers: Mutex::new(None),
        })
    }

    /// Settings of the user.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Roots of the repositories that are served.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// The model profile of all vectors.
    pub fn profile(&self) -> &Profile {
        self.encoders.profile()
    }

    /// Sessions for texts, apart from the model that encodes queries.
    pub(super) fn encoders(&self) -> &Encoders {
        &self.encoders
    }

    /// Begins to load the model that is selected.
    pub fn load_model(&self) {
        self.selected_model();
    }

    /// The model that is selected.
    pub(super) fn selected_model(&self) -> Arc<QueryModel> {
        self.model_of(self.encoders.profile())
    }

    /// The model that encodes queries for a repository's index; begins to load it.
    fn model(&self, workspace: &Workspace) -> Arc<QueryModel> {
        self.model_of(workspace.profile())
    }

    fn model_of(&self, profile: &Profile) -> Arc<QueryModel> {
        let start = || Arc::new(QueryModel::start(profile, &self.settings, None));
        let mut models = lock(&self.models);
        let model = models.entry(profile.id().to_owned()).or_insert_with(start);
        model.clone()
    }

    /// What a path means: an absolute one, one below the only root, or one that begins with the
    /// name of a root's folder; empty: the only repository. Nothing outside of the roots.
    ///
    /// # Errors
    /// [`EngineError::Outside`], [`EngineError::Which`], or if the repository cannot be opened.
    pub fn place(&self, path: &str) -> Result<Place, EngineError> {
        let (root, below) = self.root_of(path)?;
        Ok(Place {
            repository: self.repository(&root)?,
            under: below,
            edited: Arc::default(),
        })
    }

    fn root_of(&self, path: &str) -> Result<(PathBuf, Option<Vec<u8>>), EngineError> {
        let outside = || EngineError::Outside {
            path: path.to_owned(),
            served: self.served(),
        };
        let candidates: Vec<PathBuf> = match (path, self.roots.as_slice()) {
            ("" | ".", [root]) => return Ok((root.clone(), None)),
            ("" | ".", _) => {
                return Err(EngineError::Which {
                    served: self.served(),
                });
            }
            (path, _) if Path::new(path).is_absolute() => vec![path.into()],
            (path, roots) => {
                let named = roots.iter().filter_map(|root| named(root, path));
                let below = roots.iter().map(|root| root.join(path));
                below.chain(named).collect()
            }
        };
        let real = candidates
            .iter()
            .filter_map(|path| path.canonicalize().ok());
        let inside = real.filter_map(|path| {
            let roots = self.roots.iter().filter(|root| path.starts_with(root));
            let root = roots.max_by_key(|root| root.as_os_str().len())?;
            Some((root.clone(), below(&path, root)))
        });
        inside.into_iter().next().ok_or_else(outside)
    }

    fn served(&self) -> String {
        let roots = self.roots.iter().map(|root| root.display().to_string());
        roots.collect::<Vec<_>>().join(", ")
    }

    /// The repository of a root that is served, opened if it is not.
    ///
    /// # Errors
    /// If there is no such folder, or its index cannot be used.
    pub fn repository(&self, root: &Path) -> Result<Arc<Repository>, EngineError> {
        let mut open = lock(&self.open);
        if let Some(repository) = open.get(root) {
            return Ok(repository.clone());
        }
        let repository = Repository::open(root, &self.settings, self.encoders.clone())?;
        let repository = Arc::new(repository);
        open.insert(root.to_owned(), repository.clone());
        Ok(repository)
    }

    /// Brings a repository up to date before it is asked.
    ///
    /// # Errors
    /// If the index cannot be made or is not usable, or the work was cancelled.
    pub fn catch_up(
        &self,
        place: &Place,
        wanted: Freshness,
        cancel: &AtomicBool,
        on: OnStatus,
    ) -> Result<Vec<Notice>, EngineError> {
        let notices = place.repository.catch_up(wanted, cancel, on)?;
        let workspace = place.repository.workspace();
        match place.repository.snapshot()?.generation() {
            0 => Err(EngineError::NotReady {
                root: workspace.root().to_owned(),
            }),
            _ => Ok(notices),
        }
    }

    /// Searches, without bringing anything up to date.
    ///
    /// # Errors
    /// If the request is not sound, or the index cannot be read.
    pub fn search(
        &self,
        place: &Place,
        request: SearchRequest,
        listener: &mut dyn Listener,
    ) -> Result<Answer, EngineError> {
        let began = Instant::now();
        let workspace = place.repository.workspace();
        let snapshot = place.repository.snapshot()?;
        let (query, mode) = (request.query.clone(), request.mode);
        let request = within(request, place);
        let outcome = match mode {
            Mode::Hybrid => {
                let model = self.model(&workspace);
                self.session(&workspace, &model)
                    .search(&snapshot, request, listener)?
            }
            Mode::Late | Mode::Dense => {
                let model = self.model(&workspace);
                workspace.search(&snapshot, Some(&*model), request)?
            }
            Mode::Lexical | Mode::Regex | Mode::Symbol => {
                workspace.search(&snapshot, None, request)?
            }
        };
        let asked = (query.as_str(), mode.as_str());
        let mut answer = results::answer(&workspace, &snapshot, asked, outcome, false)?;
        answer.took = began.elapsed();
        Ok(answer)
    }

    /// Code like the code at a line of a file, anywhere in its repository.
    ///
    /// # Errors
    /// If the place is not in the index, or the model does not load.
    pub fn similar(
        &self,
        place: &Place,
        line: u32,
        request: SearchRequest,
    ) -> Result<Answer, EngineError> {
        let began = Instant::now();
        let workspace = place.repository.workspace();
        let snapshot = place.repository.snapshot()?;
        let path = place.under.as_deref().unwrap_or_default();
        let model = self.model(&workspace);
        let outcome = workspace.similar(&snapshot, &*model, (path, line), request)?;
        let query = format!("{}:{line}", String::from_utf8_lossy(path));
        let asked = (query.as_str(), "similar");
        let mut answer = results::answer(&workspace, &snapshot, asked, outcome, false)?;
        answer.took = began.elapsed();
        Ok(answer)
    }

    /// The cards of a place, a symbol or a trace.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn explain(&self, place: &Place, wanted: &Wanted) -> Result<Seen, EngineError> {
        let workspace = place.repository.workspace();
        let snapshot = place.repository.snapshot()?;
        let view = place.view(&snapshot);
        let model = OnceLock::new();
        let start = || Some(&**model.get_or_init(|| self.model(&workspace)));
        Ok(explanation::explain(&workspace, view, wanted, &start)?)
    }

    /// A reader's words about a card; kept ones are taken unless `anew`.
    ///
    /// # Errors
    /// If the index cannot be read, or a reader that the user chose cannot be asked.
    pub fn tell(
        &self,
        place: &Place,
        explained: &Explained,
        (limits, anew): (AnswerLimits, bool),
        listener: &mut dyn Listener,
    ) -> Result<Prose, EngineError> {
        let snapshot = place.repository.snapshot()?;
        let mut readers = self.readers()?;
        let Some(readers) = readers.as_mut() else {
            return Ok(Prose::default());
        };
        let mut teller = Teller {
            settings: &self.settings,
            limits,
            readers,
            anew,
            listener,
        };
        let view = place.view(&snapshot);
        teller.tell(view, explained).map_err(EngineError::Other)
    }

    /// Answers a question; `request` says what may be read.
    ///
    /// # Errors
    /// If the index cannot be read, or a reader that the user chose cannot be asked.
    pub fn ask(
        &self,
        place: &Place,
        (question, limits): (&str, AnswerLimits),
        request: SearchRequest,
        conversation: &mut Conversation,
        listener: &mut dyn Listener,
    ) -> Result<Asked, EngineError> {
        let began = Instant::now();
        let workspace = place.repository.workspace();
        let mut readers = self.readers()?;
        let Some(readers) = readers.as_mut() else {
            return Err(EngineError::Missing("a reader".to_owned()));
        };
        let model = self.model(&workspace);
        let mut asker = Asker {
            session: self.session(&workspace, &model),
            request: within(request, place),
            limits,
            readers,
            conversation,
            listener,
        };
        asker.ask(question, began).map_err(EngineError::Other)
    }

    /// The most important definitions, within a number of tokens.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn map(&self, place: &Place, tokens: usize) -> Result<(Map, u64), EngineError> {
        let snapshot = place.repository.snapshot()?;
        let count = |text: &str| text.len().div_ceil(BYTES_PER_TOKEN);
        let map = map::map(&snapshot, place.under.as_deref(), tokens, &count);
        Ok((map.map_err(store)?, snapshot.generation()))
    }

    /// Text of the indexed file that a place means.
    ///
    /// # Errors
    /// If the place is no file in the index.
    pub fn text(&self, place: &Place) -> Result<Vec<u8>, EngineError> {
        let path = place.under.as_deref().unwrap_or_default();
        let missing = || EngineError::Missing(String::from_utf8_lossy(path).into_owned());
        let snapshot = place.repository.snapshot()?;
        let file = snapshot.file(path).map_err(store)?.ok_or_else(missing)?;
        Ok(snapshot.text(file.id).map_err(store)?)
    }

    fn session<'a>(&'a self, workspace: &'a Workspace, model: &'a QueryModel) -> Session<'a> {
        Session {
            workspace,
            model,
            reranking: self.reranking.as_ref(),
        }
    }

    /// The readers, for one answer; whoever comes meanwhile waits.
    fn readers(&self) -> Result<MutexGuard<'_, Option<Readers>>, EngineError> {
        let mut readers = lock(&self.readers);
        if readers.is_none() {
            let sources = reader::sources(&self.settings)?;
            *readers = Some(Readers::new(sources, &self.settings));
        }
        Ok(readers)
    }
}

/// A failure of the index.
fn store(error: StoreError) -> WorkspaceError {
    error.into()
}

/// The request, within the part of the repository that is meant.
fn within(mut request: SearchRequest, place: &Place) -> SearchRequest {
    request.filter.under = place.under.clone();
    request
}

/// `name/rest` below the root whose folder is called `name`.
fn named(root: &Path, path: &str) -> Option<PathBuf> {
    let mut parts = Path::new(path).components();
    match parts.next()? {
        Component::Normal(name) if root.file_name() == Some(name) => {
            Some(root.join(parts.as_path()))
        }
        _ => None,
    }
}

/// What lies below the root, as bytes; `None` for the root itself.
fn below(path: &Path, root: &Path) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt;
    let below = path.strip_prefix(root).ok()?;
    let bytes = below.as_os_str().as_bytes();
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
