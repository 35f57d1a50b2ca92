//! What a provider allows.

use std::time::Duration;

use super::pace::Pace;

/// What a provider allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Calls a second in the long run; below 1 for fewer. Unlimited when absent.
    pub rate_per_second: Option<f64>,
    /// Calls at once after a quiet time; at least 1. Without a rate it has no effect.
    pub burst: u32,
    /// Calls under way at the same time in this process; at least 1.
    pub concurrency: u32,
}

/// The calls a second that really leave in the long run: without a burst to take from, they are spaced a little
/// wider than the rate.
pub fn spaced_rate(rate_per_second: f64, burst: u32) -> f64 {
    1.0 / Pace::new(rate_per_second, burst).interval.as_secs_f64()
}

/// What else a fleet keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Calls on a UTC day.
    pub calls_per_day: Option<u64>,
    /// Calls in a UTC month.
    pub calls_per_month: Option<u64>,
    /// The time between two calls to a provider that is down.
    pub probe_every: Duration,
}

/// The limits that a fleet keeps: those of its newest configuration, also where this process has another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetLimits {
    /// The revision of that configuration.
    pub revision: i32,
    /// Calls a second in the long run.
    pub rate_per_second: Option<f64>,
    /// Calls at once after a quiet time.
    pub burst: u32,
    /// Calls on a UTC day.
    pub calls_per_day: Option<u64>,
    /// Calls in a UTC month.
    pub calls_per_month: Option<u64>,
}

impl FleetLimits {
    /// What a process has by its own configuration.
    pub(super) fn own(revision: i32, limits: Limits, terms: Terms) -> Self {
        Self {
            revision,
            rate_per_second: limits.rate_per_second,
            burst: limits.burst,
            calls_per_day: terms.calls_per_day,
            calls_per_month: terms.calls_per_month,
        }
    }

    pub(super) fn pace(&self) -> Option<Pace> {
        self.rate_per_second.map(|rate| Pace::new(rate, self.burst))
    }

    pub(super) fn has_quota(&self) -> bool {
        self.calls_per_day.is_some() || self.calls_per_month.is_some()
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { calls_per_day: None, calls_per_month: None, probe_every: Duration::from_secs(30) }
    }
}

/// Whether the question was asked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is new.
    First,
    /// An earlier attempt failed.
    Repeated,
}
