//! Which model's index of a repository answers, and which one is to be made.
//!
//! Each selection of models has an index of its own, because it cuts and encodes in its own way:
//! the bundled model's in the repository's folder, others in `models/<hash of the profile>` below
//! it. The file `current` names the one that answers. It is moved only when another is complete,
//! so that a change of models leaves no moment without answers.

use std::path::{Path, PathBuf};

use fathom_encoders::Profile;

use super::{WorkspaceError, root};
use crate::config::Settings;
use crate::encoder;

/// Names the index that answers: a line with its folder, then a line for each model.
const CURRENT: &str = "current";
/// Folder of indexes by other models than the bundled one.
const MODELS: &str = "models";

/// What is in a repository's folder of data beside the bundled model's index.
pub(super) const BESIDE: &[&str] = &[CURRENT, MODELS];

/// What a repository is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be searched, by whatever index is complete.
    Answer,
    /// To be indexed by the models that are selected.
    Build,
}

/// A model's index of a repository.
pub(super) struct Choice {
    pub profile: Profile,
    /// Its folder.
    pub store: PathBuf,
    /// What is selected and not complete yet, if this is not it.
    pub next: Option<Profile>,
}

/// An index that answers.
struct Current {
    store: PathBuf,
    models: Vec<String>,
}

/// The index for a purpose; `base` is the repository's folder of data.
pub(super) fn choose(
    base: &Path,
    settings: &Settings,
    purpose: Purpose,
) -> Result<Choice, WorkspaceError> {
    let profile = encoder::selected(settings)?;
    let store = store_of(base, &profile);
    let selected = |profile| Choice {
        profile,
        store: store.clone(),
        next: None,
    };
    if purpose == Purpose::Build {
        return Ok(selected(profile));
    }
    let old = current(base).filter(|current| current.store != store);
    // A model that is not here any more cannot encode questions.
    let old = old.and_then(|current| {
        let old = encoder::named(&current.models, settings).ok()?;
        let is_it = root::has_catalog(&current.store) && store_of(base, &old) == current.store;
        is_it.then_some((old, current.store))
    });
    Ok(match old {
        None => selected(profile),
        Some((old, store)) => Choice {
            profile: old,
            store,
            next: Some(profile),
        },
    })
}

/// Notes that an index answers from now on.
pub(super) fn set_current(
    base: &Path,
    profile: &Profile,
    models: &[String],
) -> std::io::Result<()> {
    let store = store_of(base, profile);
    let below = store.strip_prefix(base).unwrap_or(Path::new(""));
    let mut text = format!("{}\n", below.display());
    for model in models {
        text.push_str(model);
        text.push('\n');
    }
    let path = base.join(CURRENT);
    if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let new = base.join(format!(".{CURRENT}.{}", std::process::id()));
    std::fs::write(&new, text)?;
    std::fs::rename(new, path)
}

/// Whether any index answers.
pub(super) fn has_current(base: &Path) -> bool {
    base.join(CURRENT).is_file() || root::has_catalog(base)
}

/// Whether nothing was ever selected here but the bundled model.
pub(super) fn is_plain(base: &Path) -> bool {
    !base.join(CURRENT).is_file()
}

/// Folders of indexes by selected models.
pub(super) fn stores(base: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(base.join(MODELS)).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

fn current(base: &Path) -> Option<Current> {
    let Ok(text) = std::fs::read_to_string(base.join(CURRENT)) else {
        let store = base.to_owned();
        let models = Vec::new();
        return root::has_catalog(base).then_some(Current { store, models });
    };
    let mut lines = text.lines();
    let below = Path::new(lines.next()?);
    let normal = |part| matches!(part, std::path::Component::Normal(_));
    below.components().all(normal).then(|| Current {
        // Joining nothing would add a slash.
        store: match below.as_os_str().is_empty() {
            true => base.to_owned(),
            false => base.join(below),
        },
        models: lines.map(str::to_owned).collect(),
    })
}

/// The folder of a profile's index.
pub(super) fn store_of(base: &Path, profile: &Profile) -> PathBuf {
    if profile.id() == Profile::bundled().id() {
        return base.to_owned();
    }
    let hash = blake3::hash(profile.id().as_bytes()).to_hex();
    base.join(MODELS).join(&hash[..16])
}
