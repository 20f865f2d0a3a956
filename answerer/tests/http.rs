//! The reader behind a URL, with a server of the test's own on the loopback.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use fathom_answerer::lookup::Sampling;
use fathom_answerer::reader::{
    Completion, Finish, HttpOptions, HttpReader, Message, Reader, ReaderError, Request, Role,
};

/// Answers one request with `reply`, then stays silent; gives the request's
/// head and body.
fn server(reply: &str) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    let reply = reply.to_owned();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = request_of(&stream);
        stream.write_all(reply.as_bytes()).unwrap();
        stream.flush().unwrap();
        // Not every test looks at it.
        let _unread = sender.send(request);
        // A reply without an end: the connection stays open for a while.
        if reply.ends_with("keep\n") {
            thread::sleep(Duration::from_secs(5));
        }
    });
    (url, receiver)
}

fn request_of(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(str::to_owned)
        })
        .unwrap();
    let mut body = vec![0; length.trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// A stream of events as an OpenAI-compatible server sends it.
fn events(events: &[&str]) -> String {
    let data: String = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{data}")
}

fn piece(text: &str) -> String {
    format!(
        r#"{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":null,"logprobs":{{"content":[{{"token":"x","logprob":-0.5}}]}}}}]}}"#
    )
}

fn ask(
    url: &str,
    cancel: &AtomicBool,
    deadline: Option<Instant>,
) -> Result<(Completion, Vec<String>), ReaderError> {
    let mut reader = HttpReader::new(HttpOptions {
        url: url.to_owned(),
        model: Some("m".into()),
        key: Some("secret".into()),
        context: 8192,
    });
    let mut pieces = Vec::new();
    let messages = [Message {
        role: Role::User,
        content: "Where is \"it\"?".into(),
    }];
    let request = Request {
        messages: &messages,
        quotable: &[],
        sampling: Sampling::GREEDY,
        max_tokens: 100,
        stop: &["STOP".to_owned()],
        deadline,
        cancel,
    };
    let completion = reader.read(&request, &mut |piece| {
        pieces.push(piece.to_owned());
        ControlFlow::Continue(())
    })?;
    Ok((completion, pieces))
}

fn answer(reply: &str) -> Result<(Completion, Vec<String>), ReaderError> {
    ask(&server(reply).0, &AtomicBool::new(false), None)
}

#[test]
fn pieces_come_as_they_are_sent() {
    let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;
    let reply = events(&[
        r#"{"choices":[{"delta":{"role":"assistant"}}]}"#,
        &piece("In "),
        &piece("[1]"),
        &piece(".\\n"),
        end,
        usage,
        "[DONE]",
    ]);
    let (completion, pieces) = answer(&reply).unwrap();
    assert_eq!(pieces, ["In ", "[1]", ".\n"]);
    assert_eq!(completion.text, "In [1].\n");
    assert_eq!(completion.finish, Finish::End);
    assert_eq!(completion.mean_logprob, Some(-0.5));
    assert_eq!(
        (completion.stats.prompt_tokens, completion.stats.tokens),
        (7, 3)
    );
}

#[test]
fn the_question_is_as_openai_describes_it() {
    let (url, requests) = server(&events(&["[DONE]"]));
    ask(&url, &AtomicBool::new(false), None).unwrap_err();
    let (head, body) = requests.recv().unwrap();
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_ascii_lowercase()
            .contains("authorization: bearer secret"),
        "{head}"
    );
    insta::assert_snapshot!(body, @r#"{"model":"m","messages":[{"role":"user","content":"Where is \"it\"?"}],"stream":true,"stream_options":{"include_usage":true},"temperature":0.0,"top_p":1.0,"seed":0,"max_tokens":100,"stop":["STOP"],"logprobs":true}"#);
}

#[test]
fn a_stop_text_ends_the_answer_also_where_the_server_does_not() {
    let (completion, pieces) =
        answer(&events(&[&piece("a S"), &piece("TOP b"), "[DONE]"])).unwrap();
    assert_eq!(
        (completion.text.as_str(), completion.finish),
        ("a ", Finish::Stop)
    );
    assert_eq!(pieces.concat(), "a ");
}

#[test]
fn failures_say_what_the_server_said() {
    let error = |reply: &str| answer(reply).unwrap_err().to_string();
    let status = "HTTP/1.1 400 Bad Request\r\nContent-Length: 15\r\n\r\nno such model m";
    assert!(
        error(status).contains("status 400: no such model m"),
        "{}",
        error(status)
    );
    let broken = events(&[&piece("a")]);
    assert!(error(&broken).contains("the answer broke off"));
    assert!(error(&events(&["{"])).contains("not as OpenAI describes it"));
    assert!(
        error(&events(&[r#"{"error":{"message":"out of memory"}}"#])).contains("out of memory")
    );
    let nobody = ask("http://127.0.0.1:1", &AtomicBool::new(false), None).unwrap_err();
    assert!(
        nobody
            .to_string()
            .contains("check that an OpenAI-compatible server is running there")
    );
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let reply = events(&[&piece("a"), "keep\n"]).replace("data: keep\n\n\n", ": keep\n");
    let cancel = AtomicBool::new(false);
    let url = server(&reply).0;
    let (took, finish) = thread::scope(|scope| {
        let asked = scope.spawn(|| ask(&url, &cancel, None));
        thread::sleep(Duration::from_millis(300));
        let set = Instant::now();
        cancel.store(true, Ordering::SeqCst);
        let (completion, _) = asked.join().unwrap().unwrap();
        assert_eq!(completion.text, "a");
        (set.elapsed(), completion.finish)
    });
    assert_eq!(finish, Finish::Cancelled);
    assert!(took < Duration::from_millis(100), "{took:?}");

    let began = Instant::now();
    let deadline = Some(began + Duration::from_millis(200));
    let (completion, _) = ask(&server(&reply).0, &AtomicBool::new(false), deadline).unwrap();
    assert_eq!(completion.finish, Finish::Deadline);
    assert!(began.elapsed() < Duration::from_millis(1000));
}
