//! Noticing that a tree has changed.
//!
//! Events are hints, never the truth: whatever they say, the tree is walked and compared with the
//! catalog. So nothing depends on their order, their number, or on what they name, and a lost one
//! is mended by the next walk. Only the folders that a walk entered are watched, so ignored ones
//! cost nothing. Where the system cannot watch, [`Mode::Polling`] says so and why.

mod pending;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

pub use pending::{Pending, Timing};

/// Folders that are watched at most; beyond it the tree is polled.
pub const ALLOWANCE: usize = 8_192;

/// A hint that the tree may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something happened to this path.
    Changed(PathBuf),
    /// Events were lost, or the watcher failed: anything may have changed.
    Lost,
    /// A file appeared in the folder given to [`Watcher::start`] for it: all events of changes
    /// before it have been delivered.
    Cookie(PathBuf),
}

/// How changes are noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the system's events.
    Events {
        /// Folders that are watched.
        folders: usize,
    },
    /// Only by looking again from time to time.
    Polling {
        /// Why there are no events, and what can be done about it.
        reason: String,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Events { folders } => write!(f, "events of {folders} folders"),
            Mode::Polling { reason } => write!(f, "polling: {reason}"),
        }
    }
}

/// Receives the signals, on a thread of the watcher.
pub type OnSignal = Arc<dyn Fn(Signal) + Send + Sync>;

/// Watches the folders of one tree.
pub struct Watcher {
    root: PathBuf,
    allowance: usize,
    watched: BTreeSet<Vec<u8>>,
    /// `None` while polling.
    system: Option<RecommendedWatcher>,
    polling: Option<String>,
}

impl Watcher {
    /// Watches nothing yet but `cookies`, a folder outside of the tree. Never fails: what cannot
    /// be watched is polled.
    pub fn start(root: &Path, cookies: &Path, allowance: usize, on: OnSignal) -> Watcher {
        let mut watcher = Watcher {
            root: root.to_path_buf(),
            allowance,
            watched: BTreeSet::new(),
            system: None,
            polling: None,
        };
        if let Some(kind) = without_events(root) {
            watcher.poll(format!("{kind} gives no events of other machines' changes"));
            return watcher;
        }
        match system(cookies, on) {
            Ok(system) => watcher.system = Some(system),
            Err(error) => watcher.poll(explained(&error)),
        }
        watcher
    }

    /// How changes are noticed now.
    pub fn mode(&self) -> Mode {
        match &self.polling {
            Some(reason) => Mode::Polling {
                reason: reason.clone(),
            },
            None => Mode::Events {
                folders: self.watched.len(),
            },
        }
    }

    /// Watches exactly `folders` (relative, as [`crate::walk::Walk`] lists them). True when there
    /// are new ones: what happened in them before is not known, so the tree has to be looked at
    /// again.
    pub fn follow(&mut self, folders: &[Vec<u8>]) -> bool {
        if self.system.is_none() {
            return false;
        }
        if folders.len() > self.allowance {
            let (count, allowance) = (folders.len(), self.allowance);
            self.poll(format!(
                "{count} folders, more than the {allowance} that are watched; ignore some of them"
            ));
            return false;
        }
        let wanted: BTreeSet<Vec<u8>> = folders.iter().cloned().collect();
        // A folder that was moved keeps its watch in the system: the old name has to go first.
        for gone in self.watched.difference(&wanted) {
            let path = self.locate(gone);
            if let Some(system) = &mut self.system {
                // The system has forgotten a folder that was removed.
                let _ = system.unwatch(&path);
            }
        }
        let new: Vec<Vec<u8>> = wanted.difference(&self.watched).cloned().collect();
        self.watched.retain(|folder| wanted.contains(folder));
        let kept = self.watched.len();
        new.iter().for_each(|folder| self.add(folder));
        self.watched.len() > kept
    }

