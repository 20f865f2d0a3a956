//! PageRank by power iteration, in a fixed order, so that it is deterministic.

use super::graph::Graph;

/// Share of the weight that follows edges; the rest goes to all files alike.
const DAMPING: f64 = 0.85;
/// Rounds at most.
const ROUNDS: usize = 50;
/// Change below which nothing changes any more.
const STILL: f64 = 1e-7;

/// Shares of all weight, each list summing to at most 1.
pub(super) struct Ranks {
    pub files: Vec<f32>,
    pub symbols: Vec<f32>,
}

pub(super) fn rank(graph: &Graph) -> Ranks {
    let count = graph.files.len();
    let mut out = vec![0.0_f64; count];
    for edge in &graph.edges {
        out[edge.from] += f64::from(edge.weight);
    }
    let mut ranks = vec![1.0 / count.max(1) as f64; count];
    for _ in 0..ROUNDS {
        let next = step(graph, &out, &ranks);
        let moved: f64 = next.iter().zip(&ranks).map(|(a, b)| (a - b).abs()).sum();
        ranks = next;
        if moved < STILL {
            break;
        }
    }
    Ranks {
        symbols: symbols(graph, &out, &ranks),
        files: ranks.into_iter().map(|rank| rank as f32).collect(),
    }
}

fn step(graph: &Graph, out: &[f64], ranks: &[f64]) -> Vec<f64> {
    let count = ranks.len() as f64;
    // Files that mention nothing give their weight to all.
    let idle = ranks.iter().zip(out).filter(|(_, out)| **out == 0.0);
    let idle: f64 = idle.map(|(rank, _)| rank).sum();
    let base = (1.0 - DAMPING + DAMPING * idle) / count;
    let mut next = vec![base; ranks.len()];
    for edge in &graph.edges {
        let share = f64::from(edge.weight) / out[edge.from];
        next[graph.symbols[edge.symbol].file] += DAMPING * ranks[edge.from] * share;
    }
    next
}

/// Each definition gets what its mentions bring, those in its own file at a tenth:
/// a map is about what the parts are to each other.
fn symbols(graph: &Graph, out: &[f64], ranks: &[f64]) -> Vec<f32> {
    let mut symbols = vec![0.0_f64; graph.symbols.len()];
    for edge in &graph.edges {
        let own = graph.symbols[edge.symbol].file == edge.from;
        let share = f64::from(edge.weight) / out[edge.from] * if own { 0.1 } else { 1.0 };
        symbols[edge.symbol] += ranks[edge.from] * share;
    }
    let of_tests = graph
        .symbols
        .iter()
        .map(|symbol| graph.files[symbol.file].is_test);
    let ranked = symbols.into_iter().zip(of_tests);
    ranked
        .map(|(rank, is_test)| if is_test { 0.0 } else { rank as f32 })
        .collect()
}
