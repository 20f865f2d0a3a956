//! A client of the language server: sends what it is told to, reads everything that comes, and
//! fails on anything that is not the protocol.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::Sandbox;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server and what came from it.
pub struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// Reads stdout, and panics on what is no message.
    reader: Option<JoinHandle<()>>,
    /// Notifications and requests of the server that nobody has looked at.
    pub told: VecDeque<Value>,
    next: i64,
    root: String,
}

impl Client {
    /// A server that has heard nothing yet.
    pub fn silent(sandbox: &Sandbox, args: &[&str]) -> Client {
        let mut command = sandbox.command(&[&["lsp"], args].concat());
        command.stdin(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        let reader = thread::spawn(move || {
            while let Some(message) = frame(&mut stdout) {
                // Whoever has enough still sees to it that the rest is the protocol.
                let _enough = sender.send(message);
            }
        });
        Client {
            stdin: child.stdin.take(),
            child,
            messages,
            reader: Some(reader),
            told: VecDeque::new(),
            next: 0,
            root: uri(sandbox, ""),
        }
    }

    /// A server with the tree of the sandbox open.
    pub fn new(sandbox: &Sandbox) -> Client {
        Client::with(sandbox, &[], json!({}))
    }

    /// The same for a client that can certain things.
    pub fn with(sandbox: &Sandbox, args: &[&str], capabilities: Value) -> Client {
        let mut client = Client::silent(sandbox, args);
        let root = client.root.trim_end_matches('/').to_owned();
        let params = json!({"processId": null, "rootUri": root, "capabilities": capabilities});
        client.ask("initialize", params);
        client.tell("initialized", json!({}));
        client
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// Sends one message.
    pub fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.send_raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    /// Sends a notification.
    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request; the answer comes by [`Client::answer`].
    pub fn begin(&mut self, method: &str, params: Value) -> i64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The whole answer to a request.
    pub fn answer(&mut self, id: i64) -> Value {
        self.until(|message| message["id"] == id && message.get("method").is_none())
    }

    /// The result of a request that has one.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let mut answer = self.answer(id);
        assert!(answer.get("result").is_some(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Code and message of a request that is refused.
    #[track_caller]
    pub fn refused(&mut self, method: &str, params: Value) -> (i64, String) {
        let id = self.begin(method, params);
        let answer = self.answer(id);
        let error = &answer["error"];
        let code = error["code"].as_i64();
        let code = code.unwrap_or_else(|| panic!("{method}: {answer}"));
        (code, error["message"].as_str().unwrap().to_owned())
    }

    /// The next message that is meant; others are kept.
    pub fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.told.iter().position(&is_meant) {
            return self.told.remove(at).unwrap();
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            let message = message.unwrap_or_else(|error| panic!("{error}: {:?}", self.told));
            assert_eq!(message["jsonrpc"], "2.0", "{message}");
            if is_meant(&message) {
                return message;
            }
            self.told.push_back(message);
        }
    }

    /// Opens a document of the tree with this text.
    pub fn open(&mut self, path: &str, text: &str) {
        let uri = self.uri(path);
        self.open_uri(&uri, text);
    }

    /// Opens any document.
    pub fn open_uri(&mut self, uri: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": "x", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Puts text in the place of a range of a document.
    pub fn edit(&mut self, path: &str, start: (u32, u32), end: (u32, u32), text: &str) {
        let range = json!({"start": position(start), "end": position(end)});
        let document = json!({"uri": self.uri(path), "version": 2});
        let changes = json!([{"range": range, "text": text}]);
        let params = json!({"textDocument": document, "contentChanges": changes});
        self.tell("textDocument/didChange", params);
    }

    /// Address of a file of the tree.
    pub fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// Parameters of a request about a position.
    pub fn at(&self, path: &str, place: (u32, u32)) -> Value {
        json!({"textDocument": {"uri": self.uri(path)}, "position": position(place)})
    }

    /// Text of a hover; empty if there is none.
    #[track_caller]
    pub fn hover(&mut self, path: &str, place: (u32, u32)) -> String {
        let params = self.at(path, place);
        let hover = self.ask("textDocument/hover", params);
        let text = hover["contents"]["value"].as_str().unwrap_or_default();
        text.to_owned()
    }

    /// The result of a command about a position.
    #[track_caller]
    pub fn command(&mut self, command: &str, about: Value) -> Value {
        let params = json!({"command": command, "arguments": [about]});
        self.ask("workspace/executeCommand", params)
    }

    /// Waits until the tree is indexed: a symbol is found.
    pub fn indexed(&mut self) {
        self.ask("workspace/symbol", json!({"query": "anything"}));
    }

    /// Closes the stream.
    pub fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Process of the server.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the server; it must have said nothing but messages.
    pub fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                if let Some(reader) = self.reader.take() {
                    reader.join().expect("stdout is the protocol");
                }
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the server does not end");
    }

    /// Says goodbye as clients should.
    pub fn leave(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        assert_eq!(self.end().code(), Some(0));
    }

    /// Whether nothing comes for a while.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        match self.messages.recv_timeout(time) {
            Ok(message) => {
                self.told.push_back(message);
                false
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A position on the wire.
pub fn position((line, character): (u32, u32)) -> Value {
    json!({"line": line, "character": character})
}

/// Address of a file of a sandbox's tree.
pub fn uri(sandbox: &Sandbox, path: &str) -> String {
    let tree = sandbox.tree().canonicalize().unwrap();
    format!("file://{}/{path}", tree.display())
}

/// The next message; panics on what is none.
pub fn frame(stdout: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).unwrap_or(0) == 0 {
            assert_eq!(length, None, "the stream ends in a header");
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let value = line.strip_prefix("Content-Length: ");
        let value = value.unwrap_or_else(|| panic!("`{line}` on stdout"));
        length = Some(value.trim_end().parse().unwrap());
    }
    let mut body = vec![0; length.unwrap()];
    stdout.read_exact(&mut body).unwrap();
    Some(serde_json::from_slice(&body).unwrap())
}
