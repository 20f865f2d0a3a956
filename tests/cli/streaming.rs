//! Answers of `fathom serve` on their way: in pieces, in turn, broken off; limits of time and number.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fathom::serve::replies::{AskReply, ExplainReply, MapReply};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::asking::{QUESTION, fixture, indexed};
use crate::common::{SMALL, Sandbox};
use crate::server::{Server, Then, later};
use crate::serving::{Served, small};

/// What the reader says at first.
const FIRST: &str = "`acquire_lock` waits for it [1].\n";

/// A reader that says [`FIRST`] and then nothing to the first question; all others end.
fn silent_once() -> Server {
    let asked = AtomicUsize::new(0);
    Server::with(move |_| {
        let then = match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Then::Silence,
            _ => Then::End,
        };
        (FIRST.to_owned(), then)
    })
}

/// A small repository, served with this reader.
fn read_by(server: &Server, args: &[&str]) -> (Sandbox, Served) {
    let sandbox = indexed(SMALL);
    let served = Served::new(&sandbox, &server.args(args));
    (sandbox, served)
}

fn question() -> Value {
    json!({"question": QUESTION, "top_k": 1})
}

fn texts(events: &[(String, Value)]) -> String {
    let texts = events.iter().filter(|(name, _)| name == "text");
    texts
        .map(|(_, data)| data["text"].as_str().unwrap())
        .collect()
}

#[test]
fn an_answer_comes_as_it_is_given_and_is_checked() {
    let (sender, then) = later();
    let then = Mutex::new(Some(then));
    let server = Server::with(move |_| {
        let then = then.lock().unwrap().take().unwrap_or(Then::End);
        (FIRST.to_owned(), then)
    });
    let (_sandbox, served) = read_by(&server, &[]);
    let mut events = served.events("/v1/ask", &question());
    let first = events.until("text");
    // The reader has not said the rest yet.
    assert_eq!(texts(&first), FIRST);
    sender.send("Not by `nobody_else` [7].".to_owned()).unwrap();
    let rest = events.until("done");
    assert!(rest.iter().any(|(name, _)| name == "given"), "{rest:?}");
    let (_, document) = rest.last().unwrap();
    assert_eq!(document["sources"][0]["path"], "src/lock.rs");
    assert_eq!(document["checked"]["citations"]["dropped"], 1);
    assert!(events.next().is_none());
    // The same as one document.
    let whole = served.post("/v1/ask", &question()).json();
    assert_eq!(whole["answer"], FIRST);
}

#[test]
fn explanations_begin_with_the_card_and_are_kept() {
    let server = Server::saying("It takes the lock [1].");
    let (_sandbox, served) = read_by(&server, &[]);
    let target = json!({"target": "acquire_lock"});
    let events = served.events("/v1/explain", &target).until("done");
    let first = events.iter().find(|(name, _)| name != "status").unwrap();
    assert_eq!(first.0, "card");
    assert_eq!(first.1["cards"][0]["path"], "src/lock.rs");
    let kept = |document: &Value| document["prose"]["kept"].clone();
    assert_eq!(kept(&events.last().unwrap().1), false);
    assert_eq!(kept(&served.post("/v1/explain", &target).json()), true);
    assert_eq!(server.asked().len(), 1);
    let card_only = json!({"target": "acquire_lock", "card_only": true});
    assert_eq!(
        served.post("/v1/explain", &card_only).json()["prose"],
        Value::Null
    );
}

