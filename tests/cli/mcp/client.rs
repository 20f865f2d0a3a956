//! A client of `fathom mcp` that writes lines of JSON to its stdin and believes nothing on its
//! stdout unless every line of it is a message.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Run, Sandbox, wait};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that was started, and what it has said.
pub struct Client {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// Folders that it works in, told when it is asked.
    roots: Vec<String>,
    /// Responses that came while another was waited for, by id.
    early: BTreeMap<u64, Value>,
    /// Notifications, in order.
    pub notifications: Vec<Value>,
    next: u64,
}

impl Client {
    /// Starts `fathom mcp` in the sandbox's tree, and says nothing yet.
    pub fn start(sandbox: &Sandbox, args: &[&str]) -> Client {
        let mut command = sandbox.command(&[&["mcp"], args].concat());
        Client::of(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    /// A client of a server that is running.
    pub fn of(mut child: Child) -> Client {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for line in stdout.split(b'\n').map(Result::unwrap) {
                let message: Value = serde_json::from_slice(&line).unwrap_or_else(|error| {
                    let line = String::from_utf8_lossy(&line);
                    json!({"not a message": line, "because": error.to_string()})
                });
                let _gone = sender.send(message);
            }
        });
        Client {
            stdin: child.stdin.take(),
            child: Some(child),
            messages,
            roots: Vec::new(),
            early: BTreeMap::new(),
            notifications: Vec::new(),
            next: 1,
        }
    }

    /// Starts a server and greets it.
    pub fn new(sandbox: &Sandbox, args: &[&str]) -> Client {
        let mut client = Client::start(sandbox, args);
        client.initialize();
        client
    }

    /// Like [`Client::new`], in a client that works in these folders.
    pub fn in_folders(child: Child, roots: &[&str]) -> Client {
        let mut client = Client::of(child);
        client.roots = roots.iter().map(|&root| root.to_owned()).collect();
        client.initialize();
        client
    }

    /// What the server says of itself.
    pub fn initialize(&mut self) -> Value {
        let capabilities = match self.roots.is_empty() {
            true => json!({}),
            false => json!({"roots": {"listChanged": true}}),
        };
        let answer = self.request(
            "initialize",
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": capabilities,
                "clientInfo": {"name": "test", "version": "1"},
            }),
        );
        self.notify("notifications/initialized", json!({}));
        answer["result"].clone()
    }

    /// Writes a line, whatever it is.
    pub fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    /// Sends a request; returns its id.
    pub fn send(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(&message.to_string());
        id
    }

    /// Sends a call of a tool; returns its id.
    pub fn send_call(&mut self, tool: &str, arguments: Value) -> u64 {
        let meta = json!({"progressToken": format!("p{}", self.next)});
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        self.send("tools/call", params)
    }

    /// Waits for the response to a request.
    pub fn wait(&mut self, id: u64) -> Value {
        let start = Instant::now();
        loop {
            if let Some(response) = self.early.remove(&id) {
                return response;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            self.hear(left)
                .unwrap_or_else(|error| panic!("no answer to {id}: {error}"));
        }
    }

    /// Takes one message in.
    pub fn hear(&mut self, patience: Duration) -> Result<(), RecvTimeoutError> {
        let message = self.messages.recv_timeout(patience)?;
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        match (message["id"].as_u64(), message["method"].as_str()) {
            (Some(id), None) => {
                let known = self.early.insert(id, message);
                assert!(known.is_none(), "answered twice: {known:?}");
            }
            (Some(id), Some("roots/list")) => {
                let roots = self.roots.iter();
                let roots = roots.map(|root| json!({"uri": format!("file://{root}")}));
                let roots: Vec<Value> = roots.collect();
                let answer = json!({"jsonrpc": "2.0", "id": id, "result": {"roots": roots}});
                self.write(&answer.to_string());
            }
            (None, Some(_)) => self.notifications.push(message),
            _ => assert!(message["error"].is_object(), "{message}"),
        }
        Ok(())
    }

    /// The response to a request.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.wait(id)
    }

    /// The result of a tool.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let id = self.send_call(tool, arguments);
        let response = self.wait(id);
        assert!(response["result"].is_object(), "{response}");
        response["result"].clone()
    }

    /// What a tool says to agents, and to programs; it must not fail.
    pub fn told(&mut self, tool: &str, arguments: Value) -> (String, Value) {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        (said(&result), result["structuredContent"].clone())
    }

    /// What a tool says that must fail.
    pub fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        said(&result)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Closes stdin; the server must end in time, and have said nothing but messages.
    pub fn end(mut self) -> Run {
        drop(self.stdin.take());
        self.ended()
    }

    /// Closes stdin, and goes on hearing.
    pub fn close(&mut self) {
        drop(self.stdin.take());
    }

    /// Responses that nobody has waited for.
    pub fn answers(&self) -> Vec<&Value> {
        self.early.values().collect()
    }

    /// Waits for a process that was killed.
    pub fn forget(mut self) {
        let _killed = wait(self.child.take().unwrap(), &["mcp"]);
    }

    /// Waits for the server's end.
    pub fn ended(&mut self) -> Run {
        let run = wait(self.child.take().unwrap(), &["mcp"]);
        while self.hear(PATIENCE).is_ok() {}
        run
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Some(child) = self.child.take()
            && !std::thread::panicking()
        {
            let run = wait(child, &["mcp"]);
            assert_eq!(run.code, Some(0), "{run}");
            while self.hear(PATIENCE).is_ok() {}
        }
    }
}

/// The text of a tool's result.
pub fn said(result: &Value) -> String {
    assert_eq!(result["content"].as_array().unwrap().len(), 1, "{result}");
    result["content"][0]["text"].as_str().unwrap().to_owned()
}
