//! Ends the process when the client's process is gone, however that came.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};

/// How often one looks.
const TICK: Duration = Duration::from_millis(500);

/// Calls `gone` once when a process that lives now is there no more. One that cannot be seen from
/// here, as from inside of a container, says nothing; the end of the stream does.
pub fn watch(process: i32, gone: impl FnOnce() + Send + 'static) {
    let Some(pid) = Pid::from_raw(process).filter(|_| process > 0) else {
        return;
    };
    if !lives(pid) {
        return;
    }
    let thread = std::thread::Builder::new().name("lsp parent".into());
    // Without the thread the end of the stream has to do.
    let _ = thread.spawn(move || {
        while lives(pid) {
            std::thread::sleep(TICK);
        }
        gone();
    });
}

/// Whether there is such a process; one of another user is there too.
fn lives(pid: Pid) -> bool {
    test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}
