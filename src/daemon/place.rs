//! Where the daemon of a user listens.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::DaemonError;

/// The folder of one daemon: there is one for each user and data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    dir: PathBuf,
}

impl Place {
    /// Below the runtime folder of the session if there is one, else in the data folder.
    pub fn new(runtime_dir: Option<&Path>, data_dir: &Path) -> Place {
        let hash = blake3::hash(data_dir.as_os_str().as_encoded_bytes()).to_hex();
        let dir = match runtime_dir.filter(|dir| is_private(dir)) {
            Some(runtime) => runtime.join(format!("fathom-{}", &hash[..16])),
            None => data_dir.join("daemon"),
        };
        Place { dir }
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    /// Folder of the files by which watchers learn how far events were delivered.
    pub fn cookies(&self) -> PathBuf {
        self.dir.join("cookies")
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether only this user may enter: nobody else can have put a socket there.
    pub fn is_private(&self) -> bool {
        is_private(&self.dir)
    }

    /// Makes the folder and becomes its only daemon.
    pub fn claim(&self) -> Result<Claim, DaemonError> {
        let failed = |source| DaemonError::Place {
            path: self.dir.clone(),
            source,
        };
        create_private(&self.dir).map_err(failed)?;
        if !self.is_private() {
            let problem = "it belongs to another user, or others may enter it";
            return Err(failed(io::Error::new(
                io::ErrorKind::PermissionDenied,
                problem,
            )));
        }
        let mut lock = OpenOptions::new();
        lock.read(true).write(true).create(true).truncate(false);
        let mut lock = lock
            .mode(0o600)
            .open(self.dir.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = holder(&mut lock).unwrap_or(0);
                return Err(DaemonError::Running { pid });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let named = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()));
        named.map_err(failed)?;
        // What is left of an earlier one that was killed; the lock says that it is gone.
        let _ = std::fs::remove_dir_all(self.cookies());
        let _ = std::fs::remove_file(self.socket());
        create_private(&self.cookies()).map_err(failed)?;
        Ok(Claim {
            place: self.clone(),
            _lock: lock,
        })
    }
}

/// The right to be the daemon of a place; clears it when dropped.
#[derive(Debug)]
pub struct Claim {
    place: Place,
    _lock: File,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.place.cookies());
        let _ = std::fs::remove_file(self.place.socket());
    }
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn create_private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn is_private(dir: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(dir)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == us && meta.mode() & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_may_enter_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let (runtime, data) = (dir.path().join("run"), dir.path().join("data"));
        create_private(&runtime).unwrap();
        let place = |runtime: Option<&Path>| Place::new(runtime, &data).dir;
        assert!(place(Some(&runtime)).starts_with(&runtime));
        assert_eq!(place(None), data.join("daemon"));
        std::fs::set_permissions(&runtime, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(place(Some(&runtime)), data.join("daemon"));
        create_private(&data.join("daemon")).unwrap();
        std::fs::set_permissions(data.join("daemon"), PermissionsExt::from_mode(0o777)).unwrap();
        let error = Place::new(None, &data).claim().unwrap_err();
        assert!(error.to_string().contains("others may enter"), "{error}");
    }

    #[test]
    fn one_daemon_at_a_time_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(None, dir.path());
        let claim = place.claim().unwrap();
        let error = place.claim().unwrap_err();
        assert!(matches!(error, DaemonError::Running { pid } if pid == std::process::id()));
        assert!(place.cookies().is_dir());
        drop(claim);
        assert!(!place.cookies().exists());
        place.claim().unwrap();
    }
}
