//! One answer from question to verdict: a reader reads, what it says is shown safely as it comes,
//! and checked against what it was shown.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::cite::{self, Marks, Report};
use crate::confidence;
use crate::lookup::Sampling;
use crate::prompt::{self, Prompt};
use crate::reader::{Finish, Reader, ReaderError, Request, Stats};
use crate::untrusted::Neutral;

/// How long an answer may be, and may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Tokens of the answer.
    pub tokens: usize,
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Stops the answer within about 100 ms when set.
    pub cancel: &'a AtomicBool,
}

/// An answer with everything that is known of it.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What the reader said. Not to be shown: see `text`.
    pub raw: String,
    /// What may be shown: marked, without wrong citations, nothing in it rendered.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// All claims, and what became of them.
    pub report: Report,
    /// Whether the reader said that what it was shown does not answer the question.
    pub refused: bool,
    /// How likely it is right, 0 to 1.
    pub confidence: f32,
    /// Mean natural logarithm of the probability of its tokens, if known.
    pub mean_logprob: Option<f32>,
    /// Counts and times.
    pub stats: Stats,
}

/// Asks a reader. `on_text` receives what may be shown, in complete lines; breaking cancels.
///
/// # Errors
/// When there is no answer at all.
pub fn answer(
    reader: &mut dyn Reader,
    prompt: &Prompt,
    limits: Limits<'_>,
    on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Answered, ReaderError> {
    let mut display = Display::new(prompt);
    let request = Request {
        messages: &prompt.messages,
        quotable: &prompt.quotable,
        sampling: Sampling::GREEDY,
        max_tokens: limits.tokens,
        stop: &[],
        deadline: limits.deadline,
        cancel: limits.cancel,
    };
    let completion = reader.read(&request, &mut |piece| display.push(piece, on_text))?;
    // Of a cancelled answer the reader keeps the last bytes back.
    let text = display.finish(&completion.text, on_text);
    let mean_logprob = completion.mean_logprob;
    Ok(Answered {
        text,
        finish: completion.finish,
        stats: completion.stats,
        ..judged(completion.text, mean_logprob, prompt)
    })
}

/// An answer that was given before, checked anew against what its prompt shows now.
#[must_use]
pub fn again(raw: String, mean_logprob: Option<f32>, prompt: &Prompt) -> Answered {
    let mut display = Display::new(prompt);
    let text = display.finish(&raw, &mut |_| ControlFlow::Continue(()));
    Answered {
        text,
        ..judged(raw, mean_logprob, prompt)
    }
}

fn judged(raw: String, mean_logprob: Option<f32>, prompt: &Prompt) -> Answered {
    let report = cite::check(&raw, &prompt.shown);
    let refused = prompt::is_refusal(&raw);
    Answered {
        confidence: match refused {
            true => 0.0,
            false => confidence::answer(mean_logprob, &report),
        },
        text: String::new(),
        finish: Finish::End,
        stats: Stats::default(),
        refused,
        report,
        mean_logprob,
        raw,
    }
}

/// What is shown so far.
struct Display<'a> {
    /// Bytes of the raw answer that came.
    came: usize,
    marks: Option<Marks<'a>>,
    neutral: Option<Neutral<'a>>,
    text: String,
}

