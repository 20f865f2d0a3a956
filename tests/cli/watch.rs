//! `fathom watch`: the daemon keeps indexes fresh, and whoever finds it gets the same answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{Run, SMALL, Sandbox, wait};

/// Nothing here may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that ends with the test.
pub struct Daemon<'s> {
    sandbox: &'s Sandbox,
    child: Option<Child>,
}

impl<'s> Daemon<'s> {
    /// Watches the sandbox's tree, or the paths of `more`; returns when it answers.
    pub fn start(sandbox: &'s Sandbox, more: &[&str]) -> Daemon<'s> {
        let args = [&["watch"][..], more].concat();
        let child = sandbox.command(&args).spawn().unwrap();
        let daemon = Daemon {
            sandbox,
            child: Some(child),
        };
        daemon.until("it answers", |status| !status["repositories"].is_null());
        daemon
    }

    fn status(&self) -> Option<Value> {
        let run = self.sandbox.run(&["daemon", "status", "--json"]);
        (run.code == Some(0)).then(|| run.json())
    }

    /// Waits until the status is as it should be.
    pub fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let status = self.status();
            if let Some(status) = status.as_ref().filter(|status| is_so(status)) {
                return status.clone();
            }
            assert!(
                start.elapsed() < PATIENCE,
                "not so after a minute: {what}: {status:#?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn until_fresh(&self) -> Value {
        self.until("fresh", |status| {
            let all = status["repositories"].as_array().unwrap();
            !all.is_empty() && all.iter().all(|one| one["state"] == "fresh")
        })
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.as_ref().unwrap().id() as i32).unwrap()
    }

