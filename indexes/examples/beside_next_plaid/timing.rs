//! Times of searches.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

/// How often each query is timed.
pub const ROUNDS: usize = 5;

/// Times of all queries, round after round.
pub struct Timing {
    milliseconds: Vec<f64>,
    computed_before: f64,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            milliseconds: Vec::new(),
            computed_before: computed(),
        }
    }
}

impl Timing {
    pub fn add(&mut self, time: Duration) {
        self.milliseconds.push(time.as_secs_f64() * 1e3);
    }

    /// Quantiles over all, and over the fastest round of each query.
    pub fn report(&self) -> Value {
        let queries = (self.milliseconds.len() / ROUNDS).max(1);
        let runs = (queries * (ROUNDS + 1)) as f64;
        let cpu = (computed() - self.computed_before) * 1e3 / runs;
        let mut best = self.milliseconds[..queries].to_vec();
        for round in self.milliseconds.chunks(queries) {
            let pairs = best.iter_mut().zip(round);
            pairs.for_each(|(best, time)| *best = best.min(*time));
        }
        json!({
            "queries": queries,
            "cpu_ms": cpu,
            "p50_ms": quantile(&self.milliseconds, 0.5),
            "p99_ms": quantile(&self.milliseconds, 0.99),
            "best_p50_ms": quantile(&best, 0.5),
            "best_p99_ms": quantile(&best, 0.99),
        })
    }
}

fn quantile(times: &[f64], at: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * at).round() as usize]
}

/// Seconds that this process has spent computing, on all cores together.
pub fn computed() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
