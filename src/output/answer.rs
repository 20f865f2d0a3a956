//! Answers to questions, with their sources and what became of their claims; or the evidence
//! where there is no answer.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use fathom_answerer::answer::Answered;
use fathom_answerer::card::Place;
use fathom_answerer::cite::{Claim, MARK, UNSUPPORTED, Verdict};
use fathom_answerer::context::Piece;
use fathom_answerer::evidence::Span;
use fathom_answerer::reader::{Finish, Stats};
use fathom_answerer::tiers::{Step, Tier};
use fathom_answerer::untrusted::neutral;
use fathom_retriever::Confidence;
use serde_json::{Map, Value, json};

use super::card::{Explained, fresh_card_json, place_json, range, write_card};
use super::highlight::Highlighter;
use super::style::Paint;
use super::{escape, json};

/// What gets a reader.
pub const NO_READER: &str = "no reader model: this is the evidence; `fathom model pull qwen2.5-coder-1.5b` installs one, or give `--model PATH.gguf`";
/// Characters of a doubtful claim that are listed.
const CLAIM: usize = 60;

/// A question, and what there is to say to it.
pub struct Asked {
    /// As it was asked.
    pub question: String,
    /// Generation of the index that answered.
    pub generation: u64,
    /// Share of the chunks that are encoded, 0 to 1.
    pub coverage: f32,
    /// The search's.
    pub confidence: Option<Confidence>,
    /// Evidence, the best first.
    pub spans: Vec<Span>,
    /// The card of the symbol that the question names.
    pub card: Option<Explained>,
    /// The best answer of a reader.
    pub given: Option<Given>,
    /// Who was asked, and why.
    pub steps: Vec<Step>,
    /// Files of the evidence, the card and the sources that are no longer as they were read.
    pub changed: Vec<Vec<u8>>,
}

/// A reader's answer.
pub struct Given {
    /// What the user calls the reader.
    pub reader: String,
    /// What it calls itself.
    pub model: String,
    /// Its answer, checked.
    pub answered: Answered,
    /// Places that the answer cites or quotes, by number.
    sources: BTreeMap<usize, Cited>,
}

/// A place, and what of the answer stands in it.
struct Cited {
    place: Place,
    /// `[n]` that name it.
    citations: usize,
    /// Quotations that were found in it.
    quotes: usize,
}

impl Asked {
    /// Nothing found yet.
    pub fn new(question: &str, generation: u64, coverage: f32, card: Option<Explained>) -> Asked {
        Asked {
            question: question.to_owned(),
            generation,
            coverage,
            confidence: None,
            spans: Vec::new(),
            card,
            given: None,
            steps: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// The files that it shows or cites.
    pub fn paths(&self) -> BTreeSet<&[u8]> {
        let spans = self.spans.iter().map(|span| span.path.as_slice());
        let card = self.card.iter();
        let card = card.map(|one| one.card.subject.place.path.as_slice());
        let sources = self.given.iter().flat_map(|given| given.sources.values());
        let sources = sources.map(|cited| cited.place.path.as_slice());
        spans.chain(card).chain(sources).collect()
    }

    /// Whether there is a reader, asked or not.
    pub fn has_reader(&self) -> bool {
        let mut tiers = self.steps.iter().map(|step| &step.tier);
        tiers.any(|tier| matches!(tier, Tier::Reader(_)))
    }

    /// Whether an answer is better than the one there is.
    pub fn is_improved_by(&self, given: &Given) -> bool {
        let known = self.given.as_ref().map(|known| known.answered.confidence);
        known.is_none_or(|known| given.answered.confidence >= known)
    }

    /// Whether the evidence itself has to be shown.
    fn needs_evidence(&self) -> bool {
        self.given.as_ref().is_none_or(|given| !given.stands())
    }
}

impl Given {
    /// An answer, its sources to be added.
    pub fn new(reader: &str, model: &str, answered: Answered) -> Given {
        Given {
            reader: reader.to_owned(),
            model: model.to_owned(),
            answered,
            sources: BTreeMap::new(),
        }
    }

    /// Takes those of the pieces that the answer cites or quotes.
    pub fn add_sources<'a>(&mut self, pieces: impl Iterator<Item = (usize, &'a Piece)>) {
        for (number, piece) in pieces {
            let of = |kind: fn(&Claim) -> bool| {
                let claims = self.answered.report.claims.iter();
                claims
                    .filter(|one| kind(&one.claim) && one.chunk == Some(number))
                    .count()
            };
            let citations = of(|claim| matches!(claim, Claim::Citation(_)));
            let quotes = of(|claim| *claim == Claim::Quote);
            if citations + quotes > 0 {
                let place = Place {
                    path: piece.path.clone(),
                    start_line: piece.lines.0,
                    end_line: piece.lines.1,
                };
                let cited = Cited {
                    place,
                    citations,
                    quotes,
                };
                self.sources.insert(number, cited);
            }
        }
    }

