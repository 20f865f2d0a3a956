//! The locks of writing and of encoding: held by the operating system for an open file, so it ends
//! with its holder. What the file says is information for people only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::StoreError;

/// How often a waiting writer looks again.
const POLL: Duration = Duration::from_millis(5);

/// The right to write, until dropped.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock on `path`, waiting up to `wait` for another writer.
    pub fn acquire(path: &Path, wait: Duration) -> Result<WriterLock, StoreError> {
        let mut file = open(path).map_err(|e| StoreError::io("open", path, e))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", path, e)),
                Err(TryLockError::WouldBlock) if start.elapsed() < wait => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Busy {
                        path: path.to_path_buf(),
                        holder: holder(&mut file),
                        waited: start.elapsed(),
                    });
                }
            }
        }
        // Only a hint for others: not being able to leave it is no reason to stop.
        let _ = leave_name(&mut file);
        Ok(WriterLock { _file: file })
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

fn leave_name(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

/// Who holds the lock, and for how long, as far as the file tells.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    let process = match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) if is_stopped(pid) => {
            format!("process {pid}, which is suspended (`kill -CONT {pid}` lets it go on)")
        }
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "another process".into(),
    };
    let modified = file.metadata().and_then(|data| data.modified()).ok();
    match modified.and_then(|time| SystemTime::now().duration_since(time).ok()) {
        Some(age) => format!("{process} (for {} s)", age.as_secs()),
        None => process,
    }
}

/// Whether a process is suspended, as far as the system tells.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the state may hold anything, brackets too.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('T' | 't'))
}
