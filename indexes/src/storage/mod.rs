//! The store's file access: one small trait, with an implementation on the
//! operating system, one in memory, and one that fails on purpose.
//!
//! Names are relative to the store's directory, `/`-separated, e.g.
//! `segments/12.seg`. Files are written once and never changed; the only way to
//! change what a name means is [`Storage::replace`], which is atomic.

mod bytes;
#[cfg(test)]
pub(crate) mod faulty;
mod memory;
mod os;
#[cfg(test)]
pub(crate) mod sqlite_vfs;

use std::fmt;
use std::io;
use std::path::PathBuf;

pub use bytes::Bytes;
pub use memory::MemoryStorage;
pub use os::OsStorage;

/// A file being written for the first and only time.
pub trait NewFileWriter: io::Write + Send + Sync {
    /// Makes everything written so far durable. Nothing may be written afterwards.
    fn sync(&mut self) -> io::Result<()>;
}

/// A directory of write-once files.
pub trait Storage: fmt::Debug + Send + Sync {
    /// The whole content of a file, mapped where the system can.
    fn open(&self, name: &str) -> io::Result<Bytes>;

    /// Begins a file that must not exist yet, creating the folders above it.
    fn create(&self, name: &str) -> io::Result<Box<dyn NewFileWriter>>;

    /// Makes `name` hold `bytes`, durably: a reader sees the old or the new content, never a mix.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Moves a file or folder within the store.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Readers that opened it keep what they have.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes created, renamed and removed entries of a folder durable.
    fn sync_dir(&self, folder: &str) -> io::Result<()>;

    /// Names of the files (not folders) directly in a folder, sorted; empty when there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Size of a file in bytes, `None` when there is no such file or folder. A folder has size 0.
    fn size(&self, name: &str) -> io::Result<Option<u64>>;

    /// Where a name is on disk, for messages and for libraries with their own file access.
    fn locate(&self, name: &str) -> PathBuf;
}