    /// Whether the user stopped it.
    pub fn is_cancelled(&self) -> bool {
        self.answered.finish == Finish::Cancelled
    }

    /// Whether it answers, and what was shown supports it.
    fn stands(&self) -> bool {
        !self.answered.refused && self.answered.report.is_supported()
    }

    /// Why there is no more of it, if there could be.
    pub fn ended_early(&self) -> Option<&'static str> {
        match self.answered.finish {
            Finish::End | Finish::Stop => None,
            Finish::Length => Some("the answer is cut off; `--max-tokens` allows a longer one"),
            Finish::Cancelled => Some("interrupted; what was written stays"),
            Finish::Deadline => Some("the deadline passed; what was written stays"),
        }
    }

    /// What the answer says and nothing shown does, ready to be shown.
    fn doubtful(&self) -> Vec<String> {
        let claims = self.answered.report.claims.iter();
        let marked = claims.filter(|claim| claim.verdict == Verdict::Marked);
        let texts = marked.filter_map(|claim| self.answered.raw.get(claim.at.clone()));
        let mut texts: Vec<String> = texts.map(listed).collect();
        texts.dedup();
        texts
    }

    /// Places that it cites or quotes, by number.
    pub fn cited(&self) -> impl Iterator<Item = (usize, &Place)> {
        let sources = self.sources.iter();
        sources.map(|(number, cited)| (*number, &cited.place))
    }

    /// How much of it is verified, in words.
    pub fn proof(&self) -> String {
        let report = &self.answered.report;
        match (report.claims.len(), report.counts().verified) {
            (0, _) => "it cites and quotes nothing".to_owned(),
            (claims, verified) => format!("{verified} of {claims} claims verified"),
        }
    }

    fn count(&self, kind: fn(&Claim) -> bool, verdict: Verdict) -> usize {
        let claims = self.answered.report.claims.iter();
        claims
            .filter(|one| kind(&one.claim) && one.verdict == verdict)
            .count()
    }
}

/// A claim on one short line, with nothing in it that could be rendered.
fn listed(claim: &str) -> String {
    let words: Vec<&str> = claim.split_whitespace().collect();
    let mut line: String = words.join(" ").chars().take(CLAIM).collect();
    if words.join(" ").chars().count() > CLAIM {
        line.push('…');
    }
    escape::path(neutral(&line, &[]).as_bytes())
}

