//! Evidence without a reader: the lines of each result that answer best.

use fathom_indexes::text;
use fathom_retriever::understand::Understanding;
use fathom_retriever::{SearchHit, is_import};

use crate::card::Place;

/// Lines of one span.
const LINES: usize = 6;
/// Spans of one result.
const PER_HIT: usize = 2;

/// Lines that answer a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Relative to the root, as bytes.
    pub path: Vec<u8>,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, included.
    pub end_line: u32,
    /// The lines, as they are.
    pub text: String,
    /// Qualified name of the chunk that holds it, may be empty.
    pub name: String,
    /// Score of the result it is from.
    pub score: f32,
}

impl Span {
    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            path: self.path.clone(),
            start_line: self.start_line,
            end_line: self.end_line,
        }
    }
}

/// The best spans of each hit, in the order of the hits.
#[must_use]
pub fn spans(question: &Understanding, hits: &[SearchHit]) -> Vec<Span> {
    hits.iter().flat_map(|hit| of_hit(question, hit)).collect()
}

fn of_hit(question: &Understanding, hit: &SearchHit) -> Vec<Span> {
    let source = String::from_utf8_lossy(&hit.text);
    let lines: Vec<&str> = source.lines().collect();
    let stems: Vec<&str> = question
        .words
        .iter()
        .map(|word| word.stem.as_str())
        .collect();
    let weights: Vec<f32> = lines.iter().map(|line| weight(line, &stems)).collect();
    let first = hit.chunk.record.lines.0;
    let span = |(from, to): (usize, usize)| Span {
        path: hit.chunk.path.clone(),
        start_line: first + from as u32,
        end_line: first + to as u32 - 1,
        text: lines[from..to].join("\n"),
        name: hit.chunk.record.qualified_name.clone(),
        score: hit.score,
    };
    windows(&lines, &weights).into_iter().map(span).collect()
}

/// How much of the question a line holds: each word once, longer words more. A
/// line that only closes something or brings in names holds nothing.
fn weight(line: &str, stems: &[&str]) -> f32 {
    if is_import(line) {
        return 0.0;
    }
    let words = text::words(line);
    let held = stems
        .iter()
        .filter(|stem| stem.len() > 1 && words.iter().any(|word| word.starts_with(**stem)));
    held.map(|stem| 1.0 + 0.1 * stem.len().min(10) as f32).sum()
}

/// The best stretches of lines, in their order. Without any word of the
/// question: the first lines.
fn windows(lines: &[&str], weights: &[f32]) -> Vec<(usize, usize)> {
    let size = LINES.min(lines.len());
    if size == 0 {
        return Vec::new();
    }
    let mut free = vec![true; lines.len()];
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut least = 0.0;
    while found.len() < PER_HIT {
        let starts = (0..=lines.len() - size).filter(|&at| free[at..at + size].iter().all(|&f| f));
        let worth = |at: usize| weights[at..at + size].iter().sum::<f32>();
        let best = starts.map(|at| (at, worth(at)));
        // Of equals the first.
        let best = best.fold(None, |best: Option<(usize, f32)>, next| match best {
            Some(best) if best.1 >= next.1 => Some(best),
            _ => Some(next),
        });
        let Some((at, worth)) = best else { break };
        if !found.is_empty() && (worth <= 0.0 || worth < least) {
            break;
        }
        // A second span must be nearly as good as the first.
        least = 0.7 * worth;
        free[at..at + size].fill(false);
        found.push(trimmed(lines, weights, (at, at + size)));
    }
    found.sort_unstable();
    found.dedup_by(|next, before| {
        let touch = next.0 <= before.1;
        if touch {
            before.1 = before.1.max(next.1);
        }
        touch
    });
    found
}

/// Without the lines at both ends that hold nothing, but with one after what was found.
fn trimmed(lines: &[&str], weights: &[f32], (from, to): (usize, usize)) -> (usize, usize) {
    let holds = |at: &usize| weights[*at] > 0.0;
    let blank = |at: &usize| lines[*at].trim().is_empty();
    let Some(first) = (from..to).find(holds) else {
        let first = (from..to).find(|at| !blank(at)).unwrap_or(from);
        return (first, to);
    };
    let last = (from..to).rfind(holds).unwrap_or(first);
    (first, lines.len().min(last + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fathom_retriever::understand::understand;

    /// Spans (first and last line, from 1) of a text for a question.
    fn found(question: &str, text: &str) -> Vec<(usize, usize)> {
        let understood = understand(question);
        let stems: Vec<&str> = understood.words.iter().map(|w| w.stem.as_str()).collect();
        let lines: Vec<&str> = text.lines().collect();
        let weights: Vec<f32> = lines.iter().map(|line| weight(line, &stems)).collect();
        let windows = windows(&lines, &weights);
        windows
            .into_iter()
            .map(|(from, to)| (from + 1, to))
            .collect()
    }

    #[test]
    fn spans_hold_the_words_of_the_question() {
        let far = format!(
            "fn a() {{\n{}    take_lock();\n    go();\n}}",
            "    x();\n".repeat(10)
        );
        for (question, text, expected) in [
            ("where is the lock taken", far.as_str(), vec![(12, 13)]),
            ("lock", "a\nlock\nb\nc", vec![(2, 3)]),
            ("nothing of it", "\na\nb\nc\nd\ne\nf\ng", vec![(2, 6)]),
            ("lock", "", vec![]),
            (
                "lock",
                "//! What\n\nuse lock;\nmod b;\nuse c;\nd\ne",
                vec![(1, 6)],
            ),
            (
                "lock",
                "lock\n1\n2\n3\n4\n5\n6\n7\nlock\n8\n9\n10\n11\n12",
                vec![(1, 2), (9, 10)],
            ),
        ] {
            assert_eq!(found(question, text), expected, "{question}");
        }
    }
}
