//! How likely what was found, or said, is right: numbers from 0 to 1 that tiers are compared by.

use fathom_retriever::understand::Understanding;
use fathom_retriever::{Confidence, SearchOutcome};

use crate::cite::Report;

/// Mean log-probability that is taken for an answer whose server gives none.
const UNKNOWN: f32 = -0.5;

/// How sure it is that a card answers a question: where the question asks for a definition, and the
/// name has exactly one, entirely; otherwise not at all.
#[must_use]
pub fn rules(question: &Understanding, has_card: bool) -> f32 {
    match has_card && question.seeks_definition() {
        true => 1.0,
        false => 0.0,
    }
}

/// How likely the first hit of a search answers the question; 0 without any.
///
/// The retriever's three steps come from how far the first file leads the others and how near
/// anything is to the question (`fathom_retriever`'s `confidence` module); the numbers are how
/// often the first hit was right in each step on its development questions.
#[must_use]
pub fn retrieval(outcome: &SearchOutcome) -> f32 {
    outcome
        .hits
        .first()
        .map_or(0.0, |hit| match hit.confidence {
            Confidence::High => 0.9,
            Confidence::Medium => 0.7,
            Confidence::Low => 0.05,
        })
}

/// How likely an answer is right: the probability of its tokens (geometric mean) times the share
/// of its claims that stand in what was shown; 0 for an answer that cites nothing.
#[must_use]
pub fn answer(mean_logprob: Option<f32>, report: &Report) -> f32 {
    if report.sources.is_empty() {
        return 0.0;
    }
    let sure = mean_logprob.unwrap_or(UNKNOWN).min(0.0).exp();
    sure * report.verified_share()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cite::{Shown, check};

    #[test]
    fn an_answer_is_as_sure_as_its_tokens_and_its_claims() {
        let shown = [Shown {
            number: 1,
            label: "a.rs:1-1".into(),
            text: "let a = open(path);".into(),
        }];
        let of = |text: &str, mean| (answer(mean, &check(text, &shown)) * 100.0).round();
        for (text, mean, expected) in [
            ("`open(path)` [1]", Some(0.0), 100.0),
            ("`open(path)` [1]", Some(-0.5), 61.0),
            ("`open(path)` [1]", None, 61.0),
            ("`close(path)` [1]", Some(0.0), 50.0),
            ("`open(path)`", Some(0.0), 0.0),
            ("`open(path)` [2]", Some(0.0), 0.0),
            ("plain words", Some(0.0), 0.0),
        ] {
            assert_eq!(of(text, mean), expected, "{text} {mean:?}");
        }
    }
}