/// Writes what stands below an answer: its sources, and what is doubtful in it.
pub fn write_given(out: &mut dyn Write, given: &Given, paint: Paint) -> io::Result<()> {
    let text = &given.answered.text;
    if text.is_empty() {
        return Ok(());
    }
    if !text.ends_with('\n') {
        writeln!(out)?;
    }
    let lines = below(given, paint);
    if !lines.is_empty() {
        writeln!(out)?;
    }
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn below(given: &Given, paint: Paint) -> Vec<String> {
    let mut lines: Vec<String> = given
        .sources
        .iter()
        .map(|(number, cited)| source_line(*number, cited, paint))
        .collect();
    let doubtful = given.doubtful();
    if !doubtful.is_empty() {
        let list = doubtful.join(", ");
        lines.push(paint.doubtful(format_args!("{MARK} not in what was shown: {list}")));
    }
    let is_citation = |claim: &Claim| matches!(claim, Claim::Citation(_));
    let left_out = match given.count(is_citation, Verdict::Dropped) {
        0 => None,
        1 => Some("1 citation of what was not shown is left out".to_owned()),
        n => Some(format!("{n} citations of what was not shown are left out")),
    };
    lines.extend(left_out.map(|line| paint.doubtful(line)));
    if given.answered.refused {
        return lines;
    }
    if !given.answered.report.is_supported() {
        lines.push(paint.bad(UNSUPPORTED));
    }
    let confidence = given.answered.confidence;
    let proof = given.proof();
    lines.push(paint.faint(format_args!("confidence {confidence:.2}: {proof}")));
    lines
}

fn source_line(number: usize, cited: &Cited, paint: Paint) -> String {
    let (mark, what) = match cited.quotes {
        0 => (paint.faint("·"), "cited, not quoted".to_owned()),
        1 => (paint.good("✓"), "1 quotation found in it".to_owned()),
        n => (paint.good("✓"), format!("{n} quotations found in it")),
    };
    let place = range(&cited.place, paint);
    format!("{mark} [{number}] {place}  {}", paint.faint(what))
}

/// Writes the evidence and the card, unless an answer that stands makes them needless.
pub fn write_evidence(out: &mut dyn Write, asked: &Asked, paint: Paint) -> io::Result<()> {
    if !asked.needs_evidence() || asked.given.as_ref().is_some_and(Given::is_cancelled) {
        return Ok(());
    }
    if asked.given.is_some() {
        writeln!(out)?;
    }
    if let Some(card) = &asked.card {
        write_card(out, card, paint)?;
        if !asked.spans.is_empty() {
            writeln!(out)?;
        }
    }
    let words = Highlighter::words(&asked.question);
    for (i, span) in asked.spans.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let name = match span.name.as_str() {
            "" => String::new(),
            name => format!("  {}", paint.name(escape::path(name.as_bytes()))),
        };
        writeln!(out, "{}{name}", range(&span.place(), paint))?;
        for (line, number) in span.text.lines().zip(span.start_line..) {
            let text = words.paint(&escape::text(line.as_bytes()), paint);
            let number = paint.line(format_args!("{number:>4}"));
            writeln!(out, "{number} {} {text}", paint.faint("│"))?;
        }
    }
    if asked.spans.is_empty() && asked.card.is_none() {
        writeln!(out, "nothing in the index answers this")?;
    }
    Ok(())
}

/// One line of figures: what the prompt and the answer took, and what drafts did.
pub fn stats_line(stats: &Stats) -> String {
    let drafts = stats.drafts.iter().map(|draft| {
        let (drafted, accepted) = (draft.drafted, draft.accepted);
        format!("; {}: {drafted} drafted, {accepted} accepted", draft.name)
    });
    format!(
        "prompt: {} tokens, {} of them computed before, {:.1} tokens/s; first token after {:.2} s; answer: {} tokens, {:.1} tokens/s, {:.2} per step{}",
        stats.prompt_tokens,
        stats.cached_tokens,
        stats.prefill_speed(),
        stats.first_token.as_secs_f64(),
        stats.tokens,
        stats.decode_speed(),
        stats.tokens_per_step(),
        drafts.collect::<String>(),
    )
}

