//! Reading the files of the tree: once, completely, without waiting on a FIFO
//! and without following a link.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fathom_indexes::{ContentHash, FileStat, SkipReason};

use crate::chunk::utf16;
use crate::skip::{self, Verdict};

/// A file modified less than this before it was read may change again without
/// its stat showing it.
const RACY_WINDOW: Duration = Duration::from_secs(2);
/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// What reading a file came to.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Its text (UTF-16 converted, anything else as it is), hashed.
    Text {
        text: Vec<u8>,
        hash: ContentHash,
        stat: FileStat,
        racy: bool,
    },
    /// Nothing for an index.
    Skip { verdict: Verdict, stat: FileStat },
    /// It could not be read; to be tried again next time.
    Unreadable(String),
    /// It is no longer there.
    Gone,
}

/// The path of a file given by its bytes.
pub(crate) fn locate(root: &Path, path: &[u8]) -> PathBuf {
    root.join(std::ffi::OsStr::from_bytes(path))
}

/// What `stat` said, in fathom's terms.
pub(crate) fn file_stat(meta: &Metadata) -> FileStat {
    let nanoseconds =
        |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    FileStat {
        size: meta.size(),
        mtime_ns: nanoseconds(meta.mtime(), meta.mtime_nsec()),
        ctime_ns: nanoseconds(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
    }
}

/// Whether a stat taken now proves nothing about later: the file was modified
/// within the resolution of its time stamps, or in the future.
fn is_racy(stat: &FileStat, now: SystemTime) -> bool {
    let limit = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_sub(RACY_WINDOW);
    let limit = i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX);
    stat.mtime_ns.max(stat.ctime_ns) >= limit
}

/// Reads the file at `path`, at most `max_bytes` of it.
pub(crate) fn read(root: &Path, path: &[u8], max_bytes: u64) -> Reading {
    let file = locate(root, path);
    let mut attempt = 1;
    loop {
        match read_once(&file, max_bytes) {
            Ok(Once::Stable(reading)) => return reading,
            Ok(Once::Moving(reading)) if attempt >= ATTEMPTS => return reading,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reading::Gone,
            Err(error) if attempt >= ATTEMPTS => return Reading::Unreadable(error.to_string()),
            Ok(Once::Moving(_)) | Err(_) => attempt += 1,
        }
    }
}

enum Once {
    Stable(Reading),
    /// The file changed in the meantime.
    Moving(Reading),
}

fn read_once(path: &Path, max_bytes: u64) -> io::Result<Once> {
    let mut file = open(path)?;
    let before = file.metadata()?;
    let stat = file_stat(&before);
    let skip = |reason, detail: &str| {
        Once::Stable(Reading::Skip {
            verdict: (reason, detail.to_string()),
            stat,
        })
    };
    if !before.is_file() {
        return Ok(skip(SkipReason::NotRegular, "not a regular file"));
    }
    let now = SystemTime::now();
    let mut bytes = Vec::with_capacity(before.len().min(max_bytes) as usize + 1);
    file.by_ref().take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Ok(skip(SkipReason::TooLarge, "larger than the limit"));
    }
    let moving = file_stat(&file.metadata()?) != stat;
    let reading = judge(bytes, stat, moving || is_racy(&stat, now));
    Ok(if moving {
        Once::Moving(reading)
    } else {
        Once::Stable(reading)
    })
}

/// `O_NOFOLLOW`: it was no link when it was listed. `O_NONBLOCK`: it may have become a FIFO.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
}

fn judge(bytes: Vec<u8>, stat: FileStat, racy: bool) -> Reading {
    let text = utf16(&bytes).unwrap_or(bytes);
    match skip::by_content(&text) {
        Some(verdict) => Reading::Skip { verdict, stat },
        None => Reading::Text {
            hash: ContentHash::of(&text),
            text,
            stat,
            racy,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn readings() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::write(root.join("text"), "fn main() {}\n").unwrap();
        std::fs::write(root.join("binary"), b"a\0b").unwrap();
        std::fs::write(root.join("wide"), b"\xFF\xFEh\0i\0").unwrap();
        std::fs::write(root.join("large"), "x".repeat(101)).unwrap();
        std::os::unix::fs::symlink("text", root.join("link")).unwrap();
        std::fs::create_dir(root.join("folder")).unwrap();
        let cases = [
            ("text", "text fn main() {}\n"),
            ("binary", "skip binary"),
            ("wide", "text hi"),
            ("large", "skip too-large"),
            ("folder", "skip not-regular"),
            ("missing", "gone"),
        ];
        for (path, expected) in cases {
            let shown = match read(root, path.as_bytes(), 100) {
                Reading::Text { text, .. } => format!("text {}", String::from_utf8(text).unwrap()),
                Reading::Skip { verdict, .. } => format!("skip {}", verdict.0),
                Reading::Unreadable(detail) => format!("unreadable {detail}"),
                Reading::Gone => "gone".to_string(),
            };
            assert_eq!(shown, expected, "{path}");
        }
        assert!(matches!(read(root, b"link", 100), Reading::Unreadable(_)));
    }

    #[test]
    fn a_fresh_file_is_racy_and_an_old_one_is_not() {
        let now = SystemTime::now();
        let since = |time: SystemTime| {
            i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
        };
        let stat = |mtime_ns| FileStat {
            size: 1,
            mtime_ns,
            ctime_ns: 0,
            inode: 1,
        };
        assert!(is_racy(&stat(since(now)), now));
        assert!(is_racy(&stat(since(now + Duration::from_secs(9999))), now));
        assert!(!is_racy(&stat(since(now - Duration::from_secs(3))), now));
        assert!(!is_racy(&stat(-1), now));
    }
}
