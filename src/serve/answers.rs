//! Questions and explanations, answered at the end or as the answer comes.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use fathom_answerer::card;
use fathom_answerer::conversation::Conversation;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;

use super::events::{Event, Heard, stream};
use super::input::{Form, Input};
use super::jobs::{Cancel, joined};
use super::params::{AskParams, ExplainParams, answer_limits};
use super::problem::Problem;
use super::search::{reply, root};
use super::state::Shared;
use crate::daemon::protocol::RepositoryStatus;
use crate::engine::explanation::Wanted;
use crate::engine::freshness::Freshness;
use crate::engine::prose::Prose;
use crate::engine::question::AnswerLimits;
use crate::engine::{EngineError, Place};
use crate::output::answer::document;

/// `POST /v1/ask`
pub async fn ask(
    State(shared): State<Arc<Shared>>,
    form: Form,
    Input(params): Input<AskParams>,
) -> Result<Response, Problem> {
    let request = params.request(shared.engine.settings().top_k)?;
    let limits = limits(&shared, params.max_tokens, params.context_tokens)?;
    let question = params.question;
    let work = move |shared: &Shared, place: &Place, heard: &mut Heard| {
        let asked = (question.as_str(), limits);
        let mut conversation = Conversation::default();
        let asked = shared
            .engine
            .ask(place, asked, request, &mut conversation, heard)?;
        let mut document = document(&asked);
        document["root"] = root(place).into();
        Ok(document)
    };
    let events = begin(&shared, params.path, Freshness::Encoded, work)?;
    respond(form, events).await
}

/// `POST /v1/explain`
pub async fn explain(
    State(shared): State<Arc<Shared>>,
    form: Form,
    Input(params): Input<ExplainParams>,
) -> Result<Response, Problem> {
    let limits = limits(&shared, params.max_tokens, params.context_tokens)?;
    let wanted = wanted(&params)?;
    let work = move |shared: &Shared, place: &Place, heard: &mut Heard| {
        let seen = shared.engine.explain(place, &wanted)?;
        if seen.cards.is_empty() && seen.choices.is_empty() {
            return Err(nothing(&wanted));
        }
        let mut document = seen.document();
        document["root"] = root(place).into();
        heard.send(Event::Card(document.clone()));
        let prose = match seen.cards.first() {
            Some(card) if !params.card_only => {
                let how = (limits, params.refresh);
                shared.engine.tell(place, card, how, heard)?
            }
            _ => Prose::default(),
        };
        document["prose"] = prose.document();
        Ok(document)
    };
    let events = begin(&shared, params.path, Freshness::Words, work)?;
    respond(form, events).await
}

fn wanted(params: &ExplainParams) -> Result<Wanted, Problem> {
    match (params.target.trim(), params.trace.trim()) {
        ("", "") => Err(Problem::bad(
            "there is nothing to explain; give `target`, such as `src/main.rs:12` or a symbol, or a `trace`",
        )),
        ("", trace) => Ok(Wanted::Trace(trace.to_owned())),
        (target, "") => Ok(Wanted::One(card::parse(target))),
        _ => Err(Problem::bad(
            "both `target` and `trace` are given; give one of them",
        )),
    }
}

fn nothing(wanted: &Wanted) -> Problem {
    match wanted {
        Wanted::One(_) => EngineError::Missing(wanted.to_string()).into(),
        Wanted::Trace(_) => EngineError::Missing("any place of the trace".to_owned()).into(),
    }
}

/// How much is read and said, and for how long.
pub fn limits(shared: &Shared, answer: usize, context: usize) -> Result<AnswerLimits, Problem> {
    Ok(AnswerLimits {
        deadline: Some(shared.limits.answer),
        ..answer_limits(answer, context)?
    })
}

/// The answer in the form that was asked for.
async fn respond(form: Form, events: UnboundedReceiver<Event>) -> Result<Response, Problem> {
    match form {
        Form::Events => Ok(stream(events, |event| vec![event.sse()])),
        Form::Json => {
            let (mut document, notes) = collect(events).await?;
            document["notes"] = json!(notes);
            reply(&document)
        }
    }
}

/// Waits for the end of an answer; what was noted on the way, too.
pub async fn collect(
    mut events: UnboundedReceiver<Event>,
) -> Result<(Value, Vec<String>), Problem> {
    let mut notes = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Note(note) => notes.push(note),
            Event::Done(document) => return Ok((document, notes)),
            Event::Failed(problem) => return Err(problem),
            Event::Status(_) | Event::Card(_) | Event::Text(_) | Event::Given(_) => {}
        }
    }
    Err(Problem::internal("the answer broke off"))
}

/// Begins an answer: when the index is fresh and it is its turn, `work` is done in a thread, until
/// nobody listens any more.
///
/// # Errors
/// If too many answers are waited for.
pub fn begin(
    shared: &Arc<Shared>,
    path: String,
    wanted: Freshness,
    work: impl FnOnce(&Shared, &Place, &mut Heard) -> Result<Value, Problem> + Send + 'static,
) -> Result<UnboundedReceiver<Event>, Problem> {
    let Ok(permit) = shared.answers.clone().try_acquire_owned() else {
        let limit = shared.limits.answers;
        let message = format!("{limit} answers are being given or waited for; ask again later");
        return Err(Problem::busy("readers-busy", message));
    };
    let (events, receiver) = unbounded_channel();
    let shared = shared.clone();
    tokio::spawn(async move {
        let gone = events.clone();
        let result = tokio::select! {
            result = answer(shared, path, wanted, work, events.clone()) => result,
            // Whatever waited is dropped; a thread at work sees its flag.
            () = gone.closed() => return,
        };
        let last = match result {
            Ok(document) => Event::Done(document),
            Err(problem) => Event::Failed(problem),
        };
        // Nobody may be there to hear it.
        let _ = events.send(last);
        drop(permit);
    });
    Ok(receiver)
}

async fn answer(
    shared: Arc<Shared>,
    path: String,
    wanted: Freshness,
    work: impl FnOnce(&Shared, &Place, &mut Heard) -> Result<Value, Problem> + Send + 'static,
    events: UnboundedSender<Event>,
) -> Result<Value, Problem> {
    let cancel = Cancel::new();
    let mut heard = Heard {
        events: events.clone(),
        cancel: cancel.0.clone(),
    };
    let (place, notes) = shared.fresh(&path, wanted, on_status(events)).await?;
    for note in notes {
        heard.send(Event::Note(note));
    }
    if shared.turn.available_permits() == 0 {
        heard.send(Event::Note("another answer comes first".to_owned()));
    }
    let turn = tokio::select! {
        turn = shared.turn.clone().acquire_owned() => turn,
        () = shared.stopped() => return Err(Problem::busy("stopping", "the server is stopping")),
    };
    let worker = shared.clone();
    let mut handle = spawn_blocking(move || {
        let result = work(&worker, &place, &mut heard);
        drop(turn);
        result
    });
    tokio::select! {
        result = joined(&mut handle) => return result,
        () = shared.stopped() => cancel.set(),
    }
    joined(&mut handle).await
}

/// Sends how far an index is, when that has changed.
fn on_status(events: UnboundedSender<Event>) -> impl Fn(&RepositoryStatus) + Send + 'static {
    let last = Mutex::new(Value::Null);
    move |status| {
        let now = json!({
            "state": status.state,
            "files": status.files,
            "semantic_coverage": status.coverage,
        });
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != now {
            *last = now.clone();
            let _ = events.send(Event::Status(now));
        }
    }
}
