//! One request at work: what is asked, and what was open when it was asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fathom_answerer::card::{Graph, Place, Subject};
use gen_lsp_types::{Location, Position, Range, SymbolKind, Uri};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::Documents;
use super::message::{INVALID_PARAMS, Id, Refusal};
use super::running::{Cancel, Running};
use super::text;
use super::world::{Here, World};

/// A request.
pub struct Asked {
    /// The open folders.
    pub world: Arc<World>,
    /// The open documents.
    pub documents: Documents,
    /// Set when nobody wants the answer any more.
    pub cancel: Cancel,
    /// Names it.
    pub id: Id,
    /// Where it is one of many.
    pub running: Arc<Running>,
    /// As they came.
    pub raw: Value,
}

impl Asked {
    /// Its parameters.
    ///
    /// # Errors
    /// If they are not those of the method.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_value(self.raw.clone())
            .map_err(|error| Refusal::new(INVALID_PARAMS, error.to_string()))
    }

    /// The file at an address, if it is in an open folder.
    ///
    /// # Errors
    /// If the repository or its index cannot be used.
    pub fn here(&self, uri: &str) -> Result<Option<Here>, Refusal> {
        self.world.here(uri, &self.documents)
    }

    /// Ends the work if nobody wants the answer any more.
    ///
    /// # Errors
    /// If so.
    pub fn go_on(&self) -> Result<(), Refusal> {
        match self.cancel.load(Ordering::SeqCst) {
            true => Err(Refusal::cancelled()),
            false => Ok(()),
        }
    }

    /// Token for results that come before the answer.
    pub fn partial(&self) -> Option<Value> {
        let token = self.raw.get("partialResultToken")?;
        (token.is_string() || token.is_i64()).then(|| token.clone())
    }

    /// Sends a part of the result.
    pub fn send_part(&self, token: &Value, part: Value) {
        let params = serde_json::json!({"token": token, "value": part});
        self.world.client.notify("$/progress", params);
    }

    /// Where a name stands on a line, else the line without its indentation.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn name_on_line(
        &self,
        graph: &Graph<'_>,
        path: &[u8],
        line: u32,
        name: &str,
    ) -> Result<Range, Refusal> {
        let written = graph.line(path, line)?.unwrap_or_default();
        let indented = written.len() - written.trim_start().len()..written.trim_end().len();
        let found = text::whole_words(&written, name).next();
        let bytes = found.unwrap_or(indented.start.min(indented.end)..indented.end);
        let line = line.saturating_sub(1);
        Ok(self.world.encoding.range(line, &written, bytes))
    }

    /// Every place where a name stands on a line, else the line.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn names_on_line(
        &self,
        graph: &Graph<'_>,
        path: &[u8],
        line: u32,
        name: &str,
    ) -> Result<Vec<Range>, Refusal> {
        let written = graph.line(path, line)?.unwrap_or_default();
        let of = |bytes| {
            let line = line.saturating_sub(1);
            self.world.encoding.range(line, &written, bytes)
        };
        let found: Vec<Range> = text::whole_words(&written, name).map(of).collect();
        match found.is_empty() {
            true => Ok(vec![self.name_on_line(graph, path, line, name)?]),
            false => Ok(found),
        }
    }

    /// Where the name of a definition stands: on its first line, or soon below if attributes come
    /// first.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn name_of(&self, graph: &Graph<'_>, subject: &Subject) -> Result<Range, Refusal> {
        let Place {
            path,
            start_line,
            end_line,
        } = &subject.place;
        for line in *start_line..=(*end_line).min(start_line + 8) {
            let written = graph.line(path, line)?.unwrap_or_default();
            if let Some(bytes) = text::whole_words(&written, &subject.name).next() {
                return Ok(self.world.encoding.range(line - 1, &written, bytes));
            }
        }
        self.name_on_line(graph, path, *start_line, &subject.name)
    }

    /// The lines of a definition.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn lines_of(&self, graph: &Graph<'_>, place: &Place) -> Result<Range, Refusal> {
        let last = graph.line(&place.path, place.end_line)?.unwrap_or_default();
        let last = last.trim_end_matches('\r');
        Ok(Range {
            start: Position {
                line: place.start_line.saturating_sub(1),
                character: 0,
            },
            end: Position {
                line: place.end_line.saturating_sub(1),
                character: self.world.encoding.column(last, last.len()),
            },
        })
    }

    /// A range in a file of the same repository.
    pub fn location(&self, here: &Here, path: &[u8], range: Range) -> Location {
        let uri = Uri(self.world.uri(&here.place, path));
        Location { uri, range }
    }
}

/// The kind that clients have a sign for.
pub fn symbol_kind(kind: fathom_indexes::ChunkKind) -> SymbolKind {
    use fathom_indexes::ChunkKind as Kind;
    match kind {
        Kind::Function | Kind::Macro | Kind::Test => SymbolKind::Function,
        Kind::Method => SymbolKind::Method,
        Kind::Type => SymbolKind::Class,
        Kind::Interface => SymbolKind::Interface,
        Kind::Module => SymbolKind::Module,
        Kind::Impl => SymbolKind::Object,
        Kind::Constant => SymbolKind::Constant,
        Kind::Variable => SymbolKind::Variable,
        Kind::Section => SymbolKind::String,
        Kind::Data => SymbolKind::Key,
        Kind::Code => SymbolKind::File,
    }
}

/// A result as JSON.
///
/// # Errors
/// Never for the types of the protocol.
pub fn json(result: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(result).map_err(Refusal::failed)
}
