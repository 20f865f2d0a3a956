//! `textDocument/definition` and `textDocument/references`, by names.

use fathom_answerer::card::Subject;
use gen_lsp_types::{DefinitionParams, Location, ReferenceParams};
use serde_json::Value;

use super::asked::{Asked, json};
use super::message::Refusal;
use super::named::{Named, about};

/// Where the name under the cursor is defined.
pub fn definition(asked: &Asked) -> Result<Value, Refusal> {
    let params: DefinitionParams = asked.params()?;
    about(asked, &params.text_document_position_params, |named| {
        let locations = named.subjects.iter();
        let locations = locations.map(|subject| declared(asked, &named, subject));
        json(&locations.collect::<Result<Vec<Location>, _>>()?)
    })
}

/// Lines that mean the definition whose name is under the cursor.
pub fn references(asked: &Asked) -> Result<Value, Refusal> {
    let params: ReferenceParams = asked.params()?;
    about(asked, &params.text_document_position_params, |named| {
        let Named { here, graph, .. } = named;
        let mut locations: Vec<Location> = Vec::new();
        for subject in &named.subjects {
            asked.go_on()?;
            if params.context.include_declaration {
                locations.push(declared(asked, &named, subject)?);
            }
            for (path, line) in graph.references(subject)? {
                for range in asked.names_on_line(graph, &path, line, &subject.name)? {
                    locations.push(asked.location(here, &path, range));
                }
            }
        }
        json(&each_once(locations))
    })
}

/// Where the name of a definition stands.
fn declared(asked: &Asked, named: &Named<'_>, subject: &Subject) -> Result<Location, Refusal> {
    let range = asked.name_of(named.graph, subject)?;
    Ok(asked.location(named.here, &subject.place.path, range))
}

fn each_once(mut locations: Vec<Location>) -> Vec<Location> {
    let mut seen = Vec::new();
    locations.retain(|one| {
        let is_new = !seen.contains(one);
        if is_new {
            seen.push(one.clone());
        }
        is_new
    });
    locations
}