#[test]
fn a_client_that_goes_away_stops_its_answer() {
    for accept in ["text/event-stream", "application/json"] {
        let server = silent_once();
        let (_sandbox, served) = read_by(&server, &[]);
        let body = question().to_string();
        let mut stream = TcpStream::connect(&served.address).unwrap();
        let text = format!(
            "POST /v1/ask HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: {accept}\r\nContent-Length: {}\r\n\r\n{body}",
            served.address,
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        while server.asked().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(stream);
        let began = Instant::now();
        let next = served.post("/v1/ask", &question()).json();
        assert_eq!(next["answer"], FIRST, "{accept}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{accept} {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn readers_answer_in_turn_and_a_long_queue_is_refused() {
    let server = silent_once();
    let (_sandbox, served) = read_by(&server, &["--max-answers", "2"]);
    let mut first = served.events("/v1/ask", &question());
    first.until("text");
    let mut second = served.events("/v1/ask", &question());
    let note = second.until("note");
    assert_eq!(note.last().unwrap().1["note"], "another answer comes first");
    let third = served.post("/v1/ask", &question());
    assert_eq!(third.problem(), (503, "readers-busy".into()));
    assert!(third.head.contains("retry-after: 1"), "{third:?}");
    // Whoever only searches does not wait.
    let search = served.post("/v1/search", &json!({"query": "lock"}));
    assert_eq!(search.status, 200);
    drop(first);
    let last = second.until("done");
    assert_eq!(last.last().unwrap().1["answer"], FIRST);
}

#[test]
fn an_answer_ends_with_the_server_and_keeps_what_was_written() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = silent_once();
        let (_sandbox, served) = read_by(&server, &[]);
        let mut events = served.events("/v1/ask", &question());
        events.until("text");
        let began = Instant::now();
        let run = served.stop(signal);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(
            began.elapsed() < Duration::from_secs(4),
            "{:?}",
            began.elapsed()
        );
        let events = events.until("done");
        let (_, document) = events.last().unwrap();
        assert_eq!(document["answer"], FIRST);
        assert_eq!(document["finish"], "cancelled");
        assert!(run.stdout.is_empty(), "{run}");
    }
}

#[test]
fn a_reader_that_fails_leaves_a_reason() {
    let sandbox = indexed(SMALL);
    let served = Served::new(&sandbox, &["--reader-url", "http://127.0.0.1:9/v1"]);
    let answer = served.post("/v1/ask", &question());
    assert_eq!(answer.problem(), (503, "reader".into()));
    let events = served.events("/v1/ask", &question()).until("error");
    assert_eq!(events.last().unwrap().1["code"], "reader");
    let served = Served::new(&sandbox, &["--model", &fixture()]);
    let answer = served.post("/v1/ask", &question()).json();
    assert_eq!(answer["reader"]["model"], "fathom reader fixture");
}

#[test]
fn a_slow_or_greedy_client_costs_only_itself() {
    let (_sandbox, served) = small(&["--max-requests", "1", "--timeout", "2"]);
    let mut slow = TcpStream::connect(&served.address).unwrap();
    let head = format!(
        "POST /v1/search HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        served.address
    );
    slow.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let search = json!({"query": "lock", "mode": "lexical"});
    let refused = served.post("/v1/search", &search);
    assert_eq!(refused.problem(), (429, "too-many".into()));
    assert!(refused.head.contains("retry-after"), "{refused:?}");
    let began = Instant::now();
    assert_eq!(served.get("/healthz").status, 200);
    assert!(
        began.elapsed() < Duration::from_millis(50),
        "{:?}",
        began.elapsed()
    );
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut slow, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(served.post("/v1/search", &search).status, 200);
    let names: Vec<String> = (0..200).map(|n| format!("X-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "y")).collect();
    assert_eq!(served.send("GET /healthz", &many, "").status, 431);
    let long = format!("GET /{}", "x".repeat(100_000));
    assert!(matches!(served.send(&long, &[], "").status, 414 | 431));
}

#[test]
fn an_index_that_is_being_made_is_waited_for() {
    let files: Vec<(String, String)> = (0..400)
        .map(|n| {
            (
                format!("src/f{n}.rs"),
                format!("/// Number {n}.\npub fn number_{n}() -> u32 {{\n    {n}\n}}\n"),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let sandbox = Sandbox::new(&files);
    let served = Served::new(&sandbox, &[]);
    let ready = served.get("/readyz");
    assert!(matches!(ready.status, 200 | 503), "{ready:?}");
    let found = served
        .post(
            "/v1/search",
            &json!({"query": "number_77", "mode": "symbol"}),
        )
        .json();
    assert_eq!(found["results"][0]["path"], "src/f77.rs");
    assert_eq!(served.get("/readyz").status, 200);
    let found = served
        .post("/v1/search", &json!({"query": "the number 77"}))
        .json();
    assert!(!found["results"].as_array().unwrap().is_empty(), "{found}");
}

#[test]
fn a_repository_that_goes_away_is_told() {
    let (sandbox, served) = small(&[]);
    let search = json!({"query": "lock", "mode": "lexical"});
    assert_eq!(served.post("/v1/search", &search).status, 200);
    std::fs::remove_dir_all(sandbox.tree()).unwrap();
    let answer = served.post("/v1/search", &search);
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    for result in answer.json()["results"].as_array().into_iter().flatten() {
        assert_eq!(result["freshness"], "gone");
    }
    let status = served.get("/v1/status").json();
    assert_eq!(status["repositories"][0]["error"], "the folder is gone");
    assert_eq!(served.get("/healthz").status, 200);
    assert_eq!(served.get("/readyz").status, 503);
}

/// The cosine of two vectors.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn floats(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn clients_of_openai_are_understood() {
    let server = Server::saying(FIRST);
    let (_sandbox, served) = read_by(&server, &[]);
    let messages = json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "what is a lock"},
        {"role": "assistant", "content": "A file [4]."},
        {"role": "user", "content": QUESTION},
    ]);
    let chat =
        json!({"model": "fathom", "messages": messages, "temperature": 0.2, "max_tokens": 100});
    let whole = served.post("/v1/chat/completions", &chat).json();
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], FIRST);
    assert!(message["citations"][0]["path"].is_string(), "{message}");
    assert_eq!(whole["usage"]["total_tokens"], 10);
    // What was said before is passed on, but for its citations.
    let asked = server.asked()[0].body.to_string();
    assert!(
        asked.contains("A file.") && !asked.contains("be brief"),
        "{asked}"
    );

    let mut streamed = chat.clone();
    streamed["stream"] = true.into();
    let mut events = served.events("/v1/chat/completions", &streamed);
    let mut text = String::new();
    let mut last = Value::Null;
    while let Some((_, event)) = events.next() {
        text += event["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or_default();
        if event != "[DONE]" {
            last = event;
        }
    }
    assert_eq!(text, FIRST);
    assert_eq!(last["choices"][0]["finish_reason"], "stop");

    let texts = json!({"input": ["fn lock() {}", "fn paint_it_red() {}"]});
    let reply = served.post("/v1/embeddings", &texts).json();
    let vectors: Vec<Vec<f64>> = (0..2)
        .map(|n| floats(&reply["data"][n]["embedding"]))
        .collect();
    assert_eq!(vectors[0].len(), 384);
    assert!((cosine(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-4);
    assert!(cosine(&vectors[0], &vectors[1]) < 0.9);
    let coded = served
        .post(
            "/v1/embeddings",
            &json!({"input": "fn lock() {}", "encoding_format": "base64"}),
        )
        .json();
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        coded["data"][0]["embedding"].as_str().unwrap(),
    )
    .unwrap();
    assert_eq!(
        f32::from_le_bytes(bytes[..4].try_into().unwrap()),
        vectors[0][0] as f32
    );

    let documents = ["fn paint(colour: Colour) {}", "fn wait_for_lock() {}", ""];
    let ranked = served.post("/v1/rerank", &json!({"query": "who waits for the lock", "documents": documents, "top_n": 2, "return_documents": true})).json();
    assert_eq!(ranked["results"][0]["document"]["text"], documents[1]);
    assert_eq!(ranked["results"].as_array().unwrap().len(), 2);
}

/// Every `$ref` of a document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn everything_is_described() {
    let (_sandbox, served) = small(&[]);
    let document = served.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let answer = match method.as_str() {
                "get" => served.get(path),
                _ => served.post(path, &json!({})),
            };
            assert!(
                matches!(answer.status, 200 | 400),
                "{method} {path}: {answer:?}"
            );
        }
    }
    let mut query = document["components"]["schemas"]["SearchParams"]["properties"].clone();
    assert_eq!(query["top_k"].take()["type"], "integer");
}

