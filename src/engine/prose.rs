//! A reader's words about a card, kept for the next time.

use std::io;
use std::time::Instant;

use fathom_answerer::answer;
use fathom_answerer::context::{self, Context};
use fathom_answerer::conversation::Conversation;
use fathom_answerer::edited::View;
use fathom_answerer::prompt::{self, Prompt};
use fathom_answerer::reader::Finish;
use fathom_answerer::tiers::{Step, Tier, Tiers};
use serde_json::Value;

use super::listener::Listener;
use super::question::{AnswerLimits, note_if_sent, read};
use crate::config::Settings;
use crate::output::answer::{Given, given_json, steps_json};
use crate::output::card::{Explained, write_card};
use crate::output::style::Paint;
use crate::reader::{self, AnswerKey, KeptAnswer, KeptAnswers, Readers, Source};

/// Explains by readers.
pub struct Teller<'a> {
    /// Which readers, and where answers are kept.
    pub settings: &'a Settings,
    /// How much is read and said.
    pub limits: AnswerLimits,
    /// Who is asked.
    pub readers: &'a mut Readers,
    /// Whether kept answers are left aside.
    pub anew: bool,
    /// Who hears it.
    pub listener: &'a mut dyn Listener,
}

/// What readers said.
#[derive(Default)]
pub struct Prose {
    /// The answer, if there is one.
    pub given: Option<Given>,
    /// Whether it is a kept answer, so that no reader was opened for it.
    pub is_kept: bool,
    /// Who was asked, and why.
    pub steps: Vec<Step>,
}

impl Prose {
    /// For programs; null if no reader said anything.
    pub fn document(&self) -> Value {
        let Some(given) = &self.given else {
            return Value::Null;
        };
        let mut fields = given_json(given);
        fields.insert("kept".into(), self.is_kept.into());
        fields.insert("tiers".into(), steps_json(&self.steps));
        if self.is_kept {
            fields.insert("stats".into(), Value::Null);
        }
        fields.into()
    }
}

/// What is explained, as readers see it.
struct About<'a> {
    name: String,
    card: String,
    explained: &'a Explained,
    view: View<'a>,
}

impl Teller<'_> {
    /// Has readers explain a card, until one is sure enough.
    ///
    /// # Errors
    /// If the index cannot be read, or a reader that the user chose cannot be asked.
    pub fn tell<'v>(
        &mut self,
        view: impl Into<View<'v>>,
        explained: &Explained,
    ) -> anyhow::Result<Prose> {
        let began = Instant::now();
        let mut tiers = Tiers::new(self.settings.reader.threshold);
        let mut prose = Prose::default();
        let about = About::new(view.into(), explained)?;
        let sources: Vec<Source> = self.readers.sources().cloned().collect();
        let mut is_over = false;
        for (index, source) in sources.iter().enumerate() {
            let tier = Tier::Reader(source.name().to_owned());
            if is_over {
                tiers.not_needed(tier);
                continue;
            }
            match self.by(index, source, &about, began) {
                Ok((given, is_kept)) => {
                    is_over = tiers.asked(tier, given.answered.confidence) || given.is_cancelled();
                    prose.given = Some(given);
                    prose.is_kept = is_kept;
                }
                Err(error) if self.settings.reader.is_chosen() => return Err(error),
                Err(error) => {
                    let name = source.name();
                    self.listener
                        .warn(&format!("`{name}` cannot be asked: {error}"));
                    tiers.left_out(tier, error.to_string());
                }
            }
        }
        prose.steps = tiers.steps().to_vec();
        Ok(prose)
    }

    /// What one reader says, or said. True if it is a kept answer.
    fn by(
        &mut self,
        index: usize,
        source: &Source,
        about: &About<'_>,
        began: Instant,
    ) -> anyhow::Result<(Given, bool)> {
        let kept = KeptAnswers::new(self.settings.data_dir.join("answers"));
        let key = key(self.settings, &self.limits, source, about);
        if !self.anew
            && let Some(given) = known(&kept, &key, source, about)?
        {
            self.listener.text(&given.answered.text)?;
            self.listener.given(&given)?;
            return Ok((given, true));
        }
        note_if_sent(self.listener, source);
        let (prompt, context) = self.prompt(index, about)?;
        let limits = (self.limits.max_tokens, self.limits.until(began));
        let reader = self.readers.get(index)?;
        let answered = read(reader, &prompt, limits, self.listener)?;
        let model = reader.name().to_owned();
        let mut given = Given::new(source.name(), &model, answered);
        given.add_sources(context.numbered());
        self.listener.given(&given)?;
        let answered = &given.answered;
        if matches!(answered.finish, Finish::End | Finish::Stop) {
            let (raw, mean) = (&answered.raw, answered.mean_logprob);
            let answer = KeptAnswer::new(&model, raw, mean, &context);
            if let Err(error) = kept.keep(&key, &answer) {
                let path = self.settings.data_dir.display();
                let warning = format!("the answer cannot be kept in `{path}`: {error}");
                self.listener.warn(&warning);
            }
        }
        Ok((given, false))
    }

    fn prompt(&mut self, index: usize, about: &About<'_>) -> anyhow::Result<(Prompt, Context)> {
        let reader = self.readers.get(index)?;
        let count = |text: &str| reader.count(text);
        let limits = (
            reader.context(),
            self.limits.max_tokens,
            self.limits.context_tokens,
        );
        let room = Conversation::default().make_room(&about.card, &count, limits);
        let card = &about.explained.card;
        let context = context::around(about.view, card, &count, room)?;
        Ok((about.prompt(&context), context))
    }
}

