//! How much may be asked of a provider: a rate, a burst, quotas, calls at the same time, and when nothing.
//!
//! A caller takes a [`Permit`] before each call, makes the call while the permit's window lasts
//! ([`Permit::is_over`]), and gives it back with what came of it ([`Budget::observe`]). Permits are handed out
//! in the order in which they were asked for. The promise of [`Limits`] and [`Terms`], **for the whole
//! fleet**: in every interval of `t` seconds no more than `burst + rate_per_second · t` calls leave, no more
//! in a day and a month than their quotas, and none before the end of a rest that the provider asked one of
//! the processes for.
//!
//! What the fleet shares is a row of the database. This room knows no database: whoever serves a budget
//! ([`Budget::errand`]) asks it there for permits and tells it what was heard. Permits are granted for half a
//! second ahead, debited before they are used, never given back; each has its time by the database's clock,
//! and a window in which its call may leave. So a process that is killed, stalled or cut off takes permits with
//! it, and never makes the fleet exceed a limit. To be a little late is allowed for: the times keep a limit
//! that is stricter by as much (`pace`). Where the database's answers take longer than that, the time of the
//! network to the provider is used up too.
//!
//! The limits themselves are the fleet's, too: those of its newest configuration, which the row tells to who has
//! an older one. What is owed is owed in permits, whatever they took to earn when they were granted.
//!
//! A budget that no fleet shares (in a test) paces alone. In either case governor keeps each process within the
//! limit by itself, whatever the database's clock does. Where there is neither rate nor quota and the breaker
//! is closed, no grant is needed: a call costs the database nothing. Concurrency is each process's own.
//!
//! *Circuit breaker*: when of the last ten seconds' calls, five at least, half failed as if the provider were
//! down, nobody calls it but one process, once per [`Terms::probe_every`], until it answers. *Retries*: a
//! repetition is sent for ten first attempts, or for ten seconds.
//!
//! Time here is tokio's clock: monotonic, and held still by tests.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use governor::RateLimiter;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

use super::{CallError, SettingsFault};
use crate::domain::rest::RestReason;

mod breaker;
mod database_time;
mod days;
mod fleet;
mod gate;
mod limits;
mod pace;
mod retries;

use fleet::Fleet;
pub use fleet::{Errand, Granted, Told};
use gate::{Gate, Pass, is_outage, later, rest_reason};
pub use limits::{Attempt, FleetLimits, Limits, Terms, spaced_rate};
use pace::{PacingClock, quota};
use retries::Retries;

/// How far ahead permits are granted.
pub const AHEAD: Duration = Duration::from_millis(250);

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The provider rests: [`Budget::rest`] tells how much longer.
    #[error("the provider rests")]
    Resting,
    /// There have been too many repetitions lately.
    #[error("too many repetitions were sent to the provider")]
    TooManyRetries,
}

/// The right to make one call. It occupies a place until it is given back, or dropped.
#[derive(Debug)]
#[must_use = "the call must be made while the permit is held"]
pub struct Permit {
    _place: OwnedSemaphorePermit,
    until: Option<Instant>,
    probe: Option<DateTime<Utc>>,
}

impl Permit {
    /// Whether it is too late to make the call: ask for another permit. To be asked right before it is sent.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until < Instant::now())
    }
}

/// What a budget is like at the moment, for people and metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetState {
    /// How much longer the provider rests, and why.
    pub rest: Option<(Duration, RestReason)>,
    /// Whether its circuit breaker is open.
    pub open: bool,
    /// Permits granted to the fleet today and this month; none before the database told.
    pub used: Option<(u64, u64)>,
    /// What is left of the day's quota, if there is one.
    pub left_today: Option<u64>,
    /// What is left of the month's quota, if there is one.
    pub left_this_month: Option<u64>,
    /// Permits that this process holds and has not used.
    pub permits: usize,
}

/// Hands out permits within its limits.
pub struct Budget {
    places: Arc<Semaphore>,
    limits: Limits,
    concurrency: u32,
    /// Who holds it is next. Tokio's mutex is first come, first served.
    turn: tokio::sync::Mutex<()>,
    waiting: AtomicU32,
    gate: Mutex<Gate>,
    /// Something may let the next one pass, or turn it away.
    changed: Notify,
    /// There may be an errand.
    wanted: Notify,
}

