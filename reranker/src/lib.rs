//! Scoring the first results of a search again with a cross-encoder, which reads question and code
//! together.
//!
//! Published results show cross-encoders harming code search as often as helping it. So their
//! score is blended with that of the first stage, touches only the top of the list, and leaves
//! what follows below it where it was.

mod blend;

use fathom_encoders::{EncoderError, PairEncoder, Profile};
use fathom_retriever::{SearchHit, SearchOutcome};

pub use blend::blend;

/// How many results are scored again.
pub const TOP: usize = 30;
/// Most that may be asked for: each costs a pass through the model.
pub const MOST: usize = 50;
/// Share of the cross-encoder in the blended score.
pub const WEIGHT: f32 = 0.4;

/// What scores pairs of question and text.
pub trait Scorer {
    /// The probability that each text answers the question, in their order.
    ///
    /// # Errors
    /// If the model fails.
    fn probabilities(&mut self, question: &str, texts: &[&str]) -> Result<Vec<f32>, EncoderError>;
}

impl Scorer for PairEncoder {
    fn probabilities(&mut self, question: &str, texts: &[&str]) -> Result<Vec<f32>, EncoderError> {
        let scores = self.score(question, texts)?;
        Ok(scores.iter().map(|score| score.probability).collect())
    }
}

/// Which results are scored again, and how much that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RerankOptions {
    /// Results at the top that are scored.
    pub top: usize,
    /// Share of the cross-encoder, 0 to 1.
    pub weight: f32,
}

impl Default for RerankOptions {
    fn default() -> Self {
        Self {
            top: TOP,
            weight: WEIGHT,
        }
    }
}

impl RerankOptions {
    /// As many results as a first stage has to give for `top_k` to be shown.
    #[must_use]
    pub fn candidates(&self, top_k: usize) -> usize {
        top_k.max(self.top.min(MOST))
    }
}

/// Scores the top of a search's results again and puts them into the new order. Scores stay within
/// the range that they had, so what follows stays below; each hit's `scores` get a part `rerank`.
///
/// # Errors
/// If the model fails; the outcome is as it was then.
pub fn rerank(
    outcome: &mut SearchOutcome,
    scorer: &mut dyn Scorer,
    options: &RerankOptions,
) -> Result<(), EncoderError> {
    let top = options.top.min(MOST).min(outcome.hits.len());
    if top < 2 {
        return Ok(());
    }
    let texts: Vec<String> = outcome.hits[..top].iter().map(passage).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let probabilities = scorer.probabilities(&outcome.understood.query, &texts)?;
    let first: Vec<f32> = outcome.hits[..top].iter().map(|hit| hit.score).collect();
    let blended = blend(&first, &probabilities, options.weight);
    for (hit, blended) in outcome.hits.iter_mut().zip(blended) {
        hit.scores.push(("rerank", blended - hit.score));
        hit.score = blended;
    }
    // Stable: what scores the same keeps its order.
    outcome.hits[..top].sort_by(|one, other| other.score.total_cmp(&one.score));
    Ok(())
}

/// What the model reads of a hit: its name where the code does not say it, then the code.
fn passage(hit: &SearchHit) -> String {
    let text = String::from_utf8_lossy(&hit.text);
    let name = &hit.chunk.record.qualified_name;
    match name.is_empty() || text.contains(name.as_str()) {
        true => text.into_owned(),
        false => format!("{name}\n{text}"),
    }
}

/// Whether a profile can rerank.
#[must_use]
pub fn can_rerank(profile: &Profile) -> bool {
    profile.kind() == fathom_encoders::Kind::CrossEncoder
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fathom_indexes::{ChunkId, ChunkKind, ChunkRecord, ChunkRow, ContentHash, FileId};
    use fathom_retriever::Confidence;
    use fathom_retriever::understand::understand;

    use super::*;

    /// Finds a text as good as the number in it.
    struct ByNumber;

    impl Scorer for ByNumber {
        fn probabilities(&mut self, _: &str, texts: &[&str]) -> Result<Vec<f32>, EncoderError> {
            let number = |text: &&str| text.rsplit('\n').next().and_then(|n| n.parse().ok());
            Ok(texts
                .iter()
                .map(|text| number(text).unwrap_or(0.0))
                .collect())
        }
    }

    fn hit(id: u32, score: f32, text: &str) -> SearchHit {
        SearchHit {
            chunk: ChunkRow {
                id: ChunkId(id),
                file: FileId(id),
                path: b"a.rs".to_vec(),
                language: "rust".into(),
                record: ChunkRecord {
                    content: ContentHash([0; 16]),
                    kind: ChunkKind::Function,
                    name: "f".into(),
                    qualified_name: "m::f".into(),
                    signature: String::new(),
                    doc: String::new(),
                    scope: "m".into(),
                    bytes: 0..1,
                    lines: (1, 1),
                },
                generated: false,
            },
            text: text.as_bytes().to_vec(),
            score,
            confidence: Confidence::Medium,
            scores: vec![("late", score)],
            matches: Vec::new(),
        }
    }

    /// Ids after reranking hits with these scores and numbers.
    fn order(hits: &[(f32, &str)], top: usize, weight: f32) -> Vec<u32> {
        let hits = hits.iter().zip(0..);
        let mut outcome = SearchOutcome {
            hits: hits
                .map(|((score, text), id)| hit(id, *score, text))
                .collect(),
            total: None,
            generation: 1,
            semantic_coverage: 1.0,
            complete: false,
            understood: understand("where"),
        };
        let options = RerankOptions { top, weight };
        rerank(&mut outcome, &mut ByNumber, &options).unwrap();
        let scores: Vec<f32> = outcome.hits.iter().map(|hit| hit.score).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        outcome.hits.iter().map(|hit| hit.chunk.id.0).collect()
    }

    #[test]
    fn only_the_top_is_put_into_another_order() {
        let hits = [(0.9, "0.1"), (0.8, "0.9"), (0.7, "0.5"), (0.6, "0.99")];
        for (top, weight, expected) in [
            (3, 1.0, [1, 2, 0, 3]),
            (4, 1.0, [3, 1, 2, 0]),
            (4, 0.0, [0, 1, 2, 3]),
            (1, 1.0, [0, 1, 2, 3]),
            (99, 1.0, [3, 1, 2, 0]),
        ] {
            assert_eq!(order(&hits, top, weight), expected, "{top} {weight}");
        }
    }

    #[test]
    fn a_name_is_told_where_the_code_does_not_say_it() {
        assert_eq!(passage(&hit(0, 1.0, "x = 1")), "m::f\nx = 1");
        assert_eq!(passage(&hit(0, 1.0, "m::f()")), "m::f()");
    }

    #[test]
    fn enough_candidates_are_asked_for() {
        let of = |top, top_k| RerankOptions { top, weight: 0.5 }.candidates(top_k);
        assert_eq!((of(30, 10), of(30, 40), of(80, 10)), (30, 40, 50));
    }
}
