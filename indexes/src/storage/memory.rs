//! Storage in memory, for tests.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Bytes, NewFileWriter, Storage};

/// Files in a map. Clones share the same files.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    files: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

impl MemoryStorage {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn open(&self, name: &str) -> io::Result<Bytes> {
        self.files().get(name).cloned().ok_or_else(not_found)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn NewFileWriter>> {
        if self.files().contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.files().insert(name.into(), Bytes::from(Vec::new()));
        Ok(Box::new(MemoryFile {
            storage: self.clone(),
            name: name.into(),
            content: Vec::new(),
        }))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.files()
            .insert(name.into(), Bytes::from(bytes.to_vec()));
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        let below = format!("{from}/");
        let moved: Vec<String> = files
            .keys()
            .filter(|name| *name == from || name.starts_with(&below))
            .cloned()
            .collect();
        for name in &moved {
            if let Some(content) = files.remove(name) {
                files.insert(format!("{to}{}", &name[from.len()..]), content);
            }
        }
        if moved.is_empty() {
            Err(not_found())
        } else {
            Ok(())
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files().remove(name).map(drop).ok_or_else(not_found)
    }

    fn sync_dir(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let names = self.files();
        let inside = names.keys().filter_map(|name| match folder {
            "" => Some(name.as_str()),
            _ => name.strip_prefix(folder)?.strip_prefix('/'),
        });
        Ok(inside
            .filter(|rest| !rest.contains('/'))
            .map(String::from)
            .collect())
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        let files = self.files();
        let below = format!("{name}/");
        Ok(match files.get(name) {
            Some(content) => Some(content.len() as u64),
            None if files.keys().any(|other| other.starts_with(&below)) => Some(0),
            None => None,
        })
    }

    fn locate(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

struct MemoryFile {
    storage: MemoryStorage,
    name: String,
    content: Vec<u8>,
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.extend_from_slice(bytes);
        let content = Bytes::from(self.content.clone());
        self.storage.files().insert(self.name.clone(), content);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFileWriter for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}
