//! Asks one tier after the other until one is sure enough.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use fathom::reader::{ReaderChoiceError, Readers, Source};
use fathom_answerer::answer::{self, Answered, Limits};
use fathom_answerer::context::{self, Context};
use fathom_answerer::conversation::Conversation;
use fathom_answerer::prompt::Prompt;
use fathom_answerer::reader::{Finish, Reader};
use fathom_answerer::tiers::{Tier, Tiers};
use fathom_answerer::{confidence, evidence};
use fathom_indexes::Snapshot;
use fathom_retriever::understand::understand;
use fathom_retriever::{Mode, SearchHit};

use super::session::Session;
use crate::cli::Global;
use crate::cli::reader::AnswerArgs;
use crate::cli::search::FilterArgs;
use crate::errors::{Failure, warn};
use crate::output::answer::{Asked, Given, write_given};
use crate::output::style::Paint;
use crate::signals;

/// Asks about one repository.
pub struct Asker<'a> {
    pub global: &'a Global,
    pub session: &'a Session,
    pub filter: &'a FilterArgs,
    pub args: &'a AnswerArgs,
    pub readers: Readers,
    pub conversation: Conversation,
    /// How answers are shown while they come; `None`: not at all.
    pub show: Option<Paint>,
}

impl Asker<'_> {
    /// Answers a question that was asked at `began`.
    pub fn ask(&mut self, question: &str, began: Instant) -> anyhow::Result<Asked> {
        let snapshot = self.session.workspace.snapshot()?;
        let understood = understand(question);
        let card = self.session.card(&snapshot, &understood)?;
        let mut asked = Asked::new(question, snapshot.generation(), snapshot.coverage(), card);
        let mut tiers = Tiers::new(self.session.settings.reader.threshold);
        let by_rule = confidence::rules(&understood, asked.card.is_some());
        if tiers.asked(Tier::Rules, by_rule) {
            tiers.not_needed(Tier::Retrieval);
            self.nobody(&mut tiers);
        } else {
            self.readers.begin();
            let hits = self.search(&snapshot, question, &mut asked, &mut tiers)?;
            match hits {
                Some(hits) => self.readers(&snapshot, &hits, began, &mut asked, &mut tiers)?,
                None => self.nobody(&mut tiers),
            }
        }
        asked.steps = tiers.steps().to_vec();
        Ok(asked)
    }

    /// Searches; `None` if what is found is sure enough.
    fn search(
        &self,
        snapshot: &Snapshot,
        question: &str,
        asked: &mut Asked,
        tiers: &mut Tiers,
    ) -> anyhow::Result<Option<Vec<SearchHit>>> {
        let query = self.conversation.query(question);
        let top_k = self.session.settings.top_k;
        let request = self.filter.request(&query, Mode::Hybrid, top_k);
        let outcome = self.session.search(snapshot, request)?;
        asked.confidence = outcome.hits.first().map(|hit| hit.confidence);
        asked.spans = evidence::spans(&outcome.understood, &outcome.hits);
        let is_sure = tiers.asked(Tier::Retrieval, confidence::retrieval(&outcome));
        Ok((!is_sure).then_some(outcome.hits))
    }

    /// Notes that no reader is asked.
    fn nobody(&self, tiers: &mut Tiers) {
        for source in self.readers.sources() {
            tiers.not_needed(Tier::Reader(source.name().to_owned()));
        }
    }

    /// Asks the readers, from the first to the last.
    fn readers(
        &mut self,
        snapshot: &Snapshot,
        hits: &[SearchHit],
        began: Instant,
        asked: &mut Asked,
        tiers: &mut Tiers,
    ) -> anyhow::Result<()> {
        let sources: Vec<Source> = self.readers.sources().cloned().collect();
        let mut is_over = false;
        let mut kept: Option<(Context, Prompt)> = None;
        for (index, source) in sources.iter().enumerate() {
            let tier = Tier::Reader(source.name().to_owned());
            if is_over {
                tiers.not_needed(tier);
                continue;
            }
            if hits.is_empty() {
                tiers.left_out(tier, "the search found nothing to read");
                continue;
            }
            if asked.given.is_some() {
                let name = source.name();
                self.global
                    .note(&format!("not sure enough; asking `{name}`"));
            }
            let question = asked.question.clone();
            match self.read(index, source, snapshot, &question, hits, began) {
                Ok((given, context, prompt)) => {
                    is_over = tiers.asked(tier, given.answered.confidence);
                    let is_cancelled = given.answered.finish == Finish::Cancelled;
                    if asked.is_improved_by(&given) {
                        kept = Some((context, prompt));
                        asked.given = Some(given);
                    }
                    if is_cancelled {
                        break;
                    }
                }
                Err(error) if self.session.settings.reader.is_chosen() => return Err(error),
                Err(error) => {
                    warn(&format!("`{}` cannot be asked: {error}", source.name()));
                    tiers.left_out(tier, error.to_string());
                }
            }
        }
        if let (Some((context, prompt)), Some(given)) = (kept, &asked.given) {
            let raw = &given.answered.raw;
            self.conversation
                .keep(&asked.question, context, &prompt, raw);
        }
        Ok(())
    }

    /// Has one reader answer from what was found.
    fn read(
        &mut self,
        index: usize,
        source: &Source,
        snapshot: &Snapshot,
        question: &str,
        hits: &[SearchHit],
        began: Instant,
    ) -> anyhow::Result<(Given, Context, Prompt)> {
        let (prompt, context) = self.prompt(index, snapshot, question, hits)?;
        warn_if_sent(self.global, source);
        let limits = (self.args.max_tokens(), self.args.deadline(began));
        let reader = self.readers.get(index)?;
        let answered = read_shown(reader, &prompt, limits, self.show)?;
        let mut given = Given::new(source.name(), reader.name(), answered);
        given.add_sources(self.conversation.pieces());
        given.add_sources(context.numbered());
        if let Some(paint) = self.show {
            write_given(&mut io::stdout().lock(), &given, paint)?;
        }
        Ok((given, context, prompt))
    }

    /// What a reader is sent, by its own count of tokens.
    pub fn prompt(
        &mut self,
        index: usize,
        snapshot: &Snapshot,
        question: &str,
        hits: &[SearchHit],
    ) -> anyhow::Result<(Prompt, Context)> {
        let reader: &dyn Reader = self.readers.get(index)?;
        let count = |text: &str| reader.count(text);
        let limits = (
            reader.context(),
            self.args.max_tokens(),
            self.args.context_tokens(),
        );
        let room = self.conversation.make_room(question, &count, limits);
        let under = self.session.workspace.under();
        let context = context::for_question(snapshot, question, under, hits, &count, room)?;
        if context.pieces.is_empty() && !hits.is_empty() {
            return Err(no_room(reader.context(), room).into());
        }
        Ok(self.conversation.prompt(question, context))
    }
}