    /// To be told of every signal: a folder that itself was moved, removed or made anew has lost
    /// its watch, and gets another with the next [`Watcher::follow`]. After lost events this may
    /// be true of any folder.
    pub fn heed(&mut self, signal: &Signal) {
        let lost: Vec<Vec<u8>> = match signal {
            Signal::Cookie(_) => return,
            Signal::Lost => self.watched.iter().cloned().collect(),
            Signal::Changed(path) => match path.strip_prefix(&self.root) {
                Ok(below) => vec![below.as_os_str().as_bytes().to_vec()],
                Err(_) => return,
            },
        };
        for folder in lost {
            if self.watched.remove(&folder) {
                let path = self.locate(&folder);
                if let Some(system) = &mut self.system {
                    let _ = system.unwatch(&path);
                }
            }
        }
    }

    fn add(&mut self, folder: &[u8]) {
        let path = self.locate(folder);
        let Some(system) = &mut self.system else {
            return;
        };
        match system.watch(&path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(folder.to_vec());
            }
            // Gone again, or unreadable: the next walk tells, and it is tried again then.
            Err(error) if is_of_one_folder(&error) => {}
            Err(error) => self.poll(explained(&error)),
        }
    }

    /// Gives up on events: partly watched is not watched.
    fn poll(&mut self, reason: String) {
        self.system = None;
        self.watched.clear();
        self.polling = Some(reason);
    }

    fn locate(&self, folder: &[u8]) -> PathBuf {
        match folder {
            b"" => self.root.clone(),
            _ => self.root.join(OsStr::from_bytes(folder)),
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watcher({}, {})", self.root.display(), self.mode())
    }
}

fn system(cookies: &Path, on: OnSignal) -> notify::Result<RecommendedWatcher> {
    let cookies_of = cookies.to_path_buf();
    let mut system = notify::recommended_watcher(move |event: notify::Result<Event>| {
        translate(event, &cookies_of, &*on);
    })?;
    system.watch(cookies, RecursiveMode::NonRecursive)?;
    Ok(system)
}

fn is_of_one_folder(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(io) => matches!(
            io.kind(),
            std::io::ErrorKind::NotFound
                | std::io::ErrorKind::PermissionDenied
                | std::io::ErrorKind::NotADirectory
        ),
        _ => false,
    }
}

fn explained(error: &notify::Error) -> String {
    match error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system's limit of watched folders is reached; raise fs.inotify.max_user_watches"
                .to_owned()
        }
        _ => format!("the system cannot watch it: {error}"),
    }
}

/// What an event of the system means. One without a path, and any failure, means that
/// something was missed.
fn translate(event: notify::Result<Event>, cookies: &Path, on: &(dyn Fn(Signal) + Send + Sync)) {
    let event = match event {
        Ok(event) => event,
        Err(_) => return on(Signal::Lost),
    };
    if event.need_rescan() {
        return on(Signal::Lost);
    }
    if is_reading(event.kind) {
        return;
    }
    for path in event.paths {
        match path.parent() {
            Some(folder) if folder == cookies => {
                if matches!(event.kind, EventKind::Create(_)) {
                    on(Signal::Cookie(path));
                }
            }
            _ => on(Signal::Changed(path)),
        }
    }
}

/// Somebody only looked, as we do ourselves all the time.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// The kind of a file system whose changes by others the kernel does not see.
#[cfg(target_os = "linux")]
fn without_events(root: &Path) -> Option<&'static str> {
    const REMOTE: [(u64, &str); 7] = [
        (0x6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x517b, "SMB"),
        (0x0102_1997, "9P"),
        (0x6573_5546, "FUSE"),
        (0x00c3_6400, "Ceph"),
    ];
    let found = rustix::fs::statfs(root).ok()?.f_type as u64 & 0xffff_ffff;
    let kind = REMOTE.iter().find(|(number, _)| *number == found);
    kind.map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn without_events(_root: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests;
