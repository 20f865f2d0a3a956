//! The name under the cursor, and the definitions that it may mean.

use fathom_answerer::card::{Graph, Subject};
use gen_lsp_types::TextDocumentPositionParams;
use serde_json::Value;

use super::asked::Asked;
use super::message::Refusal;
use super::world::{Here, Word};

/// A name in a file.
pub struct Named<'a> {
    /// The file.
    pub here: &'a Here,
    /// Names and mentions of its repository.
    pub graph: &'a Graph<'a>,
    /// The name.
    pub word: Word,
    /// The definitions that it may mean.
    pub subjects: Vec<Subject>,
}

/// Answers about the name at a position; null where there is no name.
///
/// # Errors
/// If the index cannot be read, and those of `answer`.
pub fn about(
    asked: &Asked,
    at: &TextDocumentPositionParams,
    answer: impl FnOnce(Named<'_>) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let Some(here) = asked.here(&at.text_document.uri.0)? else {
        return Ok(Value::Null);
    };
    let graph = here.graph()?;
    let Some(word) = here.word(&graph, at.position, asked.world.encoding)? else {
        return Ok(Value::Null);
    };
    answer(Named {
        here: &here,
        graph: &graph,
        subjects: meant(&graph, &here, &word)?,
        word,
    })
}

/// The definitions that a name may stand for. In some languages names end in `?` or `!`.
pub fn meant(graph: &Graph<'_>, here: &Here, word: &Word) -> Result<Vec<Subject>, Refusal> {
    for end in ["", "?", "!"] {
        let name = format!("{}{end}", word.text);
        let found = graph.meant(&here.path, word.line, &name)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
