//! Ctrl-C and termination: the first asks long work for an orderly end, the second ends at once.
//!
//! Ending at once is safe too: the store has one commit point, so whatever was
//! not published is simply not there.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::errors::{INTERRUPTED, tell};

/// Set by the first signal; long work looks at it between batches.
static CANCELLED: AtomicBool = AtomicBool::new(false);
/// Whether there is work that can keep what it has done.
static WORKING: AtomicBool = AtomicBool::new(false);
/// Whether this work ends so soon that a signal needs no words.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Like [`during`], for an answer: it ends at once, and the next one is asked for anew.
pub fn during_answer<T>(work: impl FnOnce(&AtomicBool) -> T) -> anyhow::Result<T> {
    AT_ONCE.store(true, Ordering::SeqCst);
    let result = during(work);
    AT_ONCE.store(false, Ordering::SeqCst);
    CANCELLED.store(false, Ordering::SeqCst);
    result
}

/// Runs work that looks at the flag and then ends soon. Outside of such work a
/// signal ends the program.
pub fn during<T>(work: impl FnOnce(&AtomicBool) -> T) -> anyhow::Result<T> {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if !INSTALLED.swap(true, Ordering::SeqCst) {
        ctrlc::set_handler(on_signal)?;
    }
    WORKING.store(true, Ordering::SeqCst);
    let result = work(&CANCELLED);
    WORKING.store(false, Ordering::SeqCst);
    Ok(result)
}

/// Whether a signal has come.
pub fn cancelled() -> bool {
    CANCELLED.load(Ordering::SeqCst)
}

fn on_signal() {
    if CANCELLED.swap(true, Ordering::SeqCst) || !WORKING.load(Ordering::SeqCst) {
        std::process::exit(INTERRUPTED);
    }
    if !AT_ONCE.load(Ordering::SeqCst) {
        tell("stopping after the current batch; press Ctrl-C again to stop now");
    }
}
