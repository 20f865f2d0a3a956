//! stdout, for one who speaks a protocol on it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// stdout for the caller alone: whatever else prints there from now on, a library too, prints on
/// stderr.
///
/// # Errors
/// If the system gives no more descriptors.
pub fn own() -> io::Result<File> {
    let ours = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(ours.into())
}
