//! Percentile bootstrap intervals of a mean (Efron 1979), seeded and reproducible.

/// How often the sample is redrawn.
const RESAMPLES: usize = 10_000;
/// The same numbers always give the same interval.
const SEED: u64 = 0x5eed_fa74;

/// The bounds that 95 % of the resampled means lie between.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interval {
    /// 2.5 % quantile.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// The 95 % interval of the mean of `values`, redrawing them with replacement. For the difference of two systems pass
/// their paired differences. Empty input gives zeros.
pub fn interval_of_mean(values: &[f64]) -> Interval {
    if values.is_empty() {
        return Interval::default();
    }
    let mut random = SplitMix(SEED);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| resampled_mean(values, &mut random))
        .collect();
    means.sort_by(f64::total_cmp);
    let quantile = |share: f64| means[(share * (RESAMPLES - 1) as f64).round() as usize];
    Interval {
        low: quantile(0.025),
        high: quantile(0.975),
    }
}

fn resampled_mean(values: &[f64], random: &mut SplitMix) -> f64 {
    let sum: f64 = (0..values.len())
        .map(|_| values[random.below(values.len())])
        .sum();
    sum / values.len() as f64
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n` by multiply-shift; the bias of n / 2^64 is of no account here.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        for (values, low, high) in [
            (vec![], 0.0, 0.0),
            (vec![0.7], 0.7, 0.7),
            (vec![0.5, 0.5, 0.5], 0.5, 0.5),
            // The mean of 100 draws of 0 or 1 has a standard deviation of .05: .5 ± .098.
            ([[0.0; 50], [1.0; 50]].concat(), 0.40, 0.60),
        ] {
            let interval = interval_of_mean(&values);
            assert!(
                (interval.low - low).abs() < 0.011 && (interval.high - high).abs() < 0.011,
                "{values:?}: {interval:?}"
            );
        }
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let mut random = SplitMix(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    proptest::proptest! {
        #[test]
        fn numbers_stay_below_their_bound(seed: u64, n in 1usize..1000) {
            proptest::prop_assert!(SplitMix(seed).below(n) < n);
        }
    }
}
