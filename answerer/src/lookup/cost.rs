//! What it costs to score several tokens at once.

/// `t(k) / t(1)`: the time to score `k` tokens in one pass, in units of the
/// time of one. Measured on the machine at hand, straight lines in between.
#[derive(Clone, Debug, PartialEq)]
pub struct CostCurve {
    /// Batch size and relative cost, both ascending, beginning with `(1, 1.0)`.
    points: Vec<(usize, f32)>,
}

impl CostCurve {
    /// Batch sizes worth measuring.
    pub const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

    /// A curve through measured times in any unit, one per batch size, the
    /// first for a batch of one. `None` if that one is missing or a time is
    /// not positive.
    #[must_use]
    pub fn measured(times: &[(usize, f64)]) -> Option<CostCurve> {
        let &(1, unit) = times.first()? else {
            return None;
        };
        let ascending = times.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let positive = times
            .iter()
            .all(|&(_, time)| time > 0.0 && time.is_finite());
        if !ascending || !positive {
            return None;
        }
        let mut points: Vec<(usize, f32)> = Vec::with_capacity(times.len());
        for &(size, time) in times {
            // A larger batch that seems cheaper is noise of the clock.
            let least = points.last().map_or(1.0, |&(_, cost)| cost);
            points.push((size, ((time / unit) as f32).max(least)));
        }
        Some(CostCurve { points })
    }

    /// What is assumed before anything was measured: every further token
    /// costs a fifth of the first, which is cautious for a processor.
    #[must_use]
    pub fn assumed() -> CostCurve {
        CostCurve {
            points: vec![(1, 1.0), (64, 13.6)],
        }
    }

    /// Cost of scoring `size` tokens in one pass; beyond the last measured
    /// size the last slope goes on.
    #[must_use]
    pub fn of(&self, size: usize) -> f32 {
        let after = self.points.partition_point(|&(known, _)| known < size);
        let right = after.clamp(1, (self.points.len() - 1).max(1));
        let (Some(&(x0, y0)), Some(&(x1, y1))) =
            (self.points.get(right - 1), self.points.get(right))
        else {
            return 1.0;
        };
        let slope = (y1 - y0) / (x1 - x0) as f32;
        y0 + slope * (size as f32 - x0 as f32)
    }

    /// The measured points: batch size and cost relative to one token.
    #[must_use]
    pub fn points(&self) -> &[(usize, f32)] {
        &self.points
    }

    /// The largest measured batch: longer ones are guesses.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.points.last().map_or(1, |&(size, _)| size)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn costs_lie_on_lines_between_measurements() {
        let curve = CostCurve::measured(&[(1, 50.0), (2, 60.0), (4, 100.0), (8, 90.0)]).unwrap();
        let costs: Vec<f32> = [1, 2, 3, 4, 8, 12].map(|size| curve.of(size)).to_vec();
        assert_eq!(costs, [1.0, 1.2, 1.6, 2.0, 2.0, 2.0]);
        assert_eq!(CostCurve::assumed().of(6), 2.0);
    }

    #[test]
    fn a_curve_needs_a_first_point_and_positive_times() {
        assert_eq!(CostCurve::measured(&[]), None);
        assert_eq!(CostCurve::measured(&[(2, 1.0)]), None);
        assert_eq!(CostCurve::measured(&[(1, 0.0)]), None);
        assert_eq!(CostCurve::measured(&[(1, 1.0), (1, 1.0)]), None);
        assert_eq!(CostCurve::measured(&[(1, 7.0)]).unwrap().of(5), 1.0);
    }
}
