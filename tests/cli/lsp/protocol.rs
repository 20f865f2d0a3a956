//! What may come when, and what becomes of what must not come.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::CALLS;
use super::client::Client;
use crate::common::Sandbox;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const NOT_INITIALIZED: i64 = -32002;

#[test]
fn it_begins_at_once_and_touches_nothing() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::silent(&sandbox, &["--stdio"]);
    let (code, _) = client.refused("textDocument/hover", json!({}));
    assert_eq!(code, NOT_INITIALIZED);
    let began = Instant::now();
    let root = client.uri("");
    let folder = json!({"uri": root, "name": "tree"});
    let general = json!({"positionEncodings": ["utf-16", "utf-8"]});
    let params = json!({"processId": std::process::id(), "rootUri": null,
        "workspaceFolders": [folder], "capabilities": {"general": general}});
    let result = client.ask("initialize", params.clone());
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    let capabilities = result["capabilities"].as_object().unwrap();
    let able: Vec<&str> = capabilities.keys().map(String::as_str).collect();
    insta::assert_snapshot!(able.join(" "), @"callHierarchyProvider codeActionProvider definitionProvider documentSymbolProvider executeCommandProvider hoverProvider positionEncoding referencesProvider textDocumentSync workspace workspaceSymbolProvider");
    assert_eq!(capabilities["positionEncoding"], "utf-8");
    assert_eq!(result["serverInfo"]["name"], "fathom");
    assert_eq!(client.refused("initialize", params).0, INVALID_REQUEST);
    client.tell("initialized", json!({}));
    client.open("src/main.rs", CALLS[1].1);
    assert!(client.is_silent(Duration::from_millis(300)));
    assert!(
        sandbox.files("data").is_empty(),
        "{:?}",
        sandbox.files("data")
    );
    client.leave();
}

#[test]
fn what_is_not_known_is_refused_or_left_aside() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    for (method, params, code) in [
        ("textDocument/rename", json!({}), METHOD_NOT_FOUND),
        ("$/unknown", json!({}), METHOD_NOT_FOUND),
        ("textDocument/hover", json!({}), INVALID_PARAMS),
        ("textDocument/hover", json!([1]), INVALID_PARAMS),
        (
            "textDocument/references",
            client.at("src/main.rs", (0, 0)),
            INVALID_PARAMS,
        ),
        (
            "callHierarchy/incomingCalls",
            json!({"item": {}}),
            INVALID_PARAMS,
        ),
        (
            "workspace/executeCommand",
            json!({"command": "rm"}),
            METHOD_NOT_FOUND,
        ),
        ("workspace/executeCommand", Value::Null, METHOD_NOT_FOUND),
        (
            "workspace/executeCommand",
            json!({"command": "fathom.ask"}),
            INVALID_PARAMS,
        ),
    ] {
        let (found, why) = client.refused(method, params.clone());
        assert_eq!(found, code, "{method} {params}: {why}");
    }
    for (method, params) in [
        ("$/setTrace", json!({"value": "off"})),
        ("workspace/didChangeConfiguration", json!({"settings": {}})),
        ("nobody/knows", json!(7)),
        ("textDocument/didSave", json!({})),
        ("$/cancelRequest", json!({"id": 99})),
        (
            "window/workDoneProgress/cancel",
            json!({"token": "nothing"}),
        ),
    ] {
        client.tell(method, params);
    }
    for (method, params) in [
        ("textDocument/didOpen", json!({})),
        (
            "textDocument/didChange",
            json!({"textDocument": {"uri": "file:///x", "version": 1}, "contentChanges": []}),
        ),
        ("$/cancelRequest", json!({"id": []})),
    ] {
        client.tell(method, params);
        let log = client.until(|message| message["method"] == "window/logMessage");
        let line = log["params"]["message"].as_str().unwrap();
        assert!(line.contains("is left aside"), "{line}");
    }
    client.leave();
}

#[test]
fn garbage_is_answered_and_the_next_request_too() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    for (content, code) in [
        ("{]", PARSE_ERROR),
        ("\u{1}", PARSE_ERROR),
        (&"[".repeat(9000), PARSE_ERROR),
        ("[]", INVALID_REQUEST),
        ("7", INVALID_REQUEST),
        ("{\"id\": {}, \"method\": \"shutdown\"}", INVALID_REQUEST),
        ("{\"jsonrpc\": \"2.0\"}", INVALID_REQUEST),
    ] {
        client.send_raw(format!("Content-Length: {}\r\n\r\n{content}", content.len()).as_bytes());
        let answer = client.until(|message| message.get("error").is_some());
        assert_eq!(answer["error"]["code"], code, "{content}");
        assert_eq!(answer["id"], Value::Null);
    }
    client.send(&json!({"jsonrpc": "2.0", "id": "text", "method": "workspace/symbol", "params": {"query": ""}}));
    assert_eq!(
        client.until(|message| message["id"] == "text")["result"],
        json!([])
    );
    client.leave();
}

#[test]
fn a_header_that_is_none_ends_it_with_an_error() {
    let sandbox = Sandbox::new(CALLS);
    for bytes in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "Content-Length: 99999999999999\r\n\r\n",
        "Content-Length: x\r\n\r\n",
        "\r\n",
    ] {
        let mut client = Client::new(&sandbox);
        client.send_raw(bytes.as_bytes());
        let answer = client.until(|message| message.get("error").is_some());
        assert_eq!(answer["error"]["code"], PARSE_ERROR, "{bytes:?}");
        assert_eq!(client.end().code(), Some(2), "{bytes:?}");
    }
}

#[test]
fn thousands_of_requests_are_answered_or_refused() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    client.indexed();
    let params = client.at("src/main.rs", (3, 12));
    let first = client.begin("textDocument/hover", params.clone());
    let last = (1..10_000)
        .map(|_| client.begin("textDocument/hover", params.clone()))
        .last();
    for id in first..=last.unwrap() {
        if id % 2 == 0 {
            client.tell("$/cancelRequest", json!({"id": id}));
        }
    }
    let mut answers = [0; 3];
    for id in first..=last.unwrap() {
        let answer = client.answer(id);
        answers[match answer["error"]["code"].as_i64() {
            None => 0,
            Some(-32800) => 1,
            Some(-32803) => 2,
            Some(_) => panic!("{answer}"),
        }] += 1;
    }
    assert_eq!(answers.iter().sum::<i32>(), 10_000);
    assert!(answers[0] > 0, "{answers:?}");
    client.leave();
}
