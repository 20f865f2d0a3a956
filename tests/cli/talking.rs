//! `fathom chat`, and the prose of `fathom explain`.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::asking::{fixture, indexed};
use crate::common::{Run, SMALL, Sandbox, masked, wait};
use crate::server::{Server, Then};

/// Runs with lines on stdin.
fn talk(sandbox: &Sandbox, args: &[&str], lines: &[&str]) -> Run {
    let mut child = sandbox.command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.join("\n").as_bytes()).unwrap();
    drop(stdin);
    wait(child, args)
}

fn messages(body: &serde_json::Value) -> Vec<String> {
    let messages = body["messages"].as_array().unwrap();
    let content = |one: &serde_json::Value| one["content"].as_str().unwrap().to_owned();
    messages.iter().map(content).collect()
}

#[test]
fn a_chat_keeps_what_was_said_and_shown() {
    let sandbox = indexed(SMALL);
    let server = Server::new(|asked| match asked.last().contains("colour") {
        true => "`parse_colour` reads it [2], `acquire_lock` does not [1].".to_owned(),
        false => "`acquire_lock` waits [1].".to_owned(),
    });
    let lines = [
        "who waits for the writer lock",
        "",
        "how is a hexadecimal colour parsed",
        "/sources",
        "/what",
        "/new",
        "/sources",
        "/quit",
        "never asked",
    ];
    let run = talk(&sandbox, &server.args(&["chat", "-q", "-k1"]), &lines);
    insta::assert_snapshot!(masked(&sandbox, &run), @r"
    exit 0
    --- stdout
    `acquire_lock` waits [1].

    ✓ [1] src/lock.rs:1-6  1 quotation found in it
    confidence 0.95: 2 of 2 claims verified

    `parse_colour` reads it [2], `acquire_lock` does not [1].

    ✓ [1] src/lock.rs:1-6  1 quotation found in it
    ✓ [2] src/colour.py:1-3  1 quotation found in it
    confidence 0.95: 4 of 4 claims verified

    [1] src/lock.rs:1-6
    [2] src/colour.py:1-3
    --- stderr
    `/what` is unknown; `/sources` lists the code that was shown, `/new` forgets what was said, `/quit` ends
    ");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    let (first, second) = (messages(&asked[0].body), messages(&asked[1].body));
    assert_eq!((first.len(), second.len()), (2, 4));
    // Up to the new question everything is as it was, so that it is computed only once.
    assert_eq!(second[..2], first[..]);
    assert_eq!(second[2], "`acquire_lock` waits [1].");
    assert!(
        second[3].starts_with("[2] src/colour.py:1-3\n"),
        "{}",
        second[3]
    );
}

#[test]
fn a_chat_is_json_by_lines_and_computes_what_is_new() {
    let sandbox = indexed(SMALL);
    let model = fixture();
    let args = [
        "chat",
        "--json",
        "-k1",
        "--model",
        &model,
        "--max-tokens",
        "20",
    ];
    let args = [&args[..], &["--confidence-threshold", "2"]].concat();
    let lines = [
        "who waits for the writer lock",
        "how is a hexadecimal colour parsed",
    ];
    let run = talk(&sandbox, &args, &lines).expect_code(0);
    let turns: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(turns.len(), 2);
    let stats = |turn: usize, name: &str| turns[turn]["stats"][name].as_u64().unwrap();
    assert_eq!(stats(0, "cached_tokens"), 0);
    assert!(
        stats(1, "cached_tokens") >= stats(0, "prompt_tokens"),
        "{turns:?}"
    );
}

#[test]
fn a_chat_without_a_reader_shows_evidence() {
    let sandbox = indexed(SMALL);
    let run = talk(
        &sandbox,
        &["chat", "-k1"],
        &["who waits for the writer lock"],
    );
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.starts_with("src/lock.rs:"), "{run}");
    assert!(run.stderr.contains("fathom model pull"), "{run}");
}

#[test]
fn a_chat_goes_on_after_an_error() {
    let sandbox = indexed(SMALL);
    let args = ["chat", "-q", "--reader-url", "http://127.0.0.1:9/v1"];
    let run = talk(&sandbox, &args, &["who waits", "/sources", "who waits"]);
    assert_eq!(run.code, Some(2), "{run}");
    let told = run
        .stderr
        .matches("an OpenAI-compatible server is running there");
    assert_eq!(told.count(), 2, "{run}");
}

