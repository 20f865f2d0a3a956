//! Reading the files of the tree: once, completely, without waiting on a FIFO
//! and without following a link, be it the file itself or a folder on the way.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fathom_indexes::{ContentHash, FileStat, SkipReason};
use rustix::fs::{Mode, OFlags, openat};

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
    let mut attempt = 1;
    loop {
        match read_once(root, path, max_bytes) {
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

fn read_once(root: &Path, path: &[u8], max_bytes: u64) -> io::Result<Once> {
    let mut file = open(root, Path::new(std::ffi::OsStr::from_bytes(path)))?;
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

/// A folder that is only gone through.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Opens a file below the root, folder by folder. `NOFOLLOW`: nothing on the way was a link when it
/// was listed, and what has become one since may lead anywhere. `NONBLOCK`: it may have become a FIFO.
fn open(root: &Path, path: &Path) -> io::Result<File> {
    let mut folder = rustix::fs::open(root, THROUGH, Mode::empty())?;
    for part in path.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(name) = part else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        folder = openat(&folder, name, THROUGH | OFlags::NOFOLLOW, Mode::empty())?;
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(&folder, name, flags, Mode::empty())?.into())
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
        std::fs::write(root.join("folder/inner"), "fn inner() {}\n").unwrap();
        std::os::unix::fs::symlink("folder", root.join("way")).unwrap();
        assert!(matches!(
            read(root, b"folder/inner", 100),
            Reading::Text { .. }
        ));
        for path in ["link", "way/inner", "folder/../text", "/etc/passwd", ".."] {
            let reading = read(root, path.as_bytes(), 100);
            assert!(
                matches!(reading, Reading::Unreadable(_)),
                "{path}: {reading:?}"
            );
        }
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
