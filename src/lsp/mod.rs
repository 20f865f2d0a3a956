//! The language server: explanations, searches and answers in editors.
//!
//! [`serve`] reads from one stream and writes to another; nothing is loaded, indexed or watched
//! before a request needs it. `server.rs` says what may come when, `world.rs` what is known of a
//! place; each request has a file.

mod actions;
mod asked;
mod calls;
mod client;
mod commands;
mod documents;
mod frame;
mod hover;
mod lanes;
mod markdown;
mod message;
mod named;
mod navigate;
mod parent;
mod progress;
mod running;
mod server;
mod shown;
mod streamed;
mod symbols;
mod text;
mod uri;
mod world;

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use client::Client;
use frame::Frame;
use server::Server;

use crate::config::Settings;

/// How long answers that are on their way may take once all is over.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often one looks whether anybody reads.
const TICK: Duration = Duration::from_millis(500);

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client said so, or its stream or its process ended.
    Orderly,
    /// The client said `exit` without `shutdown` before it.
    WithoutShutdown,
}

/// What happens.
enum Event {
    Came(Frame),
    End,
    Broken(io::Error),
    ParentGone,
}

/// Serves a client until it goes.
///
/// # Errors
/// If what comes is not the protocol, or the client does not read what it is sent.
pub fn serve(
    settings: &Settings,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> io::Result<Ended> {
    // A process that outlives this one would be an orphan.
    let settings = Settings {
        background: false,
        ..settings.clone()
    };
    let client = Arc::new(Client::default());
    let writer = client.clone();
    let thread = thread::Builder::new().name("lsp writer".into());
    thread.spawn(move || writer.write_to(&mut BufWriter::new(output)))?;
    let (events, happened) = channel();
    let reader = events.clone();
    let thread = thread::Builder::new().name("lsp reader".into());
    thread.spawn(move || listen(input, &reader))?;
    let mut server = Server::new(settings, client.clone())?;
    let mut events = Some(events);
    let ended = loop {
        let event = match happened.recv_timeout(TICK) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) if !client.is_gone() => continue,
            Err(_) => break Err(io::ErrorKind::BrokenPipe.into()),
        };
        let last = match event {
            Event::Came(Frame::Json(value)) => server.take(value).map(Ok),
            Event::Came(Frame::Garbage(problem)) => {
                server.garbage(&problem);
                None
            }
            Event::End | Event::ParentGone => Some(Ok(Ended::Orderly)),
            Event::Broken(error) => {
                server.garbage(&error.to_string());
                Some(Err(error))
            }
        };
        if let Some(ended) = last {
            break ended;
        }
        if let Some(pid) = server.parent.take()
            && let Some(events) = events.take()
        {
            // When nobody listens any more, all is over already.
            parent::watch(pid, move || drop(events.send(Event::ParentGone)));
        }
    };
    server.stop();
    client.close(FAREWELL);
    ended
}

fn listen(input: impl Read, events: &Sender<Event>) {
    let mut input = BufReader::new(input);
    loop {
        let event = match frame::read(&mut input) {
            Ok(Some(frame)) => Event::Came(frame),
            Ok(None) => Event::End,
            Err(error) => Event::Broken(error),
        };
        let is_last = !matches!(event, Event::Came(_));
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}
