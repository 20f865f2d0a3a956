//! Finishing an index after the program that needed it has ended.
//!
//! A search in a large repository that is not encoded yet answers at once from
//! words, and starts `fathom index --quiet` to encode the rest. That process
//! leaves the terminal's session, so closing the terminal does not end it, and
//! lowers its priority. The store's writer lock keeps a second one from
//! working at the same time.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::config::Settings;

/// How much the priority is lowered; 19 would be the lowest.
const NICENESS: i32 = 10;

/// Starts the process and does not wait for it.
pub fn spawn(root: &Path, settings: &Settings) -> io::Result<()> {
    Command::new(std::env::current_exe()?)
        .args(["index", "--quiet", "--detached", "--threads"])
        .arg(settings.threads.to_string())
        .arg("--data-dir")
        .arg(&settings.data_dir)
        .arg("--")
        .arg(root)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

/// Makes this process one that outlives its terminal and stands back for others.
pub fn detach() {
    // Failing to do either only makes the process less polite, so it goes on.
    let _ = rustix::process::setsid();
    let _ = rustix::process::nice(NICENESS);
}
