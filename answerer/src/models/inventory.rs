//! Every model on this machine that fathom can find.

use std::path::{Path, PathBuf};

use fathom_models::store::{PartName, all_parts};

use super::choose::quantisation;
use super::find::{entries, subfolders};
use super::id::is_word;
use super::{ModelFolders, ModelId, PROFILES, ReaderProfile, find};

/// Whose folder a model is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// fathom's own.
    Own,
    /// The cache of the hub's tools.
    Hub,
    /// Any other: the user's.
    Elsewhere,
}

/// A model on this machine.
#[derive(Clone, Debug)]
pub struct OnDisk {
    /// What finds it again: a name, a hub id, or its path.
    pub name: String,
    /// Its files, the first first.
    pub files: Vec<PathBuf>,
    /// Whose folder it is in.
    pub place: Place,
    /// The folder of fathom's own where notes of it are.
    pub folder: PathBuf,
    /// The profile that it is.
    pub profile: Option<&'static ReaderProfile>,
}

impl OnDisk {
    /// The model whose first file this is.
    #[must_use]
    pub fn at(path: &Path, folders: &ModelFolders) -> OnDisk {
        let below = |folder: &Path| path.strip_prefix(folder).ok();
        let hub = folders.hub.as_deref().and_then(below);
        let (place, folder, repository) = match (below(&folders.own), hub) {
            (Some(below), _) => {
                let folder = below.parent().unwrap_or(below);
                let name = folder.to_string_lossy().replacen("--", "/", 1);
                (Place::Own, folders.own.join(folder), name)
            }
            (None, Some(below)) => {
                let first = below.iter().next().unwrap_or_default().to_string_lossy();
                let name = first.trim_start_matches("models--").to_owned();
                let repository = name.replacen("--", "/", 1);
                let own = of_repository(&repository).map_or(name.as_str(), |profile| profile.name);
                (Place::Hub, folders.own.join(own), repository)
            }
            (None, None) => (Place::Elsewhere, PathBuf::new(), String::new()),
        };
        let (name, profile) = name(path, &repository, folders);
        OnDisk {
            name,
            files: all_parts(path),
            place,
            folder,
            profile,
        }
    }

    /// Its first file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.files.first().map_or(&self.folder, |path| path)
    }

    /// Size of all files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
        self.files.iter().map(size).sum()
    }
}

fn of_repository(repository: &str) -> Option<&'static ReaderProfile> {
    PROFILES
        .iter()
        .find(|profile| profile.repository.eq_ignore_ascii_case(repository))
}

/// The shortest of these that finds the file: profile, repository or folder, with its
/// quantisation if it needs one; else its path.
fn name(
    path: &Path,
    repository: &str,
    folders: &ModelFolders,
) -> (String, Option<&'static ReaderProfile>) {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = PartName::parse(&file).map_or_else(String::new, |part| part.stem);
    let quantisation = quantisation(&stem);
    let profile = ReaderProfile::named(repository).or(of_repository(repository));
    let by_file = || {
        PROFILES
            .iter()
            .find(|profile| is_of(profile, &stem, quantisation))
    };
    let profile = profile.or_else(by_file);
    let finds = |name: &String| {
        let id: Option<ModelId> = name.parse().ok();
        id.is_some_and(|id| find(&id, folders).is_ok_and(|found| found == path))
    };
    let bases = [profile.map(|profile| profile.name), Some(repository)];
    let names = bases
        .into_iter()
        .flatten()
        .filter(|base| !base.is_empty())
        .flat_map(|base| {
            let with = quantisation.map(|quantisation| format!("{base}:{quantisation}"));
            [Some(base.to_owned()), with].into_iter().flatten()
        });
    let found = names.into_iter().find(finds);
    let profile = profile.filter(|profile| {
        let found = found.as_deref().unwrap_or_default();
        found.split(':').next() == Some(profile.name)
    });
    (found.unwrap_or_else(|| path.display().to_string()), profile)
}

fn is_of(profile: &ReaderProfile, stem: &str, quantisation: Option<&str>) -> bool {
    let file = profile.file_name(quantisation);
    file.eq_ignore_ascii_case(&format!("{stem}.gguf"))
}

