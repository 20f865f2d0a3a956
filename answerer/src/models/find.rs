//! Where the file of a model is on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use fathom_models::store::PartName;

use super::{ModelError, ModelId, ReaderProfile};

/// Folders in which models are looked for. The caller knows the environment.
#[derive(Clone, Debug, Default)]
pub struct ModelFolders {
    /// fathom's own, `<data>/fathom/models`: files directly in it, or in a
    /// folder per model.
    pub own: PathBuf,
    /// The hub's cache, `$HF_HOME/hub` or `~/.cache/huggingface/hub`.
    pub hub: Option<PathBuf>,
}

/// The GGUF file of a model; of a model in several files the first.
///
/// # Errors
/// When it is not on this machine: names the command that fetches it, and
/// what to do without a network.
pub fn find(id: &ModelId, folders: &ModelFolders) -> Result<PathBuf, ModelError> {
    match id {
        ModelId::Path(path) if path.is_file() => Ok(path.clone()),
        ModelId::Path(path) => Err(ModelError::NoFile(path.clone())),
        ModelId::Profile {
            profile,
            quantisation,
        } => {
            let quantisation = quantisation.as_deref();
            let file = profile.file_name(quantisation);
            let is_it = |name: &str| is_model(name, &file);
            let own = folders.own.join(profile.name);
            let own = search(&own, &is_it)
                .or_else(|| search(&folders.own, &is_it))
                // What the user imported under this name.
                .or_else(|| search(&own, &|name| suits(name, quantisation)));
            own.or_else(|| in_hub(folders, profile.repository, None, &is_it))
                .ok_or_else(|| missing(profile.name, quantisation, folders, file))
        }
        ModelId::Hub {
            repository,
            revision,
            quantisation,
        } => {
            let wanted = quantisation.as_deref().unwrap_or(USUAL);
            let own = folders.own.join(repository.replace('/', "--"));
            let found = |wanted: Option<&str>| {
                let is_it = |name: &str| suits(name, wanted);
                search(&own, &is_it)
                    .or_else(|| in_hub(folders, repository, revision.as_deref(), &is_it))
            };
            let any = || quantisation.is_none().then(|| found(None)).flatten();
            let missing = || {
                let name = match revision {
                    Some(revision) => format!("{repository}@{revision}"),
                    None => repository.clone(),
                };
                let file = format!("a file `*{}*.gguf`", wanted.to_ascii_lowercase());
                missing(&name, quantisation.as_deref(), folders, file)
            };
            found(Some(wanted)).or_else(any).ok_or_else(missing)
        }
        ModelId::Imported { name, quantisation } => {
            let folder = folders.own.join(name);
            let is_it = |name: &str| suits(name, quantisation.as_deref());
            search(&folder, &is_it).ok_or_else(|| ModelError::Unknown(name.clone()))
        }
    }
}

/// The quantisation of a hub id that names none.
pub(super) const USUAL: &str = "Q4_K_M";

/// Whether a name is that of a file, or of the first of its parts.
fn is_model(name: &str, file: &str) -> bool {
    let whole = PartName::parse(name).filter(PartName::is_first);
    whole.is_some_and(|part| format!("{}.gguf", part.stem).eq_ignore_ascii_case(file))
}

/// Whether a name is that of the first file of a model in a quantisation, or in any.
fn suits(name: &str, quantisation: Option<&str>) -> bool {
    let first = PartName::parse(name).filter(PartName::is_first);
    first.is_some_and(|part| {
        quantisation.is_none_or(|wanted| super::choose::is_quantised(&part.stem, wanted))
    })
}

fn missing(
    name: &str,
    quantisation: Option<&str>,
    folders: &ModelFolders,
    file: String,
) -> ModelError {
    let id = quantisation.map_or_else(
        || name.to_owned(),
        |quantisation| format!("{name}:{quantisation}"),
    );
    let searched = [Some(&folders.own), folders.hub.as_ref()];
    ModelError::Missing {
        id,
        file,
        searched: searched.into_iter().flatten().cloned().collect(),
    }
}

/// A file in the hub's cache: `models--owner--name/snapshots/<commit>/<file>`,
/// of the commit that `refs/main` names if it has the file, else of any; of
/// that revision alone if one is given.
fn in_hub(
    folders: &ModelFolders,
    repository: &str,
    revision: Option<&str>,
    is_it: &dyn Fn(&str) -> bool,
) -> Option<PathBuf> {
    let folder = folders
        .hub
        .as_ref()?
        .join(format!("models--{}", repository.replace('/', "--")));
    let snapshots = folder.join("snapshots");
    let note = folder.join("refs").join(revision.unwrap_or("main"));
    let commit = fs::read_to_string(note).ok();
    let commit = commit.as_deref().map(str::trim).or(revision);
    let current = commit.and_then(|commit| search_deep(&snapshots.join(commit), is_it));
    let any = || {
        let snapshots = subfolders(&snapshots);
        snapshots
            .iter()
            .find_map(|snapshot| search_deep(snapshot, is_it))
    };
    match revision {
        Some(_) => current,
        None => current.or_else(any),
    }
}