impl Budget {
    /// Builds a budget; refuses limits under which no call, or an unknown number, could be made.
    pub fn new(limits: Limits) -> Result<Self, SettingsFault> {
        if limits.concurrency == 0 {
            return Err(SettingsFault::new("concurrency", "must be at least 1"));
        }
        let now = Instant::now();
        let clock = PacingClock { start: now };
        let pacer = match limits.rate_per_second {
            Some(rate) => Some(RateLimiter::direct_with_clock(quota(rate, limits.burst)?, clock)),
            None => None,
        };
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let concurrency = limits.concurrency.min(most);
        let gate = Gate {
            clock,
            pacer,
            terms: Terms::default(),
            heard: None,
            retries: Retries::new(now, 1.0),
            stands_for: 1.0,
            fleet: None,
        };
        Ok(Self {
            places: Arc::new(Semaphore::new(concurrency as usize)),
            limits,
            concurrency,
            turn: tokio::sync::Mutex::new(()),
            waiting: AtomicU32::new(0),
            gate: Mutex::new(gate),
            changed: Notify::new(),
            wanted: Notify::new(),
        })
    }

    /// The same, with what a fleet keeps to once the budget is shared.
    #[must_use]
    pub fn with_terms(self, terms: Terms) -> Self {
        self.gate().terms = terms;
        self
    }

    /// The same of a simulated sample, each of whose calls stands for so many: times of calls are as much longer.
    #[must_use]
    pub fn of_sample(self, stands_for: f64) -> Self {
        let retries = Retries::new(Instant::now(), stands_for);
        let gate = self.gate.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self { gate: Mutex::new(Gate { retries, stands_for, ..gate }), ..self }
    }

    /// From now on the budget is one of a fleet: somebody runs its errands. Its limits are those of this
    /// revision of the configuration. No permit is to be had before the fleet's state is known.
    pub fn share(&self, revision: i32) {
        let mut gate = self.gate();
        let limits = FleetLimits::own(revision, self.limits, gate.terms);
        let fleet = Fleet::new(limits, gate.terms.probe_every, gate.stands_for, Instant::now());
        gate.fleet.get_or_insert(fleet);
    }

    /// Waits for a place, for the rate, and for the end of a short rest. Giving up the wait costs nothing, or a
    /// permit that was granted already.
    pub async fn permit(&self, attempt: Attempt) -> Result<Permit, Refused> {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.expect("nothing closes the semaphore");
        let _waiting = Waiting::among(&self.waiting);
        let _turn = self.turn.lock().await;
        loop {
            // From here on no change is missed.
            let changed = self.changed.notified();
            let passed = self.gate().try_pass(attempt, Instant::now());
            match passed {
                Pass::Now(slot) => {
                    let Some(slot) = slot else {
                        return Ok(Permit { _place: place, until: None, probe: None });
                    };
                    // There is one less.
                    self.wanted.notify_one();
                    return Ok(Permit { _place: place, until: Some(slot.until), probe: slot.probe });
                }
                Pass::Never(refused) => return Err(refused),
                Pass::At(opening) => tokio::select! {
                    () = sleep_until(opening) => {}
                    () = changed => {}
                },
                Pass::Ask => {
                    self.wanted.notify_one();
                    changed.await;
                }
            }
        }
    }

    /// Takes back a permit with what came of its call: none means an answer.
    pub fn observe(&self, permit: Permit, failure: Option<&CallError>) {
        let now = Instant::now();
        let rest = failure.and_then(|error| Some((error.retry_after?, rest_reason(error))));
        if let Some((rest, reason)) = rest {
            self.pause_for(rest, reason);
        }
        let failed = failure.map_or(Some(false), |error| is_outage(error.class));
        let is_news = failed.is_some_and(|failed| {
            self.gate().fleet.as_mut().is_some_and(|fleet| fleet.note_end(failed, permit.probe, now))
        });
        if is_news {
            self.wake();
        }
        drop(permit);
    }

    /// Hands out no permit before `rest` has passed. A shorter rest does not shorten a longer one.
    pub fn pause_for(&self, rest: Duration, reason: RestReason) {
        let until = later(Instant::now(), rest);
        let mut gate = self.gate();
        if gate.heard.is_none_or(|(other, _)| other < until) {
            gate.heard = Some((until, reason));
        }
        if let Some(fleet) = &mut gate.fleet {
            fleet.note_rest(until, reason);
        }
        drop(gate);
        self.wake();
    }

    /// How much longer no permit is handed out, if a rest is under way or the breaker is open.
    pub fn rest(&self) -> Option<Duration> {
        let now = Instant::now();
        self.gate().closed_until(now).map(|until| until - now)
    }

