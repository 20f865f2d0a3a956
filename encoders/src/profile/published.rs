//! A model in a published layout, found in a folder.

use std::path::{Path, PathBuf};

use super::recipe::Recipe;
use super::settings::{self, Settings};
use super::{KnownHash, Named, layout};
use crate::EncoderError;

/// A recognised folder.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    name: String,
    folder: PathBuf,
    recipe: Recipe,
    /// Over weights and tokenizer, in hex.
    files: String,
    licence: Option<String>,
    source: Option<String>,
    /// No part of the recipe: it changes no vector.
    window_overlap: Option<usize>,
}

/// What a `profile.toml` in a model's folder tells beside its published files.
pub(super) fn given(path: &Path) -> Result<Settings, EncoderError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Settings::default());
        }
        Err(error) => return Err(unreadable(path)(error)),
    };
    toml::from_str(&text).map_err(|error| EncoderError::Profile {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> EncoderError + '_ {
    |source| EncoderError::File {
        profile: path.parent().unwrap_or(path).display().to_string(),
        path: path.to_owned(),
        source,
    }
}

impl Published {
    pub(super) fn open(
        folder: &Path,
        name: &str,
        given: &Settings,
        named: Option<&Named>,
        known: KnownHash<'_>,
    ) -> Result<Published, EncoderError> {
        let recipe = layout::recognise(folder, given).map_err(|reason| EncoderError::Profile {
            path: folder.to_owned(),
            reason,
        })?;
        Ok(Published {
            name: name.to_owned(),
            files: hash(folder, &recipe, known)?,
            folder: folder.to_owned(),
            recipe,
            licence: named.map(|named| named.licence.clone()),
            source: named.map(|named| named.repository.clone()),
            window_overlap: given.window_overlap,
        })
    }

    pub(super) fn truncated(&self, dim: usize) -> Result<Published, EncoderError> {
        let mut published = self.clone();
        settings::truncate(&mut published.recipe, dim).map_err(|reason| EncoderError::Profile {
            path: self.folder.clone(),
            reason,
        })?;
        Ok(published)
    }

    /// The name, with the length that dense vectors are cut to.
    pub(super) fn full_name(&self) -> String {
        match self.recipe.truncate {
            Some(dim) => format!("{}:{dim}", self.name),
            None => self.name.clone(),
        }
    }

    pub(super) fn id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.files.as_bytes());
        hasher.update(format!("{:?}", self.identity()).as_bytes());
        let hash = hasher.finalize().to_hex();
        format!("{}@{}", self.full_name(), &hash[..12])
    }

    /// The recipe without paths, which change no vector.
    fn identity(&self) -> Recipe {
        Recipe {
            graph: PathBuf::new(),
            tokenizer: PathBuf::new(),
            matryoshka: Vec::new(),
            ..self.recipe.clone()
        }
    }

    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// For cross-encoders: a text that is too long is read in windows, which have so many tokens in
    /// common. Without it the text is cut.
    pub(crate) fn window_overlap(&self) -> Option<usize> {
        self.window_overlap
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dense_dim(&self) -> usize {
        self.recipe.truncate.unwrap_or(self.recipe.dim)
    }

    pub(super) fn licence(&self) -> &str {
        self.licence.as_deref().unwrap_or("not named by its files")
    }

    pub(super) fn source(&self) -> &str {
        self.source.as_deref().unwrap_or("a folder")
    }

    /// A file of the model.
    pub(crate) fn path(&self, file: &Path) -> PathBuf {
        self.folder.join(file)
    }

    pub(crate) fn read(&self, file: &Path) -> Result<Vec<u8>, EncoderError> {
        let path = self.path(file);
        std::fs::read(&path).map_err(|source| EncoderError::File {
            profile: self.name.clone(),
            path,
            source,
        })
    }

    pub(super) fn weights(&self) -> Result<u64, EncoderError> {
        let mut bytes = 0;
        for path in weight_files(&self.folder, &self.recipe)? {
            let data = std::fs::metadata(&path).map_err(unreadable(&path))?;
            bytes += data.len();
        }
        Ok(bytes)
    }
}

/// The graph, the data beside it, and the weights of later steps.
fn weight_files(folder: &Path, recipe: &Recipe) -> Result<Vec<PathBuf>, EncoderError> {
    let graph = folder.join(&recipe.graph);
    let mut files = vec![graph.clone()];
    let (beside, stem) = (graph.parent(), graph.file_name());
    if let (Some(beside), Some(stem)) = (beside, stem) {
        let prefix = format!("{}_data", stem.to_string_lossy());
        for entry in std::fs::read_dir(beside).map_err(unreadable(beside))? {
            let entry = entry.map_err(unreadable(beside))?;
            // A graph of more than two gigabytes has its data in `_data`, `_data_1` and so on.
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                files.push(entry.path());
            }
        }
    }
    files[1..].sort();
    files.extend(
        settings::step_files(recipe)
            .iter()
            .map(|file| folder.join(file)),
    );
    Ok(files)
}

/// Over what decides the vectors beside the recipe: hashes that are known are not computed.
fn hash(folder: &Path, recipe: &Recipe, known: KnownHash<'_>) -> Result<String, EncoderError> {
    let mut hasher = blake3::Hasher::new();
    for path in weight_files(folder, recipe)? {
        match known(&path) {
            Some(hash) => drop(hasher.update(hash.as_bytes())),
            None => {
                let mut file = blake3::Hasher::new();
                let read = std::fs::File::open(&path).and_then(|data| {
                    file.update_reader(data)?;
                    Ok(())
                });
                read.map_err(unreadable(&path))?;
                hasher.update(file.finalize().as_bytes());
            }
        }
    }
    let tokenizer = folder.join(&recipe.tokenizer);
    let bytes = std::fs::read(&tokenizer).map_err(unreadable(&tokenizer))?;
    hasher.update(blake3::hash(&bytes).as_bytes());
    Ok(hasher.finalize().to_hex().to_string())
}