fn no_room(context: usize, room: usize) -> Failure {
    Failure::new(
        format!(
            "nothing that was found fits into the {room} tokens that a context of {context} leaves for code"
        ),
        "give a longer `--context`, more `--context-tokens` or fewer `--max-tokens`",
    )
}

/// Says so where code leaves this machine.
pub fn warn_if_sent(global: &Global, source: &Source) {
    if let Some(url) = source.elsewhere() {
        global.note(&format!("the question and the code are sent to `{url}`"));
    }
}

/// Has a reader answer, shown as it comes; Ctrl-C stops it.
pub fn read_shown(
    reader: &mut dyn Reader,
    prompt: &Prompt,
    (tokens, deadline): (usize, Option<Instant>),
    show: Option<Paint>,
) -> anyhow::Result<Answered> {
    let mut failed = None;
    let mut on_text = |text: &str| match show.map_or(Ok(()), |_| write_now(text)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    };
    let answered = signals::during_answer(|cancel| {
        let limits = Limits {
            tokens,
            deadline,
            cancel,
        };
        answer::answer(reader, prompt, limits, &mut on_text)
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(answered.map_err(ReaderChoiceError::from)?),
    }
}

fn write_now(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Seconds as a duration that a clock can count.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if duration < Duration::from_secs(1 << 30) => Ok(duration),
        _ => Err("not a number of seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_numbers() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "-1", "NaN", "1e30", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
