//! The lexical index: BM25 over the words of a chunk's path, name, documentation and body.
//!
//! tantivy keeps the postings, in write-once files below one folder of the store's [`Storage`].
//! It may hold chunks that the catalog does not know yet or no longer: a [`LexicalReader`] is
//! opened with the set of live chunks, and neither scores nor their statistics (document count,
//! document frequencies, average lengths) depend on anything else. So an index that grew by
//! small steps ranks exactly as a fresh one.

mod directory;
mod reader;
mod schema;
mod writer;

pub use reader::LexicalReader;
pub use writer::LexicalWriter;

use crate::storage::Storage;
use crate::{ChunkId, StoreError};
use directory::StoreDirectory;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use tantivy::directory::error::OpenReadError;
use tantivy::{Index, TantivyError};

/// What is indexed of one chunk.
#[derive(Clone, Copy, Debug)]
pub struct LexicalDoc<'a> {
    /// The chunk.
    pub chunk: ChunkId,
    /// Path of its file.
    pub path: &'a str,
    /// Its names, qualified or not.
    pub name: &'a str,
    /// Its documentation.
    pub doc: &'a str,
    /// Its source text.
    pub body: &'a str,
}

/// Words to look for, and how much each field counts.
#[derive(Clone, Debug, Default)]
pub struct LexicalQuery {
    /// Words as [`crate::text::words`] gives them.
    pub terms: Vec<LexicalTerm>,
    /// Weight of each field.
    pub field_weights: FieldWeights,
}

/// One word of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct LexicalTerm {
    /// The word.
    pub text: String,
    /// Its BM25 score is multiplied by this.
    pub weight: f32,
}

/// What a field's BM25 score is multiplied by; a field of weight zero is not read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldWeights {
    /// [`LexicalDoc::path`].
    pub path: f32,
    /// [`LexicalDoc::name`].
    pub name: f32,
    /// [`LexicalDoc::doc`].
    pub doc: f32,
    /// [`LexicalDoc::body`].
    pub body: f32,
}

impl Default for FieldWeights {
    fn default() -> Self {
        FieldWeights {
            path: 1.0,
            name: 1.0,
            doc: 1.0,
            body: 1.0,
        }
    }
}

/// The lexical index in one folder of a storage; nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub struct LexicalIndex {
    directory: StoreDirectory,
}

impl LexicalIndex {
    /// The index in `folder`, which need not exist.
    pub fn new(storage: Arc<dyn Storage>, folder: &str) -> LexicalIndex {
        LexicalIndex {
            directory: StoreDirectory::new(storage, folder),
        }
    }

    /// Opens the index for changes, creating it. The caller holds the store's writer lock.
    pub fn writer(&self) -> Result<LexicalWriter, StoreError> {
        LexicalWriter::open(self)
    }

    /// Opens the newest commit for searching among the chunks that are `live`. Takes no lock
    /// and starts no thread; an index that was never committed is empty.
    pub fn reader(&self, live: &dyn Fn(ChunkId) -> bool) -> Result<LexicalReader, StoreError> {
        self.run_newest(|| LexicalReader::open(self, live))
    }

    /// Reads every byte and names the files whose checksum is wrong, sorted.
    pub fn damaged_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.run_newest(|| {
            let Some(index) = self.open()? else {
                return Ok(Vec::new());
            };
            let mut damaged: Vec<PathBuf> = index
                .validate_checksum()?
                .iter()
                .map(|file| self.directory.locate(file))
                .collect();
            damaged.sort();
            Ok(damaged)
        })
    }

    /// Runs what reads a commit, again when files of it are gone: a writer may remove those of
    /// an older one between our reading its list and our opening them, and then there is a newer.
    fn run_newest<T>(&self, read: impl Fn() -> tantivy::Result<T>) -> Result<T, StoreError> {
        const ATTEMPTS: usize = 20;
        for _ in 1..ATTEMPTS {
            match self.guard(&read) {
                Err(Failure::Tantivy(error)) if is_gone(&error) => std::thread::yield_now(),
                other => return other.map_err(|failure| self.error(failure)),
            }
        }
        self.run(read)
    }

    fn open(&self) -> Result<Option<Index>, TantivyError> {
        if !Index::exists(&self.directory)? {
            return Ok(None);
        }
        let index = Index::open(self.directory.clone())?;
        if index.schema() != schema::schema().0 {
            let problem = "fields differ from those of this build".to_owned();
            return Err(TantivyError::SchemaError(problem));
        }
        schema::register(&index);
        Ok(Some(index))
    }

    /// Runs an operation of tantivy; a panic, which damaged files can cause, is an error too.
    fn guard<T>(&self, run: impl FnOnce() -> tantivy::Result<T>) -> Result<T, Failure> {
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(result) => result.map_err(Failure::Tantivy),
            Err(_) => Err(Failure::Panic),
        }
    }

    fn run<T>(&self, run: impl FnOnce() -> tantivy::Result<T>) -> Result<T, StoreError> {
        self.guard(run).map_err(|failure| self.error(failure))
    }

    fn error(&self, failure: Failure) -> StoreError {
        let path = self.directory.locate("".as_ref());
        match failure {
            Failure::Panic => StoreError::damaged(path, "tantivy cannot decode it"),
            Failure::Tantivy(TantivyError::DataCorruption(problem)) => {
                StoreError::damaged(path, format!("{problem:?}"))
            }
            Failure::Tantivy(TantivyError::SchemaError(problem)) => {
                StoreError::damaged(path, problem)
            }
            Failure::Tantivy(TantivyError::OpenReadError(OpenReadError::IoError {
                io_error,
                filepath,
            })) if io_error.kind() == io::ErrorKind::InvalidData => {
                StoreError::damaged(self.directory.locate(&filepath), io_error.to_string())
            }
            Failure::Tantivy(error) => StoreError::Lexical {
                path,
                problem: error.to_string(),
            },
        }
    }
}

/// Whether a file was not there.
fn is_gone(error: &TantivyError) -> bool {
    match error {
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_)) => true,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => {
            io_error.kind() == io::ErrorKind::NotFound
        }
        _ => false,
    }
}

enum Failure {
    Tantivy(TantivyError),
    Panic,
}

#[cfg(test)]
mod tests;
