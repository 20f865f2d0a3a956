//! Hover, definitions, references, symbols and calls.

use serde_json::{Value, json};

use super::CALLS;
use super::client::Client;
use crate::common::Sandbox;

/// A server with the calls open, indexed.
fn client(sandbox: &Sandbox) -> Client {
    let symbols = json!({"hierarchicalDocumentSymbolSupport": true});
    let capabilities = json!({"textDocument": {"documentSymbol": symbols}});
    let mut client = Client::with(sandbox, &[], capabilities);
    client.indexed();
    client
}

/// Places as `file:line:column` of where they begin, and the columns where they end.
fn places(locations: &Value) -> String {
    let place = |location: &Value| {
        let uri = location["uri"].as_str().unwrap();
        let file = uri.rsplit_once("/tree/").unwrap().1.to_owned();
        let number = |pointer: &str| location["range"].pointer(pointer).unwrap().clone();
        let (line, from, to) = (
            number("/start/line"),
            number("/start/character"),
            number("/end/character"),
        );
        format!("{file}:{line}:{from}-{to}")
    };
    let all = locations.as_array().unwrap().iter().map(place);
    all.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_hover_is_the_card_of_what_is_meant() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = client(&sandbox);
    insta::assert_snapshot!(client.hover("src/main.rs", (3, 12)), @r"
    **function** `acquire` · `src/lock.rs:4-6`

    ```rust
    pub fn acquire(path: &str) -> bool
    ```

    ```text
    Takes the lock [now](command:evil).
    ```

    **Called by** (by name)

    - `main` `src/main.rs:4`

    **Calls** (by name)

    - `open` `src/lock.rs:8`
    - `wait` `src/lock.rs:12`

    **Tests that reach it**

    - `is_taken` `tests/lock.rs:3`
    ");
    // Bytes that a name is next to, keywords and names of nothing have none.
    for place in [(0, 1), (2, 0), (2, 9), (50, 0)] {
        assert_eq!(client.hover("src/main.rs", place), "", "{place:?}");
    }
    // For a client that renders nothing.
    let capabilities = json!({"textDocument": {"hover": {"contentFormat": ["plaintext"]}}});
    let mut plain = Client::with(&sandbox, &[], capabilities);
    let hover = plain.hover("src/main.rs", (3, 12));
    assert!(
        hover.starts_with("src/lock.rs:4-6  function acquire\n"),
        "{hover}"
    );
}

#[test]
fn names_lead_to_their_definitions() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = client(&sandbox);
    for (path, place, expected) in [
        ("src/main.rs", (3, 12), "src/lock.rs:3:7-14"),
        // Behind a character of two UTF-16 units.
        ("src/lock.rs", (4, 22), "src/lock.rs:7:3-7"),
        ("src/lock.rs", (4, 20), ""),
        ("src/lock.rs", (4, 35), "src/lock.rs:11:3-7"),
        // A definition is its own.
        ("src/lock.rs", (7, 4), "src/lock.rs:7:3-7"),
        ("py/lock.py", (2, 13), "py/lock.py:5:4-11"),
        ("src/lock.rs", (4, 9), ""),
        ("src/lock.rs", (2, 0), ""),
        ("src/lock.rs", (99, 99), ""),
    ] {
        let params = client.at(path, place);
        let found = client.ask("textDocument/definition", params);
        let found = if found.is_null() { json!([]) } else { found };
        assert_eq!(places(&found), expected, "{path} {place:?}");
    }
}

#[test]
fn references_are_those_of_the_definition() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = client(&sandbox);
    let mut references = |path: &str, place, declaration: bool| {
        let mut params = client.at(path, place);
        params["context"] = json!({"includeDeclaration": declaration});
        places(&client.ask("textDocument/references", params))
    };
    insta::assert_snapshot!(references("src/lock.rs", (3, 8), false), @"src/main.rs:3:10-17 src/main.rs:4:10-17 tests/lock.rs:2:12-19");
    insta::assert_snapshot!(references("src/lock.rs", (4, 22), true), @"src/lock.rs:7:3-7 src/lock.rs:4:21-25 src/lock.rs:19:8-12");
    insta::assert_snapshot!(references("py/lock.py", (5, 5), false), @"py/lock.py:2:11-18");
}

