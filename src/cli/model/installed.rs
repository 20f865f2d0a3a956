//! A reader model on this machine with all that is known of it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fathom::config::Settings;
use fathom::reader;
use fathom_answerer::models::{self, ModelId, OnDisk, Place};
use fathom_models::digest::Digest;
use fathom_models::gguf::{GgufError, Header};
use fathom_models::store::Record;
use serde_json::{Value, json};

/// A model with its record and header.
pub struct Installed {
    pub on_disk: OnDisk,
    pub record: Option<Record>,
    pub header: Result<Header, GgufError>,
}

impl Installed {
    /// The model of a name, hub id or path.
    pub fn named(name: &str, settings: &Settings) -> Result<Installed> {
        let folders = reader::folders(settings);
        let id: ModelId = name.parse()?;
        let path = std::path::absolute(models::find(&id, &folders)?)?;
        Ok(Installed::new(OnDisk::at(&path, &folders)))
    }

    /// Every model, by name.
    pub fn all(settings: &Settings) -> Vec<Installed> {
        let found = models::inventory(&reader::folders(settings));
        found.into_iter().map(Installed::new).collect()
    }

    fn new(on_disk: OnDisk) -> Installed {
        // A damaged record takes nothing from the model; `verify` tells of it.
        let record = Record::load(&on_disk.folder).ok().flatten();
        let header = Header::read(on_disk.path());
        Installed {
            on_disk,
            record,
            header,
        }
    }

    /// As its makers, its repository or the profile name it.
    pub fn licence(&self) -> Option<&str> {
        let recorded = self
            .record
            .as_ref()
            .and_then(|record| record.licence.as_deref());
        let declared = || self.header.as_ref().ok().and_then(Header::licence);
        let profile = || self.on_disk.profile.map(|profile| profile.licence);
        recorded.or_else(declared).or_else(profile)
    }

    pub fn quantisation(&self) -> Option<String> {
        self.header.as_ref().ok().map(Header::quantisation)
    }

    /// The hash that a file came with: noted, or its name in the hub's cache.
    pub fn hash(&self, path: &Path) -> Option<Digest> {
        let noted = self.record.as_ref();
        let noted = noted.and_then(|record| record.file(&self.on_disk.folder, path));
        let blob = || {
            let blob = std::fs::canonicalize(path).ok()?;
            blob.file_name()?.to_str()?.parse().ok()
        };
        noted.and_then(|file| file.hash.parse().ok()).or_else(blob)
    }

    /// Whether fathom brought a file here.
    pub fn is_brought(&self, path: &Path) -> bool {
        let noted = self.record.as_ref();
        let noted = noted.and_then(|record| record.file(&self.on_disk.folder, path));
        noted.is_some_and(|file| file.brought)
    }

    /// Whose folder it is in, in a word.
    pub fn place(&self) -> &'static str {
        match self.on_disk.place {
            Place::Own => "fathom",
            Place::Hub => "hub cache",
            Place::Elsewhere => "file",
        }
    }

    /// Where it comes from.
    pub fn origin(&self) -> Option<String> {
        let record = self.record.as_ref()?;
        Some(record.origin.shown(self.on_disk.path()))
    }

    pub fn to_json(&self) -> Value {
        let header = self.header.as_ref().ok();
        let file = |path: &PathBuf| {
            json!({
                "path": path,
                "bytes": std::fs::metadata(path).map_or(0, |meta| meta.len()),
                "hash": self.hash(path).map(|hash| hash.to_string()),
            })
        };
        json!({
            "name": self.on_disk.name,
            "kind": "reader",
            "profile": self.on_disk.profile.map(|profile| profile.name),
            "place": self.place(),
            "bytes": self.on_disk.bytes(),
            "licence": self.licence(),
            "origin": self.origin(),
            "architecture": header.map(Header::architecture),
            "parameters": header.map(|header| header.parameters),
            "quantisation": self.quantisation(),
            "context": header.and_then(Header::context),
            "prompt_lookup": header.map(Header::can_roll_back),
            "problem": self.header.as_ref().err().map(ToString::to_string),
            "files": self.on_disk.files.iter().map(file).collect::<Vec<_>>(),
        })
    }
}