impl<'a> About<'a> {
    fn new(view: View<'a>, explained: &'a Explained) -> io::Result<About<'a>> {
        let subject = &explained.card.subject;
        let name = match subject.qualified_name.as_str() {
            "" => String::from_utf8_lossy(&subject.place.path).into_owned(),
            name => name.to_owned(),
        };
        // The last change and similar code say nothing of what it does.
        let facts = Explained {
            card: explained.card.clone(),
            change: None,
            similar: Vec::new(),
        };
        let mut card = Vec::new();
        write_card(&mut card, &facts, Paint::default())?;
        Ok(About {
            name,
            card: String::from_utf8_lossy(&card).into_owned(),
            explained,
            view,
        })
    }

    fn prompt(&self, context: &Context) -> Prompt {
        prompt::explain(&self.name, &self.card, context)
    }
}

/// What the first of the readers that has a kept answer said; no reader is opened for it.
///
/// # Errors
/// If the index cannot be read.
pub fn kept(
    settings: &Settings,
    limits: &AnswerLimits,
    view: View<'_>,
    explained: &Explained,
) -> anyhow::Result<Option<Given>> {
    let about = About::new(view, explained)?;
    let answers = KeptAnswers::new(settings.data_dir.join("answers"));
    for source in reader::sources(settings)? {
        let key = key(settings, limits, &source, &about);
        if let Some(given) = known(&answers, &key, &source, &about)? {
            return Ok(Some(given));
        }
    }
    Ok(None)
}

/// Everything that an answer depends on, but for the code that is shown.
fn key(
    settings: &Settings,
    limits: &AnswerLimits,
    source: &Source,
    about: &About<'_>,
) -> AnswerKey {
    let reader = &settings.reader;
    let sizes = [limits.context_tokens, limits.max_tokens, reader.context];
    let key = AnswerKey::new()
        .with(prompt::RULES.as_bytes())
        .with(about.name.as_bytes())
        .with(about.card.as_bytes())
        .with(format!("{sizes:?}").as_bytes());
    source.identify(key, reader)
}

/// The kept answer, checked anew, if what it was shown stands where it stood.
fn known(
    kept: &KeptAnswers,
    key: &AnswerKey,
    source: &Source,
    about: &About<'_>,
) -> anyhow::Result<Option<Given>> {
    let Some(answer) = kept.find(key) else {
        return Ok(None);
    };
    let context = context::at(about.view, answer.places())?;
    if !answer.is_of(&context) {
        return Ok(None);
    }
    let prompt = about.prompt(&context);
    let answered = answer::again(answer.raw, answer.mean_logprob, &prompt);
    let mut given = Given::new(source.name(), &answer.model, answered);
    given.add_sources(context.numbered());
    Ok(Some(given))
}
