//! One answer: prompt, drafts, tokens to text.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::model::Model;
use super::prompt::{Prompt, prompt};
use super::{LlamaReader, tune};
use crate::lookup::{
    Chooser, Chosen, CostCurve, DecodeStats, DraftModel, Drafter, Lookup, Target, Token, generate,
};
use crate::reader::text::Answer;
use crate::reader::{Completion, Finish, OnPiece, ReaderError, Request, Stats};

/// Shortest beginning that is worth a file.
const LEAST_SAVED: usize = 32;

pub(super) fn read(
    reader: &mut LlamaReader,
    request: &Request<'_>,
    on_piece: OnPiece<'_>,
) -> Result<Completion, ReaderError> {
    let began = Instant::now();
    let prompt = prompt(reader.model(), request.messages, request.quotable)?;
    if prompt.tokens.len() >= reader.context.options().length {
        return Err(ReaderError::Full {
            length: reader.context.options().length,
        });
    }
    let mut stats = Stats {
        prompt_tokens: prompt.tokens.len(),
        ..Stats::default()
    };
    let model = std::sync::Arc::clone(reader.model());
    let mut output = Output::new(&model, request, on_piece, began);
    let run = prepare(reader, request, &prompt, &mut stats)
        .and_then(|costs| answer(reader, request, &prompt, costs, &mut output));
    match run {
        Ok(()) => {}
        Err(ReaderError::Interrupted) => output.finish = interrupted(request),
        Err(error) => return Err(error),
    }
    Ok(output.completion(stats))
}

/// Measures costs if needed and computes the prompt.
fn prepare(
    reader: &mut LlamaReader,
    request: &Request<'_>,
    prompt: &Prompt,
    stats: &mut Stats,
) -> Result<CostCurve, ReaderError> {
    let costs = costs(reader, request)?;
    let began = Instant::now();
    stats.cached_tokens = reuse(reader, prompt)?;
    let fed = feed(reader, request, prompt, stats.cached_tokens);
    stats.prefill = began.elapsed();
    fed.map(|()| costs)
}

/// The cost curve, measured once per model and machine, and with it what the
/// draft model costs.
fn costs(reader: &mut LlamaReader, request: &Request<'_>) -> Result<CostCurve, ReaderError> {
    if !reader.lookup && reader.draft.is_none() {
        return Ok(CostCurve::assumed());
    }
    let known = reader.costs.take();
    let known = known.or_else(|| reader.saved.as_ref().and_then(super::Saved::costs));
    let costs = match known {
        Some(costs) => costs,
        None => measure(reader, request)?,
    };
    reader.costs = Some(costs.clone());
    measure_draft(reader, request)?;
    Ok(costs)
}

fn measure(reader: &mut LlamaReader, request: &Request<'_>) -> Result<CostCurve, ReaderError> {
    let context = &mut reader.context;
    let measured = context.interruptible(request.cancel, request.deadline, tune::measure)?;
    if let (Some(costs), Some(saved)) = (&measured, &reader.saved) {
        saved.keep_costs(costs);
    }
    Ok(measured.unwrap_or_else(CostCurve::assumed))
}

fn measure_draft(reader: &mut LlamaReader, request: &Request<'_>) -> Result<(), ReaderError> {
    let Some(draft) = reader
        .draft
        .as_mut()
        .filter(|draft| draft.own_cost.is_none())
    else {
        return Ok(());
    };
    let context = &mut reader.context;
    if context.room() == 0 {
        context.clear();
        reader.memory.clear();
    }
    let own = context.interruptible(request.cancel, request.deadline, tune::one)?;
    draft.context.clear();
    let drafted = draft
        .context
        .interruptible(request.cancel, request.deadline, tune::one)?;
    draft.own_cost = Some(drafted.as_secs_f32() / own.as_secs_f32().max(1e-6));
    Ok(())
}

