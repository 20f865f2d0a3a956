//! Commands: explain, find similar, ask; with progress, parts, and a way to stop them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::CALLS;
use super::client::{Client, position};
use crate::common::Sandbox;
use crate::server::{Server, Then};

const CANCELLED: i64 = -32800;

/// A server with a reader, for a client that shows progress and documents.
fn client(sandbox: &Sandbox, reader: &Server) -> Client {
    let window = json!({"workDoneProgress": true, "showDocument": {"support": true}});
    let actions = json!({"codeAction": {"codeActionLiteralSupport": {}}});
    let capabilities = json!({"window": window, "textDocument": actions});
    let mut client = Client::with(sandbox, &["--reader-url", &reader.url], capabilities);
    client.indexed();
    client
}

fn about(client: &Client, path: &str, place: (u32, u32)) -> Value {
    json!({"uri": client.uri(path), "position": position(place)})
}

#[test]
fn actions_are_offered_when_asked_for() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::saying("It is.");
    let mut client = client(&sandbox, &reader);
    let mut titles = |context: Value| {
        let at = position((3, 8));
        let params = json!({"textDocument": {"uri": client.uri("src/lock.rs")},
            "range": {"start": at, "end": at}, "context": context});
        let actions = client.ask("textDocument/codeAction", params);
        let actions = actions.as_array().unwrap().clone();
        let titles = actions
            .iter()
            .map(|one| one["title"].as_str().unwrap().to_owned());
        titles.collect::<Vec<_>>().join(", ")
    };
    let all = "Explain this, Find similar code, Ask about this";
    assert_eq!(titles(json!({"diagnostics": []})), all);
    assert_eq!(titles(json!({"diagnostics": [], "only": ["fathom"]})), all);
    assert_eq!(
        titles(json!({"diagnostics": [], "only": ["fathom.ask"]})),
        "Ask about this"
    );
    assert_eq!(
        titles(json!({"diagnostics": [], "only": ["quickfix", "fath"]})),
        ""
    );
    assert_eq!(titles(json!({"diagnostics": [], "triggerKind": 2})), "");
}

#[test]
fn a_selection_within_a_name_is_a_cursor_and_a_longer_one_is_what_it_holds() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    client.indexed();
    for (start, end, expected) in [
        ((3, 12), (3, 12), "# `acquire`"),
        ((3, 12), (3, 13), "# `acquire`"),
        ((3, 10), (3, 17), "# `acquire`"),
        ((3, 10), (3, 18), "# `main`"),
        ((3, 10), (4, 12), "# `main`"),
        ((3, 0), (3, 1), "# `main`"),
    ] {
        let range = json!({"start": position(start), "end": position(end)});
        let about = json!({"uri": client.uri("src/main.rs"), "range": range});
        let result = client.command("fathom.explain", about);
        let text = result["markdown"].as_str().unwrap();
        assert!(text.starts_with(expected), "{start:?} {end:?}: {text}");
    }
    client.leave();
}

#[test]
fn an_explanation_comes_in_parts_and_stays() {
    let sandbox = Sandbox::new(CALLS);
    let evil =
        "It opens the path [1] and `wait`s.\nSee [here](command:evil) or <b>me@evil.example</b>.\n";
    let reader = Server::saying(evil);
    let mut client = client(&sandbox, &reader);
    let params = json!({"command": "fathom.explain", "workDoneToken": "work",
        "partialResultToken": "part", "arguments": [about(&client, "src/main.rs", (3, 12))]});
    let result = client.ask("workspace/executeCommand", params);
    let text = result["markdown"].as_str().unwrap();
    for part in [
        "# `acquire`",
        "## In words",
        "It opens the path [1]",
        "**Called by**",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for evil in ["](command:", "<b>", "me@evil"] {
        let outside = text.replace("/// Takes the lock [now](command:evil).", "");
        let outside = outside.replace("Takes the lock [now](command:evil).", "");
        assert!(!outside.contains(evil), "{evil} in {text}");
    }
    let mut kinds = Vec::new();
    let mut parts = String::new();
    for message in &client.told {
        let params = &message["params"];
        match params["token"].as_str() {
            Some("work") => kinds.push(params["value"]["kind"].as_str().unwrap().to_owned()),
            Some("part") => parts.push_str(params["value"]["text"].as_str().unwrap()),
            _ => {}
        }
    }
    assert_eq!(kinds.first().map(String::as_str), Some("begin"));
    assert_eq!(kinds.last().map(String::as_str), Some("end"));
    assert!(
        parts.contains("# `acquire`") && parts.contains("It opens the path"),
        "{parts}"
    );
    let show = client.until(|message| message["method"] == "window/showDocument");
    let file = show["params"]["uri"]
        .as_str()
        .unwrap()
        .strip_prefix("file://")
        .unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap(), text);
    assert_eq!(show["params"]["uri"], result["uri"]);
    // The words are kept: they are in the hover, and nobody is asked again.
    let asked = reader.asked().len();
    let hover = client.hover("src/main.rs", (3, 12));
    assert!(hover.contains("It opens the path"), "{hover}");
    let explain = about(&client, "src/lock.rs", (3, 8));
    client.command("fathom.explain", explain.clone());
    assert_eq!(reader.asked().len(), asked);
    let mut anew = explain;
    anew["refresh"] = true.into();
    client.command("fathom.explain", anew);
    assert_eq!(reader.asked().len(), asked + 1);
    client.leave();
}

