//! `textDocument/hover`: the card of the name under the cursor, and what a reader said of it
//! before. No model is loaded or asked for it.

use fathom_answerer::card::{Choice, Graph, Subject};
use gen_lsp_types::HoverParams;
use serde_json::{Value, json};

use super::asked::Asked;
use super::markdown::{self, At};
use super::message::Refusal;
use super::named::{Named, about};
use super::world::Here;
use crate::engine::prose;
use crate::engine::question::AnswerLimits;
use crate::output::card::{Explained, write_card};
use crate::output::style::Paint;

/// Entries of each list in a hover.
const LISTED: usize = 6;

/// Answers it.
pub fn hover(asked: &Asked) -> Result<Value, Refusal> {
    let params: HoverParams = asked.params()?;
    about(asked, &params.text_document_position_params, |named| {
        let Named { here, graph, .. } = named;
        let markdown = asked.world.client.abilities().markdown;
        let text = match named.subjects.as_slice() {
            [] => return Ok(Value::Null),
            [subject] => card(asked, here, graph, subject.clone())?,
            many => markdown::choices(&named.word.text, &choices(many), &markdown::at),
        };
        let kind = if markdown { "markdown" } else { "plaintext" };
        Ok(json!({"contents": {"kind": kind, "value": text}, "range": named.word.range}))
    })
}

fn choices(subjects: &[Subject]) -> Vec<Choice> {
    let choice = |subject: &Subject| Choice {
        name: subject.qualified_name.clone(),
        kind: subject.kind,
        place: subject.place.clone(),
        signature: subject.signature.clone(),
    };
    subjects.iter().take(2 * LISTED).map(choice).collect()
}

fn card(
    asked: &Asked,
    here: &Here,
    graph: &Graph<'_>,
    subject: Subject,
) -> Result<String, Refusal> {
    let explained = Explained {
        card: graph.card(subject)?,
        change: None,
        similar: Vec::new(),
    };
    if !asked.world.client.abilities().markdown {
        return plain(&explained);
    }
    let at: At = &markdown::at;
    let mut text = markdown::card(&explained.card, LISTED, at);
    let settings = asked.world.engine.settings();
    let kept = prose::kept(settings, &AnswerLimits::default(), here.view(), &explained);
    // A reader that cannot be had is no reason to show no card.
    if let Ok(Some(given)) = kept {
        text.push_str("\n---\n\n");
        text.push_str(&markdown::prose(&given));
    }
    Ok(text)
}

/// For clients that show no Markdown.
fn plain(explained: &Explained) -> Result<String, Refusal> {
    let mut out = Vec::new();
    write_card(&mut out, explained, Paint::default()).map_err(Refusal::failed)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
