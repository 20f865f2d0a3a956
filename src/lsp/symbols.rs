//! `textDocument/documentSymbol` and `workspace/symbol`.

use std::sync::Arc;

use fathom_answerer::edited::Edited;
use fathom_indexes::{ChunkKind, SymbolRecord};
use fathom_retriever::SearchRequest;
use gen_lsp_types::DocumentSymbolParams;
use serde_json::{Value, json};

use super::asked::{Asked, symbol_kind};
use super::client::Weight;
use super::documents::Document;
use super::message::Refusal;
use super::text;
use crate::engine::Place;
use crate::engine::freshness::Freshness;
use crate::engine::listener::Silent;

/// Definitions by name, and places found by meaning, of one query.
const EXACT: usize = 50;
const SEMANTIC: usize = 20;
/// Shorter queries have no meaning yet.
const MEANINGFUL: usize = 3;

/// The definitions in a document, as it is in the editor.
pub fn of_document(asked: &Asked) -> Result<Value, Refusal> {
    let params: DocumentSymbolParams = asked.params()?;
    let uri = &params.text_document.uri.0;
    let here = asked.here(uri)?;
    let document = asked.documents.get(uri).cloned();
    let (edited, document): (Edited, Arc<Document>) = match (document, here) {
        (Some(document), here) => {
            let path = here.map(|here| here.path).unwrap_or_else(|| file_name(uri));
            (document.parsed(&path).clone(), document)
        }
        (None, Some(here)) => {
            let Some(row) = here.snapshot.file(&here.path)? else {
                return Ok(json!([]));
            };
            let text = here.snapshot.text(row.id)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let document = Arc::new(Document::new(None, text));
            (document.parsed(&here.path).clone(), document)
        }
        (None, None) => return Ok(Value::Null),
    };
    let mut symbols = edited.symbols;
    symbols.retain(|symbol| !symbol.name.trim().is_empty());
    symbols.sort_by_key(|symbol| (symbol.line, u32::MAX - symbol.end_line));
    match asked.world.client.abilities().nested_symbols {
        true => Ok(nested(asked, &document.text, &mut symbols.as_slice(), None).into()),
        false => {
            let flat = symbols.iter().map(|symbol| {
                let range = lines(asked, &document.text, symbol);
                json!({"name": symbol.name, "kind": symbol_kind(symbol.kind),
                    "location": {"uri": uri, "range": range}, "containerName": scope(symbol)})
            });
            Ok(flat.collect::<Vec<_>>().into())
        }
    }
}

/// What a document without a place is called, so that its language can be told.
fn file_name(uri: &str) -> Vec<u8> {
    uri.rsplit('/').next().unwrap_or(uri).as_bytes().to_vec()
}

/// The symbols inside of one, or all of them, those inside of others below them. One that belongs
/// to a scope that it is not inside of is called by its whole name.
fn nested(
    asked: &Asked,
    text: &str,
    left: &mut &[SymbolRecord],
    above: Option<&SymbolRecord>,
) -> Vec<Value> {
    let until = above.map_or(u32::MAX, |above| above.end_line);
    let mut all = Vec::new();
    while let Some((symbol, rest)) = left.split_first() {
        if symbol.line > until {
            break;
        }
        *left = rest;
        let is_inside = above.is_some_and(|above| scope(symbol) == Some(&above.qualified_name));
        let name = match is_inside || symbol.qualified_name.is_empty() {
            true => &symbol.name,
            false => &symbol.qualified_name,
        };
        all.push(json!({
            "name": name,
            "detail": one_line(&symbol.signature),
            "kind": symbol_kind(symbol.kind),
            "range": lines(asked, text, symbol),
            "selectionRange": selection(asked, text, symbol),
            "children": nested(asked, text, left, Some(symbol)),
        }));
    }
    all
}

fn one_line(signature: &str) -> String {
    let words: Vec<&str> = signature.split_whitespace().collect();
    words.join(" ")
}

/// From the first column of its first line to the end of its last.
fn lines(asked: &Asked, text: &str, symbol: &SymbolRecord) -> Value {
    let last = text::line(text, symbol.end_line.saturating_sub(1));
    let column = asked.world.encoding.column(last, last.len());
    json!({"start": {"line": symbol.line.saturating_sub(1), "character": 0},
        "end": {"line": symbol.end_line.saturating_sub(1), "character": column}})
}

/// Where its name stands.
fn selection(asked: &Asked, text: &str, symbol: &SymbolRecord) -> Value {
    let of = |line: u32| {
        let written = text::line(text, line - 1);
        let bytes = text::whole_words(written, &symbol.name).next()?;
        Some(asked.world.encoding.range(line - 1, written, bytes))
    };
    let near = symbol.line..=symbol.end_line.min(symbol.line + 8);
    let found = near.into_iter().find_map(of);
    match found {
        Some(range) => json!(range),
        None => {
            let start = json!({"line": symbol.line.saturating_sub(1), "character": 0});
            json!({"start": start, "end": start})
        }
    }
}

