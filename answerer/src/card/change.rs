//! The last change of some lines, as git tells it.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Place;

/// How long git may look through the history of lines.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Fields of a commit, separated by NUL, and a NUL at the end.
const FORMAT: &str = "--format=%h%x00%as%x00%an%x00%s%x00";

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Abbreviated hash.
    pub commit: String,
    /// Of the author, as `2026-01-31`.
    pub date: String,
    /// Name of the author.
    pub author: String,
    /// First line of the message.
    pub subject: String,
}

/// The last commit that changed the lines of a place, else its file; `None` if
/// there is no git, no repository, or it takes too long.
#[must_use]
pub fn last_change(root: &Path, place: &Place) -> Option<Change> {
    let path = OsStr::from_bytes(&place.path);
    let mut lines = OsStr::new("").to_owned();
    lines.push(format!("-L{},{}:", place.start_line, place.end_line));
    lines.push(path);
    let mut of_lines = git(root);
    of_lines.args([FORMAT, "--no-patch"]).arg(lines);
    let mut of_file = git(root);
    of_file.arg(FORMAT).arg("--").arg(path);
    run(of_lines).or_else(|| run(of_file))
}

/// `git log -1` that runs no program, filter or hook of the repository's
/// choosing and asks no server for anything.
fn git(root: &Path) -> Command {
    let mut git = Command::new("git");
    git.env_clear();
    for kept in ["PATH", "HOME", "TMPDIR"] {
        git.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    git.env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    for setting in [
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "core.pager=cat",
        "log.showSignature=false",
        "protocol.allow=never",
    ] {
        git.args(["-c", setting]);
    }
    git.arg("-C").arg(root);
    git.args(["--no-pager", "--literal-pathspecs", "log", "-1"]);
    git.args(["--no-ext-diff", "--no-textconv", "--no-show-signature"]);
    git.stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped());
    git
}

/// Runs git for at most [`PATIENCE`]. It writes one short line, so it never waits for a reader.
fn run(mut git: Command) -> Option<Change> {
    let mut child = git.spawn().ok()?;
    let end = Instant::now() + PATIENCE;
    loop {
        match child.try_wait().ok()? {
            Some(status) if status.success() => break,
            Some(_) => return None,
            None if Instant::now() >= end => {
                // Nobody can do anything about a process that will not be killed.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    let mut out = Vec::new();
    child
        .stdout
        .take()?
        .take(64 << 10)
        .read_to_end(&mut out)
        .ok()?;
    change(&out)
}

fn change(out: &[u8]) -> Option<Change> {
    let text = String::from_utf8_lossy(out);
    let mut fields = text.split('\0').map(|field| field.trim().to_owned());
    let change = Change {
        commit: fields.next().filter(|commit| !commit.is_empty())?,
        date: fields.next()?,
        author: fields.next()?,
        subject: fields.next()?,
    };
    Some(change)
}
