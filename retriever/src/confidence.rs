//! How sure a hit is: from the evidence behind it, not from its rank.

use crate::rank::{Candidate, Placed};
use crate::request::Confidence;

/// A strength of definition that is an exact match of name and kind.
const SURE_DEFINITION: f32 = 0.8;
/// Scores (sums of the ranking's parts) from which hits of this confidence begin; see the evaluation.
const HIGH: f32 = 1.4;
const MEDIUM: f32 = 0.9;

/// The confidence of one ranked candidate.
pub fn of(candidate: &Candidate, placed: &Placed) -> Confidence {
    if candidate.definition >= SURE_DEFINITION || placed.score >= HIGH {
        Confidence::High
    } else if placed.score >= MEDIUM {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

/// Brings a sum of parts to 0 to 1, keeping the order.
pub fn calibrated(score: f32) -> f32 {
    1.0 / (1.0 + (-3.0 * (score - MEDIUM)).exp())
}
