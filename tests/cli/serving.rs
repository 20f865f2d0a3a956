//! `fathom serve`: the built program over real HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::common::{Run, SMALL, Sandbox, wait};

/// A server of a sandbox's tree; it ends with the test.
pub struct Served {
    child: Option<Child>,
    /// `127.0.0.1:PORT`
    pub address: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Status and code of a problem, which must say what to do.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(json["status"], self.status, "{self:?}");
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        (self.status, json["code"].as_str().unwrap().to_owned())
    }
}

impl Served {
    /// Serves the tree of a sandbox, with more arguments.
    pub fn new(sandbox: &Sandbox, args: &[&str]) -> Served {
        Served::with(sandbox, args, &[])
    }

    /// Like [`Served::new`], with variables.
    pub fn with(sandbox: &Sandbox, args: &[&str], variables: &[(&str, &str)]) -> Served {
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        let mut command = sandbox.command(&args);
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            said.push_str(&line);
            if let Some(url) = line.trim().strip_prefix("listening on http://") {
                break url.trim_end_matches('/').to_owned();
            }
        };
        // So that it never waits for somebody to read what it says.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Served {
            child: Some(child),
            address,
        }
    }

    /// Sends these bytes and reads to the end.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        // A server that has heard enough answers before the end.
        let _enough = stream.write_all(bytes);
        read(&mut stream)
    }

    /// Sends a request with more header lines.
    pub fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            text += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if line.starts_with("POST") {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        self.raw(format!("{text}\r\n{body}").as_bytes())
    }

    /// `GET`
    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], "")
    }

    /// `POST` of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let json = ("Content-Type", "application/json");
        self.send(&format!("POST {path}"), &[json], &body.to_string())
    }

    /// Begins a request of server-sent events.
    pub fn events(&self, path: &str, body: &Value) -> Events {
        let body = body.to_string();
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Events(BufReader::new(stream))
    }

    /// Tells it to stop, and gives its end.
    pub fn stop(mut self, signal: Signal) -> Run {
        let child = self.child.take().unwrap();
        kill(child.id(), signal);
        wait(child, &["serve"])
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn kill(id: u32, signal: Signal) {
    kill_process(Pid::from_raw(id as i32).unwrap(), signal).unwrap();
}

fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A connection that is reset after the answer has still answered.
    let _reset = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
        true => unchunked(body),
        false => body.to_owned(),
    };
    Answer {
        status: status.unwrap_or(0),
        head: head.to_lowercase(),
        body,
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        whole += rest.get(..size).unwrap_or_default();
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// Server-sent events as they come.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event: its name and its data; `None` at the end.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).unwrap_or(Value::String(data.to_owned()));
                return Some((name, data));
            }
        }
    }

    /// Events until one of this name, included.
    pub fn until(&mut self, name: &str) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        loop {
            let event = self
                .next()
                .unwrap_or_else(|| panic!("no `{name}` in {events:?}"));
            let is_last = event.0 == name;
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}

/// A served small repository.
pub fn small(args: &[&str]) -> (Sandbox, Served) {
    let sandbox = crate::asking::indexed(SMALL);
    let served = Served::new(&sandbox, args);
    (sandbox, served)
}

#[test]
fn everything_that_commands_find_is_served() {
    let (sandbox, served) = small(&[]);
    let found = served
        .post("/v1/search", &json!({"query": "writer lock", "top_k": 1}))
        .json();
    let tree = sandbox.tree().canonicalize().unwrap();
    assert_eq!(found["root"], tree.to_str().unwrap());
    let first = &found["results"][0];
    assert_eq!(
        (&first["path"], &first["freshness"]),
        (&"src/lock.rs".into(), &"unchanged".into())
    );
    assert!(first["scores"]["late"].as_f64().unwrap() > 0.0, "{first}");
    let args = ["search", "--json", "-k1", "writer lock"];
    assert_eq!(sandbox.run(&args).json()["results"], found["results"]);

    let docs = json!({"query": "writer lock", "content": "docs"});
    let docs = served.post("/v1/search", &docs).json();
    assert_eq!(docs["results"][0]["path"], "docs/guide.md");

    let similar = served
        .post("/v1/similar", &json!({"path": "src/lock.rs", "line": 4}))
        .json();
    assert_eq!(similar["mode"], "similar");
    let map = served.get("/v1/map?max_tokens=100").json();
    assert!(map["total"].is_u64(), "{map}");
    let text = served
        .get("/v1/text?path=src/lock.rs&start_line=4&end_line=5")
        .json();
    assert_eq!(
        text["text"],
        "pub fn acquire_lock(path: &str) -> bool {\n    std::fs::File::create(path).is_ok()"
    );
    assert_eq!((&text["end_line"], &text["lines"]), (&json!(5), &json!(6)));
    let explained = served
        .post("/v1/explain", &json!({"target": "acquire_lock"}))
        .json();
    assert_eq!(explained["cards"][0]["path"], "src/lock.rs");
    assert_eq!(explained["prose"], Value::Null);
    let trace = served
        .post(
            "/v1/explain",
            &json!({"trace": "panicked at src/lock.rs:5:9"}),
        )
        .json();
    assert_eq!(trace["cards"][0]["name"], "acquire_lock");
    let asked = served
        .post(
            "/v1/ask",
            &json!({"question": "where is the writer lock taken"}),
        )
        .json();
    assert_eq!(asked["evidence"][0]["path"], "src/lock.rs");
    let status = served.get("/v1/status").json();
    assert_eq!(status["repositories"][0]["files"], 3);
    for (path, expected) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/metrics", "fathom_index_files{repository=\"tree\"} 3\n"),
    ] {
        let answer = served.get(path);
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(expected), "{answer:?}");
    }
}