/// Brings the memory to a beginning of the prompt: what it holds already, or
/// what was saved. Gives its length; at least one token is left to compute.
fn reuse(reader: &mut LlamaReader, prompt: &Prompt) -> Result<usize, ReaderError> {
    let limit = prompt.tokens.len() - 1;
    let same = reader.memory.iter().zip(&prompt.tokens);
    let common = same.take_while(|(a, b)| a == b).count().min(limit);
    let fixed = &prompt.tokens[..prompt.fixed.min(limit)];
    if common < fixed.len()
        && let Some(state) = reader
            .saved
            .as_ref()
            .and_then(|saved| saved.beginning(fixed))
        && reader.context.restore(&state, fixed.len())
    {
        reader.memory = fixed.to_vec();
        return Ok(fixed.len());
    }
    match reader.context.keep(common) {
        Ok(()) => {
            reader.memory.truncate(common);
            Ok(common)
        }
        Err(ReaderError::NoRollback) => {
            reader.forget();
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

/// Computes the prompt from token `from` on, and saves its fixed beginning
/// when it comes by.
fn feed(
    reader: &mut LlamaReader,
    request: &Request<'_>,
    prompt: &Prompt,
    from: usize,
) -> Result<(), ReaderError> {
    let fixed = prompt.fixed;
    let unsaved = |saved: &&super::Saved| !saved.has_beginning(&prompt.tokens[..fixed]);
    let save = fixed >= LEAST_SAVED && from < fixed && fixed < prompt.tokens.len();
    let saved = reader.saved.as_ref().filter(|_| save).filter(unsaved);
    let context = &mut reader.context;
    let fed = context.interruptible(request.cancel, request.deadline, |context| {
        let mut from = from;
        if let Some(saved) = saved {
            context.feed(&prompt.tokens[from..fixed])?;
            saved.keep_beginning(&prompt.tokens[..fixed], &context.state());
            from = fixed;
        }
        context.feed(&prompt.tokens[from..])
    });
    reader.memory = prompt.tokens[..reader.context.len()].to_vec();
    fed
}

/// Generates, with the drafts that are wanted.
fn answer(
    reader: &mut LlamaReader,
    request: &Request<'_>,
    prompt: &Prompt,
    costs: CostCurve,
    output: &mut Output<'_>,
) -> Result<(), ReaderError> {
    let tokens = &prompt.tokens;
    let mut lookup = reader
        .lookup
        .then(|| Lookup::new(tokens, prompt.chunks.clone(), costs.clone()));
    let vocabulary = output.model.vocabulary();
    let mut draft = reader.draft.as_mut().map(|draft| {
        let own_cost = draft.own_cost.unwrap_or(0.5);
        DraftModel::new(&mut draft.context, tokens, costs, own_cost, vocabulary)
    });
    let mut drafters: Vec<&mut dyn Drafter<ReaderError>> = Vec::new();
    drafters.extend(lookup.as_mut().map(|lookup| lookup as &mut dyn Drafter<_>));
    drafters.extend(draft.as_mut().map(|draft| draft as &mut dyn Drafter<_>));
    let model = output.model;
    let rearm_at = |token| begins_quotation(model, token);
    let mut chooser = Chooser::new(request.sampling);
    let context = &mut reader.context;
    let mut stats = DecodeStats::default();
    let decoded = context.interruptible(request.cancel, request.deadline, |context| {
        let mut on = |chosen| output.take(chosen);
        generate(
            context,
            &mut chooser,
            &mut drafters,
            &rearm_at,
            &mut on,
            &mut stats,
        )
    });
    output.decoded = stats;
    reader.memory.extend_from_slice(&output.tokens);
    reader.memory.truncate(reader.context.len());
    decoded
}

/// A code fence, a quotation mark or a quoting line.
fn begins_quotation(model: &Model, token: Token) -> bool {
    let mut piece = Vec::new();
    model.piece(token, false, &mut piece);
    let text = String::from_utf8_lossy(&piece);
    text.contains("```") || text.contains(['"', '“', '«']) || text.trim_start().starts_with("> ")
}

fn interrupted(request: &Request<'_>) -> Finish {
    if request.cancel.load(Ordering::Relaxed) {
        Finish::Cancelled
    } else {
        Finish::Deadline
    }
}

/// The answer as it comes.
struct Output<'a> {
    model: &'a Model,
    request: &'a Request<'a>,
    on_piece: OnPiece<'a>,
    answer: Answer,
    tokens: Vec<Token>,
    logprobs: f64,
    finish: Finish,
    began: Instant,
    first: Option<Instant>,
    piece: Vec<u8>,
    decoded: DecodeStats,
}

impl<'a> Output<'a> {
    fn new(
        model: &'a Model,
        request: &'a Request<'a>,
        on_piece: OnPiece<'a>,
        began: Instant,
    ) -> Output<'a> {
        Output {
            model,
            request,
            on_piece,
            answer: Answer::default(),
            tokens: Vec::new(),
            logprobs: 0.0,
            finish: Finish::Length,
            began,
            first: None,
            piece: Vec::new(),
            decoded: DecodeStats::default(),
        }
    }

    /// Takes a token; breaks when the answer ends before it.
    fn take(&mut self, chosen: Chosen) -> ControlFlow<()> {
        self.first.get_or_insert_with(Instant::now);
        if let Some(finish) = self.ends(chosen.token) {
            self.finish = finish;
            return ControlFlow::Break(());
        }
        self.tokens.push(chosen.token);
        self.logprobs += f64::from(chosen.logprob);
        self.model.piece(chosen.token, false, &mut self.piece);
        if self.answer.push(&self.piece, self.request.stop) {
            self.finish = Finish::Stop;
            return ControlFlow::Break(());
        }
        let ready = self.answer.ready(self.request.stop);
        if !ready.is_empty() && (self.on_piece)(ready).is_break() {
            self.finish = Finish::Cancelled;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn ends(&self, token: Token) -> Option<Finish> {
        if self.model.is_end(token) {
            return Some(Finish::End);
        }
        if self.tokens.len() >= self.request.max_tokens {
            return Some(Finish::Length);
        }
        if self.request.cancel.load(Ordering::Relaxed) {
            return Some(Finish::Cancelled);
        }
        let late = self
            .request
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        late.then_some(Finish::Deadline)
    }

    fn completion(self, mut stats: Stats) -> Completion {
        let (rest, text) = self.answer.finish();
        if !rest.is_empty() && self.finish != Finish::Cancelled {
            // Nothing comes after it, so whether to go on does not matter.
            let _last = (self.on_piece)(&rest);
        }
        stats.tokens = self.tokens.len();
        let first = self.first.unwrap_or_else(Instant::now);
        stats.first_token = first - self.began;
        stats.decode = self.first.map_or(Duration::ZERO, |first| first.elapsed());
        stats.steps = self.decoded.steps;
        stats.drafts = self.decoded.drafts;
        let mean = self.logprobs / self.tokens.len().max(1) as f64;
        Completion {
            text,
            finish: self.finish,
            mean_logprob: (!self.tokens.is_empty()).then_some(mean as f32),
            stats,
        }
    }
}
