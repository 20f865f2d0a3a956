//! `fathom ask` with a reader: checked answers, tiers, interruptions, injections.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Run, SMALL, Sandbox, masked, wait};
use crate::server::{Server, Then, later};

/// A question that the small repository answers.
pub const QUESTION: &str = "who waits for the writer lock";

/// The model that quotes what it is shown.
pub fn fixture() -> String {
    let path = "answerer/tests/fixtures/reader-tiny.gguf";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    path.to_str().unwrap().to_owned()
}

/// A repository that is indexed.
pub fn indexed(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new(files);
    sandbox.run(&["index", "-q"]).expect_code(0);
    sandbox
}

/// What becomes of something that a reader says about the small repository.
fn told(says: &'static str) -> String {
    let server = Server::saying(says);
    let sandbox = indexed(SMALL);
    let args = ["ask", "-q", "-k1", QUESTION];
    masked(&sandbox, &sandbox.run(&server.args(&args)))
}

#[test]
fn a_right_answer_comes_with_its_sources() {
    let says = "`acquire_lock` waits for it:\n```rust\npub fn acquire_lock(path: &str) -> bool {\n```\nSee [1].";
    insta::assert_snapshot!(told(says), @r"
    exit 0
    --- stdout
    `acquire_lock` waits for it:
    ```rust
    pub fn acquire_lock(path: &str) -> bool {
    ```
    See [1].

    ✓ [1] src/lock.rs:1-6  2 quotations found in it
    confidence 0.95: 3 of 3 claims verified
    --- stderr
    ");
}

#[test]
fn what_is_not_in_the_code_is_marked() {
    let says = "`acquire_lock` calls `flock(2)` [1], as WriterGuard does [7].\n";
    insta::assert_snapshot!(told(says), @r"
    exit 0
    --- stdout
    `acquire_lock` calls `flock(2)`[?] [1], as WriterGuard[?] does.

    ✓ [1] src/lock.rs:1-6  1 quotation found in it
    [?] not in what was shown: `flock(2)`, WriterGuard
    1 citation of what was not shown is left out
    the code that was found does not support this answer
    confidence 0.38: 2 of 5 claims verified

    src/lock.rs:1-5  acquire_lock
       1 │ //! Locks.
       2 │ 
       3 │ /// Takes the writer lock and waits for it.
       4 │ pub fn acquire_lock(path: &str) -> bool {
       5 │     std::fs::File::create(path).is_ok()
    --- stderr
    ");
}

#[test]
fn an_answer_without_support_says_so_and_shows_the_evidence() {
    insta::assert_snapshot!(told("It is flock_it that waits."), @r"
    exit 0
    --- stdout
    It is flock_it[?] that waits.

    [?] not in what was shown: flock_it
    the code that was found does not support this answer
    confidence 0.00: 0 of 1 claims verified

    src/lock.rs:1-5  acquire_lock
       1 │ //! Locks.
       2 │ 
       3 │ /// Takes the writer lock and waits for it.
       4 │ pub fn acquire_lock(path: &str) -> bool {
       5 │     std::fs::File::create(path).is_ok()
    --- stderr
    ");
    insta::assert_snapshot!(told("The excerpts do not answer this."), @r"
    exit 0
    --- stdout
    The excerpts do not answer this.

    src/lock.rs:1-5  acquire_lock
       1 │ //! Locks.
       2 │ 
       3 │ /// Takes the writer lock and waits for it.
       4 │ pub fn acquire_lock(path: &str) -> bool {
       5 │     std::fs::File::create(path).is_ok()
    --- stderr
    ");
}

#[test]
fn everything_is_counted_for_programs() {
    let says = "`acquire_lock` and `flock(2)` [1] [7] by lock_all, acquire_lock.";
    let server = Server::saying(says);
    let sandbox = indexed(SMALL);
    let json = sandbox
        .run(&server.args(&["ask", "--json", "-k1", "--reader-model", "m", QUESTION]))
        .expect_code(0)
        .json();
    assert_eq!(
        json["answer"],
        "`acquire_lock` and `flock(2)`[?] [1] by lock_all[?], acquire_lock."
    );
    for (kind, verified, marked, dropped) in [
        ("citations", 1, 0, 1),
        ("quotes", 1, 1, 0),
        ("identifiers", 1, 1, 0),
    ] {
        let counts =
            serde_json::json!({"verified": verified, "marked": marked, "dropped": dropped});
        assert_eq!(json["checked"][kind], counts, "{kind}");
    }
    assert_eq!(
        json["doubtful"],
        serde_json::json!(["`flock(2)`", "lock_all"])
    );
    assert_eq!(json["sources"][0]["path"], "src/lock.rs");
    assert_eq!(json["supported"], true);
    assert_eq!(json["finish"], "end");
    assert_eq!(
        json["reader"],
        serde_json::json!({"name": "m", "model": "m"})
    );
    assert_eq!(json["stats"]["prompt_tokens"], 7);
    assert!(
        (json["mean_logprob"].as_f64().unwrap() + 0.05).abs() < 1e-6,
        "{json}"
    );
    let confidence = json["answer_confidence"].as_f64().unwrap();
    assert!(
        (confidence - 0.5 * (-0.05_f64).exp()).abs() < 1e-3,
        "{json}"
    );
    assert_eq!(server.asked()[0].body["model"], "m");
}

/// Names of the tiers of a question that were asked.
fn tiers(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let args = [&["ask", "--json"], args].concat();
    let json = sandbox.run(&args).expect_code(0).json();
    let steps = json["tiers"].as_array().unwrap().clone();
    let asked = steps.iter().filter(|step| step["asked"] == true);
    asked
        .map(|step| {
            step["name"]
                .as_str()
                .unwrap_or(step["tier"].as_str().unwrap())
                .to_owned()
        })
        .collect()
}

#[test]
fn each_tier_is_asked_where_the_one_before_is_not_sure() {
    let sandbox = indexed(SMALL);
    let server = Server::saying("`acquire_lock` [1]");
    let (url, model) = (server.url.as_str(), fixture());
    let server_only = ["--reader-url", url];
    let both = [
        "--model",
        &model,
        "--reader-url",
        url,
        "--reader-model",
        "large",
    ];
    for (question, readers, threshold, expected) in [
        (
            "where is acquire_lock defined",
            &server_only[..],
            None,
            &["rules"][..],
        ),
        (QUESTION, &[], None, &["rules", "retrieval"]),
        (QUESTION, &server_only, None, &["rules", "retrieval", url]),
        (QUESTION, &server_only, Some("0.6"), &["rules", "retrieval"]),
        (
            QUESTION,
            &server_only,
            Some("2"),
            &["rules", "retrieval", url],
        ),
        (
            QUESTION,
            &both,
            Some("2"),
            &["rules", "retrieval", &model, "large"],
        ),
        (
            "where is acquire_lock defined",
            &server_only,
            Some("2"),
            &["rules", "retrieval", url],
        ),
    ] {
        let threshold = threshold.map_or(vec![], |value| vec!["--confidence-threshold", value]);
        let args = [&[question], readers, &threshold].concat();
        assert_eq!(tiers(&sandbox, &args), expected, "{args:?}");
    }
}

#[test]
fn nothing_is_sent_where_nothing_is_found() {
    let sandbox = indexed(&[]);
    let server = Server::saying("yes [1]");
    let run = sandbox
        .run(&server.args(&["ask", "-q", QUESTION]))
        .expect_code(0);
    assert_eq!(run.stdout, "nothing in the index answers this\n", "{run}");
    assert!(server.asked().is_empty());
}

#[test]
fn an_answer_is_shown_line_by_line() {
    let (sender, then) = later();
    let then = Mutex::new(Some(then));
    let server = Server::with(move |_| {
        let then = then.lock().unwrap().take().unwrap_or(Then::End);
        ("The first line [1].\nThe sec".to_owned(), then)
    });
    let sandbox = indexed(SMALL);
    let args = server.args(&["ask", "-q", QUESTION]);
    let mut child = sandbox.command(&args).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    // The server has not said the rest yet.
    assert_eq!(line, "The first line [1].\n");
    sender.send("ond.".to_owned()).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("The second.\n"), "{rest}");
    assert!(child.wait().unwrap().success());
}

/// Interrupts an answer after its first line; gives the run and how long it went on.
fn interrupted(sandbox: &Sandbox, args: &[&str]) -> (Run, String, Duration) {
    let mut child = sandbox.command(args).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    out.read_line(&mut text).unwrap();
    let began = Instant::now();
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    out.read_to_string(&mut text).unwrap();
    let run = wait(child, args);
    (run, text, began.elapsed())
}

#[test]
fn ctrl_c_stops_an_answer_and_keeps_what_was_written() {
    let sandbox = indexed(SMALL);
    let server = Server::with(|_| ("The first line [1].\n".to_owned(), Then::Silence));
    let model = fixture();
    for args in [
        server.args(&["ask", QUESTION]),
        vec![
            "ask",
            QUESTION,
            "--model",
            &model,
            "--max-tokens",
            "7000",
            "--confidence-threshold",
            "2",
        ],
    ] {
        let (run, text, took) = interrupted(&sandbox, &args);
        if run.code == Some(0) {
            // The fixture was faster than the signal.
            continue;
        }
        assert_eq!(run.code, Some(130), "{run}");
        assert!(
            run.stderr.contains("interrupted; what was written stays"),
            "{run}"
        );
        assert!(!text.is_empty());
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[test]
fn the_deadline_ends_an_answer_and_keeps_what_was_written() {
    let sandbox = indexed(SMALL);
    let server = Server::with(|_| ("The first line [1].\n".to_owned(), Then::Silence));
    let args = server.args(&["ask", QUESTION, "--deadline", "1.5"]);
    let run = sandbox.run(&args).expect_code(0);
    assert!(run.stdout.starts_with("The first line [1].\n"), "{run}");
    assert!(run.stderr.contains("the deadline passed"), "{run}");
    // A model that had no time at all: the evidence is left.
    let model = fixture();
    let args = ["ask", QUESTION, "--model", &model, "--deadline", "0"];
    let run = sandbox.run(&args).expect_code(0);
    assert!(
        run.stdout
            .contains("Takes the writer lock and waits for it."),
        "{run}"
    );
    let args = [
        "ask",
        QUESTION,
        "--model",
        &model,
        "--deadline",
        "0",
        "--json",
    ];
    let json = sandbox.run(&args).expect_code(0).json();
    assert_eq!(
        (&json["finish"], &json["answer"]),
        (&"deadline".into(), &"".into())
    );
}

#[test]
fn the_key_is_sent_and_never_shown() {
    let sandbox = indexed(SMALL);
    let server = Server::saying("`acquire_lock` [1]");
    let args = server.args(&["ask", "--json", QUESTION]);
    let run = sandbox
        .run_with(&[("FATHOM_READER_KEY", "k-123")], &args)
        .expect_code(0);
    assert!(server.asked()[0].head.contains("Bearer k-123"));
    assert!(!run.to_string().contains("k-123"), "{run}");
}

#[test]
fn a_reader_that_cannot_answer_is_an_error_where_it_was_named() {
    let sandbox = indexed(SMALL);
    let model = fixture();
    let cases: [(&[&str], &str); 6] = [
        (
            &["--reader-url", "http://127.0.0.1:9/v1"],
            "check that an OpenAI-compatible server is running there",
        ),
        (
            &["--reader-url", "127.0.0.1:9"],
            "is not an address of a server",
        ),
        (&["--model", "qwen3-4b"], "run `fathom model pull qwen3-4b`"),
        (
            &["--model", "src/lock.rs.gguf"],
            "`src/lock.rs.gguf` is not a file",
        ),
        (
            &["--model", &model, "--model", &model, "--draft", &model],
            "`--draft` is for one model",
        ),
        (
            &["--model", &model, "--override-kv", "a=4"],
            "`a=4` is not an override",
        ),
    ];
    for (args, why) in cases {
        let run = sandbox
            .run(&[&["ask", QUESTION], args].concat())
            .expect_code(2);
        assert!(run.stderr.contains(why), "{run}");
    }
}

/// Puts a model where installed ones are.
fn installed(model: &[u8]) -> Sandbox {
    let sandbox = indexed(SMALL);
    let models = sandbox.path("data/fathom/models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::write(
        models.join("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
        model,
    )
    .unwrap();
    sandbox
}

#[test]
fn an_installed_model_is_found() {
    let sandbox = installed(&std::fs::read(fixture()).unwrap());
    let json = sandbox
        .run(&["ask", "--json", QUESTION])
        .expect_code(0)
        .json();
    let reader =
        serde_json::json!({"name": "qwen2.5-coder-0.5b", "model": "fathom reader fixture"});
    assert_eq!(json["reader"], reader);
    let shown = sandbox
        .run(&["ask", "--json", "--show-context", QUESTION])
        .json();
    assert_eq!(shown["counted_by"], "fathom reader fixture");
    assert!(shown["tokens"].as_u64() < json["stats"]["prompt_tokens"].as_u64());
}

#[test]
fn a_found_model_that_does_not_load_leaves_the_evidence() {
    let sandbox = installed(b"GGUF and nothing more");
    let run = sandbox.run(&["ask", QUESTION]).expect_code(0);
    assert!(
        run.stdout
            .contains("Takes the writer lock and waits for it."),
        "{run}"
    );
    assert!(
        run.stderr.contains("`qwen2.5-coder-0.5b` cannot be asked"),
        "{run}"
    );
}