#[test]
fn answers_are_as_the_document_describes_them() {
    let server = Server::saying("`acquire_lock` takes the writer lock [1].");
    let sandbox = indexed(&[
        SMALL[0],
        (
            "src/user.rs",
            "use crate::lock::acquire_lock;\n\npub trait Held {\n    fn hold(&self);\n}\n\npub struct Guard;\n\n\
             impl Held for Guard {\n    fn hold(&self) {\n        acquire_lock(\"a\");\n    }\n}\n\n\
             fn twice() {\n    acquire_lock(\"b\");\n}\n",
        ),
        (
            "tests/lock.rs",
            "fn twice() {}\n\n#[test]\nfn it_locks() {\n    assert!(acquire_lock(\"c\"));\n}\n",
        ),
    ]);
    let served = Served::new(&sandbox, &server.args(&[]));
    fn read<T: serde::de::DeserializeOwned>(document: Value) -> T {
        let text = document.to_string();
        serde_json::from_value(document).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
    let explain = |target: &str| -> ExplainReply {
        read(
            served
                .post("/v1/explain", &json!({"target": target}))
                .json(),
        )
    };
    let explained = explain("acquire_lock");
    let card = &explained.cards[0];
    assert_eq!((card.callers_total, card.tests.len()), (2, 1));
    assert!(explained.prose.is_some_and(|prose| prose.stats.is_some()));
    assert!(
        explain("acquire_lock")
            .prose
            .is_some_and(|prose| prose.kept)
    );
    assert_eq!(explain("Held").cards[0].implementors_total, 1);
    assert_eq!(explain("twice").choices.len(), 2);
    let asked: AskReply = read(served.post("/v1/ask", &question()).json());
    assert_eq!(asked.sources[0].path, "src/lock.rs");
    let map: MapReply = read(served.get("/v1/map?max_tokens=500").json());
    assert!(map.files.iter().any(|file| !file.symbols.is_empty()));
}
