//! How a repository is opened: to search it, to index it, as it is, or anew.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use fathom_encoders::Profile;
use fathom_indexer::pipeline::Encoders;
use fathom_indexes::{Store, StoreError, StoreOptions};

use super::choice::{self, Choice, Purpose};
use super::error::path_error;
use super::{Location, Workspace, WorkspaceError, codebook, root};
use crate::config::Settings;
use crate::encoder;

/// How long a new bundled model waits for whoever writes to the old one's index.
const RENEWAL: Duration = Duration::from_secs(5);

impl Workspace {
    /// Opens the repository that `path` belongs to, making an empty index if there is none.
    pub fn open(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        Workspace::renewed(locate(path, settings)?, settings, Purpose::Answer)
    }

    /// Opens the repository that `path` belongs to for the models that are selected, complete or
    /// not: to index it.
    pub fn open_to_build(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        Workspace::renewed(locate(path, settings)?, settings, Purpose::Build)
    }

    /// The profile that answers in the repository that `path` belongs to.
    pub fn answering(path: &Path, settings: &Settings) -> Result<Profile, WorkspaceError> {
        let base = locate(path, settings)?.store;
        Ok(choice::choose(&base, settings, Purpose::Answer)?.profile)
    }

    /// Like [`Workspace::open`], but does not begin to index a home folder or the whole file
    /// system only because somebody searched there.
    pub fn open_to_search(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let location = locate(path, settings)?;
        if !root::is_indexed(&location.store) && root::is_home_or_top(&location.root) {
            return Err(WorkspaceError::TooMuch {
                root: location.root,
            });
        }
        Workspace::renewed(location, settings, Purpose::Answer)
    }

    /// Where the repository that `path` belongs to is, and its index; opens nothing.
    pub fn locate(path: &Path, settings: &Settings) -> Result<Location, WorkspaceError> {
        locate(path, settings)
    }

    /// Opens `path` as a root of its own, even inside another repository.
    pub fn open_exactly(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let location = root::exactly(path, &settings.data_dir);
        Workspace::renewed(
            location.map_err(|source| path_error(path, source))?,
            settings,
            Purpose::Build,
        )
    }

    /// Opens a repository that is indexed already; never makes anything.
    pub fn open_indexed(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let location = locate(path, settings)?;
        if root::is_indexed(&location.store) {
            Workspace::at(location, settings, Purpose::Answer)
        } else {
            Err(WorkspaceError::NotIndexed {
                root: location.root,
            })
        }
    }

    /// Like [`Workspace::open`], but begins anew where the index is damaged beyond use, or was
    /// made by another model or an older format. Only for those who ask for it.
    pub fn open_anew(path: &Path, settings: &Settings) -> Result<Workspace, WorkspaceError> {
        let opened = Workspace::open_to_build(path, settings);
        let usable = opened.and_then(|workspace| workspace.snapshot().map(|_| workspace));
        match usable {
            Err(WorkspaceError::Store(error)) if is_beyond_use(&error) => {
                Workspace::clear(path, settings)?;
                Workspace::open_to_build(path, settings)
            }
            other => other,
        }
    }

    /// Deletes the index of the repository that `path` belongs to, whatever its state, unless
    /// another process writes to it. Returns the root.
    pub fn clear(path: &Path, settings: &Settings) -> Result<PathBuf, WorkspaceError> {
        let Location { root, store, .. } = locate(path, settings)?;
        if !store.is_dir() {
            return Err(WorkspaceError::NotIndexed { root });
        }
        for other in choice::stores(&store) {
            Store::remove(&other, Duration::ZERO)?;
        }
        Store::remove(&store, Duration::ZERO)?;
        Ok(root)
    }

    /// Like [`Workspace::at`], but begins anew where an older program's bundled model made the index:
    /// nobody can ask that model any more.
    fn renewed(
        location: Location,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Workspace, WorkspaceError> {
        let workspace = Workspace::at(location.clone(), settings, purpose)?;
        let is_plain = workspace.location.store == workspace.base;
        let of_another =
            |store: Store| matches!(store.generation(), Err(StoreError::Profile { .. }));
        if !is_plain || !of_another(workspace.store()) {
            return Ok(workspace);
        }
        Store::empty(&workspace.base, choice::BESIDE, RENEWAL)?;
        drop(workspace);
        let mut workspace = Workspace::at(location, settings, purpose)?;
        let root = workspace.location.root.display();
        let why = format!("the bundled model is a new one, so the index of `{root}` is made anew");
        workspace.warnings.push(why);
        Ok(workspace)
    }

    fn at(
        mut location: Location,
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Workspace, WorkspaceError> {
        let (settings, warnings) = settings.narrowed_by(&location.root);
        let base = location.store.clone();
        let Choice {
            profile,
            store,
            next,
        } = choice::choose(&base, &settings, purpose)?;
        location.store = store;
        let is_first = !choice::has_current(&base);
        let options = encoder::options_of(&profile, &settings);
        let workspace = Workspace {
            store: Mutex::new(open_store(&location, &profile, &settings)?),
            location,
            settings,
            warnings,
            encoders: Arc::new(Encoders::new(&profile, options)),
            profile,
            base,
            next,
            text: OnceLock::new(),
        };
        // The first one answers from the beginning.
        if is_first && workspace.location.store != workspace.base {
            workspace.becomes_current()?;
        }
        Ok(workspace)
    }
}

pub(super) fn open_store(
    location: &Location,
    profile: &Profile,
    settings: &Settings,
) -> Result<Store, WorkspaceError> {
    let options = |profile: &Profile| -> Result<StoreOptions, WorkspaceError> {
        Ok(StoreOptions {
            profile_id: profile.id().to_owned(),
            token_dim: profile.token_dim(),
            dense_dim: profile.dense_dim(),
            codebook: codebook::of_profile(profile, &settings.data_dir)?,
        })
    };
    let (folder, main) = (&location.store, options(profile.code())?);
    Ok(match profile.docs() {
        None => Store::open(folder, &main)?,
        Some(docs) => Store::open_both(folder, &main, &options(docs)?)?,
    })
}

/// Whether nothing but a new index helps. What a newer fathom wrote is not ours to replace.
fn is_beyond_use(error: &StoreError) -> bool {
    match error {
        StoreError::Damaged { .. } | StoreError::Profile { .. } => true,
        StoreError::Version {
            found, supported, ..
        } => found < supported,
        _ => false,
    }
}

fn locate(path: &Path, settings: &Settings) -> Result<Location, WorkspaceError> {
    root::locate(path, &settings.data_dir).map_err(|source| path_error(path, source))
}
