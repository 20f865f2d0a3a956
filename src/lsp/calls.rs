//! The call hierarchy: who mentions a definition, and whom it mentions.

use fathom_answerer::card::{Graph, Site, Subject};
use gen_lsp_types::{
    CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall,
    TextDocumentPositionParams, Uri,
};
use serde_json::{Value, json};

use super::asked::{self, Asked, symbol_kind};
use super::message::{INVALID_PARAMS, Refusal};
use super::named::meant;
use super::world::Here;

/// The definitions that the name under the cursor may stand for, else what holds the cursor.
pub fn prepare(asked: &Asked) -> Result<Value, Refusal> {
    let at: TextDocumentPositionParams = asked.params()?;
    let Some(here) = asked.here(&at.text_document.uri.0)? else {
        return Ok(Value::Null);
    };
    let graph = here.graph()?;
    let word = here.word(&graph, at.position, asked.world.encoding)?;
    let mut subjects = match word {
        Some(word) => meant(&graph, &here, &word)?,
        None => Vec::new(),
    };
    if subjects.is_empty() {
        let line = at.position.line.saturating_add(1);
        let holding = graph.at(&here.path, line, line)?;
        subjects.extend(holding.filter(|subject| !subject.name.is_empty()));
    }
    let items: Vec<CallHierarchyItem> = subjects
        .iter()
        .map(|subject| item(asked, &here, &graph, subject))
        .collect::<Result<_, _>>()?;
    match items.is_empty() {
        true => Ok(Value::Null),
        false => asked::json(&items),
    }
}

/// Who mentions an item.
pub fn incoming(asked: &Asked) -> Result<Value, Refusal> {
    let item_asked = item_of(asked)?;
    let Some(here) = asked.here(&item_asked.uri.0)? else {
        return Ok(Value::Null);
    };
    let graph = here.graph()?;
    let Some(subject) = subject_of(&here, &graph, &item_asked)? else {
        return Ok(Value::Null);
    };
    let mut calls = Vec::new();
    for site in graph.callers(&subject)? {
        asked.go_on()?;
        let path = &site.subject.place.path;
        calls.push(CallHierarchyIncomingCall {
            from: item(asked, &here, &graph, &site.subject)?,
            from_ranges: ranges(asked, &graph, path, &site, &subject.name)?,
        });
    }
    asked::json(&calls)
}

/// Whom an item mentions.
pub fn outgoing(asked: &Asked) -> Result<Value, Refusal> {
    let item_asked = item_of(asked)?;
    let Some(here) = asked.here(&item_asked.uri.0)? else {
        return Ok(Value::Null);
    };
    let graph = here.graph()?;
    let Some(subject) = subject_of(&here, &graph, &item_asked)? else {
        return Ok(Value::Null);
    };
    let mut calls = Vec::new();
    for site in graph.callees(&subject)? {
        let name = &site.subject.name;
        calls.push(CallHierarchyOutgoingCall {
            to: item(asked, &here, &graph, &site.subject)?,
            from_ranges: ranges(asked, &graph, &here.path, &site, name)?,
        });
    }
    asked::json(&calls)
}

fn ranges(
    asked: &Asked,
    graph: &Graph<'_>,
    path: &[u8],
    site: &Site,
    name: &str,
) -> Result<Vec<gen_lsp_types::Range>, Refusal> {
    let mut ranges = Vec::new();
    for &line in &site.lines {
        ranges.extend(asked.names_on_line(graph, path, line, name)?);
    }
    Ok(ranges)
}

fn item(
    asked: &Asked,
    here: &Here,
    graph: &Graph<'_>,
    subject: &Subject,
) -> Result<CallHierarchyItem, Refusal> {
    let place = &subject.place;
    let path = String::from_utf8_lossy(&place.path).into_owned();
    let name = match subject.qualified_name.as_str() {
        "" => path.clone(),
        name => name.to_owned(),
    };
    Ok(CallHierarchyItem {
        name,
        kind: symbol_kind(subject.kind),
        tags: None,
        detail: Some(path),
        uri: Uri(asked.world.uri(&here.place, &place.path)),
        range: asked.lines_of(graph, place)?,
        selection_range: asked.name_of(graph, subject)?,
        data: Some(json!({"line": place.start_line, "name": subject.name})),
    })
}

fn item_of(asked: &Asked) -> Result<CallHierarchyItem, Refusal> {
    let item = asked.raw.get("item").cloned().unwrap_or_default();
    serde_json::from_value(item).map_err(|error| Refusal::new(INVALID_PARAMS, error.to_string()))
}

/// What an item stood for; what was edited since may stand elsewhere now.
fn subject_of(
    here: &Here,
    graph: &Graph<'_>,
    item: &CallHierarchyItem,
) -> Result<Option<Subject>, Refusal> {
    let data = item.data.clone().unwrap_or_default();
    let line = data["line"]
        .as_u64()
        .and_then(|line| u32::try_from(line).ok());
    let line = line.unwrap_or(item.selection_range.start.line.saturating_add(1));
    let name = data["name"].as_str().unwrap_or(&item.name);
    let mut own = graph.meant(&here.path, line, name)?;
    own.retain(|subject| subject.place.path == here.path);
    let exact = own
        .iter()
        .position(|subject| subject.place.start_line == line);
    match (exact, own.len()) {
        (Some(at), _) => Ok(Some(own.swap_remove(at))),
        (None, 1) => Ok(own.pop()),
        _ => Ok(graph.at(&here.path, line, line)?),
    }
}