/// A file in a folder or in a folder of it: repositories may have one per quantisation.
fn search_deep(folder: &Path, is_it: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    let below = || {
        let folders = subfolders(folder);
        folders.iter().find_map(|folder| search(folder, is_it))
    };
    search(folder, is_it).or_else(below)
}

/// A file directly in a folder, first by name.
fn search(folder: &Path, is_it: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = entries(folder)
        .into_iter()
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| is_it(&name.to_string_lossy()))
        })
        .filter(|path| path.is_file())
        .collect();
    found.sort_unstable();
    found.into_iter().next()
}

pub(super) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = entries(folder)
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    found.sort_unstable();
    found
}

/// What is in a folder; nothing if it cannot be listed.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed.map(|entry| entry.path()).collect()
}

/// A model on this machine.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The profile that it is.
    pub profile: &'static ReaderProfile,
    /// Its file.
    pub path: PathBuf,
}

/// Every named model in its recommended quantisation that is there, smallest first.
#[must_use]
pub fn installed(folders: &ModelFolders) -> Vec<Installed> {
    let of = |profile: &'static ReaderProfile| {
        let id = ModelId::Profile {
            profile,
            quantisation: None,
        };
        find(&id, folders)
            .ok()
            .map(|path| Installed { profile, path })
    };
    super::PROFILES.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(files: &[&str]) -> (tempfile::TempDir, ModelFolders) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "commit2").unwrap();
        }
        let folders = ModelFolders {
            own: root.path().join("own"),
            hub: Some(root.path().join("hub")),
        };
        (root, folders)
    }

    fn found(id: &str, files: &[&str]) -> Option<String> {
        let (root, folders) = with(files);
        let path = find(&id.parse().unwrap(), &folders).ok()?;
        Some(
            path.strip_prefix(root.path())
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/"),
        )
    }

    #[test]
    fn files_are_found_in_fathoms_folder_and_in_the_hubs() {
        let small = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
        let hub = "hub/models--Qwen--Qwen2.5-Coder-0.5B-Instruct-GGUF";
        let places = [
            format!("own/qwen2.5-coder-0.5b/{small}"),
            format!("own/{small}"),
            format!("{hub}/snapshots/commit1/{small}"),
        ];
        for place in &places {
            assert_eq!(found("qwen2.5-coder-0.5b", &[place]).as_ref(), Some(place));
        }
        assert_eq!(found("qwen2.5-coder-0.5b", &["own/other.gguf"]), None);
        // The commit that `main` is at comes first.
        let (one, two) = (
            format!("{hub}/snapshots/commit1/{small}"),
            format!("{hub}/snapshots/commit2/{small}"),
        );
        let main = format!("{hub}/refs/main");
        assert_eq!(
            found("qwen2.5-coder-0.5b", &[&one, &two, &main]),
            Some(two.clone())
        );
    }

    #[test]
    fn a_hub_id_is_found_by_quantisation() {
        let file = |name: &str| format!("hub/models--a--b/snapshots/c/{name}");
        let files = [
            file("B-Q4_K_M.gguf"),
            file("B-Q8_0.gguf"),
            file("B-IQ4_K_M.gguf"),
            file("B-bf16-00001-of-00002.gguf"),
        ];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        assert_eq!(found("a/b", &files), Some(file("B-Q4_K_M.gguf")));
        assert_eq!(found("a/b:q8_0", &files), Some(file("B-Q8_0.gguf")));
        assert_eq!(
            found("a/b:bf16", &files),
            Some(file("B-bf16-00001-of-00002.gguf"))
        );
        assert_eq!(found("a/b:Q2_K", &files), None);
        assert_eq!(found("a/b@c", &files), Some(file("B-Q4_K_M.gguf")));
        assert_eq!(found("a/b@d", &files), None);
        assert_eq!(
            found("mine", &["own/mine/x.gguf"]).as_deref(),
            Some("own/mine/x.gguf")
        );
        assert_eq!(found("other", &["own/mine/x.gguf"]), None);
    }

    #[test]
    fn a_missing_model_names_the_command_and_the_way_without_a_network() {
        let folders = ModelFolders {
            own: "/data/fathom/models".into(),
            hub: None,
        };
        let error = find(&"qwen2.5-coder-1.5b".parse().unwrap(), &folders).unwrap_err();
        insta::assert_snapshot!(error, @"`qwen2.5-coder-1.5b` is not on this machine (`qwen2.5-coder-1.5b-instruct-q4_k_m.gguf` is not in `/data/fathom/models`); run `fathom model pull qwen2.5-coder-1.5b` to fetch it, or put the file there, or give the path of a GGUF file instead");
    }
}
