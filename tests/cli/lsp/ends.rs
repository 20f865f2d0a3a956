//! How it ends: always, and with nothing left behind.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::CALLS;
use super::client::Client;
use crate::common::Sandbox;
use crate::processes::{kill, living, require_silence, rounds};

#[test]
fn exit_codes_say_how_it_went() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    client.tell("exit", Value::Null);
    assert_eq!(client.end().code(), Some(1));
    let mut client = Client::new(&sandbox);
    client.ask("shutdown", Value::Null);
    assert_eq!(client.refused("textDocument/hover", json!({})).0, -32600);
    client.tell("exit", Value::Null);
    assert_eq!(client.end().code(), Some(0));
    Client::new(&sandbox).leave();
}

#[test]
fn the_end_of_the_stream_is_the_end_a_hundred_times() {
    let sandbox = Sandbox::new(CALLS);
    for round in 0..100 {
        let mut client = Client::silent(&sandbox, &[]);
        match round % 4 {
            0 => {}
            1 => client.send_raw(b"Content-Length: 100\r\n\r\n{"),
            _ => {
                let root = client.uri("");
                let params = json!({"processId": null, "rootUri": root, "capabilities": {}});
                client.begin("initialize", params);
                // In the middle of the first request, which begins to index.
                let params = client.at("src/main.rs", (3, 12));
                client.begin("textDocument/hover", params);
                client.begin("workspace/symbol", json!({"query": "lock"}));
            }
        }
        let began = Instant::now();
        client.hang_up();
        assert_eq!(client.end().code(), Some(0), "round {round}");
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(living(&sandbox), [""; 0], "round {round}");
    }
}

fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn a_client_that_is_gone_leaves_no_server() {
    let sandbox = Sandbox::new(CALLS);
    // The stream stays open in another process, so that only the client's own end tells.
    let mut parent = Command::new("sleep").arg("60").spawn().unwrap();
    let mut client = Client::silent(&sandbox, &[]);
    let params = json!({"processId": parent.id(), "rootUri": null, "capabilities": {}});
    client.ask("initialize", params);
    assert!(client.is_silent(Duration::from_millis(700)) && lives(client.pid()));
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(client.end().code(), Some(0));
    // A process that nobody here can see is no reason to go.
    let mut client = Client::silent(&sandbox, &[]);
    let params = json!({"processId": 999_999_999, "rootUri": null, "capabilities": {}});
    client.ask("initialize", params);
    assert!(client.is_silent(Duration::from_millis(700)) && lives(client.pid()));
    client.leave();
}

#[test]
fn a_killed_client_leaves_no_server() {
    let sandbox = Sandbox::new(CALLS);
    for _ in 0..rounds() {
        // The shell is the client; it holds the streams, and its child is the server.
        let program = env!("CARGO_BIN_EXE_fathom");
        let script = format!(
            "mkfifo p 2>/dev/null; (sleep 60 & echo $! > s; wait) | {program} lsp >/dev/null & echo $! > q; wait"
        );
        let shell = sandbox.command(&[]);
        let variables: Vec<_> = shell
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
            .collect();
        let mut command = Command::new("sh");
        command
            .args(["-c", &script])
            .current_dir(sandbox.path("tmp"))
            .env_clear();
        for (name, value) in variables {
            command.env(name, value.unwrap_or_default());
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut client = command.stdin(Stdio::null()).spawn().unwrap();
        let read = |file: &str| -> Option<u32> {
            let text = fs::read_to_string(sandbox.path("tmp").join(file)).ok()?;
            text.trim().parse().ok()
        };
        let (server, sleeper) = wait_for(|| Some((read("q")?, read("s")?)));
        client.kill().unwrap();
        client.wait().unwrap();
        assert!(lives(server));
        kill(sleeper, Signal::KILL);
        wait_for(|| (!lives(server)).then_some(()));
        require_silence(&sandbox);
        for file in ["q", "s"] {
            fs::remove_file(sandbox.path("tmp").join(file)).unwrap();
        }
    }
}

fn wait_for<T>(what: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if let Some(found) = what() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come");
}

#[test]
fn a_client_that_never_reads_does_not_stop_it() {
    let sandbox = Sandbox::new(CALLS);
    let mut command = sandbox.command(&["lsp"]);
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut send = |message: Value| {
        let text = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        std::io::Write::write_all(&mut stdin, frame.as_bytes()).unwrap();
    };
    let root = super::client::uri(&sandbox, "");
    send(json!({"id": 0, "method": "initialize", "params": {"rootUri": root, "capabilities": {}}}));
    for id in 1..5000 {
        send(json!({"id": id, "method": "nobody/knows"}));
    }
    drop(stdin);
    let end = Instant::now() + Duration::from_secs(20);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(Instant::now() < end, "it does not end"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(0));
}