#[test]
fn what_changes_is_found_at_once() {
    let (sandbox, served) = small(&[]);
    let search = json!({"query": "entropy", "mode": "lexical"});
    assert_eq!(
        served.post("/v1/search", &search).json()["results"],
        json!([])
    );
    sandbox.write("src/new.rs", "fn entropy() {}\n");
    let found = served.post("/v1/search", &search).json();
    assert_eq!(found["results"][0]["path"], "src/new.rs");
    std::fs::remove_file(sandbox.tree().join("src/new.rs")).unwrap();
    assert_eq!(
        served.post("/v1/search", &search).json()["results"],
        json!([])
    );
}

#[test]
fn several_repositories_are_told_apart() {
    let sandbox = Sandbox::new(SMALL);
    let other = sandbox.path("other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("b.rs"), "fn other_one() {}\n").unwrap();
    let served = Served::new(&sandbox, &[".", other.to_str().unwrap()]);
    let search = |path: &str, query: &str| {
        served.post(
            "/v1/search",
            &json!({"query": query, "path": path, "mode": "symbol"}),
        )
    };
    assert_eq!(search("", "x").problem(), (400, "bad-request".into()));
    assert_eq!(
        search("other", "other_one").json()["results"][0]["path"],
        "b.rs"
    );
    assert_eq!(
        search("tree/src", "acquire_lock").json()["results"][0]["path"],
        "src/lock.rs"
    );
    for outside in [
        "/etc",
        "../config",
        "other/../../config",
        "%2e%2e",
        "a\0b",
        "nothing",
    ] {
        let problem = search(outside, "x");
        assert_eq!(problem.problem(), (404, "not-served".into()), "{outside}");
    }
    let models = served.get("/v1/models").json();
    let names: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(&names[..2], ["fathom/tree", "fathom/other"]);
}

#[test]
fn wrong_requests_are_refused_with_a_reason() {
    let (_sandbox, served) = small(&[]);
    let long = "x".repeat(20_000);
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for (path, body, expected) in [
        ("/v1/search", json!({}).to_string(), (400, "bad-request")),
        ("/v1/search", "{".into(), (400, "bad-request")),
        ("/v1/search", "".into(), (400, "bad-request")),
        ("/v1/search", deep, (400, "bad-request")),
        (
            "/v1/search",
            json!({"query": "x", "colour": 1}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "x", "content": "prose"}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "x", "top_k": 100_000}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "x", "top_k": -1}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            r#"{"query": "x", "min_score": NaN}"#.into(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": long}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "(", "mode": "regex"}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "(a{1000}){1000}", "mode": "regex"}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "x", "globs": ["[z-a]"]}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/search",
            json!({"query": "x", "kinds": ["song"]}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/similar",
            json!({"path": "src/lock.rs"}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/similar",
            json!({"path": "src", "line": 1}).to_string(),
            (404, "not-indexed"),
        ),
        (
            "/v1/ask",
            json!({"question": " "}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/ask",
            json!({"question": "x", "max_tokens": 9999}).to_string(),
            (400, "bad-request"),
        ),
        ("/v1/explain", json!({}).to_string(), (400, "bad-request")),
        (
            "/v1/explain",
            json!({"target": "nobody"}).to_string(),
            (404, "not-indexed"),
        ),
        (
            "/v1/chat/completions",
            json!({"messages": []}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "gpt", "messages": [{"role": "user", "content": "x"}]}).to_string(),
            (404, "model-not-found"),
        ),
        (
            "/v1/embeddings",
            json!({"input": []}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/embeddings",
            json!({"input": [[1, 2]]}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/embeddings",
            json!({"input": "word ".repeat(40_000)}).to_string(),
            (400, "bad-request"),
        ),
        (
            "/v1/rerank",
            json!({"query": "", "documents": ["a"]}).to_string(),
            (400, "bad-request"),
        ),
        ("/v1/nothing", "{}".into(), (404, "no-route")),
        ("/v1/status", "{}".into(), (405, "method")),
        ("/v1/search", " ".repeat(3 << 20), (413, "body")),
    ] {
        let json = ("Content-Type", "application/json");
        let answer = served.send(&format!("POST {path}"), &[json], &body);
        let (status, code) = answer.problem();
        let shown: String = body.chars().take(80).collect();
        assert_eq!(
            (status, code.as_str()),
            expected,
            "{path} {shown}: {answer:?}"
        );
    }
    for (path, expected) in [
        ("/v1/text?path=../config", (404, "not-served")),
        ("/v1/text?path=/etc/passwd", (404, "not-served")),
        ("/v1/text?path=%2e%2e%2fconfig", (404, "not-served")),
        ("/v1/text?path=src", (404, "not-indexed")),
        (
            "/v1/text?path=src/lock.rs&start_line=x",
            (400, "bad-request"),
        ),
        ("/v1/map?max_tokens=99999999", (400, "bad-request")),
        ("/../etc/passwd", (404, "no-route")),
    ] {
        let (status, code) = served.get(path).problem();
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
}

#[test]
fn the_gate_is_before_everything() {
    let token = "correct-horse-battery-staple";
    let sandbox = crate::asking::indexed(SMALL);
    let origin = ["--allow-origin", "https://ide.example"];
    let served = Served::with(&sandbox, &origin, &[("FATHOM_TOKEN", token)]);
    let bearer = format!("Bearer {token}");
    let right = ("Authorization", bearer.as_str());
    let json = ("Content-Type", "application/json");
    let own = format!("http://{}", served.address);
    for (headers, expected) in [
        (vec![json, right], 200),
        (vec![json, right, ("Origin", own.as_str())], 200),
        (vec![json, right, ("Origin", "https://ide.example")], 200),
        (vec![json, right, ("Host", "evil.example")], 403),
        (vec![json, right, ("Host", "127.0.0.1")], 403),
        (vec![json, right, ("Origin", "https://evil.example")], 403),
        (vec![json, right, ("Origin", "null")], 403),
        (vec![json, right, ("Sec-Fetch-Site", "cross-site")], 403),
        (vec![json], 401),
        (vec![json, ("Authorization", "Bearer wrong")], 401),
        (vec![right, ("Content-Type", "text/plain")], 415),
        (
            vec![right, ("Content-Type", "application/x-www-form-urlencoded")],
            415,
        ),
        (vec![right], 415),
    ] {
        let body = json!({"query": "lock", "mode": "lexical"}).to_string();
        let answer = served.send("POST /v1/search", &headers, &body);
        assert_eq!(answer.status, expected, "{headers:?} {answer:?}");
        assert!(!answer.body.contains(token) && !answer.head.contains(token));
        let shared = answer.head.contains("access-control-allow-origin");
        assert_eq!(shared, headers.contains(&("Origin", "https://ide.example")));
    }
    // Everything that comes from a repository, and figures of it, need the token.
    for (path, expected) in [
        ("/v1/status", 401),
        ("/v1/text?path=src/lock.rs", 401),
        ("/metrics", 401),
        ("/nothing", 401),
        ("/healthz", 200),
        ("/openapi.json", 200),
        ("/", 200),
    ] {
        assert_eq!(served.get(path).status, expected, "{path}");
    }
    let preflight = [
        ("Origin", "https://ide.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    let answer = served.send("OPTIONS /v1/search", &preflight, "");
    assert_eq!(answer.status, 204, "{answer:?}");
    assert!(
        answer
            .head
            .contains("access-control-allow-headers: authorization, content-type")
    );
    let foreign = [
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    assert_eq!(served.send("OPTIONS /v1/search", &foreign, "").status, 403);
}

#[test]
fn it_begins_only_where_it_is_safe() {
    let sandbox = Sandbox::new(SMALL);
    std::fs::write(sandbox.path("open"), "correct-horse-battery-staple").unwrap();
    std::fs::write(sandbox.path("short"), "secret").unwrap();
    let (open, short) = (sandbox.path("open"), sandbox.path("short"));
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&short, PermissionsExt::from_mode(0o600)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, why) in [
        (&["--listen", "0.0.0.0:0"][..], "needs a token"),
        (&["--token-file", open.to_str().unwrap()], "chmod 600"),
        (
            &["--token-file", short.to_str().unwrap()],
            "fewer than 16 characters",
        ),
        (&["--token-file", "/nothing"], "cannot read the token"),
        (&["--listen", &taken], "cannot listen on"),
        (&["--model", "nothing.gguf"], "is not a file"),
        (&["/nothing/here"], "cannot open `/nothing/here`"),
    ] {
        let run = sandbox.run(&[&["serve"], args].concat()).expect_code(2);
        assert!(run.stderr.contains(why), "{why}: {run}");
    }
}
