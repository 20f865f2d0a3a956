//! Encoder models on this machine: in fathom's folder, in the hub's cache, or anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use fathom_encoders::{EncoderError, Named, Profile};
use fathom_models::digest::Digest;
use fathom_models::hub::Cache;
use fathom_models::store::{Record, files_of_encoder};

use crate::config::Settings;

/// Every layout has it.
const TOKENIZER: &str = "tokenizer.json";

/// Whose folder a model is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// fathom's own.
    Own,
    /// The cache of the hub's tools.
    Hub,
    /// Any other: the user's.
    Elsewhere,
}

/// A model that encodes, or scores pairs.
#[derive(Clone, Debug)]
pub struct EncoderModel {
    /// What finds it again.
    pub name: String,
    /// Where its files are.
    pub folder: PathBuf,
    /// Whose folder that is.
    pub place: Place,
    /// The short name that it has.
    pub named: Option<&'static Named>,
    /// What was noted when it was brought here.
    pub record: Option<Record>,
    /// Where notes of it are.
    pub notes: PathBuf,
}

impl EncoderModel {
    /// The model of a name, hub id or folder.
    pub fn find(name: &str, settings: &Settings) -> Option<EncoderModel> {
        let (base, revision) = match name.split_once('@') {
            Some((base, revision)) => (base, Some(revision)),
            None => (name, None),
        };
        let named = Named::find(base).or_else(|| Named::of_repository(base));
        let name = named.map_or(base, |named| &named.name);
        let notes = notes(name, settings);
        if is_word(name) && notes.join(TOKENIZER).is_file() {
            return Some(Self::at(name, notes.clone(), Place::Own, named, notes));
        }
        let repository = named.map_or(base, |named| &named.repository);
        let is_hub_id = repository.split('/').filter(|part| is_word(part)).count() == 2
            && repository.split('/').count() == 2;
        if is_hub_id && let Some(folder) = in_hub(repository, revision, settings) {
            return Some(Self::at(name, folder, Place::Hub, named, notes));
        }
        let folder = std::path::absolute(base).ok()?;
        let is_path = base.contains('/') && folder.join(TOKENIZER).is_file();
        let name = folder.display().to_string();
        is_path.then(|| Self::at(&name, folder, Place::Elsewhere, None, PathBuf::new()))
    }

    fn at(
        name: &str,
        folder: PathBuf,
        place: Place,
        named: Option<&'static Named>,
        notes: PathBuf,
    ) -> EncoderModel {
        EncoderModel {
            name: name.to_owned(),
            folder,
            place,
            named,
            // A damaged record takes nothing from the model; `verify` tells of it.
            record: Record::load(&notes).ok().flatten(),
            notes,
        }
    }

    /// Every model that is here, by name.
    pub fn all(settings: &Settings) -> Vec<EncoderModel> {
        let mut names: Vec<String> = subfolders(&settings.data_dir.join("models"))
            .into_iter()
            .filter(|name| {
                let folder = settings.data_dir.join("models").join(name);
                folder.join(TOKENIZER).is_file()
            })
            .collect();
        let cache = settings.hub.cache(&settings.data_dir);
        let in_cache = subfolders(&cache);
        let repositories = in_cache
            .iter()
            .filter_map(|folder| folder.strip_prefix("models--"));
        names.extend(repositories.map(|name| name.replacen("--", "/", 1)));
        let mut models: Vec<EncoderModel> = names
            .iter()
            .filter_map(|name| EncoderModel::find(name, settings))
            .collect();
        models.sort_by(|one, other| one.name.cmp(&other.name));
        models.dedup_by(|one, other| one.name == other.name);
        models
    }

    /// What it is, by its files.
    ///
    /// # Errors
    /// If its layout is not recognised, or a file is missing or not valid.
    pub fn profile(&self) -> Result<Profile, EncoderError> {
        let known = |path: &Path| self.hash(path).map(|hash| hash.to_string());
        match self.named {
            Some(named) => Profile::open_named(named, &self.folder, &known),
            None => {
                let name = self.folder.file_name().unwrap_or_default();
                let name = match self.place {
                    Place::Elsewhere => name.to_string_lossy().into_owned(),
                    Place::Own | Place::Hub => self.name.clone(),
                };
                Profile::open_as(&name, &self.folder, &known)
            }
        }
    }

    /// Its files, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        let files = files_of_encoder(&self.folder).unwrap_or_default();
        files
            .into_iter()
            .map(|(file, _)| self.folder.join(file))
            .collect()
    }

    /// Size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
        self.files().iter().map(size).sum()
    }

    /// The hash that a file came with: noted, or its name in the hub's cache.
    pub fn hash(&self, path: &Path) -> Option<Digest> {
        let noted = self.record.as_ref();
        let noted = noted.and_then(|record| record.file(&self.notes, path));
        let blob = || {
            let blob = fs::canonicalize(path).ok()?;
            blob.file_name()?.to_str()?.parse().ok()
        };
        noted.and_then(|file| file.hash.parse().ok()).or_else(blob)
    }

    /// Whether fathom brought a file here.
    pub fn is_brought(&self, path: &Path) -> bool {
        let noted = self.record.as_ref();
        let noted = noted.and_then(|record| record.file(&self.notes, path));
        noted.is_some_and(|file| file.brought)
    }

    /// As its repository or the named profile names it.
    pub fn licence(&self) -> Option<&str> {
        let recorded = self.record.as_ref();
        let recorded = recorded.and_then(|record| record.licence.as_deref());
        recorded.or(self.named.map(|named| named.licence.as_str()))
    }
}

/// Where notes of a model are.
pub fn notes(name: &str, settings: &Settings) -> PathBuf {
    let folder = name.replace('/', "--");
    settings.data_dir.join("models").join(folder)
}

/// A name as the hub allows it: it can leave no folder.
fn is_word(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(allowed) && !text.starts_with('.') && !text.contains("..")
}

/// The snapshot of a repository in the hub's cache: of the revision, else the one that `main`
/// is at, else any.
fn in_hub(repository: &str, revision: Option<&str>, settings: &Settings) -> Option<PathBuf> {
    let cache = Cache::new(&settings.hub.cache(&settings.data_dir));
    let folder = cache.repository(repository);
    let snapshots = folder.join("snapshots");
    // Other programs keep models there that only they can run.
    let has_graph = |folder: &Path| {
        let files = files_of_encoder(folder).unwrap_or_default();
        files.iter().any(|(file, _)| file.ends_with(".onnx"))
    };
    let is_model = |folder: &PathBuf| folder.join(TOKENIZER).is_file() && has_graph(folder);
    let of = |revision: &str| {
        let commit = fs::read_to_string(folder.join("refs").join(revision));
        let commit = commit.unwrap_or_else(|_| revision.to_owned());
        let snapshot = snapshots.join(commit.trim());
        (is_word(commit.trim()) && is_model(&snapshot)).then_some(snapshot)
    };
    if let Some(revision) = revision {
        return of(revision);
    }
    let any = || {
        let mut all = subfolders(&snapshots);
        all.sort();
        all.into_iter()
            .map(|commit| snapshots.join(commit))
            .find(is_model)
    };
    of("main").or_else(any)
}

/// Names of the folders in a folder.
fn subfolders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