    /// Ends it with a signal.
    fn end(mut self, signal: Signal) -> Run {
        kill_process(self.pid(), signal).unwrap();
        wait(self.child.take().unwrap(), &["watch"])
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_daemon_does_not_wait_for_whoever_reads_what_it_tells() {
    let sandbox = Sandbox::new(&[]);
    // A long path makes long lines; a pipe that nobody reads holds 64 KiB of them.
    let deep = |path: PathBuf, _| path.join("a".repeat(200));
    let root = (0..14).fold(sandbox.tree(), deep);
    fs::create_dir_all(&root).unwrap();
    let daemon = Daemon::start(&sandbox, &[root.to_str().unwrap()]);
    let generation = |status: &Value| status["repositories"][0]["generation"].as_u64().unwrap();
    let mut last = generation(&daemon.until_fresh());
    for number in 0..40 {
        fs::write(
            root.join("one.rs"),
            format!("pub fn made_{number}() {{}}\n"),
        )
        .unwrap();
        last = generation(&daemon.until("indexed", |status| generation(status) > last));
    }
}

/// Files that define a symbol, in the index as it is: nobody looks at the tree.
fn indexed(sandbox: &Sandbox, symbol: &str) -> Vec<String> {
    let run = sandbox.run(&["search", "-l", "--no-refresh", "--mode", "symbol", symbol]);
    run.stdout.lines().map(str::to_owned).collect()
}

#[track_caller]
pub fn becomes(sandbox: &Sandbox, symbol: &str, files: &[&str]) {
    let start = Instant::now();
    while indexed(sandbox, symbol) != files {
        let found = indexed(sandbox, symbol);
        assert!(
            start.elapsed() < PATIENCE,
            "{symbol}: {found:?}, not {files:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn function(name: &str) -> String {
    format!("fn {name}() -> u32 {{\n    7\n}}\n")
}

#[test]
fn changes_are_indexed_without_being_asked_for() {
    let sandbox = Sandbox::new(SMALL);
    let tree = sandbox.tree();
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    sandbox.write("src/new.rs", &function("brand_new"));
    becomes(&sandbox, "brand_new", &["src/new.rs"]);
    // As editors save: beside it, then over it.
    sandbox.write("src/.new.rs.swp", &function("saved_beside"));
    std::fs::rename(tree.join("src/.new.rs.swp"), tree.join("src/new.rs")).unwrap();
    becomes(&sandbox, "saved_beside", &["src/new.rs"]);
    assert!(indexed(&sandbox, "brand_new").is_empty());
    // A folder that is made, filled, moved and made again.
    sandbox.write("deep/er/inner.rs", &function("inner_one"));
    becomes(&sandbox, "inner_one", &["deep/er/inner.rs"]);
    std::fs::rename(tree.join("deep"), tree.join("moved")).unwrap();
    becomes(&sandbox, "inner_one", &["moved/er/inner.rs"]);
    sandbox.write("moved/er/second.rs", &function("second_one"));
    becomes(&sandbox, "second_one", &["moved/er/second.rs"]);
    std::fs::remove_dir_all(tree.join("moved")).unwrap();
    sandbox.write("moved/er/third.rs", &function("third_one"));
    becomes(&sandbox, "third_one", &["moved/er/third.rs"]);
    becomes(&sandbox, "inner_one", &[]);
    // Ignore files count as soon as they change.
    sandbox.write(".gitignore", "new.rs\n");
    becomes(&sandbox, "saved_beside", &[]);
    sandbox.write(".gitignore", "");
    becomes(&sandbox, "saved_beside", &["src/new.rs"]);
    sandbox.write(".fathom.toml", "ignore = ['new.rs']\n");
    becomes(&sandbox, "saved_beside", &[]);
    let status = daemon.until_fresh();
    assert_eq!(status["repositories"][0]["errors"], 0, "{status:#}");
    let run = daemon.end(Signal::TERM);
    assert_eq!(run.code, Some(0), "{run}");
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn a_switch_of_branches_and_back_encodes_nothing_again() {
    let sandbox = Sandbox::new(SMALL);
    let write_branch = |branch: u32| {
        for file in 0..60 {
            let name = format!("part{file}_{branch}");
            sandbox.write(&format!("src/part{file}.rs"), &function(&name));
        }
    };
    write_branch(1);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    write_branch(2);
    becomes(&sandbox, "part59_2", &["src/part59.rs"]);
    daemon.until_fresh();
    write_branch(1);
    becomes(&sandbox, "part59_1", &["src/part59.rs"]);
    daemon.until_fresh();
    let run = daemon.end(Signal::INT);
    let told: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.contains("encoded"))
        .collect();
    let chunks: u32 = told
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| *word == "chunks").unwrap();
            words[at - 1].parse::<u32>().unwrap()
        })
        .sum();
    // Three files of the sandbox, sixty on each branch, and nothing for the way back.
    assert_eq!(chunks, 123, "{run}");
}

/// Output of a command but for what differs from run to run.
fn shown(run: &Run) -> String {
    let time = regex::Regex::new(r#""took_ms": [0-9.]+"#).unwrap();
    time.replace_all(&run.to_string(), "[TIME]").into_owned()
}

#[test]
fn answers_are_the_same_with_and_without() {
    let sandbox = Sandbox::new(SMALL);
    let commands: &[&[&str]] = &[
        &["search", "--json", "take the writer lock"],
        &["search", "wait for a lock", "src"],
        &[
            "search",
            "--jsonl",
            "--mode",
            "dense",
            "restart the service",
        ],
        &["search", "--mode", "late", "hexadecimal"],
        &["search", "--mode", "regex", "fn .*lock"],
        &[
            "search",
            "-l",
            "nothing_like_this_anywhere",
            "--mode",
            "symbol",
        ],
        &["similar", "src/lock.rs:4"],
        &["explain", "acquire_lock"],
        &["explain", "--json", "src/colour.py:1"],
        &["ask", "how is a colour parsed?"],
        &["map", "."],
        &["search", "--wait", "--json", "lock"],
    ];
    sandbox.run(&["index"]).expect_code(0);
    // Files that were just written are read again by the next look, which is a new generation.
    std::thread::sleep(Duration::from_millis(2_100));
    sandbox.run(&["index"]).expect_code(0);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    let before = daemon.status().unwrap()["requests"].as_u64().unwrap();
    for args in commands {
        let with = sandbox.run(args);
        let without = sandbox.run_with(&[("FATHOM_DAEMON", "0")], args);
        assert_eq!(shown(&with), shown(&without), "{args:?}");
    }
    let after = daemon.status().unwrap()["requests"].as_u64().unwrap();
    assert!(
        after > before + 2 * commands.len() as u64,
        "nobody asked the daemon"
    );
}

#[test]
fn a_search_sees_what_was_saved_just_before() {
    let sandbox = Sandbox::new(SMALL);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    for round in 0..20 {
        let name = format!("round_{round}");
        sandbox.write("src/round.rs", &function(&name));
        let run = sandbox.run(&["search", "-l", "--mode", "symbol", &name]);
        assert_eq!(run.stdout, "src/round.rs\n", "{run}");
        let json = sandbox.run(&["search", "--json", "--wait", "round"]).json();
        assert_eq!(json["semantic_coverage"], 1.0, "{json:#}");
    }
}

#[test]
fn several_repositories_one_daemon_and_a_clean_end() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.write("other/.git/HEAD", "ref: refs/heads/main\n");
    sandbox.write("other/lib.rs", &function("other_one"));
    let daemon = Daemon::start(&sandbox, &["other"]);
    // A second one hands its path over.
    let run = sandbox.run(&["watch", "."]).expect_code(0);
    assert!(run.stderr.contains("watches"), "{run}");
    let status = daemon.until_fresh();
    assert_eq!(
        status["repositories"].as_array().unwrap().len(),
        2,
        "{status:#}"
    );
    let text = sandbox.run(&["daemon", "status"]).expect_code(0);
    assert!(text.stdout.contains("events of"), "{text}");
    sandbox.run(&["daemon", "stop"]).expect_code(0);
    let run = wait({ daemon }.child.take().unwrap(), &["watch"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(daemon_files(&sandbox.path("data/fathom/daemon")).is_empty());
    sandbox.run(&["daemon", "status"]).expect_code(1);
    sandbox.run(&["daemon", "stop"]).expect_code(1);
}

/// What a daemon left, its lock aside.
fn daemon_files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name != "lock").collect()
}

#[test]
fn one_in_the_background_is_found_and_ends_when_told() {
    let sandbox = Sandbox::new(SMALL);
    let run = sandbox
        .run(&["watch", "--detach", "--idle-exit", "1"])
        .expect_code(0);
    assert!(run.stderr.contains("watches"), "{run}");
    let pid = sandbox.run(&["daemon", "status", "--json"]).json()["pid"]
        .as_u64()
        .unwrap();
    let again = sandbox.run(&["watch", "--detach"]).expect_code(0);
    assert!(
        again.stderr.contains(&format!("process {pid} watches")),
        "{again}"
    );
    sandbox.run(&["daemon", "stop"]).expect_code(0);
    assert!(!Path::new(&format!("/proc/{pid}")).exists() || has_ended(pid));
}

/// A child of nobody may take a moment to be gone.
fn has_ended(pid: u64) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn a_killed_daemon_is_no_obstacle() {
    let sandbox = Sandbox::new(SMALL);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    daemon.end(Signal::KILL);
    sandbox.write("src/new.rs", &function("after_the_kill"));
    assert_eq!(sandbox.found(&["after_the_kill"])[0], "src/new.rs");
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    sandbox.write("src/new.rs", &function("after_the_start"));
    becomes(&sandbox, "after_the_start", &["src/new.rs"]);
    daemon.until_fresh();
    // One that hangs is waited for only so long, and then done without.
    kill_process(daemon.pid(), Signal::STOP).unwrap();
    sandbox.write("src/new.rs", &function("while_it_hangs"));
    let run = sandbox.run(&["search", "-l", "--mode", "symbol", "while_it_hangs"]);
    kill_process(daemon.pid(), Signal::CONT).unwrap();
    assert_eq!(run.stdout, "src/new.rs\n", "{run}");
}

#[test]
fn writers_of_the_command_line_and_the_daemon_take_turns() {
    let sandbox = Sandbox::new(SMALL);
    let daemon = Daemon::start(&sandbox, &[]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (sandbox, stop) = (&sandbox, &stop);
                scope.spawn(move || {
                    let mut runs = 0;
                    while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                        sandbox.run(&["index", "--force"]).expect_code(0);
                        let run = sandbox.run(&["search", "--json", "lock"]).expect_code(0);
                        assert_eq!(run.json()["results"][0]["path"], "src/lock.rs", "{writer}");
                        runs += 1;
                    }
                    runs
                })
            })
            .collect();
        for round in 0..30 {
            sandbox.write("src/round.rs", &function(&format!("round_{round}")));
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        for writer in writers {
            assert!(writer.join().unwrap() > 0);
        }
    });
    becomes(&sandbox, "round_29", &["src/round.rs"]);
    daemon.until_fresh();
    sandbox.run(&["check"]).expect_code(0);
}