impl<'a> Display<'a> {
    fn new(prompt: &'a Prompt) -> Display<'a> {
        let shown = prompt.shown.iter().map(|one| one.text.as_str());
        Display {
            came: 0,
            marks: Some(Marks::new(&prompt.shown)),
            neutral: Some(Neutral::new(shown)),
            text: String::new(),
        }
    }

    fn push(
        &mut self,
        piece: &str,
        on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.came += piece.len();
        let (Some(marks), Some(neutral)) = (&mut self.marks, &mut self.neutral) else {
            return ControlFlow::Continue(());
        };
        let safe = neutral.push(&marks.push(piece));
        self.show(&safe, on_text)
    }

    /// Shows the rest of a raw answer, and gives all that was shown.
    fn finish(&mut self, raw: &str, on_text: &mut dyn FnMut(&str) -> ControlFlow<()>) -> String {
        // The answer is over, so whether to go on does not matter.
        let _last = self.push(raw.get(self.came..).unwrap_or_default(), on_text);
        if let (Some(marks), Some(mut neutral)) = (self.marks.take(), self.neutral.take()) {
            let mut rest = neutral.push(&marks.finish());
            rest.push_str(&neutral.finish());
            let _last = self.show(&rest, on_text);
        }
        std::mem::take(&mut self.text)
    }

    fn show(
        &mut self,
        text: &str,
        on_text: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if text.is_empty() {
            return ControlFlow::Continue(());
        }
        self.text.push_str(text);
        on_text(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::context::{Context, Piece};
    use crate::reader::{Completion, OnPiece};

    /// A reader that says a text in pieces of a few bytes.
    struct Says(&'static str);

    impl Reader for Says {
        fn name(&self) -> &str {
            "test"
        }

        fn context(&self) -> usize {
            4096
        }

        fn count(&self, text: &str) -> usize {
            text.len()
        }

        fn read(
            &mut self,
            request: &Request<'_>,
            on_piece: OnPiece<'_>,
        ) -> Result<Completion, ReaderError> {
            let chars: Vec<char> = self.0.chars().collect();
            let mut text = String::new();
            let mut finish = Finish::End;
            for piece in chars.chunks(3) {
                let piece: String = piece.iter().collect();
                text.push_str(&piece);
                if on_piece(&piece).is_break() {
                    finish = Finish::Cancelled;
                    break;
                }
            }
            assert!(request.messages.len() > 1);
            Ok(Completion {
                text,
                finish,
                mean_logprob: Some(-0.1),
                stats: Stats::default(),
            })
        }
    }

    fn asked(says: &'static str) -> (Answered, String) {
        let piece = Piece::new(b"a.rs", "rust", (1, 1), "let a = open(path);\n");
        let prompt = prompt::ask("what is a?", &Context::of(vec![piece]));
        let cancel = AtomicBool::new(false);
        let limits = Limits {
            tokens: 100,
            deadline: None,
            cancel: &cancel,
        };
        let mut streamed = String::new();
        let answered = answer(&mut Says(says), &prompt, limits, &mut |text| {
            streamed.push_str(text);
            ControlFlow::Continue(())
        });
        (answered.unwrap(), streamed)
    }

    #[test]
    fn what_is_shown_is_marked_and_inert() {
        let says = "It is `open(path)` [1], see ![x](http://h/) and\n`close(path)` [9].";
        let (answered, streamed) = asked(says);
        assert_eq!(answered.raw, says);
        assert_eq!(answered.text, streamed);
        insta::assert_snapshot!(streamed, @"
        It is `open(path)` [1], see ! [x] (http[:]//h/) and
        `close(path)`[?].
        ");
        assert!(answered.report.is_supported() && !answered.refused);
    }

    #[test]
    fn a_given_answer_is_judged_as_a_new_one() {
        for says in [
            "`open(path)` [1]",
            "made_up [1]\n",
            "The excerpts do not answer this.",
            "",
        ] {
            let piece = Piece::new(b"a.rs", "rust", (1, 1), "let a = open(path);\n");
            let prompt = prompt::ask("what is a?", &Context::of(vec![piece]));
            let (new, _) = asked(says);
            let old = again(says.to_owned(), Some(-0.1), &prompt);
            let judged = |one: Answered| (one.text, one.report, one.refused, one.confidence);
            assert_eq!(judged(old), judged(new), "{says}");
        }
    }

    #[test]
    fn a_receiver_that_breaks_keeps_what_was_shown() {
        let piece = Piece::new(b"a.rs", "rust", (1, 1), "let a = 1;\n");
        let prompt = prompt::ask("what is a?", &Context::of(vec![piece]));
        let cancel = AtomicBool::new(false);
        let limits = Limits {
            tokens: 100,
            deadline: None,
            cancel: &cancel,
        };
        let mut lines = 0;
        let answered = answer(
            &mut Says("one\ntwo\nthree\nfour\n"),
            &prompt,
            limits,
            &mut |_| {
                lines += 1;
                match lines {
                    2 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            },
        );
        let answered = answered.unwrap();
        assert_eq!(answered.finish, Finish::Cancelled);
        assert!(answered.text.starts_with("one\ntwo\n") && !answered.text.contains("four"));
    }
}
