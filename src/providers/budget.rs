//! How much may be asked of a provider: a rate, a burst, and calls at the same time.
//!
//! A caller takes a [`Permit`] before each call and drops it after. Permits are handed out in the
//! order in which they were asked for. The promise of [`Limits`]: in every interval of `t` seconds
//! no more than `burst + rate_per_second · t` permits are handed out, and none before the end of a
//! rest that the provider asked for ([`Budget::pause_for`]).
//!
//! It holds for one process; a fleet divides the limit between processes before it builds budgets.
//! Pacing follows tokio's clock (monotonic, and held still by tests), which wakes sleepers once a
//! millisecond: with a burst of 1, no more than a thousand permits a second come out.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

use super::SettingsFault;

/// What a provider allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Calls a second in the long run; below 1 for fewer. Unlimited when absent.
    pub rate_per_second: Option<f64>,
    /// Calls at once after a quiet time; at least 1. Without a rate it has no effect.
    pub burst: u32,
    /// Calls under way at the same time; at least 1.
    pub concurrency: u32,
}

/// The right to make one call. It occupies a place until it is dropped.
#[derive(Debug)]
#[must_use = "the call must be made while the permit is held"]
pub struct Permit {
    _place: OwnedSemaphorePermit,
}

/// Hands out permits within its limits.
pub struct Budget {
    places: Arc<Semaphore>,
    /// Who holds it is next. Tokio's mutex is first come, first served.
    turn: tokio::sync::Mutex<()>,
    gate: Mutex<Gate>,
}

impl Budget {
    /// Builds a budget; refuses limits under which no call, or an unknown number, could be made.
    pub fn new(limits: Limits) -> Result<Self, SettingsFault> {
        if limits.concurrency == 0 {
            return Err(SettingsFault::new("concurrency", "must be at least 1"));
        }
        let clock = PacingClock { start: Instant::now() };
        let pace = match limits.rate_per_second {
            Some(rate) => Some(RateLimiter::direct_with_clock(quota(rate, limits.burst)?, clock)),
            None => None,
        };
        let concurrency = usize::try_from(limits.concurrency).unwrap_or(usize::MAX);
        Ok(Self {
            places: Arc::new(Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS))),
            turn: tokio::sync::Mutex::new(()),
            gate: Mutex::new(Gate { clock, pace, not_before: None }),
        })
    }

    /// Waits for a place, for the rate, and for the end of any rest. Giving up the wait costs nothing.
    pub async fn permit(&self) -> Permit {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.expect("nothing closes the semaphore");
        let _turn = self.turn.lock().await;
        // The gate may have been pushed back during the sleep: ask until it opens.
        loop {
            let opening = match self.gate().try_pass() {
                Ok(()) => return Permit { _place: place },
                Err(opening) => opening,
            };
            sleep_until(opening).await;
        }
    }

    /// Hands out no permit before `rest` has passed. A shorter rest does not shorten a longer one.
    pub fn pause_for(&self, rest: Duration) {
        let until = later(Instant::now(), rest);
        let mut gate = self.gate();
        gate.not_before = gate.not_before.max(Some(until));
    }

    /// How much longer no permit is handed out, if a rest is under way.
    pub fn rest(&self) -> Option<Duration> {
        let rest = self.gate().not_before?.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }

    /// How many more calls could be under way now, the rate aside.
    pub fn available(&self) -> usize {
        self.places.available_permits()
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // Nothing that can panic leaves the gate half changed.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("available", &self.available()).finish_non_exhaustive()
    }
}

struct Gate {
    clock: PacingClock,
    pace: Option<RateLimiter<NotKeyed, InMemoryState, PacingClock, NoOpMiddleware<Duration>>>,
    not_before: Option<Instant>,
}

impl Gate {
    /// Lets one caller through, or says when to ask again.
    fn try_pass(&mut self) -> Result<(), Instant> {
        if let Some(not_before) = self.not_before.filter(|until| *until > Instant::now()) {
            return Err(not_before);
        }
        let Some(pace) = &self.pace else { return Ok(()) };
        pace.check().map_err(|early| later(self.clock.start, early.earliest_possible()))
    }
}

/// Governor's view of tokio's clock: the time since the budget was built.
#[derive(Clone, Copy)]
struct PacingClock {
    start: Instant,
}

