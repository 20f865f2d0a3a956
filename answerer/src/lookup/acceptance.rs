//! How often a looked-up token turns out right, by length of the match.

/// Match lengths from which each class begins, shortest first.
const CLASSES: [usize; 5] = [3, 5, 8, 16, 32];

/// What is believed of each class before anything was seen: share of right
/// predictions. Short matches are common in any text, long ones are copies.
const PRIOR: [f32; 5] = [0.35, 0.6, 0.8, 0.92, 0.97];

/// Weight of the prior in predictions.
const PRIOR_WEIGHT: f32 = 4.0;

/// What a prediction still counts when the next one of its class is seen.
const DECAY: f32 = 0.95;

/// Decayed counts of right and of all predictions, by match length.
///
/// Every prediction counts, also one that was not drafted: so the estimate
/// goes on while drafting does not pay, at no cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Acceptance {
    right: [f32; CLASSES.len()],
    all: [f32; CLASSES.len()],
}

/// Class of a match of `length` tokens.
fn class(length: usize) -> usize {
    CLASSES
        .iter()
        .rposition(|&from| length >= from)
        .unwrap_or(0)
}

impl Acceptance {
    /// Takes note of one prediction made from a match of `length` tokens.
    pub(super) fn note(&mut self, length: usize, was_right: bool) {
        let class = class(length);
        self.right[class] = self.right[class] * DECAY + f32::from(u8::from(was_right));
        self.all[class] = self.all[class] * DECAY + 1.0;
    }

    /// Chance that the next token after a match of `length` tokens is the one
    /// that followed before.
    pub(super) fn chance(&self, length: usize) -> f32 {
        self.class_chance(class(length))
    }

    fn class_chance(&self, class: usize) -> f32 {
        let right = self.right[class] + PRIOR[class] * PRIOR_WEIGHT;
        right / (self.all[class] + PRIOR_WEIGHT)
    }

    /// Forgets bad experience: a quotation begins, which is a new situation.
    pub(super) fn rearm(&mut self) {
        for (class, prior) in PRIOR.into_iter().enumerate() {
            if self.class_chance(class) < prior {
                self.right[class] = 0.0;
                self.all[class] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(length: usize, outcomes: &[bool]) -> Acceptance {
        let mut acceptance = Acceptance::default();
        for &outcome in outcomes {
            acceptance.note(length, outcome);
        }
        acceptance
    }

    #[test]
    fn experience_moves_the_estimate_of_its_class_only() {
        let acceptance = after(4, &[false; 20]);
        assert!(acceptance.chance(3) < 0.2);
        assert_eq!(acceptance.chance(5), 0.6);
        assert_eq!(acceptance.chance(40), 0.97);
        assert!(after(8, &[true; 30]).chance(8) > 0.95);
    }

    #[test]
    fn rearming_forgets_failure_and_keeps_success() {
        let mut failed = after(3, &[false; 20]);
        failed.rearm();
        assert!((failed.chance(3) - 0.35).abs() < 1e-6);
        let mut worked = after(3, &[true; 20]);
        worked.rearm();
        assert!(worked.chance(3) > 0.8);
    }
}
