//! What fathom notes of a model that it brought here.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StoreError;

/// Name of the note in a model's folder.
pub const RECORD_FILE: &str = "model.json";

/// A model that was pulled or imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What users write.
    pub name: String,
    /// Licence as its source names it.
    pub licence: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its files.
    pub files: Vec<FileRecord>,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A repository on the hub.
    Hub {
        /// Address of the hub.
        endpoint: String,
        /// `owner/name`.
        repository: String,
        /// As the user wrote it.
        revision: String,
        /// The commit that it was.
        commit: String,
    },
    /// A file, folder or archive.
    Import {
        /// Its path.
        from: PathBuf,
    },
}

impl Origin {
    /// In words, for the model at this path. Of what is in the hub's cache it names the commit that the
    /// folder is of: another revision may have been pulled since.
    pub fn shown(&self, path: &Path) -> String {
        match self {
            Origin::Hub {
                endpoint,
                repository,
                commit,
                ..
            } => {
                let commit = snapshot(path).unwrap_or(commit);
                format!("{endpoint}/{repository} at {commit}")
            }
            Origin::Import { from } => from.display().to_string(),
        }
    }
}

/// The commit whose folder in the hub's cache a path is in.
fn snapshot(path: &Path) -> Option<&str> {
    let mut parts = path
        .components()
        .rev()
        .map(|part| part.as_os_str().to_str());
    let mut below = None;
    while let Some(part) = parts.next()? {
        if part == "snapshots" {
            return below;
        }
        below = Some(part);
    }
    None
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path; without folders if it is beside the record.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash, 64 hexadecimal digits of SHA-256 (or 40 of git's).
    pub hash: String,
    /// Whether fathom brought it here; else it was in the hub's cache before.
    pub brought: bool,
}

impl Record {
    /// The record of a model's folder, if it has one.
    ///
    /// # Errors
    /// If it cannot be read or understood.
    pub fn load(folder: &Path) -> Result<Option<Record>, StoreError> {
        let path = folder.join(RECORD_FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(StoreError::file("read", &path))?,
        };
        let record = serde_json::from_str(&text);
        record.map(Some).map_err(|error| StoreError::Record {
            path,
            reason: error.to_string(),
        })
    }

    /// Writes the record into a model's folder, at once.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(RECORD_FILE);
        let new = folder.join(format!(".{RECORD_FILE}.{}", std::process::id()));
        let write = || {
            fs::create_dir_all(folder)?;
            let mut file = fs::File::create(&new)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(StoreError::file("write", &path))
    }

    /// Adds files; one that is there already stays fathom's if it was.
    pub fn add(&mut self, files: Vec<FileRecord>) {
        for mut file in files {
            let known = self.files.iter().position(|known| known.path == file.path);
            if let Some(known) = known {
                file.brought |= self.files.remove(known).brought;
            }
            self.files.push(file);
        }
    }

    /// What is noted of a file, whose path begins with the model's folder if it is beside the record.
    #[must_use]
    pub fn file(&self, folder: &Path, path: &Path) -> Option<&FileRecord> {
        let same = |file: &&FileRecord| folder.join(&file.path) == path;
        self.files.iter().find(same)
    }
}
