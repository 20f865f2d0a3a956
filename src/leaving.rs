//! The end of the process: ONNX Runtime must not be at work in any thread when it comes, or its
//! destructors run under that thread and crash.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Threads in which the runtime loads or computes.
static WORKING: AtomicUsize = AtomicUsize::new(0);
/// Whether the process is about to end.
static LEAVING: AtomicBool = AtomicBool::new(false);
/// How long the end waits for them; one batch takes less.
const PATIENCE: Duration = Duration::from_secs(1);

/// As long as it lives the process does not end.
#[derive(Debug)]
pub(crate) struct Working(());

/// The runtime is about to work. Never returns once the process is about to end.
pub(crate) fn working() -> Working {
    WORKING.fetch_add(1, Ordering::SeqCst);
    let working = Working(());
    if LEAVING.load(Ordering::SeqCst) {
        drop(working);
        loop {
            std::thread::park();
        }
    }
    working
}

impl Drop for Working {
    fn drop(&mut self) {
        WORKING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until the runtime is at rest, for a second at most, and lets nobody begin. The last thing that a
/// process does.
pub fn leave() {
    LEAVING.store(true, Ordering::SeqCst);
    let until = Instant::now() + PATIENCE;
    while WORKING.load(Ordering::SeqCst) > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
}
