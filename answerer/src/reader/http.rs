//! A reader behind a URL: any server that speaks OpenAI's chat completions,
//! such as llama.cpp's own.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::text::Answer;
use super::{Completion, Finish, OnPiece, Reader, ReaderError, Request, Stats};

/// How often the cancel flag is looked at while the server is silent.
const POLL: Duration = Duration::from_millis(25);

/// Longest line of a server's stream.
const LONGEST_LINE: u64 = 1 << 20;

/// Longest error text of a server that is passed on.
const LONGEST_ERROR: u64 = 2000;

/// Where a server is and what to ask it for.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Base address, such as `http://127.0.0.1:8080/v1`.
    pub url: String,
    /// Name of the model, for servers that have several.
    pub model: Option<String>,
    /// Sent as a bearer token.
    pub key: Option<String>,
    /// Tokens of prompt and answer together at most.
    pub context: usize,
}

/// A server that answers.
pub struct HttpReader {
    options: HttpOptions,
    agent: ureq::Agent,
}

impl HttpReader {
    /// Does not connect yet.
    #[must_use]
    pub fn new(options: HttpOptions) -> HttpReader {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build();
        HttpReader {
            options,
            agent: config.into(),
        }
    }

    fn endpoint(&self) -> String {
        format!(
            "{}/chat/completions",
            self.options.url.trim_end_matches('/')
        )
    }

    fn failed(&self, reason: impl Into<String>) -> ReaderError {
        ReaderError::Server {
            url: self.options.url.clone(),
            reason: reason.into(),
        }
    }

    fn body(&self, request: &Request<'_>) -> Result<String, ReaderError> {
        let body = Body {
            model: self.options.model.as_deref(),
            messages: request
                .messages
                .iter()
                .map(|message| Turn {
                    role: message.role.as_str(),
                    content: &message.content,
                })
                .collect(),
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
            temperature: request.sampling.temperature,
            top_p: request.sampling.top_p,
            seed: request.sampling.seed,
            max_tokens: request.max_tokens,
            stop: request.stop,
            logprobs: true,
        };
        serde_json::to_string(&body).map_err(|error| self.failed(error.to_string()))
    }

    /// Sends the question from a thread of its own, so that waiting for the
    /// server can be interrupted. Its lines come through the channel.
    fn send(&self, body: String) -> Receiver<Line> {
        let (sender, receiver) = sync_channel(64);
        let (agent, url, key) = (
            self.agent.clone(),
            self.endpoint(),
            self.options.key.clone(),
        );
        std::thread::spawn(move || {
            let ended = stream(&agent, &url, key.as_deref(), &body, &sender);
            // If nobody listens any more, the answer was cancelled.
            let _unheard = sender.send(Line::End(ended));
        });
        receiver
    }
}

/// What comes from the thread that talks to the server.
enum Line {
    Data(String),
    End(Result<(), String>),
}

/// Posts the question and passes each line of the answer on.
fn stream(
    agent: &ureq::Agent,
    url: &str,
    key: Option<&str>,
    body: &str,
    lines: &SyncSender<Line>,
) -> Result<(), String> {
    let mut post = agent.post(url).header("Content-Type", "application/json");
    if let Some(key) = key {
        post = post.header("Authorization", format!("Bearer {key}"));
    }
    let response = post.send(body).map_err(|error| error.to_string())?;
    let status = response.status();
    let mut reader = BufReader::new(response.into_body().into_reader());
    if !status.is_success() {
        let mut text = String::new();
        // What can be read of the reason is good enough.
        let _partly = reader.take(LONGEST_ERROR).read_to_string(&mut text);
        return Err(format!("status {}: {}", status.as_u16(), text.trim()));
    }
    loop {
        let mut line = Vec::new();
        let read = reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if read.map_err(|error| error.to_string())? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        if let Some(data) = line.strip_prefix("data:")
            && lines.send(Line::Data(data.trim().to_owned())).is_err()
        {
            return Ok(());
        }
    }
}

impl Reader for HttpReader {
    fn name(&self) -> &str {
        self.options.model.as_deref().unwrap_or(&self.options.url)
    }

    fn context(&self) -> usize {
        self.options.context
    }

    fn count(&self, text: &str) -> usize {
        // Code takes a little more than three bytes per token.
        text.len().div_ceil(3)
    }

