//! Cutting a file into chunks: parse, find definitions, lay them out by size.
//!
//! Every line that is not blank is in exactly one chunk. Chunks are runs of
//! whole lines, except where one line alone is larger than a chunk may be.

mod decode;
mod describe;
mod documented;
mod generated;
mod layout;
mod nesting;
mod opening;
mod parse;
mod partition;
mod prepare;
mod roles;
mod rows;
mod syntax;

use std::ops::Range;
use std::time::Duration;

use fathom_indexes::{ChunkKind, ReferenceRecord, SymbolRecord};

use crate::language::{self, Language};
use crate::symbols;
use layout::{Layout, Piece};
use rows::Rows;
use syntax::Syntax;

pub(crate) use decode::utf16;
pub(crate) use describe::truncate;
pub use documented::{Documented, documented};
pub(crate) use generated::is_generated;
use opening::Opening;
pub(crate) use syntax::Unit;

/// Sizes, all in tokens of the model that encodes the chunks.
#[derive(Debug, Clone)]
pub struct ChunkOptions {
    /// No chunk is larger.
    pub max_tokens: usize,
    /// Merging small definitions stops here.
    pub target_tokens: usize,
    /// Definitions smaller than this are merged with a neighbour.
    pub min_tokens: usize,
    /// What is smaller than this goes to a neighbour of any size.
    pub tiny_tokens: usize,
    /// No file has more chunks; the rest of it is left out, with a note.
    pub max_chunks: usize,
    /// How long a parser may take for one file.
    pub parse_limit: Duration,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        ChunkOptions {
            max_tokens: 200,
            target_tokens: 120,
            min_tokens: 40,
            tiny_tokens: 15,
            max_chunks: 2000,
            parse_limit: Duration::from_secs(2),
        }
    }
}

/// Bytes of a file that are looked at; walking skips larger files anyway.
const MAX_BYTES: usize = 4 << 20;

/// A chunk of a file, not yet stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What it is.
    pub kind: ChunkKind,
    /// Name of the definition, may be empty.
    pub name: String,
    /// Name with its scopes.
    pub qualified_name: String,
    /// The declaration up to its body, at most 300 bytes.
    pub signature: String,
    /// Doc comment, at most 600 bytes; only with the chunk that holds it.
    pub doc: String,
    /// Qualified name of the enclosing scope, may be empty.
    pub scope: String,
    /// Byte range in the file.
    pub bytes: Range<u32>,
    /// First and last line, 1-based.
    pub lines: (u32, u32),
    /// Tokens of the body, by the counter that was given.
    pub tokens: usize,
    /// A later part of a definition: its body does not show what it belongs to.
    pub part: bool,
}

/// What is known of a file after it was cut.
#[derive(Debug, Clone)]
pub struct ParsedFile {
    /// The language it was read as.
    pub language: &'static Language,
    /// In the order of their byte ranges, which do not overlap.
    pub chunks: Vec<Chunk>,
    /// Definitions.
    pub symbols: Vec<SymbolRecord>,
    /// Mentions of names.
    pub references: Vec<ReferenceRecord>,
    /// What went wrong on the way (`too-deep`, `parse-timeout`, `too-many-chunks` …).
    pub note: Option<String>,
    /// Not valid UTF-8.
    pub lossy: bool,
    /// Says of itself that a program wrote it.
    pub generated: bool,
    /// Number of lines.
    pub lines: u32,
}