#[test]
fn unsaved_code_is_what_the_reader_is_shown() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::saying("Fine.");
    let mut client = client(&sandbox, &reader);
    client.open(
        "src/main.rs",
        "fn unsaved() -> u32 {\n    acquire(\"q\"); 77\n}\n",
    );
    let result = client.command("fathom.explain", about(&client, "src/main.rs", (0, 5)));
    assert!(
        result["markdown"].as_str().unwrap().contains("`unsaved`"),
        "{result}"
    );
    let shown = reader.asked().last().unwrap().last().to_owned();
    assert!(shown.contains("acquire(\"q\"); 77"), "{shown}");
    assert!(!shown.contains("fn main()"), "{shown}");
    client.leave();
}

#[test]
fn a_question_is_answered_from_the_code() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::saying("The lock is taken in [1].");
    let mut client = client(&sandbox, &reader);
    let mut ask = about(&client, "src/lock.rs", (3, 8));
    ask["question"] = "who waits?".into();
    let result = client.command("fathom.ask", ask);
    let text = result["markdown"].as_str().unwrap();
    assert!(
        text.starts_with("# ``` who waits? (about `acquire`) ```"),
        "{text}"
    );
    assert!(text.contains("The lock is taken in [1]."), "{text}");
    assert!(reader.asked().last().unwrap().last().contains("who waits?"));
    // Of the repository, without a place; and without showing it.
    let about = json!({"question": "where is the lock taken?", "show": false});
    let result = client.command("fathom.ask", about);
    assert!(
        result["markdown"]
            .as_str()
            .unwrap()
            .contains("where is the lock taken?")
    );
    client.leave();
}

#[test]
fn similar_code_is_found_from_unsaved_lines_too() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::saying("");
    let mut client = client(&sandbox, &reader);
    client.open("py/lock.py", CALLS[3].1);
    client.edit("py/lock.py", (0, 0), (0, 0), "# one\n# two\n# three\n\n");
    let result = client.command("fathom.similar", about(&client, "py/lock.py", (4, 6)));
    let text = result["markdown"].as_str().unwrap();
    assert!(text.contains("# Code like `py/lock.py:1`"), "{text}");
    assert!(text.contains("src/lock.rs"), "{text}");
    client.leave();
}

#[test]
fn without_a_reader_there_is_the_card_and_the_evidence() {
    let sandbox = Sandbox::new(CALLS);
    let mut client = Client::new(&sandbox);
    let result = client.command("fathom.explain", about(&client, "src/main.rs", (3, 12)));
    assert!(!result["markdown"].as_str().unwrap().contains("In words"));
    let tell = client.until(|message| message["method"] == "window/showMessage");
    let line = tell["params"]["message"].as_str().unwrap();
    assert!(line.starts_with("the answer is in /"), "{line}");
    let question = json!({"question": "how is a path opened before the lock is held?"});
    let result = client.command("fathom.ask", question);
    let text = result["markdown"].as_str().unwrap();
    assert!(text.contains("## Evidence"), "{text}");
    client.leave();
}

#[test]
fn an_answer_can_be_stopped_at_any_time() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::with(|_| ("It begins\n".to_owned(), Then::Silence));
    let mut client = client(&sandbox, &reader);
    for by_token in [false, true] {
        let params = json!({"command": "fathom.explain", "partialResultToken": "part",
            "workDoneToken": "work", "arguments": [about(&client, "src/main.rs", (3, 12))]});
        let first = client.begin("workspace/executeCommand", params.clone());
        client.until(|message| message["params"]["value"]["text"].as_str() == Some("It begins\n"));
        // One more waits for the reader.
        let second = client.begin("workspace/executeCommand", params);
        // Others do not.
        assert!(client.hover("src/main.rs", (3, 12)).contains("acquire"));
        let began = Instant::now();
        client.tell("$/cancelRequest", json!({"id": second}));
        assert_eq!(client.answer(second)["error"]["code"], CANCELLED);
        match by_token {
            true => client.tell("window/workDoneProgress/cancel", json!({"token": "work"})),
            false => client.tell("$/cancelRequest", json!({"id": first})),
        }
        assert_eq!(client.answer(first)["error"]["code"], CANCELLED);
        assert!(
            began.elapsed() < Duration::from_millis(1000),
            "{:?}",
            began.elapsed()
        );
        client.until(|message| message["params"]["value"]["kind"] == "end");
    }
    client.leave();
}

#[test]
fn whoever_hangs_up_while_a_reader_answers_waits_for_nothing() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::with(|_| ("It begins\n".to_owned(), Then::Silence));
    let mut client = client(&sandbox, &reader);
    let about = about(&client, "src/main.rs", (3, 12));
    let params =
        json!({"command": "fathom.explain", "partialResultToken": "part", "arguments": [about]});
    client.begin("workspace/executeCommand", params);
    client.until(|message| message["params"]["value"]["text"].as_str() == Some("It begins\n"));
    let began = Instant::now();
    client.hang_up();
    assert_eq!(client.end().code(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_reader_that_fails_leaves_the_card() {
    let sandbox = Sandbox::new(CALLS);
    let reader = Server::saying("");
    let url = reader.url.replace("127.0.0.1", "127.0.0.2");
    let mut client = Client::with(&sandbox, &["--reader-url", &url], json!({}));
    let result = client.command("fathom.explain", about(&client, "src/main.rs", (3, 12)));
    let text = result["markdown"].as_str().unwrap();
    assert!(
        text.contains("# `acquire`") && text.contains(&url),
        "{text}"
    );
    client.leave();
}
