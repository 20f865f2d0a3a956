//! Tells coding agents of fathom: an entry in their list of servers, and when to use it.
//!
//! Every change is planned first, shown as a difference, and then written whole; what stood in a
//! file before is kept beside it. Comments and keys that fathom does not know stay.

mod agents;
mod block;
mod diff;
mod file;
mod jsonc;
mod toml;

use std::path::{Path, PathBuf};

pub use agents::{AGENTS, Agent, Homes, Scope};
pub use diff::write as write_diff;

use agents::{Files, Manner, Shape};

/// What the server is called everywhere.
pub const NAME: &str = "fathom";

/// Why nothing can be changed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The agent has no such file.
    #[error("{agent} has no servers of a project that are known to work; leave `--project` out")]
    NoProject {
        /// The agent.
        agent: &'static str,
    },
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what its agent would read.
    #[error("`{}` is not changed: {problem}; mend it, or add the entry by hand", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody was quicker.
    #[error("`{}` has changed meanwhile; run this again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// How the server is started.
#[derive(Clone, Debug)]
pub struct Server {
    /// The program.
    pub command: String,
    /// What it is given.
    pub args: Vec<String>,
}

/// A file, as it is and as it will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What stands in it; `None`: there is none.
    pub before: Option<String>,
    /// What will; `None`: it is removed.
    pub after: Option<String>,
}

/// What installing for an agent changes; nothing if it is installed.
///
/// # Errors
/// If a file cannot be read or understood.
pub fn install(
    agent: &Agent,
    scope: Scope<'_>,
    homes: &Homes,
    server: &Server,
    instructions: bool,
) -> Result<Vec<Change>, InstallError> {
    let files = files(agent, scope, homes)?;
    let mut changes = Vec::new();
    let edit = |text: &str| match agent.shape {
        Shape::Json(shape) => jsonc::add(text, shape, server),
        Shape::Toml => toml::add(text, server),
    };
    changes.extend(changed(&files.config, edit)?);
    if let (true, Some((path, manner))) = (instructions, &files.instructions) {
        changes.extend(changed(path, |text| Ok(block::add(text, *manner)))?);
    }
    Ok(changes)
}

/// What uninstalling changes; nothing if it is not installed.
///
/// # Errors
/// If a file cannot be read or understood.
pub fn uninstall(
    agent: &Agent,
    scope: Scope<'_>,
    homes: &Homes,
) -> Result<Vec<Change>, InstallError> {
    let files = files(agent, scope, homes)?;
    let mut changes = Vec::new();
    let edit = |text: &str| match agent.shape {
        Shape::Json(shape) => jsonc::remove(text, shape),
        Shape::Toml => toml::remove(text),
    };
    changes.extend(changed(&files.config, edit)?);
    if let Some((path, _)) = &files.instructions {
        changes.extend(changed(path, |text| Ok(block::remove(text)))?);
    }
    Ok(changes)
}

/// Whether an agent's list of servers names fathom.
///
/// # Errors
/// If a file cannot be read or understood.
pub fn is_installed(agent: &Agent, scope: Scope<'_>, homes: &Homes) -> Result<bool, InstallError> {
    let files = files(agent, scope, homes)?;
    let edit = |text: &str| match agent.shape {
        Shape::Json(shape) => jsonc::remove(text, shape),
        Shape::Toml => toml::remove(text),
    };
    Ok(changed(&files.config, edit)?.is_some())
}

/// Writes a change. Returns where the text of before is kept, if there was one.
///
/// # Errors
/// If the file cannot be written, or is no longer as it was when the change was planned.
pub fn apply(change: &Change) -> Result<Option<PathBuf>, InstallError> {
    file::write(change)
}

fn files(agent: &Agent, scope: Scope<'_>, homes: &Homes) -> Result<Files, InstallError> {
    let no_project = InstallError::NoProject { agent: agent.name };
    agent.files(scope, homes).ok_or(no_project)
}

fn changed(
    path: &Path,
    edit: impl FnOnce(&str) -> Result<String, String>,
) -> Result<Option<Change>, InstallError> {
    let before = file::read(path)?;
    let text = before.as_deref().unwrap_or_default();
    let after = edit(text).map_err(|problem| InstallError::Format {
        path: path.to_owned(),
        problem,
    })?;
    let after = (!after.trim().is_empty()).then_some(after);
    let is_same = match (&before, &after) {
        (None, None) => true,
        (before, after) => before == after,
    };
    Ok((!is_same).then(|| Change {
        path: path.to_owned(),
        before,
        after,
    }))
}