    /// How many runs are worth having in hand: one while the breaker is open, for the probe.
    pub fn most_at_once(&self) -> u32 {
        let is_open = self.gate().fleet.as_ref().is_some_and(|fleet| fleet.open.is_some());
        if is_open { 1 } else { u32::MAX }
    }

    /// How many more calls could be under way now, the rate aside.
    pub fn available(&self) -> usize {
        self.places.available_permits()
    }

    /// What it is like at the moment.
    pub fn state(&self) -> BudgetState {
        let now = Instant::now();
        let gate = self.gate();
        let rest = gate.rest(now);
        let quota = gate.fleet.as_ref().and_then(Fleet::quota_until).filter(|until| *until > now);
        let rest = rest.max(quota.map(|until| (until, RestReason::Quota)));
        let rest = rest.map(|(until, reason)| (until - now, reason));
        let Some(fleet) = &gate.fleet else { return BudgetState { rest, ..BudgetState::default() } };
        let (used, left_today, left_this_month) =
            fleet.usage().map_or((None, None, None), |(told, today, month)| {
                (Some((told.used_today, told.used_this_month)), today, month)
            });
        let (open, permits) = (fleet.open.is_some(), fleet.permits(now));
        BudgetState { rest, open, used, left_today, left_this_month, permits }
    }

    /// Waits for something that the database is to be told or asked; again and again the same, until it is
    /// [done](Self::done) or [granted](Self::receive).
    pub async fn errand(&self) -> Errand {
        loop {
            let waiting = self.waiting.load(Ordering::Relaxed);
            let errand = match &mut self.gate().fleet {
                Some(fleet) => fleet.errand(waiting, Instant::now()),
                None => Err(None),
            };
            match errand {
                Ok(errand) => return errand,
                Err(None) => self.wanted.notified().await,
                Err(Some(at)) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.wanted.notified() => {}
                },
            }
        }
    }

    /// The next errand, if there is one that the database is to be told; for the end, when nobody waits.
    pub fn last_errand(&self) -> Option<Errand> {
        self.gate().fleet.as_mut().and_then(|fleet| fleet.errand(0, Instant::now()).ok())
    }

    /// The database was told.
    pub fn done(&self, errand: Errand) {
        let mut gate = self.gate();
        if let Errand::Rest(until, _) = errand {
            // The fleet's from now on: who ends it there ends it here.
            gate.heard = gate.heard.filter(|(heard, _)| *heard > until);
        }
        if let Some(fleet) = &mut gate.fleet {
            fleet.done(errand, Instant::now());
        }
        drop(gate);
        self.wake();
    }

    /// The database knows nothing of the budget: it is to be introduced again.
    pub fn forgotten(&self) {
        if let Some(fleet) = &mut self.gate().fleet {
            fleet.forgotten();
        }
    }

    /// Takes in what the database told between `asked_at` and `received_at`.
    pub fn learn(&self, told: Told, asked_at: Instant, received_at: Instant) {
        if let Some(fleet) = &mut self.gate().fleet {
            fleet.learn(told, asked_at, received_at);
        }
        self.wake();
    }

    /// Takes in permits that the database granted between `asked_at` and `received_at`.
    pub fn receive(&self, granted: Granted, asked_at: Instant, received_at: Instant) {
        if let Some(fleet) = &mut self.gate().fleet {
            fleet.receive(granted, asked_at, received_at);
        }
        self.wake();
    }

    /// The limits that the fleet keeps; and the time that each permit has to earn, and how much may be owed,
    /// where there is a rate. None when the budget is not shared.
    pub fn kept(&self) -> Option<(FleetLimits, Option<(Duration, Duration)>)> {
        let gate = self.gate();
        let limits = *gate.fleet.as_ref()?.limits();
        Some((limits, limits.pace().map(|pace| (pace.interval, pace.owed))))
    }

    /// What this process's configuration has the fleet keep to.
    pub fn terms(&self) -> Terms {
        self.gate().terms
    }

    /// Waits until no call is under way, and keeps all places.
    pub async fn close(&self) -> OwnedSemaphorePermit {
        let places = Arc::clone(&self.places);
        places.acquire_many_owned(self.concurrency).await.expect("nothing closes the semaphore")
    }

    fn wake(&self) {
        self.changed.notify_waiters();
        self.wanted.notify_one();
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

/// One who waits for a permit.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn among(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
