//! Encoder models: several files in a folder or a tar archive, and importing them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use flate2::read::GzDecoder;

use super::{FileRecord, Imported, Origin, RECORD_FILE, Record, StoreError};
use crate::digest::{self, Hasher};

/// Every layout of encoders has it.
const TOKENIZER: &str = "tokenizer.json";

/// An encoder model somewhere else.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    is_folder: bool,
    /// Folder in the archive that the model is in.
    base: PathBuf,
    /// Path below the model's folder and size of each file.
    files: Vec<(String, u64)>,
}

/// Whether a file below a model's folder belongs to the model: graphs and the data beside them,
/// weights of later layers, and descriptions. Weights for other programs do not.
fn is_part(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let hidden = |part: &str| part.starts_with('.');
    if path.split('/').any(hidden) || folder.contains('/') || folder == "openvino" {
        return false;
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "json" => name != RECORD_FILE && !name.ends_with(".index.json"),
        "onnx" => true,
        // The whole model's own are at the top, for PyTorch.
        "safetensors" => !folder.is_empty() || path == "judge.safetensors",
        "toml" => path == "profile.toml",
        "bin" => path == "codebook.bin",
        extension => extension.starts_with("onnx_data"),
    }
}

/// Files of the encoder model in a folder, sorted, with their sizes; links are followed.
///
/// # Errors
/// If the folder cannot be read.
pub fn files_of_encoder(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    list(folder, "", &mut files)?;
    files.sort_unstable();
    Ok(files)
}

fn list(folder: &Path, below: &str, files: &mut Vec<(String, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(meta) = fs::metadata(entry.path()) else {
            continue;
        };
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if meta.is_dir() && below.is_empty() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else if meta.is_file() && is_part(&name) {
            files.push((name, meta.len()));
        }
    }
    Ok(())
}

impl Bundle {
    /// The encoder model in a folder or a tar archive, packed or not; `None` if it holds none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> Result<Option<Bundle>, StoreError> {
        let read = || StoreError::file("read", path);
        let is_folder = fs::metadata(path).map_err(read())?.is_dir();
        if !is_folder && !is_archive(path) {
            return Ok(None);
        }
        let (base, files) = match is_folder {
            true => (PathBuf::new(), files_of_encoder(path).map_err(read())?),
            false => archived(path).map_err(read())?,
        };
        let is_encoder = files.iter().any(|(name, _)| name == TOKENIZER);
        Ok(is_encoder.then(|| Bundle {
            path: path.to_owned(),
            is_folder,
            base,
            files,
        }))
    }

    /// What it is called where it is: the name of its folder, or of the archive.
    #[must_use]
    pub fn name(&self) -> String {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let name = self.base.file_name().or(path.file_name());
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        let lower = name.to_ascii_lowercase();
        let endings = [".tar.gz", ".tgz", ".tar"];
        let ending = endings.iter().find(|ending| lower.ends_with(**ending));
        match ending {
            Some(ending) if self.base.as_os_str().is_empty() && !self.is_folder => {
                name[..name.len() - ending.len()].to_owned()
            }
            _ => name,
        }
    }

    /// Size of all files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, size)| size).sum()
    }

    /// Copies the model into the folder `name` of `own` and hashes it. It becomes visible only if
    /// `check` finds the copy good. `on` hears how many bytes are copied. Interrupted or failed,
    /// nothing is left.
    ///
    /// # Errors
    /// If it cannot be copied, the check fails, or another model has its place.
    pub fn import(
        &self,
        own: &Path,
        name: &str,
        check: &dyn Fn(&Path) -> Result<(), String>,
        cancel: &AtomicBool,
        on: &mut dyn FnMut(u64),
    ) -> Result<Imported, StoreError> {
        fs::create_dir_all(own).map_err(StoreError::file("create", own))?;
        super::check_room(self.bytes(), own)?;
        let staged = Staged(own.join(format!(".{name}.{}.part", std::process::id())));
        let mut copy = Copy {
            folder: &staged.0,
            cancel,
            on,
            done: 0,
        };
        let files = self.copy(&mut copy)?;
        check(&staged.0).map_err(|reason| StoreError::NoEncoder {
            path: self.path.clone(),
            reason,
        })?;
        let from = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let record = Record {
            name: name.to_owned(),
            licence: None,
            origin: Origin::Import { from },
            files,
        };
        let folder = own.join(name);
        let was_there = publish(&staged.0, &folder, &record, cancel)?;
        Ok(Imported {
            record,
            folder,
            was_there,
        })
    }

    fn copy(&self, copy: &mut Copy<'_>) -> Result<Vec<FileRecord>, StoreError> {
        let mut records = Vec::new();
        if self.is_folder {
            for (name, _) in &self.files {
                let from = self.path.join(name);
                let mut source = File::open(&from).map_err(StoreError::file("read", &from))?;
                records.push(copy.take(name, &mut source)?);
            }
            return Ok(records);
        }
        let read = || StoreError::file("read", &self.path);
        let mut archive = tar::Archive::new(unpacked(&self.path).map_err(read())?);
        for entry in archive.entries().map_err(read())? {
            let mut entry = entry.map_err(read())?;
            let name = entry_name(&entry).and_then(|name| below(&name, &self.base));
            let is_wanted = |name: &String| self.files.iter().any(|(wanted, _)| wanted == name);
            if let Some(name) = name.filter(is_wanted) {
                records.push(copy.take(&name, &mut entry)?);
            }
        }
        Ok(records)
    }
}

fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// An archive's bytes; gzip is known by its first two.
fn unpacked(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let is_packed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    let file = File::open(path)?;
    Ok(match is_packed {
        true => Box::new(GzDecoder::new(io::BufReader::new(file))),
        false => Box::new(file),
    })
}

/// The folder of the model in an archive, and its files.
fn archived(path: &Path) -> io::Result<(PathBuf, Vec<(String, u64)>)> {
    let mut archive = tar::Archive::new(unpacked(path)?);
    let mut all = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        if let Some(name) = entry_name(&entry) {
            all.push((name, entry.size()));
        }
    }
    let tokenizers = all.iter().map(|(name, _)| name.as_path());
    let tokenizers = tokenizers.filter(|name| name.file_name().is_some_and(|n| n == TOKENIZER));
    let highest = tokenizers.min_by_key(|name| name.components().count());
    let base = highest.and_then(Path::parent).unwrap_or(Path::new(""));
    let base = base.to_owned();
    let files = all.iter().filter_map(|(name, size)| {
        let name = below(name, &base).filter(|name| is_part(name))?;
        Some((name, *size))
    });
    let mut files: Vec<(String, u64)> = files.collect();
    files.sort_unstable();
    files.dedup_by(|one, other| one.0 == other.0);
    Ok((base, files))
}

/// The path of an entry that is a file and stays in its folder.
fn entry_name<R: Read>(entry: &tar::Entry<'_, R>) -> Option<PathBuf> {
    let path = entry.path().ok()?;
    let plain = path.components().filter(|part| *part != Component::CurDir);
    let path: PathBuf = plain.collect();
    let normal = |part| matches!(part, Component::Normal(_));
    let is_good = entry.header().entry_type().is_file() && path.components().all(normal);
    is_good.then_some(path)
}

/// `/`-separated path below a folder.
fn below(path: &Path, base: &Path) -> Option<String> {
    let parts = path.strip_prefix(base).ok()?.components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}

/// A folder that goes if it is not published.
struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Copy<'a> {
    folder: &'a Path,
    cancel: &'a AtomicBool,
    on: &'a mut dyn FnMut(u64),
    done: u64,
}

impl Copy<'_> {
    /// Copies and hashes one file.
    fn take(&mut self, name: &str, source: &mut impl Read) -> Result<FileRecord, StoreError> {
        let path = self.folder.join(name);
        let write = || StoreError::file("write", &path);
        fs::create_dir_all(path.parent().unwrap_or(self.folder)).map_err(write())?;
        let mut target = File::create(&path).map_err(write())?;
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
        self.done += bytes;
        Ok(FileRecord {
            path: name.into(),
            bytes,
            hash: hasher.finish().to_string(),
            brought: true,
        })
    }
}

/// Gives a copy its place, unless the same is there. Whether it was.
fn publish(
    staged: &Path,
    folder: &Path,
    record: &Record,
    cancel: &AtomicBool,
) -> Result<bool, StoreError> {
    let taken = || StoreError::Taken {
        path: folder.to_owned(),
        name: record.name.clone(),
    };
    // An empty folder, or one with notes alone, is nobody's.
    let there = files_of_encoder(folder).unwrap_or_default();
    if there.is_empty() {
        if folder.exists() {
            let _ = fs::remove_file(folder.join(RECORD_FILE));
            fs::remove_dir(folder).map_err(|_| taken())?;
        }
        record.save(staged)?;
        fs::rename(staged, folder).map_err(StoreError::file("write", folder))?;
        return Ok(false);
    }
    if there.len() != record.files.len() {
        return Err(taken());
    }
    for file in &record.files {
        let path = folder.join(&file.path);
        let found = digest::of_file(&path, &digest::SHA256, cancel, &mut |_| {});
        let found = found.map_err(StoreError::file("read", &path))?;
        if found.map(|hash| hash.to_string()) != Some(file.hash.clone()) {
            return Err(taken());
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_model() {
        for (path, expected) in [
            ("tokenizer.json", true),
            ("onnx/model.onnx", true),
            ("onnx/model.onnx_data", true),
            ("onnx/model_quantized.onnx_data_1", true),
            ("2_Dense/model.safetensors", true),
            ("model.safetensors", false),
            ("model.json", false),
            ("model.safetensors.index.json", false),
            ("codebook.bin", true),
            ("judge.safetensors", true),
            ("pytorch_model.bin", false),
            (".cache/x.json", false),
            ("a/b/c.json", false),
            ("openvino/model.json", false),
            ("README.md", false),
        ] {
            assert_eq!(is_part(path), expected, "{path}");
        }
    }
}
