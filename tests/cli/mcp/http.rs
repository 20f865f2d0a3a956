//! `fathom mcp --http`: who is let in, and that what is let in is served.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::official;
use crate::asking::indexed;
use crate::common::{Run, SMALL, Sandbox, wait};

const TOKEN: &str = "a long and random text 1234";

/// A server that ends with the test.
struct Server {
    child: Option<Child>,
    address: SocketAddr,
}

impl Server {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Server {
        let args = [&["mcp", "--http", "127.0.0.1:0"], args].concat();
        let mut child = sandbox.command(&args).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap();
        let address = address.trim_end_matches("/mcp").parse();
        Server {
            address: address.unwrap_or_else(|error| panic!("{error}: {line}")),
            child: Some(child),
        }
    }

    fn end(&mut self) -> Run {
        let child = self.child.take().unwrap();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        wait(child, &["mcp", "--http"])
    }

    /// Sends a request with these headers, and reads until the server closes.
    fn send(&self, request: &str, headers: &[&str], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "{request} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        // A server that refuses may close before it has read everything.
        let _refused = stream.write_all(head.as_bytes());
        let _refused = stream.write_all(body.as_bytes());
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        (
            status.unwrap_or_else(|| panic!("no answer: {answer:?}")),
            answer,
        )
    }

    /// The status of a message that a client begins with.
    fn status(&self, headers: &[&str]) -> u16 {
        self.send("POST /mcp", headers, &initialize()).0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            let run = self.end();
            assert!(std::thread::panicking() || run.code == Some(0), "{run}");
        }
    }
}

fn initialize() -> String {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string()
}

const JSON: &str = "Content-Type: application/json";
const ACCEPT: &str = "Accept: application/json, text/event-stream";

#[test]
fn the_gate_lets_in_whom_it_should() {
    let sandbox = Sandbox::new(SMALL);
    let server = Server::start(&sandbox, &[]);
    let port = server.address.port();
    let own = format!("Host: 127.0.0.1:{port}");
    for (host, expected) in [
        (own.clone(), 200),
        (format!("Host: localhost:{port}"), 200),
        (format!("Host: [::1]:{port}"), 200),
        ("Host: localhost:1".into(), 403),
        ("Host: evil.example".into(), 403),
        (format!("Host: evil.example:{port}"), 403),
        (format!("Host: 127.0.0.1.evil.example:{port}"), 403),
        (format!("Host: 192.168.0.1:{port}"), 403),
        ("X-No: host".into(), 400),
    ] {
        let status = server.status(&[&host, JSON, ACCEPT]);
        let is_refused = expected == 400 && status == 403;
        assert!(status == expected || is_refused, "{host}: {status}");
    }
    for (origin, expected) in [
        (format!("Origin: http://127.0.0.1:{port}"), 200),
        ("Origin: null".into(), 403),
        ("Origin: https://evil.example".into(), 403),
        ("Origin: http://127.0.0.1:1".into(), 403),
        ("Origin: file://".into(), 403),
        ("Sec-Fetch-Site: cross-site".into(), 403),
    ] {
        let status = server.status(&[&own, &origin, JSON, ACCEPT]);
        assert_eq!(status, expected, "{origin}");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let kind = format!("Content-Type: {kind}");
        assert_eq!(server.status(&[&own, &kind, ACCEPT]), 415, "{kind}");
    }
    let options = [
        "Access-Control-Request-Method: POST",
        "Origin: https://evil.example",
    ];
    let (status, answer) = server.send("OPTIONS /mcp", &[&own, options[0], options[1]], "");
    assert_eq!(status, 403);
    assert!(
        !answer.to_lowercase().contains("access-control-allow"),
        "{answer}"
    );
    assert_eq!(server.send("GET /", &[&own], "").0, 404);
    let huge = " ".repeat(2 << 20);
    assert_eq!(
        server.send("POST /mcp", &[&own, JSON, ACCEPT], &huge).0,
        413
    );
}

#[test]
fn a_token_is_asked_for() {
    let sandbox = Sandbox::new(SMALL);
    let file = sandbox.path("token");
    std::fs::write(&file, TOKEN).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let server = Server::start(&sandbox, &["--token-file", file.to_str().unwrap()]);
    let host = format!("Host: {}", server.address);
    for (token, expected) in [
        (format!("Authorization: Bearer {TOKEN}"), 200),
        (format!("Authorization: bearer {TOKEN}"), 200),
        (format!("Authorization: Bearer {TOKEN}x"), 401),
        (format!("Authorization: Basic {TOKEN}"), 401),
        ("Authorization: Bearer".into(), 401),
        (format!("X-Token: {TOKEN}"), 401),
    ] {
        let status = server.status(&[&host, &token, JSON, ACCEPT]);
        assert_eq!(status, expected, "{token}");
    }
}

#[test]
fn other_machines_need_a_token() {
    let sandbox = Sandbox::new(SMALL);
    let file = sandbox.path("token");
    std::fs::write(&file, "short").unwrap();
    let file = file.to_str().unwrap();
    for (args, problem) in [
        (&["--http", "0.0.0.0:0"][..], "needs a token; write"),
        (&["--http", "[::]:0"], "needs a token; write"),
        (
            &["--http", "127.0.0.1:0", "--token-file", file],
            "chmod 600",
        ),
        (&["--http", "somewhere"], "invalid value 'somewhere'"),
        (&["--token-file", file], "--http"),
    ] {
        let run = sandbox.run(&[&["mcp"], args].concat()).expect_code(2);
        assert!(run.stderr.contains(problem), "{run}");
    }
}

#[test]
fn the_python_client_is_served_over_http() {
    let sandbox = indexed(SMALL);
    let mut server = Server::start(&sandbox, &[]);
    let url = format!("http://{}/mcp", server.address);
    let run = official::python(&sandbox, &[&url]).expect_code(0);
    assert_eq!(
        run.stdout, "protocol versions: 2025-11-25, 2026-07-28\n",
        "{run}"
    );
    let run = server.end();
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
}

#[test]
fn clients_cannot_choose_the_folders() {
    let sandbox = indexed(SMALL);
    let server = Server::start(&sandbox, &[]);
    let host = format!("Host: {}", server.address);
    let version = "2026-07-28";
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"roots": {}},
    });
    let call = |arguments: Value| {
        let params = json!({"name": "read_span", "arguments": arguments, "_meta": meta});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let headers = [
            &host,
            JSON,
            ACCEPT,
            "MCP-Protocol-Version: 2026-07-28",
            "Mcp-Method: tools/call",
            "Mcp-Name: read_span",
        ];
        server.send("POST /mcp", &headers, &body.to_string())
    };
    let (status, answer) = call(json!({"path": "src/lock.rs"}));
    assert!(status == 200 && answer.contains("acquire_lock"), "{answer}");
    let (status, answer) = call(json!({"path": "/etc/passwd"}));
    assert!(status == 200 && !answer.contains("root:"), "{answer}");
    assert!(
        answer.contains("is not in the repositories that are served"),
        "{answer}"
    );
}