impl Clock for PacingClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// One permit a period. The period is rounded up to whole nanoseconds, so the rate is never exceeded.
fn quota(rate: f64, burst: u32) -> Result<Quota, SettingsFault> {
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

/// `from` plus `wait`; for a wait beyond the clock's range, ten years.
fn later(from: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 3650);
    from.checked_add(wait.min(FAR)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn budget(rate_per_second: Option<f64>, burst: u32, concurrency: u32) -> Budget {
        Budget::new(Limits { rate_per_second, burst, concurrency }).unwrap()
    }

    /// Takes `count` permits, each dropped at once, and says when each was handed out.
    async fn take(budget: &Budget, count: usize) -> Vec<Instant> {
        let mut times = Vec::new();
        for _ in 0..count {
            let permit = budget.permit().await;
            times.push(Instant::now());
            drop(permit);
        }
        times
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred permits")]
    fn assert_within(times: &[Instant], rate: f64, burst: u32) {
        for (first, from) in times.iter().enumerate() {
            for (last, to) in times.iter().enumerate().skip(first) {
                let permits = (last - first + 1) as f64;
                let allowed = f64::from(burst) + rate * (*to - *from).as_secs_f64();
                assert!(permits <= allowed + 1e-9, "{permits} permits where {allowed} are allowed");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_interval_sees_more_than_the_burst_and_the_rate() {
        for (rate, burst) in [(2.5, 3), (3.0, 1), (0.1, 2), (900.0, 50)] {
            let budget = budget(Some(rate), burst, 1);
            let mut times = take(&budget, 40).await;
            // A quiet time earns a burst again, and no more than one burst.
            tokio::time::sleep(Duration::from_hours(3)).await;
            times.extend(take(&budget, 40).await);
            tokio::time::sleep(Duration::from_secs_f64(0.7 / rate)).await;
            times.extend(take(&budget, 40).await);
            assert_within(&times, rate, burst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_burst_comes_at_once_and_the_rest_at_the_rate() {
        let budget = budget(Some(0.5), 3, 1);
        let start = Instant::now();
        let waits: Vec<_> = take(&budget, 6).await.iter().map(|time| (*time - start).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 2, 4, 6]);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_wait_together_stay_within_the_limit_too() {
        let budget = Arc::new(budget(Some(4.0), 2, 16));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let budget = Arc::clone(&budget);
            callers.spawn(async move {
                let _permit = budget.permit().await;
                Instant::now()
            });
        }
        let mut times = callers.join_all().await;
        times.sort();
        assert_eq!(times.len(), 64);
        assert_within(&times, 4.0, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_holds_permits_back_and_a_shorter_one_does_not_shorten_it() {
        let budget = budget(None, 1, 4);
        let start = Instant::now();
        budget.pause_for(Duration::from_secs(30));
        budget.pause_for(Duration::from_secs(5));
        let first = take(&budget, 1).await;
        assert_eq!((first[0] - start).as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_begins_during_a_wait_prolongs_it() {
        let budget = budget(Some(0.05), 1, 4);
        let start = Instant::now();
        take(&budget, 1).await;
        let mut waiting = std::pin::pin!(budget.permit());
        assert!(timeout(Duration::from_secs(10), &mut waiting).await.is_err());
        budget.pause_for(Duration::from_secs(100));
        let _permit = waiting.await;
        assert_eq!(start.elapsed().as_secs(), 110);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_without_end_holds_permits_back_without_a_fault() {
        let budget = budget(None, 1, 1);
        budget.pause_for(Duration::MAX);
        assert!(timeout(Duration::from_hours(24 * 365), budget.permit()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_given_back_by_permits_dropped_and_by_waits_given_up() {
        let budget = budget(Some(0.01), 2, 2);
        let first = budget.permit().await;
        let second = budget.permit().await;
        assert_eq!(budget.available(), 0);
        assert!(timeout(Duration::from_hours(1), budget.permit()).await.is_err());
        drop(first);
        drop(second);
        take(&budget, 2).await;
        assert!(timeout(Duration::from_secs(1), budget.permit()).await.is_err());
        assert_eq!(budget.available(), 2);
    }

    #[test]
    fn limits_that_mean_nothing_are_refused_by_their_key() {
        let refused = |rate_per_second, burst, concurrency| {
            Budget::new(Limits { rate_per_second, burst, concurrency }).unwrap_err().key
        };
        assert_eq!(refused(None, 1, 0), "concurrency");
        assert_eq!(refused(Some(1.0), 0, 1), "burst");
        assert_eq!(refused(Some(0.000_001), u32::MAX, 1), "burst");
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e9] {
            assert_eq!(refused(Some(rate), 1, 1), "rate_per_second", "{rate}");
        }
    }
}