fn scope(symbol: &SymbolRecord) -> Option<&str> {
    let scope = symbol.qualified_name.strip_suffix(&symbol.name)?;
    let scope = scope.trim_end_matches([':', '.', '#', '/', '\\']);
    (!scope.is_empty()).then_some(scope)
}

/// One way to find symbols of a repository.
type Search = fn(&Asked, &Place, &str) -> Result<Vec<Value>, Refusal>;

/// Definitions that the query names, then places that it describes.
pub fn of_workspace(asked: &Asked) -> Result<Value, Refusal> {
    let query = asked.raw.get("query").and_then(Value::as_str).unwrap_or("");
    let query = query.trim();
    let mut found = Vec::new();
    if query.is_empty() {
        return Ok(found.into());
    }
    let partial = asked.partial();
    let mut seen: Vec<Value> = Vec::new();
    for search in [by_name as Search, by_meaning] {
        let mut of_kind = Vec::new();
        for root in asked.world.engine.roots() {
            asked.go_on()?;
            let (place, _) = asked.world.open(root, &asked.documents)?;
            let mut symbols = search(asked, &place, query)?;
            symbols.retain(|symbol| {
                let key = json!([symbol["location"]["uri"], symbol["name"]]);
                let is_new = !seen.contains(&key);
                seen.push(key);
                is_new
            });
            of_kind.extend(symbols);
        }
        match &partial {
            Some(token) if !of_kind.is_empty() => asked.send_part(token, of_kind.into()),
            _ => found.extend(of_kind),
        }
    }
    Ok(found.into())
}

/// Definitions whose names have all words of the query, exactly that name first.
fn by_name(asked: &Asked, place: &Place, query: &str) -> Result<Vec<Value>, Refusal> {
    asked.world.catch_up(place, Freshness::Words, &asked.cancel);
    let snapshot = place.repository.snapshot()?;
    let is_name = |c: char| c.is_alphanumeric() || "_$?!".contains(c);
    let segments = query.split(|c: char| !is_name(c));
    let segments: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
    let Some((name, scope)) = segments.split_last() else {
        return Ok(Vec::new());
    };
    let mut rows = snapshot.symbols_named(name, false)?;
    rows.retain(|row| {
        let qualified = row.record.qualified_name.to_lowercase();
        let holds = |part: &&str| qualified.contains(&part.to_lowercase());
        scope.iter().all(holds)
    });
    rows.sort_by_key(|row| row.record.name != *name);
    let words = fathom_indexes::text::parts(query);
    for row in snapshot.symbols_matching(&fathom_indexes::text::words(query), 4 * EXACT)? {
        let lower = row.record.qualified_name.to_lowercase();
        if words.iter().all(|word| lower.contains(word.as_str())) && !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows.truncate(EXACT);
    let symbols = rows.iter().map(|row| {
        let record = &row.record;
        let lines = (record.line, record.end_line);
        symbol(
            asked,
            place,
            &row.path,
            &record.qualified_name,
            record.kind,
            lines,
        )
    });
    Ok(symbols.collect())
}

/// Places that the query describes; none before it says something.
fn by_meaning(asked: &Asked, place: &Place, query: &str) -> Result<Vec<Value>, Refusal> {
    asked
        .world
        .catch_up(place, Freshness::Encoded, &asked.cancel);
    if query.chars().count() < MEANINGFUL {
        return Ok(Vec::new());
    }
    let request = SearchRequest {
        top_k: SEMANTIC,
        ..SearchRequest::new(query)
    };
    let mut silent = Silent::default();
    let answer = asked.world.engine.search(place, request, &mut silent)?;
    for line in &silent.said {
        asked.world.client.log(Weight::Warning, line);
    }
    let results = answer.results.iter().map(|item| {
        let kind = ChunkKind::parse(item.kind).unwrap_or(ChunkKind::Code);
        let lines = (item.start_line, item.end_line);
        symbol(asked, place, &item.path, &item.name, kind, lines)
    });
    Ok(results.collect())
}

/// Code without a name is called by its file.
fn symbol(
    asked: &Asked,
    place: &Place,
    path: &[u8],
    name: &str,
    kind: ChunkKind,
    (first, last): (u32, u32),
) -> Value {
    let uri = asked.world.uri(place, path);
    let path = String::from_utf8_lossy(path);
    let name = match name {
        "" => format!("{path}:{first}"),
        name => name.to_owned(),
    };
    let (first, last) = (first.saturating_sub(1), last.saturating_sub(1));
    json!({
        "name": name,
        "kind": symbol_kind(kind),
        "containerName": path,
        "location": {
            "uri": uri,
            "range": {
                "start": {"line": first, "character": 0},
                "end": {"line": last.max(first), "character": 0},
            },
        },
    })
}
