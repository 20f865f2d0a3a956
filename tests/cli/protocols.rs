//! stdout of a protocol carries the protocol and nothing else, also where a library prints.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::{SMALL, Sandbox, wait};
use crate::lsp::client::{frame, uri};
use crate::mcp::client::Client;

const NOISE: &str = "a library prints";

/// A library that prints on stdout, and past its buffer too, whenever something is made durable.
fn noisy(sandbox: &Sandbox) -> PathBuf {
    let source = sandbox.path("noise.c");
    let code = format!(
        "#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n\
         int fdatasync(int fd) {{\n  puts(\"{NOISE}\");\n  fflush(stdout);\n  \
         (void)!write(1, \"{NOISE}\\n\", strlen(\"{NOISE}\\n\"));\n  return syscall(SYS_fdatasync, fd);\n}}\n\
         int fsync(int fd) {{ return fdatasync(fd); }}\n"
    );
    std::fs::write(&source, code).unwrap();
    let library = sandbox.path("noise.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    let done = compiler.arg(&source).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    library
}

/// A server into which that library is loaded; what it tells on stderr goes to a file.
fn server(sandbox: &Sandbox, command: &str) -> (Command, PathBuf) {
    let said = sandbox.path("stderr");
    let mut server = sandbox.command(&[command]);
    server
        .env("LD_PRELOAD", noisy(sandbox))
        .stdin(Stdio::piped())
        .stderr(std::fs::File::create(&said).unwrap());
    (server, said)
}

#[track_caller]
fn require_noise(said: &PathBuf) {
    let said = std::fs::read_to_string(said).unwrap();
    assert!(said.matches(NOISE).count() >= 2, "{said}");
}

#[test]
fn what_a_library_prints_is_not_for_agents() {
    let sandbox = Sandbox::new(SMALL);
    let (mut server, said) = server(&sandbox, "mcp");
    let mut client = Client::of(server.spawn().unwrap());
    client.initialize();
    // This makes the index. The client believes nothing that is no message.
    client.told("search", json!({"query": "lock", "mode": "lexical"}));
    let run = client.end();
    assert_eq!(run.code, Some(0), "{run}");
    require_noise(&said);
}

#[test]
fn what_a_library_prints_is_not_for_agents_behind_a_socket() {
    let sandbox = Sandbox::new(SMALL);
    let (mut server, said) = server(&sandbox, "mcp");
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    server.stdin(std::os::fd::OwnedFd::from(theirs.try_clone().unwrap()));
    server.stdout(std::os::fd::OwnedFd::from(theirs));
    let child = server.spawn().unwrap();
    drop(server);
    let client = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let search =
        json!({"name": "search", "arguments": {"query": "acquire_lock", "mode": "symbol"}});
    for message in [
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": search}),
    ] {
        writeln!(ours, "{message}").unwrap();
    }
    let lines = BufReader::new(ours.try_clone().unwrap()).lines();
    let mut messages = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let answer = messages.find(|message| message["id"] == 1).unwrap();
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(messages.filter(|one| one["jsonrpc"] != "2.0").count(), 0);
    let run = wait(child, &["mcp"]);
    assert_eq!(run.code, Some(0), "{run}");
    require_noise(&said);
}

#[test]
fn what_a_library_prints_is_not_for_editors() {
    let sandbox = Sandbox::new(SMALL);
    let (mut server, said) = server(&sandbox, "lsp");
    let mut child = server.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let root = uri(&sandbox, "");
    for (id, method, params) in [
        (
            1,
            "initialize",
            json!({"rootUri": root, "capabilities": {}}),
        ),
        (2, "workspace/symbol", json!({"query": "acquire_lock"})),
        (3, "shutdown", Value::Null),
    ] {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let text = message.to_string();
        write!(stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        // `frame` takes nothing but frames.
        let mut messages = std::iter::from_fn(|| frame(&mut stdout));
        let answer = messages.find(|message| message["id"] == id).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
        if id == 2 {
            assert_eq!(answer["result"][0]["name"], "acquire_lock", "{answer}");
        }
    }
    drop(stdin);
    while frame(&mut stdout).is_some() {}
    let run = wait(child, &["lsp"]);
    assert_eq!(run.code, Some(0), "{run}");
    require_noise(&said);
}
