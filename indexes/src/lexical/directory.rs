//! tantivy's `Directory` on the store's [`Storage`].

use crate::storage::{NewFileWriter, Storage};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

/// tantivy's list of the files that it may remove. Ours is the listing of the folder, which
/// cannot be behind after a crash and needs no write of its own for every new file.
const MANAGED: &str = ".managed.json";

/// The index's own list of segments. Other than in segment files, tantivy puts no checksum there:
/// we add one as a last line.
const META: &str = "meta.json";

/// One folder of a storage. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct StoreDirectory {
    storage: Arc<dyn Storage>,
    folder: String,
}

impl StoreDirectory {
    pub fn new(storage: Arc<dyn Storage>, folder: &str) -> StoreDirectory {
        let folder = folder.to_owned();
        StoreDirectory { storage, folder }
    }

    /// Where a file is on disk.
    pub fn locate(&self, path: &Path) -> PathBuf {
        self.storage.locate(&self.name(path)).components().collect()
    }

    fn name(&self, path: &Path) -> String {
        format!("{}/{}", self.folder, path.display())
    }

    fn managed_files(&self) -> io::Result<Vec<u8>> {
        let files = self.storage.list(&self.folder)?;
        let managed: Vec<String> = files
            .iter()
            .filter(|name| is_plain(name) && *name != META)
            .map(|name| format!("\"{name}\""))
            .collect();
        Ok(format!("[{}]", managed.join(",")).into_bytes())
    }
}

/// tantivy's names, which need no escape in JSON.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.starts_with('.') && name.chars().all(plain)
}

/// `content` and a line with its hash.
fn sealed(content: &[u8]) -> Vec<u8> {
    format!(
        "{}{}\n",
        String::from_utf8_lossy(content),
        blake3::hash(content)
    )
    .into_bytes()
}

/// What was [`sealed`], if it is whole.
fn unsealed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    const SEAL: usize = 2 * blake3::OUT_LEN + 1;
    let content = &bytes[..bytes.len().saturating_sub(SEAL)];
    match sealed(content) == bytes {
        true => Ok(content.to_vec()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "checksum mismatch",
        )),
    }
}

fn read_error(error: io::Error, path: &Path) -> OpenReadError {
    match error.kind() {
        io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_path_buf()),
        _ => OpenReadError::wrap_io_error(error, path.to_path_buf()),
    }
}

impl Directory for StoreDirectory {
    /// A file that is gone is an I/O error: `FileDoesNotExist` would make tantivy take a segment
    /// whose positions were just removed for one that never had any, and call it damaged.
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let bytes = self.storage.open(&self.name(path));
        let bytes =
            bytes.map_err(|error| OpenReadError::wrap_io_error(error, path.to_path_buf()))?;
        Ok(Arc::new(OwnedBytes::new(bytes)))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.storage
            .remove(&self.name(path))
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => DeleteError::FileDoesNotExist(path.to_path_buf()),
                _ => DeleteError::IoError {
                    io_error: Arc::new(error),
                    filepath: path.to_path_buf(),
                },
            })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let size = self.storage.size(&self.name(path));
        Ok(size.map_err(|error| read_error(error, path))?.is_some())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = self
            .storage
            .create(&self.name(path))
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    OpenWriteError::FileAlreadyExists(path.to_path_buf())
                }
                _ => OpenWriteError::wrap_io_error(error, path.to_path_buf()),
            })?;
        Ok(BufWriter::new(Box::new(NewFile(Mutex::new(file)))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let content = if path == Path::new(MANAGED) {
            self.managed_files()
        } else {
            self.storage
                .open(&self.name(path))
                .and_then(|bytes| unsealed(&bytes))
        };
        content.map_err(|error| read_error(error, path))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        if path == Path::new(MANAGED) {
            return Ok(());
        }
        self.storage.replace(&self.name(path), &sealed(data))
    }

    fn sync_directory(&self) -> io::Result<()> {
        match self.storage.sync_dir(&self.folder) {
            // The first commit syncs before it writes the first file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// The store's writer lock already keeps other writers away, and readers open again when a
    /// file is gone.
    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    /// Readers are opened anew for each generation: nothing watches.
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

/// A file that is made durable when tantivy is done with it. The mutex is never locked: tantivy
/// wants its files to be `Sync`.
struct NewFile(Mutex<Box<dyn NewFileWriter>>);

impl NewFile {
    fn file(&mut self) -> &mut dyn NewFileWriter {
        self.0
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl TerminatingWrite for NewFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.file().flush()?;
        self.file().sync()
    }
}