    fn read(
        &mut self,
        request: &Request<'_>,
        on_piece: OnPiece<'_>,
    ) -> Result<Completion, ReaderError> {
        let lines = self.send(self.body(request)?);
        let mut incoming = Incoming::new(request, on_piece);
        let finish = loop {
            match lines.recv_timeout(POLL) {
                Ok(Line::Data(data)) if data == "[DONE]" => break incoming.finish,
                Ok(Line::Data(data)) => {
                    let ended = incoming.take(&data).map_err(|reason| self.failed(reason))?;
                    if let Some(finish) = ended {
                        break Some(finish);
                    }
                }
                Ok(Line::End(Ok(()))) | Err(RecvTimeoutError::Disconnected) => {
                    break incoming.finish;
                }
                Ok(Line::End(Err(reason))) => return Err(self.failed(reason)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(finish) = interrupted(request) {
                break Some(finish);
            }
        };
        let finish = finish.ok_or_else(|| self.failed("the answer broke off"))?;
        Ok(incoming.completion(finish))
    }
}

fn interrupted(request: &Request<'_>) -> Option<Finish> {
    if request.cancel.load(Ordering::Relaxed) {
        return Some(Finish::Cancelled);
    }
    let late = request
        .deadline
        .is_some_and(|deadline| Instant::now() >= deadline);
    late.then_some(Finish::Deadline)
}

/// The answer as it comes.
struct Incoming<'a> {
    request: &'a Request<'a>,
    on_piece: OnPiece<'a>,
    answer: Answer,
    began: Instant,
    first: Option<Instant>,
    logprobs: Vec<f32>,
    pieces: usize,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

impl<'a> Incoming<'a> {
    fn new(request: &'a Request<'a>, on_piece: OnPiece<'a>) -> Incoming<'a> {
        Incoming {
            request,
            on_piece,
            answer: Answer::default(),
            began: Instant::now(),
            first: None,
            logprobs: Vec::new(),
            pieces: 0,
            usage: None,
            finish: None,
        }
    }

    /// Takes one event; says why the answer ends if it ends here.
    fn take(&mut self, data: &str) -> Result<Option<Finish>, String> {
        let event: Event = serde_json::from_str(data)
            .map_err(|error| format!("an event is not as OpenAI describes it ({error})"))?;
        if let Some(error) = event.error {
            return Err(error.to_string());
        }
        self.usage = event.usage.or(self.usage.take());
        let Some(choice) = event.choices.into_iter().next() else {
            return Ok(None);
        };
        let tokens = choice.logprobs.and_then(|logprobs| logprobs.content);
        self.logprobs
            .extend(tokens.into_iter().flatten().map(|token| token.logprob));
        self.finish = match choice.finish_reason.as_deref() {
            Some("length") => Some(Finish::Length),
            Some(_) => Some(Finish::End),
            None => self.finish,
        };
        let text = choice
            .delta
            .and_then(|delta| delta.content)
            .unwrap_or_default();
        Ok(self.show(&text).break_value())
    }

    fn show(&mut self, text: &str) -> ControlFlow<Finish> {
        if text.is_empty() {
            return ControlFlow::Continue(());
        }
        self.first.get_or_insert_with(Instant::now);
        self.pieces += 1;
        // Servers cut at stop texts themselves, but not all do.
        if self.answer.push(text.as_bytes(), self.request.stop) {
            return ControlFlow::Break(Finish::Stop);
        }
        let ready = self.answer.ready(self.request.stop);
        if !ready.is_empty() && (self.on_piece)(ready).is_break() {
            return ControlFlow::Break(Finish::Cancelled);
        }
        ControlFlow::Continue(())
    }

    fn completion(self, finish: Finish) -> Completion {
        let (rest, text) = self.answer.finish();
        if !rest.is_empty() && finish != Finish::Cancelled {
            // Nothing comes after it, so whether to go on does not matter.
            let _last = (self.on_piece)(&rest);
        }
        let usage = self.usage.unwrap_or_default();
        let first = self.first.unwrap_or_else(Instant::now);
        let mean = self.logprobs.iter().sum::<f32>() / self.logprobs.len().max(1) as f32;
        Completion {
            text,
            finish,
            mean_logprob: (!self.logprobs.is_empty()).then_some(mean),
            stats: Stats {
                prompt_tokens: usage.prompt_tokens,
                tokens: usage.completion_tokens.unwrap_or(self.pieces),
                first_token: first - self.began,
                decode: self.first.map_or(Duration::ZERO, |first| first.elapsed()),
                ..Stats::default()
            },
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    messages: Vec<Turn<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    temperature: f32,
    top_p: f32,
    seed: u64,
    max_tokens: usize,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    logprobs: bool,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Logprobs {
    content: Option<Vec<TokenLogprob>>,
}

#[derive(Deserialize)]
struct TokenLogprob {
    logprob: f32,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: usize,
    completion_tokens: Option<usize>,
}
