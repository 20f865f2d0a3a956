//! Which file mentions what another defines.

use std::collections::HashMap;

use fathom_indexes::{ChunkKind, FileId, Snapshot, StoreError, SymbolRecord};
use fathom_retriever::rank::Roles;

/// A name that more files define than this says nothing about what is meant.
const DEFINERS: usize = 12;
/// What a mention in a test counts.
const IN_TEST: f32 = 0.2;

pub(super) struct Node {
    pub path: Vec<u8>,
    pub is_test: bool,
}

/// A definition.
pub(super) struct Defined {
    pub file: usize,
    pub record: SymbolRecord,
}

/// Mentions in file `from` of definition `symbol`.
pub(super) struct Edge {
    pub from: usize,
    pub symbol: usize,
    pub weight: f32,
}

/// Files and definitions by path and line, and the edges between them.
pub(super) struct Graph {
    pub files: Vec<Node>,
    pub symbols: Vec<Defined>,
    pub edges: Vec<Edge>,
}

impl Graph {
    pub fn read(snapshot: &Snapshot) -> Result<Graph, StoreError> {
        let rows = snapshot.files()?;
        let index: HashMap<FileId, usize> = rows.iter().map(|row| row.id).zip(0..).collect();
        let languages: Vec<String> = rows.iter().map(|row| row.record.language.clone()).collect();
        let files = rows.into_iter().map(|row| Node {
            is_test: row.record.generated
                || Roles::of(&String::from_utf8_lossy(&row.record.path)).test,
            path: row.record.path,
        });
        let files: Vec<Node> = files.collect();
        let mut symbols = Vec::new();
        snapshot.each_symbol(|file, record| {
            if let (Some(&file), true) = (index.get(&file), is_shown(record.kind)) {
                symbols.push(Defined { file, record });
            }
        })?;
        symbols.sort_by(|a, b| {
            (a.file, a.record.line, &a.record.name).cmp(&(b.file, b.record.line, &b.record.name))
        });
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, symbol) in symbols.iter().enumerate() {
            by_name.entry(&symbol.record.name).or_default().push(i);
        }
        let mut edges = Vec::new();
        snapshot.each_mention(|name, file, mentions| {
            if let (Some(defined), Some(&from)) = (by_name.get(name), index.get(&file)) {
                add(
                    &mut edges,
                    &files,
                    &symbols,
                    &languages,
                    (from, defined),
                    mentions,
                );
            }
        })?;
        Ok(Graph {
            files,
            symbols,
            edges,
        })
    }
}

/// Edges from a file to the definitions of one name in its language.
fn add(
    edges: &mut Vec<Edge>,
    files: &[Node],
    symbols: &[Defined],
    languages: &[String],
    (from, defined): (usize, &[usize]),
    mentions: u32,
) {
    let language = &languages[from];
    let fit = |i: &&usize| languages[symbols[**i].file] == *language;
    let fitting: Vec<usize> = defined.iter().filter(fit).copied().collect();
    let mut definers: Vec<usize> = fitting.iter().map(|&i| symbols[i].file).collect();
    definers.dedup();
    if fitting.is_empty() || definers.len() > DEFINERS {
        return;
    }
    let place = if files[from].is_test { IN_TEST } else { 1.0 };
    let weight = (mentions as f32).sqrt() * place / fitting.len() as f32;
    let edge = |symbol| Edge {
        from,
        symbol,
        weight: weight * telling(&symbols[symbol].record.name),
    };
    edges.extend(fitting.into_iter().map(edge));
}

/// Long names of several words tell more than short ones; private ones less.
fn telling(name: &str) -> f32 {
    let words = fathom_indexes::text::parts(name).len();
    match name {
        _ if name.starts_with('_') => 0.1,
        _ if name.len() <= 3 => 0.3,
        _ if words >= 2 && name.len() >= 8 => 2.0,
        _ => 1.0,
    }
}

fn is_shown(kind: ChunkKind) -> bool {
    !matches!(
        kind,
        ChunkKind::Section | ChunkKind::Data | ChunkKind::Test | ChunkKind::Impl | ChunkKind::Code
    )
}
