//! How sure a hit is: by how far its file leads the others, and whether anything in the pool is near the query at all.
//!
//! The ranking's scores are scaled to each pool, so a high one alone proves nothing. On the development questions a
//! first hit that leads by .3 is right nine times in ten; one that leads by less, seven times. A hit of another file
//! that trails by .3 or more is right one time in twenty.

use std::collections::HashMap;

use fathom_indexes::FileId;

use crate::rank::{Candidate, Placed};
use crate::request::Confidence;

/// A strength of definition that only an exact match of a name has.
const SURE_DEFINITION: f32 = 0.8;
/// The difference of scores from which one file clearly leads another.
const CLEAR_LEAD: f32 = 0.3;
/// Best cosines in the pool, of the bundled model: questions about another repository stay below the first six times in
/// ten, questions that have an answer are above it 49 times in 50; the second is passed nine times in ten by the latter,
/// one time in ten by the former.
const NEAR: f32 = 0.36;
const VERY_NEAR: f32 = 0.46;

/// The confidence of each candidate, in the order of `placed`. All chunks of a file share it.
pub fn of(pool: &[Candidate], placed: &[Placed]) -> Vec<Confidence> {
    let mut best: HashMap<FileId, f32> = HashMap::new();
    for one in placed {
        let score = best.entry(pool[one.index].file).or_insert(one.score);
        *score = score.max(one.score);
    }
    let mut scores: Vec<f32> = best.values().copied().collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    let nearest = pool
        .iter()
        .filter_map(|c| c.dense)
        .fold(None, |m: Option<f32>, d| Some(m.map_or(d, |m| m.max(d))));
    let confidence = |one: &Placed| {
        let candidate = &pool[one.index];
        if candidate.definition >= SURE_DEFINITION {
            return Confidence::High;
        }
        let of_file = best.get(&candidate.file).copied().unwrap_or(one.score);
        judge(lead(of_file, &scores), nearest)
    };
    placed.iter().map(confidence).collect()
}

/// How far a file's score is above that of the best other file; negative if it is below.
fn lead(score: f32, scores: &[f32]) -> f32 {
    match scores {
        [first, second, ..] if score >= *first => score - second,
        [first, ..] if score < *first => score - first,
        _ => 0.0,
    }
}

/// Without vectors (`nearest` is `None`) nothing says whether the query fits the repository.
fn judge(lead: f32, nearest: Option<f32>) -> Confidence {
    let near = |least| nearest.is_none_or(|cosine| cosine >= least);
    if lead >= CLEAR_LEAD && near(VERY_NEAR) {
        Confidence::High
    } else if lead > -CLEAR_LEAD && near(NEAR) {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

/// Brings a sum of parts to 0 to 1, keeping the order.
pub fn calibrated(score: f32) -> f32 {
    /// Where the hits begin to be more often right than wrong, and how fast.
    const MIDDLE: f32 = 1.5;
    const SLOPE: f32 = 3.0;
    1.0 / (1.0 + (-SLOPE * (score - MIDDLE)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Confidence::{High, Low, Medium};

    #[test]
    fn a_clear_lead_near_the_query_is_sure() {
        for (lead, nearest, expected) in [
            (0.4, Some(0.6), High),
            (0.4, Some(0.45), Medium),
            (0.4, Some(0.2), Low),
            (0.1, Some(0.6), Medium),
            (-0.1, Some(0.6), Medium),
            (-0.4, Some(0.6), Low),
            (0.4, None, High),
        ] {
            assert_eq!(judge(lead, nearest), expected, "{lead} {nearest:?}");
        }
    }

    #[test]
    fn leads_are_over_the_best_other_file() {
        for (score, scores, expected) in [
            (2.0, vec![2.0, 1.5, 1.0], 0.5),
            (1.5, vec![2.0, 1.5, 1.0], -0.5),
            (1.0, vec![2.0, 1.5, 1.0], -1.0),
            (2.0, vec![2.0, 2.0], 0.0),
            (2.0, vec![2.0], 0.0),
        ] {
            assert_eq!(lead(score, &scores), expected, "{score} {scores:?}");
        }
    }

    #[test]
    fn calibration_keeps_the_order_between_0_and_1() {
        let values: Vec<f32> = [-3.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]
            .map(calibrated)
            .to_vec();
        assert!(
            values.windows(2).all(|pair| pair[0] < pair[1]),
            "{values:?}"
        );
        assert!(values[0] > 0.0 && values[7] < 1.0, "{values:?}");
    }
}
