//! A provider's own count of what it is asked: whether anybody goes beyond the budget.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// Below so small a part of a call a double is not exact.
const EXACT: f64 = 1e-6;

/// What a provider lets pass, and what it was asked beyond that.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    rate_per_second: Option<f64>,
    burst: f64,
    per_day: Option<u64>,
    per_month: Option<u64>,
    /// Calls that may be made at once now, as of `at`.
    left: f64,
    at: Option<DateTime<Utc>>,
    day: (Option<NaiveDate>, u64),
    month: (Option<NaiveDate>, u64),
    calls: u64,
    beyond: u64,
}

impl Watched {
    /// Watches that no interval of `t` seconds has more than `burst + rate * t` calls, and no UTC day and month more
    /// than their quotas.
    pub(super) fn new(
        rate_per_second: Option<f64>,
        burst: u32,
        per_day: Option<u64>,
        per_month: Option<u64>,
    ) -> Self {
        let burst = f64::from(burst);
        Self { rate_per_second, burst, per_day, per_month, left: burst, ..Self::default() }
    }

    /// Counts a call that comes now; calls come in the order of their times.
    pub(super) fn take(&mut self, now: DateTime<Utc>) {
        self.calls += 1;
        let today = now.date_naive();
        let month = today.with_day(1).unwrap_or(today);
        let by_quota = [(&mut self.day, today, self.per_day), (&mut self.month, month, self.per_month)].map(
            |(counted, period, quota)| {
                let before = if counted.0 == Some(period) { counted.1 } else { 0 };
                *counted = (Some(period), before + 1);
                quota.is_some_and(|quota| before >= quota)
            },
        );
        if self.is_beyond_rate(now) || by_quota.contains(&true) {
            self.beyond += 1;
        }
    }

    /// A bucket that fills by the rate and holds the burst: it has a call left whenever every interval that ends now
    /// has room for one.
    fn is_beyond_rate(&mut self, now: DateTime<Utc>) -> bool {
        let Some(rate) = self.rate_per_second else { return false };
        let passed = self.at.map_or(0.0, |at| (now - at).as_seconds_f64());
        self.left = (self.left + passed * rate).min(self.burst);
        self.at = Some(now);
        let is_beyond = self.left < 1.0 - EXACT;
        if !is_beyond {
            self.left -= 1.0;
        }
        is_beyond
    }

    /// How many calls there were.
    pub(super) const fn calls(&self) -> u64 {
        self.calls
    }

    /// How many of them the budget had no room for.
    pub(super) const fn beyond(&self) -> u64 {
        self.beyond
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn beyond(mut watched: Watched, millis: &[i64]) -> u64 {
        let start: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        for millis in millis {
            watched.take(start + TimeDelta::milliseconds(*millis));
        }
        watched.beyond()
    }

    #[test]
    fn a_call_beyond_burst_and_rate_is_counted_and_does_not_make_the_next_one_too_many() {
        let watched = || Watched::new(Some(2.0), 2, None, None);
        assert_eq!(beyond(watched(), &[0, 0, 500, 1000, 9000, 9000, 9500]), 0);
        assert_eq!(beyond(watched(), &[0, 0, 0, 500]), 1);
        assert_eq!(beyond(watched(), &[0, 0, 499, 998]), 1);
    }

    #[test]
    fn quotas_begin_anew_with_the_day_and_the_month() {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let watched = |day, month| Watched::new(None, 1, day, month);
        assert_eq!(beyond(watched(Some(2), None), &[0, 1, DAY, DAY + 1]), 0);
        assert_eq!(beyond(watched(Some(2), None), &[0, 1, 2, DAY]), 1);
        assert_eq!(beyond(watched(None, Some(2)), &[0, DAY, 2 * DAY, 30 * DAY]), 1);
    }
}
