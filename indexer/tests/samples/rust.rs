//! Counts visits.

use std::collections::HashMap;

/// How many visits are remembered.
pub const LIMIT: usize = 100;

/// Visits by page.
///
/// Pages are paths.
#[derive(Debug, Default)]
pub struct Counter {
    visits: HashMap<String, usize>,
}

impl Counter {
    /// Records one visit.
    pub fn record(&mut self, page: &str) -> usize {
        let visits = self.visits.entry(page.to_string()).or_insert(0);
        *visits += 1;
        Self::clamp(*visits)
    }

    fn clamp(visits: usize) -> usize {
        visits.min(LIMIT)
    }
}

/// Something with a total.
pub trait Total {
    fn total(&self) -> usize;
}

impl Total for Counter {
    fn total(&self) -> usize {
        self.visits.values().sum()
    }
}

macro_rules! visit {
    ($counter:expr, $page:expr) => {
        $counter.record($page)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let mut counter = Counter::default();
        visit!(counter, "/");
        assert_eq!(counter.total(), 1);
    }
}
