//! A map of the repository: the most important definitions of its most important files.
//!
//! Files are nodes; a mention in one of a name that another defines is an edge.
//! PageRank over that graph gives each file its weight, and each definition the
//! share of its file's weight that its mentions bring (the method of Aider's
//! repository map).

mod graph;
mod rank;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fathom_indexes::{ChunkKind, Snapshot, StoreError};

use graph::Graph;

/// A definition on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapSymbol {
    /// Name with its scopes.
    pub name: String,
    /// What it is.
    pub kind: ChunkKind,
    /// First line, from 1.
    pub line: u32,
    /// On one line; the name where there is no signature.
    pub signature: String,
    /// Its share of all weight.
    pub rank: f32,
}

/// A file on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapFile {
    /// Relative to the root, as bytes.
    pub path: Vec<u8>,
    /// Its share of all weight.
    pub rank: f32,
    /// By line.
    pub symbols: Vec<MapSymbol>,
}

/// The files and definitions that fit, the most important file first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// Files with at least one definition.
    pub files: Vec<MapFile>,
    /// Definitions shown.
    pub shown: usize,
    /// Definitions that could have been shown.
    pub total: usize,
}

impl Map {
    /// As text: each file's path, then its definitions with their lines.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        for file in &self.files {
            out.push_str(&one_line(&String::from_utf8_lossy(&file.path)));
            out.push('\n');
            for symbol in &file.symbols {
                out.push_str(&format!("{:>6}  {}\n", symbol.line, symbol.signature));
            }
        }
        out
    }
}

/// The map of what lies below `under` (all without), in at most `budget` tokens by `count`.
///
/// # Errors
/// When the store cannot be read.
pub fn map(
    snapshot: &Snapshot,
    under: Option<&[u8]>,
    budget: usize,
    count: &dyn Fn(&str) -> usize,
) -> Result<Map, StoreError> {
    let graph = Graph::read(snapshot)?;
    let ranks = rank::rank(&graph);
    let mut order: Vec<usize> = (0..graph.symbols.len())
        .filter(|&i| {
            ranks.symbols[i] > 0.0 && lies_under(&graph.files[graph.symbols[i].file].path, under)
        })
        .collect();
    let key = |i: &usize| (graph.symbols[*i].file, graph.symbols[*i].record.line);
    order.sort_by(|a, b| {
        let by_rank = ranks.symbols[*b].total_cmp(&ranks.symbols[*a]);
        by_rank.then_with(|| key(a).cmp(&key(b)))
    });
    let of_first = |n: usize| drawn(&graph, &ranks, &order[..n], order.len());
    // More definitions take more tokens, so the most that fit are found by halving.
    let fits = |n: usize| count(&of_first(n).render()) <= budget;
    let (mut low, mut high) = (0, order.len().min(budget));
    while low < high {
        let middle = (low + high).div_ceil(2);
        match fits(middle) {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    Ok(of_first(low))
}

fn lies_under(path: &[u8], under: Option<&[u8]>) -> bool {
    under.is_none_or(|under| {
        let rest = path.strip_prefix(under);
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    })
}

/// The map with these definitions.
fn drawn(graph: &Graph, ranks: &rank::Ranks, chosen: &[usize], total: usize) -> Map {
    let mut files: BTreeMap<usize, Vec<MapSymbol>> = BTreeMap::new();
    for &i in chosen {
        let symbol = &graph.symbols[i];
        let record = &symbol.record;
        let head = match record.signature.is_empty() {
            true => &record.qualified_name,
            false => &record.signature,
        };
        files.entry(symbol.file).or_default().push(MapSymbol {
            name: record.qualified_name.clone(),
            kind: record.kind,
            line: record.line,
            signature: one_line(head),
            rank: ranks.symbols[i],
        });
    }
    let files = files.into_iter().map(|(file, mut symbols)| {
        symbols.sort_by_key(|symbol| symbol.line);
        MapFile {
            path: graph.files[file].path.clone(),
            rank: ranks.files[file],
            symbols,
        }
    });
    let mut files: Vec<MapFile> = files.collect();
    let worth = |file: &MapFile| file.symbols.iter().map(|symbol| symbol.rank).sum::<f32>();
    files.sort_by(|a, b| {
        worth(b)
            .total_cmp(&worth(a))
            .then_with(|| a.path.cmp(&b.path))
    });
    Map {
        files,
        shown: chosen.len(),
        total,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
