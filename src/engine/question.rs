//! A question: asks one tier after the other until one is sure enough.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use fathom_answerer::answer::{self, Answered, Limits};
use fathom_answerer::context::{self, Context};
use fathom_answerer::conversation::Conversation;
use fathom_answerer::prompt::Prompt;
use fathom_answerer::reader::{Finish, Reader};
use fathom_answerer::tiers::{Tier, Tiers};
use fathom_answerer::{confidence, evidence};
use fathom_indexes::Snapshot;
use fathom_retriever::understand::understand;
use fathom_retriever::{SearchHit, SearchRequest};

use super::listener::Listener;
use super::session::Session;
use crate::output::answer::{Asked, Given};
use crate::reader::{ReaderChoiceError, Readers, Source};

/// How much a reader may read and say.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// Tokens of code that it is shown.
    pub context_tokens: usize,
    /// Tokens of the answer at most.
    pub max_tokens: usize,
    /// The answer is cut off so long after the question.
    pub deadline: Option<Duration>,
}

impl Default for AnswerLimits {
    fn default() -> AnswerLimits {
        AnswerLimits {
            context_tokens: 3000,
            max_tokens: 600,
            deadline: None,
        }
    }
}

impl AnswerLimits {
    /// When an answer to a question of `began` is cut off.
    pub fn until(&self, began: Instant) -> Option<Instant> {
        self.deadline.map(|after| began + after)
    }
}

/// Asks about one repository.
pub struct Asker<'a> {
    /// What is asked.
    pub session: Session<'a>,
    /// How it is searched; the question is put in its place.
    pub request: SearchRequest,
    /// How much is read and said.
    pub limits: AnswerLimits,
    /// Who is asked.
    pub readers: &'a mut Readers,
    /// What was said before.
    pub conversation: &'a mut Conversation,
    /// Who hears it.
    pub listener: &'a mut dyn Listener,
}

impl Asker<'_> {
    /// Answers a question that was asked at `began`.
    ///
    /// # Errors
    /// If the index cannot be read, or a reader that the user chose cannot be asked.
    pub fn ask(&mut self, question: &str, began: Instant) -> anyhow::Result<Asked> {
        let snapshot = self.session.workspace.snapshot()?;
        let understood = understand(question);
        let card = self.session.card(&snapshot, &understood)?;
        let mut asked = Asked::new(question, snapshot.generation(), snapshot.coverage(), card);
        let mut tiers = Tiers::new(self.session.workspace.settings().reader.threshold);
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
        let workspace = self.session.workspace;
        asked.changed = workspace.changed(&snapshot, asked.paths())?;
        Ok(asked)
    }

    /// What the search finds for a question.
    ///
    /// # Errors
    /// If the index cannot be read, or the request is not sound.
    pub fn hits(&mut self, snapshot: &Snapshot, question: &str) -> anyhow::Result<Vec<SearchHit>> {
        let request = self.request(question);
        let found = self.session.search(snapshot, request, self.listener)?;
        Ok(found.hits)
    }

    fn request(&self, question: &str) -> SearchRequest {
        SearchRequest {
            query: self.conversation.query(question),
            ..self.request.clone()
        }
    }

    /// Searches; `None` if what is found is sure enough.
    fn search(
        &mut self,
        snapshot: &Snapshot,
        question: &str,
        asked: &mut Asked,
        tiers: &mut Tiers,
    ) -> anyhow::Result<Option<Vec<SearchHit>>> {
        let request = self.request(question);
        let outcome = self.session.search(snapshot, request, self.listener)?;
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
                self.listener
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
                Err(error) if self.is_chosen() => return Err(error),
                Err(error) => {
                    let name = source.name();
                    self.listener
                        .warn(&format!("`{name}` cannot be asked: {error}"));
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

    fn is_chosen(&self) -> bool {
        self.session.workspace.settings().reader.is_chosen()
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
        note_if_sent(self.listener, source);
        let limits = (self.limits.max_tokens, self.limits.until(began));
        let reader = self.readers.get(index)?;
        let answered = read(reader, &prompt, limits, self.listener)?;
        let mut given = Given::new(source.name(), reader.name(), answered);
        given.add_sources(self.conversation.pieces());
        given.add_sources(context.numbered());
        self.listener.given(&given)?;
        Ok((given, context, prompt))
    }

    /// What a reader is sent, by its own count of tokens.
    ///
    /// # Errors
    /// If the reader cannot be opened, or its context leaves no room for code.
    pub fn prompt(
        &mut self,
        index: usize,
        snapshot: &Snapshot,
        question: &str,
        hits: &[SearchHit],
    ) -> anyhow::Result<(Prompt, Context)> {
        let under = self.under().map(<[u8]>::to_vec);
        let reader: &dyn Reader = self.readers.get(index)?;
        let count = |text: &str| reader.count(text);
        let limits = (
            reader.context(),
            self.limits.max_tokens,
            self.limits.context_tokens,
        );
        let room = self.conversation.make_room(question, &count, limits);
        let under = under.as_deref();
        let context = context::for_question(snapshot, question, under, hits, &count, room)?;
        if context.pieces.is_empty() && !hits.is_empty() {
            return Err(NoRoom {
                context: reader.context(),
                room,
            }
            .into());
        }
        Ok(self.conversation.prompt(question, context))
    }

    /// The part of the repository that is asked about.
    fn under(&self) -> Option<&[u8]> {
        let asked = self.request.filter.under.as_deref();
        asked.or(self.session.workspace.under())
    }
}

/// The code that was found does not fit.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing that was found fits into the {room} tokens that a context of {context} leaves for code; give a longer `--context`, more `--context-tokens` or fewer `--max-tokens`"
)]
struct NoRoom {
    context: usize,
    room: usize,
}

/// Says so where code leaves this machine.
pub(super) fn note_if_sent(listener: &mut dyn Listener, source: &Source) {
    if let Some(url) = source.elsewhere() {
        listener.note(&format!("the question and the code are sent to `{url}`"));
    }
}

/// Has a reader answer, heard as it comes.
pub(super) fn read(
    reader: &mut dyn Reader,
    prompt: &Prompt,
    (tokens, deadline): (usize, Option<Instant>),
    listener: &mut dyn Listener,
) -> anyhow::Result<Answered> {
    let cancel = listener.begin()?;
    let result = read_until(reader, prompt, (tokens, deadline, &cancel), listener);
    listener.end();
    result
}

fn read_until(
    reader: &mut dyn Reader,
    prompt: &Prompt,
    (tokens, deadline, cancel): (usize, Option<Instant>, &AtomicBool),
    listener: &mut dyn Listener,
) -> anyhow::Result<Answered> {
    let mut failed = None;
    let mut on_text = |text: &str| match listener.text(text) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    };
    let limits = Limits {
        tokens,
        deadline,
        cancel,
    };
    let answered = answer::answer(reader, prompt, limits, &mut on_text);
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(answered.map_err(ReaderChoiceError::from)?),
    }
}
