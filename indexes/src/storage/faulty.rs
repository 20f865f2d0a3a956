//! Storage that fails on purpose: the k-th operation once, or all from the k-th on.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Bytes, NewFileWriter, Storage};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The device reports an error.
    Io,
    /// The device is full.
    NoSpace,
    /// The device reports an error after half of the bytes; as [`Fault::Io`] for other operations.
    ShortWrite,
}

impl Fault {
    pub fn error(self) -> io::Error {
        match self {
            Fault::NoSpace => io::Error::from(io::ErrorKind::StorageFull),
            Fault::Io | Fault::ShortWrite => io::Error::other("injected I/O error"),
        }
    }
}

/// A countdown shared by a storage and a SQLite file system.
#[derive(Debug)]
pub(crate) struct Faults {
    at: AtomicU64,
    forever: AtomicBool,
    fault: Mutex<Fault>,
    seen: AtomicU64,
    fired: AtomicBool,
}

impl Faults {
    /// Nothing fails yet.
    pub fn none() -> Faults {
        Faults {
            at: AtomicU64::new(u64::MAX),
            forever: AtomicBool::new(false),
            fault: Mutex::new(Fault::Io),
            seen: AtomicU64::new(0),
            fired: AtomicBool::new(false),
        }
    }

    /// Lets the operation number `at` from now fail, and those after it too if `forever`.
    pub fn arm(&self, at: u64, forever: bool, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.forever.store(forever, SeqCst);
        self.seen.store(0, SeqCst);
        self.fired.store(false, SeqCst);
        self.at.store(at, SeqCst);
    }

    /// Lets nothing fail any more. Answers whether something did.
    pub fn disarm(&self) -> bool {
        self.at.store(u64::MAX, SeqCst);
        self.fired.load(SeqCst)
    }

    /// Counts an operation; answers how it fails, if it does.
    pub fn next(&self) -> Option<Fault> {
        let (now, at) = (self.seen.fetch_add(1, SeqCst), self.at.load(SeqCst));
        let fails = now == at || (now > at && self.forever.load(SeqCst));
        if !fails {
            return None;
        }
        self.fired.store(true, SeqCst);
        Some(*self.fault.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn run<T>(&self, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.next() {
            None => run(),
            Some(fault) => Err(fault.error()),
        }
    }
}

/// Another storage, with faults.
#[derive(Debug)]
pub(crate) struct FaultyStorage<S> {
    pub inner: S,
    pub faults: Arc<Faults>,
}

impl<S: Storage> Storage for FaultyStorage<S> {
    fn open(&self, name: &str) -> io::Result<Bytes> {
        self.faults.run(|| self.inner.open(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn NewFileWriter>> {
        let inner = self.faults.run(|| self.inner.create(name))?;
        let faults = self.faults.clone();
        Ok(Box::new(FaultyFile { inner, faults }))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.faults.run(|| self.inner.replace(name, bytes))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.faults.run(|| self.inner.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.faults.run(|| self.inner.remove(name))
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.faults.run(|| self.inner.sync_dir(folder))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.faults.run(|| self.inner.list(folder))
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        self.faults.run(|| self.inner.size(name))
    }

    fn locate(&self, name: &str) -> PathBuf {
        self.inner.locate(name)
    }
}

struct FaultyFile {
    inner: Box<dyn NewFileWriter>,
    faults: Arc<Faults>,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(fault) = self.faults.next() else {
            return self.inner.write(bytes);
        };
        if fault == Fault::ShortWrite {
            self.inner.write_all(&bytes[..bytes.len() / 2])?;
        }
        Err(fault.error())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl NewFileWriter for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        let FaultyFile { inner, faults } = self;
        faults.run(|| inner.sync())
    }
}
