//! When to look at a tree again: a state machine without a clock of its own.

use std::time::{Duration, Instant};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// After the last hint, so that a save that takes several steps is one change.
    pub quiet: Duration,
    /// After the first hint at most, however many follow.
    pub at_most: Duration,
    /// Between looks without any hint while there are events: it finds what was lost.
    pub sweep: Duration,
    /// Between looks while there are no events.
    pub poll: Duration,
    /// Looks may take at most one part in so many of the time, hints or not.
    pub share: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            quiet: Duration::from_millis(30),
            at_most: Duration::from_millis(250),
            sweep: Duration::from_secs(60),
            poll: Duration::from_secs(3),
            share: 20,
        }
    }
}

/// Hints that nobody has acted on yet.
#[derive(Debug)]
pub struct Pending {
    timing: Timing,
    /// First and last hint since the last look.
    hints: Option<(Instant, Instant)>,
    looked: Instant,
    cost: Duration,
    /// The last looks that found nothing although there were hints.
    in_vain: u32,
}

impl Pending {
    /// Nothing pending; the first sweep is counted from `now`.
    pub fn new(timing: Timing, now: Instant) -> Pending {
        Pending {
            timing,
            hints: None,
            looked: now,
            cost: Duration::ZERO,
            in_vain: 0,
        }
    }

    /// Notes a hint.
    pub fn note(&mut self, now: Instant) {
        let (first, _) = self.hints.unwrap_or((now, now));
        self.hints = Some((first, now));
    }

    /// Whether there are hints.
    pub fn any(&self) -> bool {
        self.hints.is_some()
    }

    /// When to look next. Hints that led to nothing (a log file that is ignored grows and
    /// grows) are followed later and later, up to the share of the time that looks may take.
    pub fn due(&self, polling: bool) -> Instant {
        let rest = if polling {
            self.timing.poll
        } else {
            self.timing.sweep
        };
        let again = self.looked + rest.max(self.cost * self.timing.share);
        let Some((first, last)) = self.hints else {
            return again;
        };
        let quiet = (last + self.timing.quiet).min(first + self.timing.at_most);
        let patience = self.cost * self.timing.share.min(self.in_vain.saturating_mul(4));
        quiet.max(self.looked + patience).min(again.max(quiet))
    }

    /// Forgets the hints before a look: those that come during it count again.
    pub fn take(&mut self) -> bool {
        self.hints.take().is_some()
    }

    /// A look has ended; `found` says whether it changed anything.
    pub fn looked(&mut self, began: Instant, now: Instant, found: bool) {
        self.looked = now;
        self.cost = now.saturating_duration_since(began);
        self.in_vain = if found { 0 } else { self.in_vain + 1 };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Milliseconds after the last look at which the next is due.
    fn due(cost: u64, in_vain: u32, polling: bool, hints: &[u64]) -> u64 {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pending = Pending::new(Timing::default(), start);
        pending.looked = at(0);
        pending.cost = Duration::from_millis(cost);
        pending.in_vain = in_vain;
        hints.iter().for_each(|&millis| pending.note(at(millis)));
        let due = pending.due(polling).duration_since(start).as_millis();
        u64::try_from(due).unwrap()
    }

    #[test]
    fn looks_are_soon_after_hints_and_rare_without() {
        let cases: &[(u64, u32, bool, &[u64], u64)] = &[
            (10, 0, false, &[], 60_000),
            (10, 0, true, &[], 3_000),
            // A large tree is polled less often.
            (500, 0, true, &[], 10_000),
            (5_000, 0, false, &[], 100_000),
            (10, 0, false, &[1_000], 1_030),
            (10, 0, false, &[1_000, 1_020, 1_040], 1_070),
            // A storm does not put it off for ever.
            (10, 0, false, &[1_000, 1_100, 1_200, 1_249], 1_250),
            // Hints that led to nothing are followed more and more slowly …
            (100, 1, false, &[5], 400),
            (100, 3, false, &[5], 1_200),
            (100, 999, false, &[5], 2_000),
            // … but not after a rest.
            (100, 999, false, &[5_000], 5_030),
        ];
        for &(cost, in_vain, polling, hints, expected) in cases {
            assert_eq!(due(cost, in_vain, polling, hints), expected, "{hints:?}");
        }
    }

    #[test]
    fn hints_during_a_look_count_for_the_next() {
        let now = Instant::now();
        let mut pending = Pending::new(Timing::default(), now);
        pending.note(now);
        assert!(pending.take());
        assert!(!pending.any());
        pending.note(now);
        pending.looked(now, now, true);
        assert!(pending.any());
    }
}
