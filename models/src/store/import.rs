//! Importing a model from a file, a folder or a tar archive.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{FileRecord, Origin, PartName, Record, StoreError};
use crate::digest::{self, Digest, Hasher};
use crate::gguf::Header;

/// A model somewhere else.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    kind: Kind,
    /// Name and size of each file, the first first.
    files: Vec<(String, u64)>,
}

#[derive(Debug, PartialEq)]
enum Kind {
    File,
    Folder,
    Archive,
}

/// A model that was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What is noted of it.
    pub record: Record,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether the same bytes were there before.
    pub was_there: bool,
}

impl Source {
    /// Looks for one model in a file, a folder or a tar archive.
    ///
    /// # Errors
    /// If there is none, or more than one, or a part of it is missing.
    pub fn open(path: &Path) -> Result<Source, StoreError> {
        let read = |path| StoreError::file("read", path);
        let meta = fs::metadata(path).map_err(read(path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (kind, found) = if meta.is_dir() {
            (Kind::Folder, listed(path).map_err(read(path))?)
        } else if name.to_ascii_lowercase().ends_with(".tar") {
            (Kind::Archive, archived(path).map_err(read(path))?)
        } else if PartName::parse(&name).is_some_and(|part| part.number.1 > 1) {
            // A part stands for its model.
            return with_parts(path);
        } else {
            let sound = Header::read(path).map_err(|source| StoreError::NotSound {
                path: path.to_owned(),
                source,
            });
            sound?;
            (Kind::File, vec![(name.into_owned(), meta.len())])
        };
        let files = one_model(path, found)?;
        Ok(Source {
            path: path.to_owned(),
            kind,
            files,
        })
    }

    /// Name of the model's first file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.files.first().map_or("", |(name, _)| name)
    }

    /// Size of all files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, size)| size).sum()
    }

    /// Copies the model into the folder `name` of `own`, hashes and checks it.
    /// `on` hears how many bytes are copied. Interrupted or failed, nothing is left.
    ///
    /// # Errors
    /// If it cannot be copied, is no sound model, or another file has its place.
    pub fn import(
        &self,
        own: &Path,
        name: &str,
        cancel: &AtomicBool,
        on: &mut dyn FnMut(u64),
    ) -> Result<Imported, StoreError> {
        let folder = own.join(name);
        fs::create_dir_all(&folder).map_err(StoreError::file("create", &folder))?;
        super::check_room(self.bytes(), &folder)?;
        let mut copy = Copy {
            folder: &folder,
            cancel,
            on,
            done: 0,
            copied: Vec::new(),
        };
        match self.kind {
            Kind::Archive => self.unpack(&mut copy)?,
            Kind::File | Kind::Folder => {
                for (file, _) in &self.files {
                    let from = match self.kind {
                        Kind::Folder => self.path.join(file),
                        _ => self.path.clone(),
                    };
                    let mut source = File::open(&from).map_err(StoreError::file("read", &from))?;
                    copy.take(file, &mut source)?;
                }
            }
        }
        let was_there = copy.publish(name)?;
        let files = copy.copied.drain(..).map(Copied::record).collect();
        drop(copy);
        let mut record = self.record(&folder, name)?;
        record.add(files);
        record.save(&folder)?;
        Ok(Imported {
            record,
            folder,
            was_there,
        })
    }

    /// The record to add to: a name may have several quantisations.
    fn record(&self, folder: &Path, name: &str) -> Result<Record, StoreError> {
        let header = Header::read(&folder.join(self.file_name())).ok();
        let licence = header.and_then(|header| header.licence().map(str::to_owned));
        let from = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let known = Record::load(folder)?.map(|record| record.files);
        Ok(Record {
            name: name.to_owned(),
            licence,
            origin: Origin::Import { from },
            files: known.unwrap_or_default(),
        })
    }

    fn unpack(&self, copy: &mut Copy<'_>) -> Result<(), StoreError> {
        let read = || StoreError::file("read", &self.path);
        let mut archive = tar::Archive::new(File::open(&self.path).map_err(read())?);
        for entry in archive.entries().map_err(read())? {
            let mut entry = entry.map_err(read())?;
            let Some(name) = model_name(&entry) else {
                continue;
            };
            // The last path component alone: an archive cannot write anywhere else.
            if self.files.iter().any(|(wanted, _)| *wanted == name) {
                copy.take(&name, &mut entry)?;
            }
        }
        Ok(())
    }
}

/// The folder of a part holds the others.
fn with_parts(path: &Path) -> Result<Source, StoreError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = PartName::parse(&name).map(|part| part.stem);
    let mut found = listed(folder).map_err(StoreError::file("read", folder))?;
    found.retain(|(name, _)| PartName::parse(name).map(|part| part.stem) == stem);
    Ok(Source {
        path: folder.to_owned(),
        kind: Kind::Folder,
        files: one_model(folder, found)?,
    })
}

