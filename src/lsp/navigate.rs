//! `textDocument/definition` and `textDocument/references`, by names.

use gen_lsp_types::{DefinitionParams, Location, ReferenceParams};
use serde_json::Value;

use super::asked::{Asked, json};
use super::hover::meant;
use super::message::Refusal;

/// Where the name under the cursor is defined.
pub fn definition(asked: &Asked) -> Result<Value, Refusal> {
    let params: DefinitionParams = asked.params()?;
    let at = params.text_document_position_params;
    let Some(here) = asked.here(&at.text_document.uri.0)? else {
        return Ok(Value::Null);
    };
    let graph = here.graph()?;
    let Some(word) = here.word(&graph, at.position, asked.world.encoding)? else {
        return Ok(Value::Null);
    };
    let mut locations: Vec<Location> = Vec::new();
    for subject in meant(&graph, &here, &word)? {
        let range = asked.name_of(&graph, &subject)?;
        locations.push(asked.location(&here, &subject.place.path, range));
    }
    json(&locations)
}

/// Lines that mean the definition whose name is under the cursor.
pub fn references(asked: &Asked) -> Result<Value, Refusal> {
    let params: ReferenceParams = asked.params()?;
    let at = params.text_document_position_params;
    let Some(here) = asked.here(&at.text_document.uri.0)? else {
        return Ok(Value::Null);
    };
    let graph = here.graph()?;
    let Some(word) = here.word(&graph, at.position, asked.world.encoding)? else {
        return Ok(Value::Null);
    };
    let mut locations: Vec<Location> = Vec::new();
    for subject in meant(&graph, &here, &word)? {
        asked.go_on()?;
        if params.context.include_declaration {
            let range = asked.name_of(&graph, &subject)?;
            locations.push(asked.location(&here, &subject.place.path, range));
        }
        for (path, line) in graph.references(&subject)? {
            for range in asked.names_on_line(&graph, &path, line, &subject.name)? {
                locations.push(asked.location(&here, &path, range));
            }
        }
    }
    let mut seen = Vec::new();
    locations.retain(|one| {
        let is_new = !seen.contains(one);
        if is_new {
            seen.push(one.clone());
        }
        is_new
    });
    json(&locations)
}
