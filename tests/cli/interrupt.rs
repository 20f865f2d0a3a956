//! Ctrl-C: what was encoded is kept.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Sandbox, wait};

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

#[test]
fn ctrl_c_keeps_what_was_encoded() {
    let sandbox = large();
    let child = sandbox.command(&["index"]).spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    let started = Instant::now();
    while encoded(&sandbox) == 0 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    kill_process(pid, Signal::INT).unwrap();
    let run = wait(child, &["index"]);
    assert_eq!(run.code, Some(130), "{run}");
    assert!(run.stderr.contains("kept"), "{run}");
    let kept = encoded(&sandbox);
    assert!(kept > 0, "nothing was kept");
    sandbox.run(&["check"]).expect_code(0);
    sandbox
        .run(&["search", "--no-refresh", "handle_3_4"])
        .expect_code(0);
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