/// Everything for programs.
pub fn document(asked: &Asked) -> Value {
    let spans = asked.spans.iter().map(|span| {
        let mut value = place_json(&span.place());
        value["name"] = span.name.as_str().into();
        value["score"] = json::rounded(span.score).into();
        value["text"] = span.text.as_str().into();
        value["freshness"] = json::freshness(&asked.changed, &span.path).into();
        value
    });
    let mut document = json!({
        "question": asked.question,
        "answer": null,
        "reader": null,
        "finish": null,
        "refused": null,
        "supported": null,
        "answer_confidence": null,
        "mean_logprob": null,
        "sources": [],
        "checked": null,
        "doubtful": [],
        "stats": null,
        "generation": asked.generation,
        "semantic_coverage": json::rounded(asked.coverage),
        "confidence": asked.confidence.map(Confidence::as_str),
        "tiers": steps_json(&asked.steps),
        "evidence": spans.collect::<Vec<_>>(),
        "card": asked.card.as_ref().map(|card| fresh_card_json(card, &asked.changed)),
        "hint": (!asked.has_reader()).then_some(NO_READER),
    });
    if let (Some(given), Value::Object(fields)) = (&asked.given, &mut document) {
        fields.extend(given_json(given));
        fields["sources"] = sources_json(given, Some(&asked.changed));
    }
    document
}

/// What was asked, and why.
pub fn steps_json(steps: &[Step]) -> Value {
    steps.iter().map(step).collect::<Vec<_>>().into()
}

fn step(step: &Step) -> Value {
    let name = match &step.tier {
        Tier::Reader(name) => Some(name),
        Tier::Rules | Tier::Retrieval => None,
    };
    json!({
        "tier": step.tier.as_str(),
        "name": name,
        "asked": step.confidence.is_some(),
        "confidence": step.confidence.map(json::rounded),
        "why": step.why,
    })
}

/// The fields of an answer.
pub fn given_json(given: &Given) -> Map<String, Value> {
    let answered = &given.answered;
    let counts = |kind: fn(&Claim) -> bool| {
        json!({
            "verified": given.count(kind, Verdict::Verified),
            "marked": given.count(kind, Verdict::Marked),
            "dropped": given.count(kind, Verdict::Dropped),
        })
    };
    let fields = json!({
        "answer": answered.text,
        "reader": {"name": given.reader, "model": given.model},
        "finish": answered.finish.as_str(),
        "refused": answered.refused,
        "supported": given.stands(),
        "answer_confidence": json::rounded(answered.confidence),
        "mean_logprob": answered.mean_logprob.map(json::rounded),
        "sources": sources_json(given, None),
        "checked": {
            "citations": counts(|claim| matches!(claim, Claim::Citation(_))),
            "quotes": counts(|claim| *claim == Claim::Quote),
            "identifiers": counts(|claim| *claim == Claim::Identifier),
        },
        "doubtful": given.doubtful(),
        "stats": stats_json(&answered.stats),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What the answer cites or quotes; with its freshness where it is known.
fn sources_json(given: &Given, changed: Option<&[Vec<u8>]>) -> Value {
    let sources = given.sources.iter().map(|(number, cited)| {
        let mut value = place_json(&cited.place);
        value["number"] = (*number).into();
        value["citations"] = cited.citations.into();
        value["quotes"] = cited.quotes.into();
        if let Some(changed) = changed {
            value["freshness"] = json::freshness(changed, &cited.place.path).into();
        }
        value
    });
    sources.collect::<Vec<_>>().into()
}

fn stats_json(stats: &Stats) -> Value {
    let drafts = stats.drafts.iter().map(
        |draft| json!({"by": draft.name, "drafted": draft.drafted, "accepted": draft.accepted}),
    );
    let rounded = |value: f64| json::rounded(value as f32);
    json!({
        "prompt_tokens": stats.prompt_tokens,
        "cached_tokens": stats.cached_tokens,
        "prefill_tokens_per_s": rounded(stats.prefill_speed()),
        "first_token_ms": rounded(stats.first_token.as_secs_f64() * 1e3),
        "answer_tokens": stats.tokens,
        "decode_tokens_per_s": rounded(stats.decode_speed()),
        "steps": stats.steps,
        "tokens_per_step": rounded(stats.tokens_per_step()),
        "drafts": drafts.collect::<Vec<_>>(),
    })
}