/// Every model that is there, by name.
#[must_use]
pub fn inventory(folders: &ModelFolders) -> Vec<OnDisk> {
    let mut paths = models_in(&folders.own);
    for folder in subfolders(&folders.own) {
        paths.extend(models_in(&folder));
    }
    for repository in folders.hub.iter().flat_map(|hub| subfolders(hub)) {
        for snapshot in subfolders(&repository.join("snapshots")) {
            paths.extend(models_in(&snapshot));
            paths.extend(
                subfolders(&snapshot)
                    .iter()
                    .flat_map(|folder| models_in(folder)),
            );
        }
    }
    let mut models: Vec<OnDisk> = paths.iter().map(|path| OnDisk::at(path, folders)).collect();
    models.sort_by(|one, other| one.name.cmp(&other.name));
    models
}

/// First files of the complete models directly in a folder.
fn models_in(folder: &Path) -> Vec<PathBuf> {
    let is_first = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = PartName::parse(&name).filter(PartName::is_first);
        part.is_some_and(|part| !part.stem.starts_with("mmproj"))
    };
    let mut found: Vec<PathBuf> = entries(folder).into_iter().filter(is_first).collect();
    found.retain(|path| all_parts(path).iter().all(|path| path.is_file()));
    found.sort_unstable();
    found
}

/// The name that a model is imported under: its profile's, else its file's.
#[must_use]
pub fn import_name(file: &str) -> String {
    let stem = PartName::parse(file).map_or_else(|| file.to_owned(), |part| part.stem);
    let quantisation = quantisation(&stem);
    let profile = PROFILES
        .iter()
        .find(|profile| is_of(profile, &stem, quantisation));
    if let Some(profile) = profile {
        return profile.name.to_owned();
    }
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(allowed).collect();
    let name = name.trim_matches(['-', '.']).to_ascii_lowercase();
    if is_word(&name) {
        name
    } else {
        "model".to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_model_has_a_name_that_finds_it() {
        let root = tempfile::tempdir().unwrap();
        let hub = "hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF/snapshots/c";
        let files = [
            "own/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf".to_owned(),
            "own/mine/x.gguf".to_owned(),
            "own/a--b/b-q4_k_m.gguf".to_owned(),
            "own/half/h-00001-of-00002.gguf".to_owned(),
            format!("{hub}/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
            format!("{hub}/qwen2.5-coder-0.5b-instruct-q8_0.gguf"),
            "hub/models--c--d/snapshots/e/d-F16-00001-of-00002.gguf".to_owned(),
            "hub/models--c--d/snapshots/e/d-F16-00002-of-00002.gguf".to_owned(),
            "hub/models--c--d/snapshots/e/mmproj-F16.gguf".to_owned(),
        ];
        for file in &files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "GGUF").unwrap();
        }
        let folders = ModelFolders {
            own: root.path().join("own"),
            hub: Some(root.path().join("hub")),
        };
        let shown: Vec<String> = inventory(&folders)
            .iter()
            .map(|model| {
                let notes = model.folder.strip_prefix(&folders.own).unwrap();
                let profile = model.profile.map(|profile| profile.name);
                let (name, place, files) = (&model.name, model.place, model.files.len());
                format!("{name} {place:?} {files} {} {profile:?}", notes.display())
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        a/b Own 1 a--b None
        c/d Hub 2 c--d None
        mine Own 1 mine None
        qwen2.5-coder-0.5b Hub 1 qwen2.5-coder-0.5b Some("qwen2.5-coder-0.5b")
        qwen2.5-coder-0.5b:q8_0 Hub 1 qwen2.5-coder-0.5b Some("qwen2.5-coder-0.5b")
        qwen2.5-coder-1.5b Own 1  Some("qwen2.5-coder-1.5b")
        "#);
    }

    #[test]
    fn imports_are_named_after_their_profile_or_file() {
        for (file, name) in [
            ("Qwen2.5-Coder-3B-Instruct-Q8_0.gguf", "qwen2.5-coder-3b"),
            ("My Model-Q4_K_M-00001-of-00002.gguf", "my-model-q4_k_m"),
            ("..gguf", "model"),
        ] {
            assert_eq!(import_name(file), name);
        }
    }
}
