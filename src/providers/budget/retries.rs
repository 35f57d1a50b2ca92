//! How many repetitions a provider is sent: at most a tenth of its calls in the long run.

use std::time::Duration;

use tokio::time::Instant;

/// What a first attempt earns.
const EARNED: f64 = 0.1;

/// The most that is saved up.
const MOST: f64 = 100.0;

/// What there is at the start.
const START: f64 = 10.0;

/// In this time one more is earned: where nothing but repetitions is left, they go on.
const FREE: Duration = Duration::from_secs(10);

/// Tokens, of which each repetition takes one.
#[derive(Debug)]
pub(super) struct Retries {
    tokens: f64,
    at: Instant,
    free: Duration,
}

impl Retries {
    /// Each call stands for so many.
    pub(super) fn new(now: Instant, stands_for: f64) -> Self {
        Self { tokens: START, at: now, free: FREE.mul_f64(stands_for) }
    }

    /// Counts a first attempt.
    pub(super) fn earn(&mut self) {
        self.tokens = (self.tokens + EARNED).min(MOST);
    }

    /// Whether a repetition may be made.
    pub(super) fn has_one(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed / self.free.as_secs_f64()).min(MOST);
        self.at = self.at.max(now);
        // Ten times a tenth is one, whatever a double makes of it.
        self.tokens >= 1.0 - 1e-9
    }

    /// Counts a repetition.
    pub(super) fn spend(&mut self) {
        self.tokens = (self.tokens - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_first_attempts_or_ten_seconds_earn_a_repetition() {
        let start = Instant::now();
        let mut retries = Retries::new(start, 1.0);
        for _ in 0..10 {
            assert!(retries.has_one(start));
            retries.spend();
        }
        assert!(!retries.has_one(start));
        for _ in 0..10 {
            assert!(!retries.has_one(start));
            retries.earn();
        }
        assert!(retries.has_one(start));
        retries.spend();
        assert!(!retries.has_one(start + Duration::from_secs(9)));
        assert!(retries.has_one(start + Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_a_hundred_are_saved_up() {
        let start = Instant::now();
        let mut retries = Retries::new(start, 1.0);
        let later = start + Duration::from_hours(24);
        for _ in 0..100 {
            assert!(retries.has_one(later));
            retries.spend();
        }
        assert!(!retries.has_one(later));
    }
}
