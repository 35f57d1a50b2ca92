//! The database's clock, seen from here: between which bounds it lies by the monotonic one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// How much two clocks drift apart at most, a second: five times as much as a clock is slewed.
const DRIFT: f64 = 0.002_5;

/// Bounds for the time at which our clock showed what the database's clock shows.
///
/// An answer that took long tells little; one that came at once tells much. Bounds of several answers hold
/// together, as long as they agree: where they do not, somebody has set the database's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatabaseTime {
    /// The database's time that all others are counted from.
    origin: DateTime<Utc>,
    /// Our time when it was told at the latest; and how much earlier, in seconds, it may have been.
    latest: Instant,
    width: f64,
    /// When the bounds were last looked at.
    at: Instant,
}

impl DatabaseTime {
    /// What one answer tells: the database's clock showed `now` between `asked_at` and `received_at`.
    pub(super) fn new(now: DateTime<Utc>, asked_at: Instant, received_at: Instant) -> Self {
        let width = received_at.saturating_duration_since(asked_at).as_secs_f64();
        Self { origin: now, latest: received_at, width, at: received_at }
    }

    /// What this and an earlier one tell together.
    pub(super) fn and(self, earlier: Self) -> Self {
        let drift = DRIFT * self.at.saturating_duration_since(earlier.at).as_secs_f64();
        // The earlier bounds for the time at which `self.origin` was told, as seconds after `self.latest`.
        let earlier_latest = signed(earlier.surely_reached(self.origin), self.latest) + drift;
        let earlier_first = earlier_latest - earlier.width - 2.0 * drift;
        let (latest, first) = (earlier_latest.min(0.0), earlier_first.max(-self.width));
        if latest < first {
            return self;
        }
        Self { latest: shifted(self.latest, latest), width: latest - first, ..self }
    }

    /// From when on the database's clock surely shows `time` or later.
    pub(super) fn surely_reached(&self, time: DateTime<Utc>) -> Instant {
        shifted(self.latest, seconds(time - self.origin))
    }

    /// The earliest moment at which it may show `time`.
    pub(super) fn earliest(&self, time: DateTime<Utc>) -> Instant {
        shifted(self.latest, seconds(time - self.origin) - self.width)
    }
}

fn seconds(delta: TimeDelta) -> f64 {
    delta.as_seconds_f64()
}

fn signed(one: Instant, other: Instant) -> f64 {
    one.saturating_duration_since(other).as_secs_f64() - other.saturating_duration_since(one).as_secs_f64()
}

/// `from` moved by `seconds`, as far as the monotonic clock goes; ten years at most.
fn shifted(from: Instant, seconds: f64) -> Instant {
    const FAR: f64 = 10.0 * 366.0 * 86400.0;
    let by = Duration::from_secs_f64(seconds.abs().min(FAR));
    let moved = if seconds < 0.0 { from.checked_sub(by) } else { from.checked_add(by) };
    moved.unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_answer_makes_a_slow_one_exact_and_a_clock_that_was_set_is_believed() {
        let start = Instant::now();
        let told: DateTime<Utc> = "2026-03-01T09:00:00Z".parse().unwrap();
        // The database's clock shows `told` 10 ms after our start.
        let quick = DatabaseTime::new(told, start + millis(9), start + millis(11));
        let slow = DatabaseTime::new(told + millis(100), start + millis(50), start + millis(300));
        let both = slow.and(quick);
        let (first, last) = (both.earliest(told + millis(200)), both.surely_reached(told + millis(200)));
        assert!(first <= start + millis(210) && start + millis(210) <= last);
        assert!(last - first < millis(5), "{:?}", last - first);

        let set = DatabaseTime::new(told - TimeDelta::hours(1), start + millis(400), start + millis(402));
        let after = set.and(both);
        assert_eq!(after.surely_reached(told - TimeDelta::hours(1)), start + millis(402));
    }
}
