//! A reader of the test's own on the loopback: an OpenAI-compatible server that says what the
//! test has it say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// One request: its head, and its body.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: String,
    pub body: Value,
}

impl Asked {
    /// What the last message says.
    pub fn last(&self) -> &str {
        let messages = self.body["messages"].as_array().unwrap();
        messages.last().unwrap()["content"].as_str().unwrap()
    }
}

/// What the server does after the pieces that it says.
pub enum Then {
    /// Ends the answer.
    End,
    /// Says nothing more and keeps the connection open.
    Silence,
    /// Says the rest when told to.
    Wait(Receiver<String>),
}

/// A server, and what it was asked.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// A server that answers each request by what `says` makes of it.
    pub fn new(says: impl Fn(&Asked) -> String + Send + 'static) -> Server {
        Server::with(move |asked| (says(asked), Then::End))
    }

    /// A server that says the same to everything.
    pub fn saying(answer: &'static str) -> Server {
        Server::new(move |_| answer.to_owned())
    }

    /// A server that may not come to an end.
    pub fn with(says: impl Fn(&Asked) -> (String, Then) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            // Kept so that silent ones stay open.
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let request = request_of(&stream);
                log.lock().unwrap().push(request.clone());
                let (answer, then) = says(&request);
                open.push(respond(stream, &answer, then));
            }
        });
        Server { url, asked }
    }

    /// Everything that it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Arguments that make it the reader.
    pub fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--reader-url", &self.url]].concat()
    }
}

/// Sends an answer in pieces of a few characters. Whoever does not listen to its end is gone.
fn respond(mut stream: TcpStream, answer: &str, then: Then) -> TcpStream {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let mut send = |text: &str| {
        stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
    };
    let say = |text: &str, send: &mut dyn FnMut(&str) -> std::io::Result<()>| {
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(5) {
            let piece: String = piece.iter().collect();
            let event = json!({"choices": [{
                "delta": {"content": piece},
                "finish_reason": null,
                "logprobs": {"content": [{"token": piece, "logprob": -0.05}]},
            }]});
            let _gone = send(&format!("data: {event}\n\n"));
        }
    };
    let _gone = send(head);
    say(answer, &mut send);
    match then {
        Then::Silence => return stream,
        Then::Wait(more) => say(&more.recv().unwrap_or_default(), &mut send),
        Then::End => {}
    }
    let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}});
    let _gone = send(&format!("data: {end}\n\ndata: {usage}\n\ndata: [DONE]\n\n"));
    let _gone = stream.shutdown(std::net::Shutdown::Both);
    stream
}

fn request_of(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length = head.lines().find_map(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix("content-length:").map(str::to_owned)
    });
    let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Asked {
        body: serde_json::from_slice(&body).unwrap(),
        head,
    }
}

/// The channel by which a waiting server is told to go on.
pub fn later() -> (std::sync::mpsc::Sender<String>, Then) {
    let (sender, receiver) = channel();
    (sender, Then::Wait(receiver))
}
