//! Files of other programs: read whole, written whole, never half.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Change, InstallError};

/// What the name of the kept text ends in.
const KEPT: &str = ".fathom-backup";

/// The text of a file; `None` if there is none.
pub fn read(path: &Path) -> Result<Option<String>, InstallError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(path, source)),
    }
}

/// Writes a change, unless the file has changed; returns where the text of before is kept.
pub fn write(change: &Change) -> Result<Option<PathBuf>, InstallError> {
    if read(&change.path)? != change.before {
        return Err(InstallError::Changed {
            path: change.path.clone(),
        });
    }
    // Settings are often links into a folder of their own, and stay so.
    let path = change
        .path
        .canonicalize()
        .unwrap_or_else(|_| change.path.clone());
    let kept = match &change.before {
        Some(text) => Some(keep(&path, text)?),
        None => None,
    };
    match &change.after {
        Some(text) => replace(&path, text)?,
        None => std::fs::remove_file(&path).map_err(|source| failed(&path, source))?,
    }
    Ok(kept)
}

fn keep(path: &Path, text: &str) -> Result<PathBuf, InstallError> {
    let mut kept = path.as_os_str().to_owned();
    kept.push(KEPT);
    let kept = PathBuf::from(kept);
    put(&kept, path, text)?;
    Ok(kept)
}

fn replace(path: &Path, text: &str) -> Result<(), InstallError> {
    put(path, path, text)
}

/// Writes a file in one step, readable for those who can read `like`.
fn put(path: &Path, like: &Path, text: &str) -> Result<(), InstallError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let permissions = match std::fs::metadata(like) {
            Ok(meta) => meta.permissions(),
            Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o644),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> InstallError {
    InstallError::File {
        path: path.to_owned(),
        source,
    }
}
