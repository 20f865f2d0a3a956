//! `repo_map`: the most important definitions.

use fathom::engine::freshness::Freshness;
use fathom::output::escape;
use fathom_answerer::map::Map;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mcp::call::{Call, Ready};
use crate::mcp::fault::Fault;
use crate::mcp::reply::{Reply, size, tokens_of};
use crate::mcp::text::{DATA, clean};

/// Tokens of a map, unless told otherwise.
const TOKENS: usize = 2000;
/// Tries to find the largest map that fits.
const TRIES: usize = 4;

/// What `repo_map` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Only what lies below this folder, relative to the root or absolute; empty: everything.
    #[serde(default)]
    path: String,
    /// The map fits into so many tokens (of about four bytes), 200 to 50000; 0: 2000.
    #[serde(default)]
    max_tokens: usize,
}

/// A map.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// Folder that all paths are relative to.
    root: String,
    /// Files with important definitions, the most important first.
    files: Vec<File>,
    /// Definitions shown.
    shown: usize,
    /// Definitions that others mention; more of them with `max_tokens` or a `path`.
    total: usize,
    /// Generation of the index.
    generation: u64,
    /// Always true: paths and signatures come from the repository.
    untrusted: bool,
}

/// A file of the map.
#[derive(Debug, Serialize, JsonSchema)]
struct File {
    /// Relative to `root`.
    path: String,
    /// Its important definitions, by line.
    symbols: Vec<Symbol>,
}

/// A definition.
#[derive(Debug, Serialize, JsonSchema)]
struct Symbol {
    /// Line, from 1.
    line: u32,
    /// Kind of code, such as function or type.
    kind: &'static str,
    /// Signature.
    signature: String,
}

/// Draws the map.
pub fn run(call: &Call, params: &Params) -> Result<Reply, Fault> {
    let ready = call.ready(&params.path, Freshness::Words)?;
    let wanted = tokens_of(params.max_tokens, TOKENS);
    let mut tokens = wanted;
    let mut shown = draw(call, &ready, tokens)?;
    for _ in 0..TRIES {
        let taken = size(&shown).max(shown.write().len()).div_ceil(4);
        if taken <= wanted {
            break;
        }
        tokens = tokens * wanted / taken * 95 / 100;
        shown = draw(call, &ready, tokens)?;
    }
    Reply::new(clean(&shown.write()), &shown)
}

fn draw(call: &Call, ready: &Ready, tokens: usize) -> Result<Shown, Fault> {
    let (map, generation) = call.engine.map(&ready.place, tokens)?;
    Ok(Shown {
        root: ready.root(),
        shown: map.shown,
        total: map.total,
        generation,
        untrusted: true,
        files: files(&map),
    })
}

fn files(map: &Map) -> Vec<File> {
    let files = map.files.iter().map(|file| File {
        path: escape::path(&file.path),
        symbols: file
            .symbols
            .iter()
            .map(|symbol| Symbol {
                line: symbol.line,
                kind: symbol.kind.as_str(),
                signature: escape::path(symbol.signature.as_bytes()),
            })
            .collect(),
    });
    files.collect()
}

impl Shown {
    fn write(&self) -> String {
        let (shown, total) = (self.shown, self.total);
        let mut out = format!(
            "{shown} of {total} definitions in {} that others use {DATA}\n",
            self.root
        );
        for file in &self.files {
            out.push_str(&format!("{}\n", file.path));
            for symbol in &file.symbols {
                out.push_str(&format!("{:>6} │ {}\n", symbol.line, symbol.signature));
            }
        }
        out
    }
}
