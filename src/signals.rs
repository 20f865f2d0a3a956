//! Ctrl-C and termination: the first asks long work for an orderly end, the second ends at once.
//!
//! Ending at once is safe too: the store has one commit point, so whatever was
//! not published is simply not there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use crate::errors::{INTERRUPTED, tell};

/// Set by the first signal; long work looks at it between batches.
static CANCELLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Whether there is work that can keep what it has done.
static WORKING: AtomicBool = AtomicBool::new(false);
/// Whether this work ends so soon that a signal needs no words.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// An answer begins that a signal may stop: it ends at once, and the next one is asked for anew.
/// Call [`answered`] when it has ended.
pub fn answering() -> anyhow::Result<Arc<AtomicBool>> {
    install()?;
    AT_ONCE.store(true, Ordering::SeqCst);
    WORKING.store(true, Ordering::SeqCst);
    Ok(CANCELLED.clone())
}

/// The answer has ended.
pub fn answered() {
    WORKING.store(false, Ordering::SeqCst);
    AT_ONCE.store(false, Ordering::SeqCst);
    CANCELLED.store(false, Ordering::SeqCst);
}

/// Runs work that looks at the flag and then ends soon. Outside of such work a
/// signal ends the program.
pub fn during<T>(work: impl FnOnce(&AtomicBool) -> T) -> anyhow::Result<T> {
    install()?;
    WORKING.store(true, Ordering::SeqCst);
    let result = work(&CANCELLED);
    WORKING.store(false, Ordering::SeqCst);
    Ok(result)
}

fn install() -> anyhow::Result<()> {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if !INSTALLED.swap(true, Ordering::SeqCst) {
        ctrlc::set_handler(on_signal)?;
    }
    Ok(())
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