/// Cuts the file at `path` (bytes, `/`-separated) with content `bytes`. `count`
/// gives the tokens of a piece of text and must be additive over lines. Never
/// fails: what cannot be parsed is cut by lines, with a note.
pub fn parse_file(
    path: &[u8],
    bytes: &[u8],
    count: &dyn Fn(&str) -> usize,
    options: &ChunkOptions,
) -> ParsedFile {
    let mut notes = Vec::new();
    let bytes = match bytes.get(..MAX_BYTES) {
        Some(first) if bytes.len() > MAX_BYTES => {
            notes.push("too-large: only the first 4 MiB are indexed");
            first
        }
        _ => bytes,
    };
    let text = decode::decode(bytes);
    let language = language_of(path, bytes);
    let rows = Rows::new(&text, options.max_tokens, count);
    let syntax = match read_syntax(language, &text, &rows, options) {
        Ok(syntax) => syntax,
        Err(note) => {
            notes.extend(note);
            Syntax {
                cuts: partition::cuts_by_indentation(&rows),
                ..Syntax::default()
            }
        }
    };
    let mut chunks = chunks(language, &rows, &syntax, options);
    if let Some(opening) = opening::of(language, &text, &syntax) {
        name_module(path, &mut chunks, opening);
    }
    if chunks.len() > options.max_chunks {
        chunks.truncate(options.max_chunks);
        notes.push("too-many-chunks: the rest of the file is left out");
    }
    let symbols = symbols::definitions(&syntax.units);
    ParsedFile {
        language,
        chunks,
        references: symbols::references(syntax.mentions, &symbols),
        symbols,
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        lossy: matches!(text, std::borrow::Cow::Owned(_)),
        generated: is_generated(path, &text),
        lines: rows.line_count() as u32,
    }
}

/// The language that a file is read as.
pub(crate) fn language_of(path: &[u8], bytes: &[u8]) -> &'static Language {
    language::detect(path, &bytes[..bytes.len().min(8192)]).unwrap_or_else(language::text)
}

/// The definitions of a file; `Err` with a note, or without one for plain text.
fn read_syntax(
    language: &'static Language,
    text: &str,
    rows: &Rows,
    options: &ChunkOptions,
) -> Result<Syntax, Option<&'static str>> {
    if language.grammar.is_none() {
        return Err(None);
    }
    let text = prepare::prepare(language, text);
    let tree = parse::parse(language, &text, options.parse_limit)
        .map_err(|refusal| Some(refusal.note()))?;
    Ok(syntax::read(language, &tree, &text, rows.line_count()))
}

fn chunks(language: &Language, rows: &Rows, syntax: &Syntax, options: &ChunkOptions) -> Vec<Chunk> {
    let layout = Layout {
        rows,
        units: &syntax.units,
        cuts: &syntax.cuts,
        leads: &syntax.leads,
        options,
    };
    layout
        .pieces()
        .into_iter()
        .map(|piece| chunk(rows, syntax, language.loose, piece))
        .collect()
}

/// Code around the opening comment that is no definition stands for the file itself.
fn name_module(path: &[u8], chunks: &mut [Chunk], opening: Opening) {
    let around = chunks
        .iter_mut()
        .find(|chunk| chunk.bytes.contains(&opening.start));
    if let Some(chunk) = around.filter(|chunk| chunk.kind == ChunkKind::Code) {
        chunk.kind = ChunkKind::Module;
        chunk.name = module_name(path);
        chunk.qualified_name.clone_from(&chunk.name);
        chunk.doc = opening.doc;
    }
}

fn chunk(rows: &Rows, syntax: &Syntax, loose: ChunkKind, piece: Piece) -> Chunk {
    let unit = piece.unit.map(|index| &syntax.units[index]);
    let of = |get: fn(&Unit) -> &String| unit.map(get).cloned().unwrap_or_default();
    let last_line = rows.line(piece.rows.end - 1);
    Chunk {
        kind: unit.map_or(loose, |unit| unit.kind),
        name: of(|unit| &unit.name),
        qualified_name: of(|unit| &unit.qualified_name),
        signature: of(|unit| &unit.signature),
        doc: if piece.part {
            String::new()
        } else {
            of(|unit| &unit.doc)
        },
        scope: of(|unit| &unit.scope),
        bytes: rows.bytes(&piece.rows),
        lines: (rows.line(piece.rows.start) + 1, last_line + 1),
        tokens: rows.tokens(&piece.rows),
        part: piece.part,
    }
}

/// The file's stem, or its folder's name where the stem says nothing.
fn module_name(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let mut parts = path.rsplit('/');
    let stem = parts
        .next()
        .and_then(|file| file.split('.').next())
        .unwrap_or_default();
    match stem {
        "mod" | "lib" | "main" | "index" | "init" | "__init__" | "" => {
            parts.next().filter(|part| *part != "src").unwrap_or(stem)
        }
        _ => stem,
    }
    .to_string()
}