/// GGUF files directly in a folder; links are followed, as the hub's cache has them.
fn listed(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let meta = fs::metadata(entry.path());
        if let (Some(_), Ok(meta)) = (PartName::parse(&name), meta)
            && meta.is_file()
        {
            found.push((name, meta.len()));
        }
    }
    Ok(found)
}

/// GGUF files in an archive.
fn archived(path: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut archive = tar::Archive::new(File::open(path)?);
    let mut found = Vec::new();
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        if let Some(name) = model_name(&entry) {
            found.push((name, entry.size()));
        }
    }
    Ok(found)
}

/// The name of an entry that is a GGUF file.
fn model_name<R: Read>(entry: &tar::Entry<'_, R>) -> Option<String> {
    let path = entry.path().ok()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    let is_model = entry.header().entry_type().is_file() && PartName::parse(&name).is_some();
    is_model.then_some(name)
}

/// The files of the only model among these, in order.
fn one_model(path: &Path, mut found: Vec<(String, u64)>) -> Result<Vec<(String, u64)>, StoreError> {
    found.sort_unstable();
    found.dedup();
    let Some(first) = found.first().and_then(|(name, _)| PartName::parse(name)) else {
        return Err(StoreError::Nothing(path.to_owned()));
    };
    let of_first = |name: &str| {
        let part = PartName::parse(name);
        part.is_some_and(|part| part.stem == first.stem && part.number.1 == first.number.1)
    };
    if !found.iter().all(|(name, _)| of_first(name)) {
        let names: Vec<String> = found.iter().map(|(name, _)| format!("`{name}`")).collect();
        return Err(StoreError::Several {
            path: path.to_owned(),
            names: names.join(", "),
        });
    }
    if first.number.1 > 1 {
        let is_there = |part: &String| found.iter().any(|(name, _)| name == part);
        if let Some(missing) = first.all().into_iter().find(|part| !is_there(part)) {
            return Err(StoreError::MissingPart {
                path: path.to_owned(),
                missing,
            });
        }
    }
    Ok(found)
}

/// Files on their way into a folder. What is not published is deleted.
struct Copy<'a> {
    folder: &'a Path,
    cancel: &'a AtomicBool,
    on: &'a mut dyn FnMut(u64),
    done: u64,
    copied: Vec<Copied>,
}

struct Copied {
    name: String,
    part: PathBuf,
    bytes: u64,
    digest: Digest,
}

impl Copied {
    fn record(self) -> FileRecord {
        FileRecord {
            path: self.name.into(),
            bytes: self.bytes,
            hash: self.digest.to_string(),
            brought: true,
        }
    }
}

impl Copy<'_> {
    /// Copies and hashes one file, and looks at its header.
    fn take(&mut self, name: &str, source: &mut impl Read) -> Result<(), StoreError> {
        let part = self.folder.join(format!("{name}.part"));
        self.copied.push(Copied {
            name: name.to_owned(),
            part: part.clone(),
            bytes: 0,
            digest: digest::SHA256,
        });
        let write = || StoreError::file("write", &part);
        let mut target = File::create(&part).map_err(write())?;
        let mut hasher = Hasher::sha256();
        let mut bytes = 0;
        let complete = digest::blocks(source, self.cancel, |block| {
            target.write_all(&block)?;
            hasher.update(&block);
            bytes += block.len() as u64;
            (self.on)(self.done + bytes);
            Ok(())
        });
        if !complete.map_err(write())? {
            return Err(StoreError::Cancelled);
        }
        target.sync_all().map_err(write())?;
        Header::read(&part).map_err(|source| StoreError::NotSound {
            path: self.folder.join(name),
            source,
        })?;
        self.done += bytes;
        if let Some(copied) = self.copied.last_mut() {
            copied.bytes = bytes;
            copied.digest = hasher.finish();
        }
        Ok(())
    }

    /// Gives all files their names. Whether all were there before.
    fn publish(&mut self, name: &str) -> Result<bool, StoreError> {
        let mut was_there = true;
        for copied in &self.copied {
            let path = self.folder.join(&copied.name);
            if !path.exists() {
                was_there = false;
                continue;
            }
            let found = digest::of_file(&path, &digest::SHA256, self.cancel, &mut |_| {});
            let found = found.map_err(StoreError::file("read", &path))?;
            if found != Some(copied.digest) {
                let name = name.to_owned();
                return Err(StoreError::Taken { path, name });
            }
        }
        for copied in &self.copied {
            let path = self.folder.join(&copied.name);
            let renamed = fs::rename(&copied.part, &path);
            renamed.map_err(StoreError::file("write", &path))?;
        }
        Ok(was_there)
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        for copied in &self.copied {
            // Published parts have other names; others are of no use to anybody.
            let _ = fs::remove_file(&copied.part);
        }
        // Only goes if nothing else is in it.
        let _ = fs::remove_dir(self.folder);
    }
}
