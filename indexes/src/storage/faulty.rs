//! Storage that fails on purpose: the k-th operation once, or all from the k-th on.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use super::os::folder_of;
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
    /// This process is killed before the operation: nobody gets to see it.
    Kill,
}

impl Fault {
    pub fn error(self) -> io::Error {
        match self {
            Fault::NoSpace => io::Error::from(io::ErrorKind::StorageFull),
            Fault::Io | Fault::ShortWrite | Fault::Kill => io::Error::other("injected I/O error"),
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
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault == Fault::Kill {
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
        }
        Some(fault)
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
    inner: S,
    faults: Arc<Faults>,
    volatile: Arc<Mutex<Volatile>>,
}

/// What a power cut would take.
#[derive(Debug, Default)]
struct Volatile {
    /// Files whose content was not synced.
    contents: BTreeSet<String>,
    /// Names whose folder was not synced.
    names: BTreeSet<String>,
}

impl<S: Storage> FaultyStorage<S> {
    pub fn new(inner: S, faults: Arc<Faults>) -> FaultyStorage<S> {
        FaultyStorage {
            inner,
            faults,
            volatile: Arc::default(),
        }
    }

    fn volatile(&self) -> MutexGuard<'_, Volatile> {
        self.volatile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what a power cut may do at worst: new names are gone, and files that
    /// were not synced are empty.
    pub fn cut_power(&self) -> io::Result<()> {
        let Volatile {
            mut contents,
            names,
        } = std::mem::take(&mut *self.volatile());
        // What is in the catalog is synced by SQLite.
        contents.retain(|name| !name.ends_with(".db"));
        for name in contents.union(&names) {
            if self.inner.size(name)?.is_some() {
                self.inner.remove(name)?;
                if !names.contains(name) {
                    drop(self.inner.create(name)?);
                }
            }
        }
        Ok(())
    }
}

impl<S: Storage> Storage for FaultyStorage<S> {
    fn open(&self, name: &str) -> io::Result<Bytes> {
        self.faults.run(|| self.inner.open(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn NewFileWriter>> {
        let inner = self.faults.run(|| self.inner.create(name))?;
        self.volatile().contents.insert(name.into());
        self.volatile().names.insert(name.into());
        Ok(Box::new(FaultyFile {
            inner,
            name: name.into(),
            faults: self.faults.clone(),
            volatile: self.volatile.clone(),
        }))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.faults.run(|| self.inner.replace(name, bytes))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.faults.run(|| self.inner.rename(from, to))?;
        let mut volatile = self.volatile();
        if volatile.names.remove(from) {
            volatile.names.insert(to.into());
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.faults.run(|| self.inner.remove(name))
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.faults.run(|| self.inner.sync_dir(folder))?;
        self.volatile()
            .names
            .retain(|name| folder_of(name) != folder);
        Ok(())
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
    name: String,
    faults: Arc<Faults>,
    volatile: Arc<Mutex<Volatile>>,
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
        let FaultyFile { inner, faults, .. } = self;
        faults.run(|| inner.sync())?;
        let mut volatile = self.volatile.lock().unwrap_or_else(PoisonError::into_inner);
        volatile.contents.remove(&self.name);
        Ok(())
    }
}