#[test]
fn calls_lead_up_and_down() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = client(&sandbox);
    let params = client.at("src/lock.rs", (3, 8));
    let items = client.ask("textDocument/prepareCallHierarchy", params);
    let item = items[0].clone();
    assert_eq!(item["name"], "acquire");
    let calls = |calls: &Value, end: &str| {
        let one = |call: &Value| {
            let ranges = call["fromRanges"].as_array().unwrap().iter();
            let ranges = ranges.map(|range| {
                let start = &range["start"];
                format!("{}:{}", start["line"], start["character"])
            });
            let ranges: Vec<String> = ranges.collect();
            format!(
                "{} {}",
                call[end]["name"].as_str().unwrap(),
                ranges.join(",")
            )
        };
        let all = calls.as_array().unwrap().iter().map(one);
        all.collect::<Vec<_>>().join(" | ")
    };
    let up = client.ask("callHierarchy/incomingCalls", json!({"item": item}));
    assert_eq!(calls(&up, "from"), "main 3:10,4:10 | is_taken 2:12");
    let down = client.ask("callHierarchy/outgoingCalls", json!({"item": item}));
    assert_eq!(calls(&down, "to"), "open 4:21 | wait 4:35");
    let further = json!({"item": down[0]["to"]});
    let up = client.ask("callHierarchy/incomingCalls", further);
    assert_eq!(calls(&up, "from"), "acquire 4:21 | Guard::release 19:8");
    let nowhere = client.at("src/lock.rs", (1, 0));
    let none = client.ask("textDocument/prepareCallHierarchy", nowhere);
    assert_eq!(none, Value::Null);
}

#[test]
fn symbols_of_a_document_hold_each_other() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = client(&sandbox);
    let params = json!({"textDocument": {"uri": client.uri("src/lock.rs")}});
    let symbols = client.ask("textDocument/documentSymbol", params.clone());
    fn tree(symbols: &Value) -> String {
        let one = |symbol: &Value| {
            let name = symbol["name"].as_str().unwrap();
            let start = &symbol["selectionRange"]["start"];
            let below = tree(&symbol["children"]);
            let below = if below.is_empty() {
                below
            } else {
                format!(" ({below})")
            };
            format!("{name}@{}:{}{below}", start["line"], start["character"])
        };
        let all = symbols.as_array().unwrap().iter().map(one);
        all.collect::<Vec<_>>().join(" ")
    }
    insta::assert_snapshot!(tree(&symbols), @"acquire@3:7 open@7:3 wait@11:3 Guard@15:11 Guard::release@18:11");
    // Without nesting, for clients that do not know it.
    let mut plain = Client::new(&sandbox);
    let flat = plain.ask("textDocument/documentSymbol", params);
    insta::assert_snapshot!(places(&json!(
        flat.as_array().unwrap().iter().map(|one| one["location"].clone()).collect::<Vec<_>>()
    )), @"src/lock.rs:3:0-1 src/lock.rs:7:0-1 src/lock.rs:11:0-1 src/lock.rs:15:0-17 src/lock.rs:18:0-5");
}

#[test]
fn symbols_are_found_by_name_and_by_meaning() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = client(&sandbox);
    let mut names = |query: &str| {
        let found = client.ask("workspace/symbol", json!({"query": query}));
        let found = found.as_array().unwrap().clone();
        let names = found.iter().map(|one| one["name"].as_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("release")[..2], ["release", "Guard::release"]);
    assert!(names("where is the lock taken").contains(&"acquire".to_owned()));
    assert!(names("").is_empty());
    // Parts that come before the answer are not in it again.
    let params = json!({"query": "release", "partialResultToken": "part"});
    let rest = client.ask("workspace/symbol", params);
    let part = client.until(|message| message["params"]["token"] == "part");
    assert_eq!(part["params"]["value"][0]["name"], "release");
    assert_eq!(rest, json!([]));
}
