//! A process that is suspended while it holds a lock: others say so, and go on as far as they can.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{SMALL, Sandbox};
use crate::watch::Daemon;

/// A process that is suspended, and ends with the test.
struct Suspended(Child);

impl Suspended {
    fn new() -> Suspended {
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
        Suspended(child)
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Holds a lock of the sandbox's index in the name of another process.
fn held(sandbox: &Sandbox, name: &str, holder: &Suspended) -> File {
    let files = sandbox.files("data").into_iter();
    let paths: Vec<_> = files.map(|(path, _)| path).collect();
    let path = paths.iter().find(|path| path.ends_with(name)).unwrap();
    let mut file = File::options()
        .write(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.lock().unwrap();
    write!(file, "{}", holder.0.id()).unwrap();
    file
}

#[test]
fn a_search_names_a_suspended_writer_and_answers_from_the_last_state() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let holder = Suspended::new();
    let lock = held(&sandbox, "writer.lock", &holder);
    sandbox.write("src/new.rs", "pub fn brand_new() {}\n");
    let start = Instant::now();
    let run = sandbox
        .run(&["search", "--json", "take the writer lock"])
        .expect_code(0);
    assert_eq!(run.json()["results"][0]["path"], "src/lock.rs", "{run}");
    let advice = format!("`kill -CONT {}`", holder.0.id());
    assert!(
        run.stderr.contains("is suspended") && run.stderr.contains(&advice),
        "{run}"
    );
    assert!(start.elapsed() < Duration::from_secs(20), "{run}");
    let run = sandbox.run(&["clear"]).expect_code(2);
    assert!(run.stderr.contains("is suspended"), "{run}");
    drop(lock);
    assert_eq!(
        sandbox.found(&["--mode", "symbol", "brand_new"]),
        ["src/new.rs"]
    );
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn one_that_is_suspended_while_it_encodes_keeps_nobody_from_writing() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index"]).expect_code(0);
    let holder = Suspended::new();
    let _lock = held(&sandbox, "encoding.lock", &holder);
    sandbox.write("src/new.rs", "pub fn brand_new() {}\n");
    assert_eq!(
        sandbox.found(&["--mode", "symbol", "brand_new"]),
        ["src/new.rs"]
    );
    // A search does not wait for its vectors, and makes those that it needs.
    assert_eq!(sandbox.found(&["brand new"])[0], "src/new.rs");
}

#[test]
fn a_daemon_that_is_suspended_while_it_encodes_is_no_obstacle() {
    let sandbox = Sandbox::new(SMALL);
    for file in 0..400 {
        let lines: String = (0..20)
            .map(|line| format!("    let step_{line}_{file} = {line} * {file};\n"))
            .collect();
        let text = format!("pub fn part_{file}() {{\n{lines}}}\n");
        sandbox.write(&format!("src/part{file}.rs"), &text);
    }
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until("it encodes", |status| {
        status["repositories"][0]["state"] == "encoding"
    });
    // It may be stopped in the middle of a commit, which others wait for; it goes on for longer every time.
    let is_found = (0..8).any(|round| {
        std::thread::sleep(Duration::from_millis(150 * round));
        kill_process(daemon.pid(), Signal::STOP).unwrap();
        let name = format!("while_suspended_{round}");
        sandbox.write("src/new.rs", &format!("pub fn {name}() {{}}\n"));
        let run = sandbox.run(&["search", "-l", "--mode", "symbol", &name]);
        kill_process(daemon.pid(), Signal::CONT).unwrap();
        run.stdout == "src/new.rs\n"
    });
    assert!(is_found);
    sandbox.run(&["check"]).expect_code(0);
}
