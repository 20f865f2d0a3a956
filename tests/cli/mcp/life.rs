//! How a server ends, and what of it is left: nothing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::client::Client;
use crate::asking::{QUESTION, indexed};
use crate::common::{SMALL, Sandbox};
use crate::processes::{SOON, kill, living, require_silence, rounds};
use crate::server::{Server, Then};

/// Sends a request that has no end.
fn busy(sandbox: &Sandbox, reader: &Server) -> (Client, u64) {
    let mut client = Client::new(sandbox, &reader.args(&[]));
    let id = client.send_call("ask", json!({"question": QUESTION}));
    while reader.asked().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    (client, id)
}

fn silent() -> Server {
    Server::with(|_| ("It ".to_owned(), Then::Silence))
}

#[test]
fn the_end_of_stdin_ends_it_at_rest() {
    let sandbox = indexed(SMALL);
    for round in 0..rounds() {
        let mut client = Client::new(&sandbox, &[]);
        // Every fifth time with a model.
        let mode = if round % 5 == 0 { "hybrid" } else { "lexical" };
        client.told("search", json!({"query": QUESTION, "mode": mode}));
        let start = Instant::now();
        let run = client.end();
        assert_eq!(run.code, Some(0), "{run}");
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert_eq!(run.stderr, "");
        assert!(living(&sandbox).is_empty());
        assert_eq!(sandbox.files("tmp"), []);
    }
}

#[test]
fn the_end_of_stdin_ends_it_before_the_first_word() {
    let sandbox = Sandbox::new(SMALL);
    let run = Client::start(&sandbox, &[]).end();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
}

#[test]
fn the_end_of_stdin_ends_it_at_work() {
    let sandbox = indexed(SMALL);
    for _ in 0..rounds() {
        let reader = silent();
        let (client, _) = busy(&sandbox, &reader);
        let start = Instant::now();
        let run = client.end();
        assert_eq!(run.code, Some(0), "{run}");
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert!(living(&sandbox).is_empty());
    }
}

#[test]
fn what_was_asked_right_before_the_end_is_answered() {
    let sandbox = indexed(SMALL);
    let mut client = Client::new(&sandbox, &[]);
    let arguments = json!({"query": "acquire_lock", "mode": "symbol"});
    client.told("search", arguments.clone());
    let id = client.send_call("search", arguments);
    client.close();
    assert!(client.wait(id)["result"].is_object());
}

#[test]
fn a_killed_client_leaves_nothing() {
    let sandbox = indexed(SMALL);
    for round in 0..rounds() {
        // The shell is the client; the test holds the other end of stdin open.
        let script = "exec 3<&0; \"$0\" mcp <&3 & wait";
        let mut shell = sandbox.command(&[]);
        let program = shell.get_program().to_owned();
        let environment: Vec<_> = shell
            .get_envs()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
            .collect();
        shell = Command::new("/bin/sh");
        let child = shell
            .args(["-c", script])
            .arg(program)
            .env_clear()
            .envs(environment)
            .current_dir(sandbox.tree())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut client = Client::of(child);
        client.initialize();
        let mode = if round % 5 == 0 { "hybrid" } else { "lexical" };
        client.told("search", json!({"query": QUESTION, "mode": mode}));
        assert_eq!(living(&sandbox).len(), 2);
        kill(client.pid(), Signal::KILL);
        require_silence(&sandbox);
        client.forget();
    }
}

#[test]
fn a_signal_ends_it() {
    let sandbox = indexed(SMALL);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut client = Client::new(&sandbox, &[]);
        client.told("search", json!({"query": "lock", "mode": "lexical"}));
        kill(client.pid(), signal);
        let run = client.ended();
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(sandbox.files("tmp"), []);
    }
}

#[test]
fn a_cancelled_call_is_not_answered_and_others_are() {
    let sandbox = indexed(SMALL);
    let reader = silent();
    let (mut client, id) = busy(&sandbox, &reader);
    client.notify(
        "notifications/cancelled",
        json!({"requestId": id, "reason": "enough"}),
    );
    let start = Instant::now();
    client.told("search", json!({"query": "lock", "mode": "lexical"}));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    // The reader is free again too.
    let again = client.send_call("ask", json!({"question": QUESTION}));
    while reader.asked().len() < 2 {
        assert!(start.elapsed() < 10 * SOON, "the reader is still busy");
        std::thread::sleep(Duration::from_millis(10));
    }
    client.notify("notifications/cancelled", json!({"requestId": again}));
    client.request("ping", json!({}));
    assert!(client.answers().is_empty(), "{:?}", client.answers());
}

#[test]
fn a_client_that_does_not_read_does_not_stop_it_from_ending() {
    let sandbox = indexed(SMALL);
    let mut command = sandbox.command(&["mcp"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut write = |message: serde_json::Value| {
        use std::io::Write;
        writeln!(stdin, "{message}").unwrap();
    };
    let client = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    write(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client}));
    write(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    for id in 1..200 {
        write(json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"}));
    }
    let start = Instant::now();
    drop(stdin);
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < 2 * SOON, "it waits for a reader");
        std::thread::sleep(Duration::from_millis(20));
    }
}
