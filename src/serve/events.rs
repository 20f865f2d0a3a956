//! An answer on its way to a client, in pieces.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::problem::Problem;
use crate::engine::listener::Listener;
use crate::output::answer::{Given, given_json};

/// A silent stream shows that it lives so often.
const ALIVE: Duration = Duration::from_secs(10);

/// A piece of an answer.
pub enum Event {
    /// How far the index is that is waited for.
    Status(Value),
    /// Something worth knowing.
    Note(String),
    /// What the catalog says of what is explained.
    Card(Value),
    /// More of the answer: whole lines.
    Text(String),
    /// The answer whose text came is complete and checked; another one may follow.
    Given(Value),
    /// Everything; the last event.
    Done(Value),
    /// There is no answer; the last event.
    Failed(Problem),
}

impl Event {
    /// As a server-sent event.
    pub fn sse(self) -> sse::Event {
        let (name, data) = match self {
            Event::Status(status) => ("status", status),
            Event::Note(note) => ("note", json!({ "note": note })),
            Event::Card(card) => ("card", card),
            Event::Text(text) => ("text", json!({ "text": text })),
            Event::Given(given) => ("given", given),
            Event::Done(document) => ("done", document),
            Event::Failed(problem) => ("error", json!(problem)),
        };
        // Without line ends, as JSON on one line is.
        sse::Event::default().event(name).data(data.to_string())
    }
}

/// Hears an answer for a client that may go away.
pub struct Heard {
    /// Where it goes. Answers are of bounded length, so it need not wait.
    pub events: UnboundedSender<Event>,
    /// Set when the client is gone or the server ends.
    pub cancel: Arc<AtomicBool>,
}

impl Heard {
    /// Sends an event; a client that is gone is noticed elsewhere.
    pub fn send(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn still_heard(&self) -> io::Result<()> {
        match self.events.is_closed() {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(()),
        }
    }
}

impl Listener for Heard {
    fn begin(&mut self) -> anyhow::Result<Arc<AtomicBool>> {
        if self.cancel.load(Ordering::SeqCst) {
            anyhow::bail!("nobody waits for the answer any more");
        }
        Ok(self.cancel.clone())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.send(Event::Text(text.to_owned()));
        self.still_heard()
    }

    fn given(&mut self, given: &Given) -> io::Result<()> {
        self.send(Event::Given(given_json(given).into()));
        self.still_heard()
    }

    fn note(&mut self, note: &str) {
        self.send(Event::Note(note.to_owned()));
    }

    fn warn(&mut self, warning: &str) {
        self.note(warning);
    }
}

/// The events of an answer, as something else.
pub struct Events<F> {
    receiver: UnboundedReceiver<Event>,
    /// Turns one event into those that are sent.
    turn: F,
    ready: std::collections::VecDeque<sse::Event>,
}

impl<F: FnMut(Event) -> Vec<sse::Event> + Unpin> Stream for Events<F> {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match self.receiver.poll_recv(cx) {
                Poll::Ready(Some(event)) => {
                    let events = (self.turn)(event);
                    self.ready.extend(events);
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// A stream of server-sent events, each made by `turn`.
pub fn stream(
    receiver: UnboundedReceiver<Event>,
    turn: impl FnMut(Event) -> Vec<sse::Event> + Unpin + Send + 'static,
) -> Response {
    let events = Events {
        receiver,
        turn,
        ready: Default::default(),
    };
    let alive = KeepAlive::new().interval(ALIVE);
    Sse::new(events).keep_alive(alive).into_response()
}
