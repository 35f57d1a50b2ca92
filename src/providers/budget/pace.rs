//! A rate and a burst as times: what a process keeps by itself, and what the fleet keeps together.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

use super::super::SettingsFault;

/// Paces one process.
pub(super) type Pacer = RateLimiter<NotKeyed, InMemoryState, PacingClock, NoOpMiddleware<Duration>>;

/// Governor's view of tokio's clock: the time since the budget was built.
#[derive(Clone, Copy)]
pub(super) struct PacingClock {
    pub(super) start: Instant,
}

impl Clock for PacingClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// One permit a period. The period is rounded up to whole nanoseconds, so the rate is never exceeded.
pub(super) fn quota(rate: f64, burst: u32) -> Result<Quota, SettingsFault> {
    const NANOSECONDS: f64 = 1e9;
    const LONGEST: Duration = Duration::from_hours(24 * 366);
    let burst = NonZeroU32::new(burst).ok_or_else(|| SettingsFault::new("burst", "must be at least 1"))?;
    let out_of_bounds =
        || SettingsFault::new("rate_per_second", "must be a number from one a year to 1000000");
    if !(rate > 0.0 && rate <= 1e6) {
        return Err(out_of_bounds());
    }
    let period = Duration::try_from_secs_f64((NANOSECONDS / rate).ceil() / NANOSECONDS)
        .ok()
        .filter(|period| *period <= LONGEST)
        .ok_or_else(out_of_bounds)?;
    // Governor counts burst times period in 64 bits of nanoseconds: 584 years. Leave it half.
    if period
        .checked_mul(burst.get())
        .is_none_or(|whole| whole > Duration::from_secs(u64::MAX / 2_000_000_000))
    {
        return Err(SettingsFault::new("burst", "takes centuries to earn at this rate"));
    }
    let quota = Quota::with_period(period).ok_or_else(out_of_bounds)?;
    Ok(quota.allow_burst(burst))
}

/// How permits of the fleet are spaced, so that calls keep the limit although they leave a little late.
///
/// Permits have times that keep a limit stricter than the provider's: `owed` is less than the burst would
/// allow, or the `interval` is longer, or both, together by `slack`. Calls that are all late by no more
/// than `slack` then keep the provider's own: `n` of them take at least as long as `n` may.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// The time that a permit has to earn.
    pub(super) interval: Duration,
    /// How much may be owed when a permit is granted.
    pub(super) owed: Duration,
    /// How late a call may reach the provider.
    pub(super) slack: Duration,
}

impl Pace {
    /// The most slack that is kept.
    const MOST: f64 = 0.25;
    /// The least: timers and threads are not more exact.
    const LEAST: f64 = 0.002;
    /// The part of the rate that is kept back where there is no burst to take from.
    const PART: f64 = 0.04;

    /// The spacing for limits that [`quota`] accepts.
    pub(super) fn new(rate: f64, burst: u32) -> Self {
        let interval = 1.0 / rate;
        let whole = f64::from(burst.saturating_sub(1)) * interval;
        let of_burst = (whole / 2.0).min(Self::MOST);
        let least = if burst <= 1 { Self::LEAST.max(interval * Self::PART) } else { Self::LEAST };
        let of_interval = (least - of_burst).max(0.0);
        Self {
            interval: Duration::from_secs_f64(interval + of_interval),
            owed: Duration::from_secs_f64(whole - of_burst),
            slack: Duration::from_secs_f64(of_burst + of_interval),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_late_by_the_slack_keep_the_limit() {
        for (rate, burst) in
            [(0.01, 1), (1.0, 1), (400.0, 1), (1000.0, 2), (3.0, 2), (20.0, 20), (5000.0, 90)]
        {
            let pace = Pace::new(rate, burst);
            let (interval, owed, slack) =
                (pace.interval.as_secs_f64(), pace.owed.as_secs_f64(), pace.slack.as_secs_f64());
            for count in 1..400_u32 {
                // The closest that so many permits lie together; the first call is late, the last is not.
                let apart = (f64::from(count - 1) * interval - owed - slack).max(0.0);
                let allowed = f64::from(burst) + rate * apart;
                assert!(f64::from(count) <= allowed + 1e-5, "{count} of {rate}/s, burst {burst}: {allowed}");
            }
        }
    }

    #[test]
    fn slack_comes_from_the_burst_and_where_there_is_little_from_the_rate() {
        let millis = |pace: Pace| (pace.interval.as_millis(), pace.owed.as_millis(), pace.slack.as_millis());
        assert_eq!(millis(Pace::new(20.0, 21)), (50, 750, 250));
        assert_eq!(millis(Pace::new(10.0, 2)), (100, 50, 50));
        assert_eq!(millis(Pace::new(1.0, 1)), (1040, 0, 40));
        assert_eq!(millis(Pace::new(100.0, 1)), (12, 0, 2));
    }
}