#[test]
fn a_card_comes_first_and_prose_below_it() {
    let sandbox = indexed(SMALL);
    let server = Server::saying("`acquire_lock` creates a file at `path` [1].");
    let run = sandbox.run(&server.args(&["explain", "-q", "acquire_lock"]));
    insta::assert_snapshot!(masked(&sandbox, &run), @r"
    exit 0
    --- stdout
    src/lock.rs:4-6  function acquire_lock
      pub fn acquire_lock(path: &str) -> bool
      │ Takes the writer lock and waits for it.
    also names
      File, create, is_ok

    `acquire_lock` creates a file at `path` [1].

    ✓ [1] src/lock.rs:4-6  2 quotations found in it
    confidence 0.95: 3 of 3 claims verified
    --- stderr
    ");
    let asked = server.asked();
    assert!(
        asked[0]
            .last()
            .contains("Known facts about `acquire_lock`:")
    );
    let run = sandbox.run(&server.args(&["explain", "-q", "--no-reader", "acquire_lock"]));
    assert!(!run.stdout.contains("creates a file"), "{run}");
}

#[test]
fn an_explanation_is_kept_while_the_code_is_the_same() {
    let sandbox = indexed(SMALL);
    let server = Server::saying("`acquire_lock` creates a file [1], says lock_all [9].");
    let args = server.args(&["explain", "-q", "acquire_lock"]);
    let first = sandbox.run(&args).expect_code(0);
    assert_eq!(sandbox.run(&args).expect_code(0).stdout, first.stdout);
    let json = |more: &[&str]| sandbox.run(&[&args[..], &["--json"], more].concat()).json();
    let kept = json(&[]);
    assert_eq!(kept["prose"]["kept"], true);
    assert!(kept["prose"]["stats"].is_null() && kept["cards"].is_array());
    // A kept answer is checked like a new one.
    assert_eq!(kept["prose"]["doubtful"], serde_json::json!(["lock_all"]));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(json(&["--refresh"])["prose"]["kept"], false);
    assert_eq!(server.asked().len(), 2);
    assert_eq!(json(&["--max-tokens", "9"])["prose"]["kept"], false);
    let text = SMALL[0].1.replace("File::create", "File::open");
    sandbox.write("src/lock.rs", &text);
    assert_eq!(json(&[])["prose"]["kept"], false);
    assert_eq!(json(&[])["prose"]["kept"], true);
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn an_unfinished_explanation_is_not_kept() {
    let sandbox = indexed(SMALL);
    let server = Server::with(|_| ("It creates [1].\n".to_owned(), Then::Silence));
    let args = server.args(&["explain", "--json", "acquire_lock", "--deadline", "0.5"]);
    for _ in 0..2 {
        let json = sandbox.run(&args).expect_code(0).json();
        assert_eq!(
            (&json["prose"]["finish"], &json["prose"]["kept"]),
            (&"deadline".into(), &false.into())
        );
    }
}

#[test]
fn a_kept_explanation_needs_no_model() {
    let sandbox = indexed(SMALL);
    let model = sandbox.path("m.gguf");
    fs::copy(fixture(), &model).unwrap();
    let args = [
        "explain",
        "-q",
        "acquire_lock",
        "--model",
        model.to_str().unwrap(),
    ];
    let first = sandbox.run(&args).expect_code(0);
    // What is there now cannot be opened, but looks the same from outside.
    let meta = fs::metadata(&model).unwrap();
    fs::write(&model, vec![0; meta.len() as usize]).unwrap();
    let file = fs::File::options().write(true).open(&model).unwrap();
    file.set_modified(meta.modified().unwrap()).unwrap();
    let second = sandbox.run(&args).expect_code(0);
    assert_eq!(second.stdout, first.stdout);
    let run = sandbox
        .run(&[&args[..], &["--refresh"]].concat())
        .expect_code(2);
    assert!(run.stderr.contains("is not a GGUF file"), "{run}");
}
