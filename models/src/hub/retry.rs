//! Trying again what failed for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{HubError, Retry};

/// How often the cancel flag is looked at while waiting.
const POLL: Duration = Duration::from_millis(25);

/// Why one try failed.
pub(super) enum Failure {
    /// It may work later; perhaps the server says when.
    Later {
        /// What happened.
        reason: String,
        /// How long the server wants us to wait.
        wait: Option<Duration>,
    },
    /// It never will.
    Final(HubError),
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Failure {
        Failure::Final(error)
    }
}

impl Failure {
    pub(super) fn later(reason: impl Into<String>) -> Failure {
        Failure::Later {
            reason: reason.into(),
            wait: None,
        }
    }
}

/// Counts failures in a row.
pub(super) struct Patience {
    retry: Retry,
    failures: u32,
}

impl Patience {
    pub(super) fn new(retry: Retry) -> Patience {
        Patience { retry, failures: 0 }
    }

    /// Something came: failures before it do not count.
    pub(super) fn progress(&mut self) {
        self.failures = 0;
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait after one more failure; `None` if it was the last.
    pub(super) fn failed(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= self.retry.failures {
            return None;
        }
        let doubled = self.retry.first_wait * 2_u32.saturating_pow(self.failures - 1);
        Some(asked.unwrap_or(doubled).min(self.retry.longest_wait))
    }
}

/// Waits; an error if it was cancelled meanwhile.
pub(super) fn pause(wait: Duration, cancel: &AtomicBool) -> Result<(), HubError> {
    let end = Instant::now() + wait;
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(HubError::Cancelled);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(POLL));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let mut patience = Patience::new(Retry {
            failures: 5,
            first_wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(60),
            silence: Duration::ZERO,
        });
        let seconds = |wait: Option<Duration>| wait.map(|wait| wait.as_secs());
        assert_eq!(seconds(patience.failed(None)), Some(10));
        assert_eq!(seconds(patience.failed(None)), Some(20));
        patience.progress();
        for (asked, waited) in [
            (None, Some(10)),
            (Some(3), Some(3)),
            (Some(3600), Some(60)),
            (None, Some(60)),
            (None, None),
        ] {
            let wait = patience.failed(asked.map(Duration::from_secs));
            assert_eq!(seconds(wait), waited);
        }
    }
}
