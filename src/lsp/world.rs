//! The folders that are open in the editor, and what is known of a place in them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fathom_answerer::card::Graph;
use fathom_answerer::edited::{Edited, View};
use fathom_indexes::Snapshot;
use gen_lsp_types::{Position, Range};

use super::client::{Client, Weight};
use super::documents::{Document, Documents};
use super::message::Refusal;
use super::progress::Progress;
use super::running::Cancel;
use super::text::{self, Encoding};
use super::uri;
use crate::config::Settings;
use crate::engine::freshness::{Freshness, Notice};
use crate::engine::{Engine, Place};
use crate::workspace::WorkspaceError;

/// Indexing that takes no longer is not shown.
const UNSEEN: Duration = Duration::from_millis(700);

/// The open folders.
pub struct World {
    /// Answers about them.
    pub engine: Engine,
    /// Who asks.
    pub client: Arc<Client>,
    /// How columns are counted.
    pub encoding: Encoding,
    folders: Vec<Folder>,
    /// Roots whose index is kept fresh.
    tended: Mutex<HashSet<PathBuf>>,
    /// Stops what goes on in the background.
    pub stop: Cancel,
}

/// A folder as the editor names it, and where it is.
struct Folder {
    given: PathBuf,
    real: PathBuf,
}

/// A file in an open folder, and the index of its repository with what the editor holds.
pub struct Here {
    /// Its repository, with unsaved files.
    pub place: Place,
    /// The newest generation.
    pub snapshot: Arc<Snapshot>,
    /// Of the file, relative to the root.
    pub path: Vec<u8>,
    /// If it is open.
    pub document: Option<Arc<Document>>,
}

/// A name in a file.
#[derive(Debug)]
pub struct Word {
    /// The name.
    pub text: String,
    /// Its line, from 1.
    pub line: u32,
    /// Where it stands.
    pub range: Range,
}

impl World {
    /// With these folders; one that is not there is told and left out.
    ///
    /// # Errors
    /// If a folder vanishes meanwhile.
    pub fn new(
        settings: &Settings,
        folders: &[PathBuf],
        client: Arc<Client>,
        encoding: Encoding,
    ) -> Result<World, WorkspaceError> {
        let mut open = Vec::new();
        for given in folders {
            match given.canonicalize() {
                Ok(real) => open.push(Folder {
                    given: given.clone(),
                    real,
                }),
                Err(error) => {
                    let line = format!("cannot open `{}`: {error}", given.display());
                    client.log(Weight::Warning, &line);
                }
            }
        }
        let paths: Vec<PathBuf> = open.iter().map(|folder| folder.real.clone()).collect();
        Ok(World {
            engine: Engine::new(settings, &paths)?,
            client,
            encoding,
            folders: open,
            tended: Mutex::default(),
            stop: Cancel::default(),
        })
    }

    /// The repository that a file of an open folder is in, and its path in there; `None` for other
    /// files.
    fn locate(&self, real: &Path) -> Option<(&Path, Vec<u8>)> {
        use std::os::unix::ffi::OsStrExt;
        let roots = self.engine.roots().iter();
        let root = roots
            .filter(|root| real.starts_with(root))
            .max_by_key(|root| root.as_os_str().len())?;
        let below = real.strip_prefix(root).ok()?.as_os_str().as_bytes();
        (!below.is_empty()).then(|| (root.as_path(), below.to_vec()))
    }

    /// What is known of the file at an address; `None` if it is in no open folder.
    ///
    /// # Errors
    /// If the repository or its index cannot be used.
    pub fn here(
        self: &Arc<World>,
        uri: &str,
        documents: &Documents,
    ) -> Result<Option<Here>, Refusal> {
        let document = documents.get(uri).cloned();
        let real = match &document {
            Some(document) => document.path.clone(),
            None => uri::path(uri).and_then(|path| real(&path)),
        };
        let Some((root, path)) = real.as_deref().and_then(|real| self.locate(real)) else {
            return Ok(None);
        };
        let (place, snapshot) = self.open(root, documents)?;
        Ok(Some(Here {
            place,
            snapshot,
            path,
            document,
        }))
    }

