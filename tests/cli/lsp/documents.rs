//! Documents as the editor holds them: unsaved, closed, of no folder, of no file.

use serde_json::{Value, json};

use super::CALLS;
use super::client::Client;
use crate::common::Sandbox;

#[test]
fn unsaved_text_is_explained_as_it_is() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    client.indexed();
    client.open("src/lock.rs", CALLS[0].1);
    assert!(
        client
            .hover("src/main.rs", (3, 12))
            .contains("`src/lock.rs:4-6`")
    );
    // Two lines above, and another caller.
    client.edit(
        "src/lock.rs",
        (0, 0),
        (0, 0),
        "// new\nfn early() { acquire(\"c\"); }\n",
    );
    let hover = client.hover("src/main.rs", (3, 12));
    assert!(hover.contains("`src/lock.rs:6-8`"), "{hover}");
    assert!(hover.contains("- `early` `src/lock.rs:2`"), "{hover}");
    // Under another name it is not there any more.
    client.edit("src/lock.rs", (5, 7), (5, 14), "obtain");
    assert_eq!(client.hover("src/main.rs", (3, 12)), "");
    assert!(
        client
            .hover("src/lock.rs", (5, 8))
            .contains("**function** `obtain`")
    );
    let params = json!({"textDocument": {"uri": client.uri("src/lock.rs")}});
    let symbols = client.ask("textDocument/documentSymbol", params);
    assert_eq!(symbols[0]["name"], "early");
    // Closed without saving, the file counts.
    client.tell(
        "textDocument/didClose",
        json!({"textDocument": {"uri": client.uri("src/lock.rs")}}),
    );
    assert!(
        client
            .hover("src/main.rs", (3, 12))
            .contains("`src/lock.rs:4-6`")
    );
    client.leave();
}

#[test]
fn a_file_that_is_not_there_yet_is_a_part_of_it() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    client.indexed();
    client.open("src/new/deep.rs", "fn fresh() {\n    acquire(\"n\");\n}\n");
    assert!(
        client
            .hover("src/new/deep.rs", (1, 6))
            .contains("`src/lock.rs:4-6`")
    );
    let hover = client.hover("src/main.rs", (3, 12));
    assert!(hover.contains("- `fresh` `src/new/deep.rs:2`"), "{hover}");
    client.leave();
}

#[test]
fn a_saved_file_is_indexed_by_and_by() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    client.indexed();
    sandbox.write("src/later.rs", "fn later() { acquire(\"l\"); }\n");
    client.indexed();
    let hover = client.hover("src/main.rs", (3, 12));
    assert!(hover.contains("`later`"), "{hover}");
    client.leave();
}

#[test]
fn what_is_in_no_folder_has_no_card_and_harms_nothing() {
    let sandbox = Sandbox::new(CALLS);
    let outside = sandbox.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("a.rs"), "fn acquire() {}\n").unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.tree().join("link")).unwrap();
    let mut client = Client::new(&sandbox);
    client.indexed();
    let outside = format!("file://{}/a.rs", outside.display());
    let link = client.uri("link/a.rs");
    for uri in [
        outside.as_str(),
        &link,
        "untitled:Untitled-1",
        "https://example.org/src/lock.rs",
        "git:/src/lock.rs?x",
        "file:///",
        "file:///%00",
        "file://server/src/lock.rs",
        "",
    ] {
        for open in [false, true] {
            if open {
                client.open_uri(uri, "fn acquire() {}\n");
            }
            for method in [
                "textDocument/hover",
                "textDocument/definition",
                "textDocument/prepareCallHierarchy",
            ] {
                let place = json!({"line": 0, "character": 4});
                let params = json!({"textDocument": {"uri": uri}, "position": place});
                assert_eq!(
                    client.ask(method, params),
                    Value::Null,
                    "{method} {uri} {open}"
                );
            }
        }
        // Its own definitions are told all the same: they are in the text.
        let params = json!({"textDocument": {"uri": uri}});
        client.ask("textDocument/documentSymbol", params);
    }
    let about = json!({"uri": outside, "position": {"line": 0, "character": 4}});
    let params = json!({"command": "fathom.explain", "arguments": [about]});
    let (code, why) = client.refused("workspace/executeCommand", params);
    assert_eq!(code, -32803);
    assert!(why.contains("in no folder that is open"), "{why}");
    client.leave();
}

#[test]
fn folders_come_and_go() {
    let sandbox = Sandbox::new(CALLS);
    let other = sandbox.path("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("b.rs"), "fn beyond() {}\n").unwrap();
    let mut client = Client::new(&sandbox);
    client.indexed();
    let folder = json!({"uri": format!("file://{}", other.canonicalize().unwrap().display()), "name": "other"});
    let change = |client: &mut Client, added: Value, removed: Value| {
        let event = json!({"added": added, "removed": removed});
        client.tell(
            "workspace/didChangeWorkspaceFolders",
            json!({"event": event}),
        );
        let found = client.ask("workspace/symbol", json!({"query": "beyond"}));
        found
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == "beyond")
    };
    assert!(change(&mut client, json!([folder]), json!([])));
    assert!(!change(&mut client, json!([]), json!([folder])));
    let gone = json!({"uri": "file:///nowhere/at/all", "name": "x"});
    assert!(!change(&mut client, json!([gone]), json!([])));
    client.leave();
}

#[test]
fn a_name_with_several_definitions_is_a_choice() {
    let sandbox = Sandbox::new(&[
        ("a/x.rs", "pub fn run() {}\n"),
        ("b/x.rs", "pub fn run() {}\n"),
        ("main.rs", "fn main() { run() }\n"),
    ]);
    let mut client = Client::new(&sandbox);
    client.indexed();
    insta::assert_snapshot!(client.hover("main.rs", (0, 13)), @r"
    `run` has 2 definitions:

    - function `run` `a/x.rs:1`
    - function `run` `b/x.rs:1`
    ");
    client.leave();
}
