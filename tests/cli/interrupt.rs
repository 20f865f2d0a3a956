//! Ctrl-C: what was encoded is kept.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Run, Sandbox, wait};

/// A tree that takes a while to encode.
fn large() -> Sandbox {
    let sandbox = Sandbox::new(&[]);
    for file in 0..150 {
        let text: String = (0..20)
            .map(|n| {
                format!(
                    "/// Handles request {n} of part {file}.\npub fn handle_{file}_{n}(request: Request) -> Response {{\n    let parsed = parse_{n}(request.body(), Options::part({file}));\n    let stored = self.store_{file}.insert(parsed.key(), parsed.value_{n}());\n    respond(stored, {n}, {file})\n}}\n\n"
                )
            })
            .collect();
        sandbox.write(&format!("src/part{file}.rs"), &text);
    }
    sandbox
}

fn encoded(sandbox: &Sandbox) -> u64 {
    let status = sandbox.run(&["status", "--json"]);
    match status.code {
        Some(0) => status.json()["encoded_chunks"].as_u64().unwrap(),
        _ => 0,
    }
}

/// Interrupts the first indexing while it encodes: the longer the wait, the more was done.
fn interrupted_after(wait_for: Duration) -> (Sandbox, Run) {
    let sandbox = large();
    let args = ["index", "--threads", "1"];
    let child = sandbox.command(&args).spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    std::thread::sleep(wait_for);
    let _ = kill_process(pid, Signal::INT);
    let run = wait(child, &args);
    (sandbox, run)
}

#[test]
fn ctrl_c_keeps_what_was_encoded() {
    // How fast this machine is nobody knows, so several moments are tried.
    let (sandbox, kept) = [500, 1_000, 2_000, 4_000, 8_000]
        .into_iter()
        .find_map(|millis| {
            let (sandbox, run) = interrupted_after(Duration::from_millis(millis));
            assert!(matches!(run.code, Some(0 | 130)), "{run}");
            let kept = encoded(&sandbox);
            (run.code == Some(130) && kept > 0).then(|| {
                assert!(run.stderr.contains("interrupted; kept 150 files"), "{run}");
                (sandbox, kept)
            })
        })
        .expect("an interruption that kept something");
    sandbox.run(&["check"]).expect_code(0);
    let search = ["search", "--no-refresh", "handle_3_4"];
    sandbox.run(&search).expect_code(0);
    sandbox.run(&["index"]).expect_code(0);
    assert!(encoded(&sandbox) > kept);
}

#[test]
fn a_kill_at_any_time_leaves_a_sound_index() {
    let sandbox = large();
    for millis in [20, 60, 150, 400, 1_000] {
        let mut child = sandbox.command(&["index"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        let check = sandbox.run(&["check"]);
        assert_ne!(check.code, None, "{check}");
    }
    sandbox
        .run(&["search", "--mode", "symbol", "handle_3_4"])
        .expect_code(0);
    sandbox.run(&["check"]).expect_code(0);
}