    /// A repository with what the editor holds of it.
    ///
    /// # Errors
    /// If the repository or its index cannot be used.
    pub fn open(
        self: &Arc<World>,
        root: &Path,
        documents: &Documents,
    ) -> Result<(Place, Arc<Snapshot>), Refusal> {
        let repository = self.engine.repository(root)?;
        let snapshot = repository.snapshot()?;
        let mut edited: Vec<Edited> = Vec::new();
        for document in documents.iter() {
            let found = document.path.as_deref().and_then(|real| self.locate(real));
            let Some((_, path)) = found.filter(|(of, _)| *of == root) else {
                continue;
            };
            let indexed = snapshot.file(&path)?.map(|row| row.record.hash);
            if indexed != Some(document.hash()) && edited.iter().all(|one| one.path != path) {
                edited.push(document.parsed(&path).clone());
            }
        }
        let place = Place {
            repository,
            under: None,
            edited: edited.into(),
        };
        self.tend(&place);
        Ok((place, snapshot))
    }

    /// Brings the index of a repository up to date in the background, and keeps it so.
    fn tend(self: &Arc<World>, place: &Place) {
        let root = place.repository.workspace().root().to_owned();
        let mut tended = self.tended.lock().unwrap_or_else(PoisonError::into_inner);
        if !tended.insert(root) {
            return;
        }
        let (world, place) = (self.clone(), place.clone());
        let thread = std::thread::Builder::new().name("lsp upkeep".into());
        let begun = thread.spawn(move || world.catch_up(&place, Freshness::Words, &world.stop));
        if let Err(error) = begun {
            self.client.log(Weight::Warning, &error.to_string());
        }
    }

    /// Brings the index of a repository up to date; tells what cannot be done, and goes on with
    /// what is there.
    pub fn catch_up(&self, place: &Place, wanted: Freshness, cancel: &Cancel) {
        let began = Instant::now();
        let progress = std::cell::OnceCell::new();
        let on = |status: &crate::daemon::protocol::RepositoryStatus| {
            if began.elapsed() > UNSEEN {
                let shown = progress.get_or_init(|| Progress::own(&self.client, "Indexing"));
                shown.report(&format!("{}, {} files", status.state, status.files));
            }
        };
        let done = self.engine.catch_up(place, wanted, cancel, &on);
        match done {
            Ok(notices) => notices.iter().for_each(|notice| match notice {
                Notice::Note(line) => self.client.log(Weight::Info, line),
                Notice::Warning(line) => self.client.log(Weight::Warning, line),
            }),
            Err(_) if cancel.load(std::sync::atomic::Ordering::SeqCst) => {}
            Err(error) => self.client.log(Weight::Warning, &error.to_string()),
        }
    }

    /// The address of a file, by the name of its folder that the editor uses.
    pub fn uri(&self, place: &Place, path: &[u8]) -> String {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let full = place.repository.workspace().root().join(path);
        let given = self.folders.iter().find_map(|folder| {
            let below = full.strip_prefix(&folder.real).ok()?;
            Some(folder.given.join(below))
        });
        uri::of(&given.unwrap_or(full))
    }
}

impl Here {
    /// The index with what the editor holds.
    pub fn view(&self) -> View<'_> {
        self.place.view(&self.snapshot)
    }

    /// Names and mentions.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn graph(&self) -> Result<Graph<'_>, Refusal> {
        Ok(Graph::new(self.view())?)
    }

    /// The text of a line, from 1.
    pub fn line(&self, graph: &Graph<'_>, line: u32) -> Result<String, Refusal> {
        match &self.document {
            Some(document) => Ok(text::line(&document.text, line - 1).to_owned()),
            None => Ok(graph.line(&self.path, line)?.unwrap_or_default()),
        }
    }

    /// The name at a position.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn word(
        &self,
        graph: &Graph<'_>,
        position: Position,
        encoding: Encoding,
    ) -> Result<Option<Word>, Refusal> {
        let line = position.line.saturating_add(1);
        let written = self.line(graph, line)?;
        let at = text::word(&written, encoding.byte(&written, position.character));
        Ok(at.map(|at| Word {
            text: written[at.clone()].to_owned(),
            line,
            range: encoding.range(position.line, &written, at),
        }))
    }
}

/// Where a path leads, also if its end is not there yet.
pub fn real(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    for above in path.ancestors() {
        if let Ok(mut real) = above.canonicalize() {
            real.extend(missing.iter().rev());
            return Some(real);
        }
        // A path that ends in `..` and is not there leads nowhere.
        missing.push(above.file_name()?);
    }
    None
}
