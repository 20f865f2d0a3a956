//! Processes that a test has started, and what must be left of them: none.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::Sandbox;

/// A server must be gone so long after its client.
pub const SOON: Duration = Duration::from_secs(2);

/// How often each kind of end is tried: all kinds together a hundred times.
pub fn rounds() -> usize {
    let rounds = std::env::var("FATHOM_TEST_ORPHAN_ROUNDS");
    rounds.map_or(25, |rounds| rounds.parse().unwrap())
}

/// Processes that were started in a sandbox, by what they were told of it.
pub fn living(sandbox: &Sandbox) -> Vec<String> {
    let mark = sandbox.path("data");
    let mark = mark.to_str().unwrap().as_bytes();
    let is_ours = |dir: &Path| {
        // A process that has ended and was not waited for yet has no environment any more.
        let environment = fs::read(dir.join("environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|part| part == mark)
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ours = all.map(|entry| entry.path()).filter(|dir| is_ours(dir));
    ours.map(|dir| fs::read_to_string(dir.join("cmdline")).unwrap_or_default())
        .collect()
}

/// Waits until nothing of a sandbox runs any more.
#[track_caller]
pub fn require_silence(sandbox: &Sandbox) {
    let start = Instant::now();
    loop {
        let left = living(sandbox);
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < SOON, "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to a process.
pub fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}