#[test]
fn nonsense_on_the_socket_does_no_harm() {
    use std::io::{Read, Write};
    let sandbox = Sandbox::new(SMALL);
    let daemon = Daemon::start(&sandbox, &[]);
    daemon.until_fresh();
    let socket = sandbox.path("data/fathom/daemon/socket");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(socket.parent().unwrap())
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
    let long = vec![b'x'; 3 << 20];
    let nonsense: &[&[u8]] = &[
        b"",
        b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"{\"do\":\"delete-everything\"}\n",
        b"{\"do\":\"embed\",\"query\":\"before a greeting\"}\n",
        b"{\"do\":\"catch-up\",\"root\":\"not base64!\",\"rules\":\"\",\"encoded\":true,\"wait\":true}\n",
        &long,
    ];
    for bytes in nonsense {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        // The daemon may hang up before it has heard everything.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.len() < 1_000,
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    // Half a request, and many connections that say nothing.
    let silent: Vec<_> = (0..100)
        .map(|_| std::os::unix::net::UnixStream::connect(&socket).unwrap())
        .collect();
    assert_eq!(sandbox.found(&["take the writer lock"])[0], "src/lock.rs");
    drop(silent);
    daemon.until_fresh();
}

#[test]
fn a_root_that_goes_and_comes_back_is_watched_again() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.write("other/lib.rs", &function("before"));
    let other = sandbox.tree().join("other");
    std::fs::create_dir(other.join(".git")).unwrap();
    let daemon = Daemon::start(&sandbox, &["other"]);
    daemon.until_fresh();
    let away = sandbox.path("away");
    std::fs::rename(&other, &away).unwrap();
    let status = daemon.until("it fails", |status| {
        status["repositories"][0]["state"] == "failing"
    });
    let error = status["repositories"][0]["last_error"].as_str().unwrap();
    assert!(error.contains("the stored index is kept"), "{error}");
    std::fs::rename(&away, &other).unwrap();
    daemon.until_fresh();
    sandbox.write("other/lib.rs", &function("afterwards"));
    let start = Instant::now();
    loop {
        let args = [
            "search",
            "-l",
            "--no-refresh",
            "--mode",
            "symbol",
            "afterwards",
            "other",
        ];
        if sandbox.run(&args).code == Some(0) {
            break;
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn results_say_what_became_of_them_on_disk() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["index", "--lexical-only"]).expect_code(0);
    let state = |args: &[&str]| {
        let all = [
            &["search", "--json", "--mode", "symbol", "acquire_lock"],
            args,
        ]
        .concat();
        let json = sandbox.run(&all).json();
        let result = &json["results"][0];
        (
            result["freshness"].as_str().unwrap().to_owned(),
            result["line_now"].as_u64(),
        )
    };
    let text = SMALL[0].1;
    let as_it_is = ["--no-refresh"];
    assert_eq!(state(&as_it_is), ("unchanged".into(), None));
    sandbox.write("src/lock.rs", &format!("// one\n// more\n{text}"));
    let (word, line) = state(&as_it_is);
    assert_eq!(word, "moved");
    let first = sandbox.run(&[
        "search",
        "--json",
        "--mode",
        "symbol",
        "acquire_lock",
        "--no-refresh",
    ]);
    let first = first.json()["results"][0]["start_line"].as_u64().unwrap();
    assert_eq!(line, Some(first + 2));
    sandbox.write("src/lock.rs", &text.replace("is_ok", "is_err"));
    assert_eq!(state(&as_it_is).0, "changed");
    std::fs::remove_file(sandbox.tree().join("src/lock.rs")).unwrap();
    assert_eq!(state(&as_it_is).0, "gone");
    sandbox.write("src/lock.rs", text);
    assert_eq!(state(&[]), ("unchanged".into(), None));
}

#[test]
fn standard_streams_are_left_alone() {
    let sandbox = Sandbox::new(SMALL);
    let mut command = sandbox.command(&["watch", "--detach"]);
    command.stdout(Stdio::piped());
    let run = crate::common::finish(command, &["watch", "--detach"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
    sandbox.run(&["daemon", "stop"]).expect_code(0);
}
