//! Storage on the operating system's files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Bytes, NewFileWriter, Storage};

/// A directory of the file system, private to its owner (folders 0700, files 0600,
/// finished write-once files 0400).
#[derive(Debug)]
pub struct OsStorage {
    root: PathBuf,
}

impl OsStorage {
    /// Uses `root`, creating it when it is not there.
    pub fn create(root: &Path) -> io::Result<OsStorage> {
        create_private_folder(root)?;
        Ok(OsStorage {
            root: root.to_path_buf(),
        })
    }
}

impl OsStorage {
    /// Makes a folder whose own entry is durable, so that files in it can be.
    fn create_folder(&self, folder: &str) -> io::Result<()> {
        create_private_folder(&self.locate(folder))?;
        let mut below = folder;
        while !below.is_empty() {
            below = folder_of(below);
            sync_folder(&self.locate(below))?;
        }
        Ok(())
    }
}

impl Storage for OsStorage {
    fn open(&self, name: &str) -> io::Result<Bytes> {
        let file = File::open(self.locate(name))?;
        // An empty file cannot be mapped.
        match file.metadata()?.len() {
            0 => Ok(Bytes::from(Vec::new())),
            _ => Bytes::map(&file),
        }
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn NewFileWriter>> {
        let path = self.locate(name);
        let file = match new_private_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create_folder(folder_of(name))?;
                new_private_file(&path)?
            }
            other => other?,
        };
        Ok(Box::new(OsFile(file)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}.tmp");
        remove_if_present(&self.locate(&temporary))?;
        let mut file = self.create(&temporary)?;
        file.write_all(bytes)?;
        file.sync()?;
        self.rename(&temporary, name)?;
        self.sync_dir(folder_of(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.locate(from), self.locate(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.locate(name))
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        sync_folder(&self.locate(folder))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.locate(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.locate(name)) {
            Ok(data) if data.is_file() => Ok(Some(data.len())),
            Ok(_) => Ok(Some(0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn locate(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

struct OsFile(File);

impl Write for OsFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl NewFileWriter for OsFile {
    fn sync(&mut self) -> io::Result<()> {
        seal(&self.0)?;
        self.0.sync_all()
    }
}

/// The part of a name before its last `/`, empty for a name at the top.
pub(crate) fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(not(unix))]
fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn new_private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Takes the right to write from a finished file, so that no one changes it by accident.
#[cfg(unix)]
fn seal(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o400))
}

#[cfg(not(unix))]
fn seal(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Directories cannot be opened for syncing on other systems.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
