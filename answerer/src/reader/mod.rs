//! The reader model: a GGUF file run by llama.cpp, or a server behind a URL.
//!
//! Both are a [`Reader`]: messages in, an answer in pieces out, with
//! cancellation, deadline and statistics.

mod error;
mod http;
#[cfg(feature = "llama")]
mod llama;
mod options;
mod text;

use std::ops::{ControlFlow, Range};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub use error::ReaderError;
pub use http::{HttpOptions, HttpReader};
#[cfg(feature = "llama")]
pub use llama::LlamaReader;
pub use options::{Drafting, LlamaOptions, Override, OverrideValue};

use crate::lookup::{DraftCount, Sampling};

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The rules, the same for every question.
    System,
    /// The person, and the code that is shown.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The name that templates and servers know.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What a reader is asked.
pub struct Request<'a> {
    /// The conversation, the question last. A first message of
    /// [`Role::System`] is kept computed between requests and runs.
    pub messages: &'a [Message],
    /// Byte ranges of the last message's content that an answer may quote:
    /// one per piece of code, its label included, ascending.
    pub quotable: &'a [Range<usize>],
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens of the answer at most.
    pub max_tokens: usize,
    /// Texts that end the answer; they are not part of it.
    pub stop: &'a [String],
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Stops the answer within about 100 ms when set.
    pub cancel: &'a AtomicBool,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model said that it is done.
    End,
    /// A stop text came.
    Stop,
    /// `max_tokens` or the context is used up.
    Length,
    /// The receiver of the pieces or the cancel flag said so.
    Cancelled,
    /// The deadline passed.
    Deadline,
}

impl Finish {
    /// A word for JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Finish::End => "end",
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::Cancelled => "cancelled",
            Finish::Deadline => "deadline",
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Completion {
    /// All pieces together.
    pub text: String,
    /// Why it ended; the text is what came until then.
    pub finish: Finish,
    /// Mean natural logarithm of the probability of the answer's tokens;
    /// `None` if a server does not give it.
    pub mean_logprob: Option<f32>,
    /// Counts and times.
    pub stats: Stats,
}

/// Counts and times of one answer. A server gives only some of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of these, tokens that were still computed from before.
    pub cached_tokens: usize,
    /// Time to compute the rest of the prompt.
    pub prefill: Duration,
    /// Time from the request to the first token of the answer.
    pub first_token: Duration,
    /// Tokens of the answer.
    pub tokens: usize,
    /// Time for all tokens after the first.
    pub decode: Duration,
    /// Passes through the model after the prompt's.
    pub steps: usize,
    /// Drafted and accepted tokens by source.
    pub drafts: Vec<DraftCount>,
}

impl Stats {
    /// Prompt tokens computed per second; 0 if none were.
    #[must_use]
    pub fn prefill_speed(&self) -> f64 {
        per_second(self.prompt_tokens - self.cached_tokens, self.prefill)
    }

    /// Answer tokens per second after the first; 0 if there was no second.
    #[must_use]
    pub fn decode_speed(&self) -> f64 {
        per_second(self.tokens.saturating_sub(1), self.decode)
    }

    /// Answer tokens per pass through the model: 1 without drafts.
    #[must_use]
    pub fn tokens_per_step(&self) -> f64 {
        if self.steps == 0 {
            return 1.0;
        }
        self.tokens.saturating_sub(1) as f64 / self.steps as f64
    }
}

fn per_second(count: usize, time: Duration) -> f64 {
    if time.is_zero() {
        return 0.0;
    }
    count as f64 / time.as_secs_f64()
}

/// Receives the pieces of an answer as they come: complete characters, in
/// order. Breaking cancels the answer.
pub type OnPiece<'a> = &'a mut dyn FnMut(&str) -> ControlFlow<()>;

/// A model that answers.
pub trait Reader: Send {
    /// A name for output and caches.
    fn name(&self) -> &str;

    /// Tokens of prompt and answer together at most.
    fn context(&self) -> usize;

    /// Tokens that a text takes; an estimate for a server.
    fn count(&self, text: &str) -> usize;

    /// Answers. What came before an interruption is a normal result, with
    /// its [`Finish`].
    ///
    /// # Errors
    /// When there is no answer at all: the prompt does not fit, the model
    /// fails, the server is not there.
    fn read(
        &mut self,
        request: &Request<'_>,
        on_piece: OnPiece<'_>,
    ) -> Result<Completion, ReaderError>;
}
