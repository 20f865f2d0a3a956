//! Two scores of the same results become one.

/// Beyond these odds a probability says nothing more.
const LOGIT: f32 = 12.0;

/// Scores of the first stage and probabilities of the second, blended within the range that the
/// first stage has.
///
/// Cross-encoders that were trained on prose give code tiny probabilities, which still have an
/// order; so it is their log odds that count, spread over the range.
pub fn blend(first: &[f32], probabilities: &[f32], weight: f32) -> Vec<f32> {
    let (least, most) = range(first);
    let odds: Vec<f32> = probabilities.iter().map(|&p| log_odds(p)).collect();
    let (low, high) = range(&odds);
    let spread = high - low;
    let second = |odds: f32| match spread > 0.0 {
        true => least + (most - least) * (odds - low) / spread,
        // All the same: nothing is known, so nothing changes.
        false => f32::NAN,
    };
    first
        .iter()
        .zip(odds)
        .map(|(&first, odds)| match second(odds) {
            second if second.is_nan() => first,
            second => first + weight.clamp(0.0, 1.0) * (second - first),
        })
        .collect()
}

fn range(values: &[f32]) -> (f32, f32) {
    let all = values.iter().copied();
    let least = all.clone().fold(f32::INFINITY, f32::min);
    (least, all.fold(f32::NEG_INFINITY, f32::max))
}

fn log_odds(probability: f32) -> f32 {
    let p = f64::from(probability.clamp(0.0, 1.0));
    let odds = (p / (1.0 - p)).ln();
    match odds.is_nan() {
        true => 0.0,
        false => (odds as f32).clamp(-LOGIT, LOGIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tiny_probabilities_have_an_order() {
        let blended = blend(&[0.9, 0.8, 0.7], &[1e-4, 3e-4, 1e-3], 1.0);
        assert!(
            blended[2] > blended[1] && blended[1] > blended[0],
            "{blended:?}"
        );
        assert_eq!(blend(&[0.9, 0.8], &[0.5, 0.5], 1.0), [0.9, 0.8]);
        assert_eq!(blend(&[0.9, 0.8], &[0.1, 0.9], 0.0), [0.9, 0.8]);
    }

    proptest! {
        #[test]
        fn scores_stay_in_their_range(
            pairs in prop::collection::vec((0.0f32..1.0, 0.0f32..=1.0), 1..40),
            weight in 0.0f32..=1.0,
        ) {
            let (first, second): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let (least, most) = range(&first);
            for score in blend(&first, &second, weight) {
                prop_assert!(score >= least - 1e-5 && score <= most + 1e-5);
            }
        }
    }
}
