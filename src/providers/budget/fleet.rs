//! What a process knows of the fleet's budget, and the permits that it was granted.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{
    AHEAD, FleetLimits,
    breaker::Failures,
    database_time::DatabaseTime,
    days::{end_of_day, quota_until},
    pace::Pace,
};
use crate::domain::rest::RestReason;

/// How soon after an answer the database is asked again at most.
const PAUSE: Duration = Duration::from_millis(10);

/// The time between two rest-and-see questions where the database does not say when there is more.
const UNKNOWN: Duration = Duration::from_millis(100);

/// For how long ahead permits are taken that nobody waits for yet, where calls are many.
const LOOK_AHEAD: Duration = Duration::from_millis(100);

/// How late a call may leave at least, however inexact our idea of the database's clock.
const LEAST_WINDOW: Duration = Duration::from_millis(2);

/// The fleet's budget as the database told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The database's time.
    pub now: DateTime<Utc>,
    /// It is asked nothing before this time, for this reason.
    pub rest: Option<(DateTime<Utc>, RestReason)>,
    /// Since when its circuit breaker is open, and when one call may be tried.
    pub breaker: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Permits granted today.
    pub used_today: u64,
    /// Permits granted this month.
    pub used_this_month: u64,
    /// The limits that the fleet keeps.
    pub limits: Option<FleetLimits>,
}

/// Permits that the database granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// How many were asked for.
    pub wanted: u32,
    /// How many there are.
    pub permits: u32,
    /// Seconds from `told.now` to the time of the first; at once if negative.
    pub starts_in: f64,
    /// The budget after the grant.
    pub told: Told,
}

/// What the database is to be told or asked for a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Our limits are to be the fleet's, unless it keeps newer ones; and we are to be told how it stands.
    Introduce,
    /// The provider asked to be left alone until then.
    Rest(Instant, RestReason),
    /// It fails: its breaker is to be opened.
    Open,
    /// A probe was answered: the breaker that was opened then is to be closed.
    Close(DateTime<Utc>),
    /// So many permits are wanted.
    Ask(u32),
}

/// One permit, and when its call may leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) from: Instant,
    pub(super) until: Instant,
    /// The breaker that it probes, by the time at which it was opened.
    pub(super) probe: Option<DateTime<Utc>>,
}

/// A breaker that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// None until the database has told.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) probe_at: Instant,
}

/// The part of a budget that is the fleet's.
#[derive(Debug)]
pub(super) struct Fleet {
    limits: FleetLimits,
    pace: Option<Pace>,
    probe_every: Duration,
    introduced: bool,
    time: Option<DatabaseTime>,
    told: Option<Told>,
    slots: VecDeque<Slot>,
    rest: Option<(Instant, RestReason)>,
    pub(super) open: Option<Open>,
    pub(super) failures: Failures,
    /// Not yet in the database.
    resting: Option<(Instant, RestReason)>,
    opening: bool,
    closing: Option<DateTime<Utc>>,
    /// When the database last opened or closed the breaker for us, or took note of a rest: what was asked before
    /// may not know it.
    turned_at: Instant,
    rested_at: Instant,
    ask_at: Instant,
    /// Permits used since then, and a second before that.
    used: (u32, Instant),
    per_second: f64,
}

impl Fleet {
    /// Each call stands for so many.
    pub(super) fn new(limits: FleetLimits, probe_every: Duration, stands_for: f64, now: Instant) -> Self {
        Self {
            limits,
            pace: limits.pace(),
            probe_every,
            introduced: false,
            time: None,
            told: None,
            slots: VecDeque::new(),
            rest: None,
            open: None,
            failures: Failures::new(stands_for),
            resting: None,
            opening: false,
            closing: None,
            turned_at: now,
            rested_at: now,
            ask_at: now,
            used: (0, now),
            per_second: 0.0,
        }
    }

    /// Whether the fleet knows of us, and we of it.
    pub(super) fn is_introduced(&self) -> bool {
        self.introduced
    }

    /// The limits that the fleet keeps.
    pub(super) fn limits(&self) -> &FleetLimits {
        &self.limits
    }

    /// Whether a call needs a grant; if not, what was told is enough.
    pub(super) fn needs_grant(&self) -> bool {
        self.pace.is_some() || self.limits.has_quota() || self.open.is_some()
    }

    /// Until when the provider rests, its breaker and quota aside.
    pub(super) fn rest(&self) -> Option<(Instant, RestReason)> {
        self.rest
    }

    /// Until when there is no quota.
    pub(super) fn quota_until(&self) -> Option<Instant> {
        let until = quota_until(self.told.as_ref()?, &self.limits)?;
        Some(self.time?.surely_reached(until))
    }

    /// Until when nothing is granted: the quota is used up, or no probe is due. None while a permit is held.
    pub(super) fn shut_until(&mut self, now: Instant) -> Option<Instant> {
        let probe = self.open.map(|open| open.probe_at);
        let until = self.quota_until().max(probe).filter(|until| *until > now)?;
        self.first(now).is_none().then_some(until)
    }

    /// The first permit that is not lapsed.
    pub(super) fn first(&mut self, now: Instant) -> Option<Slot> {
        let shut = self.open.is_some();
        while self.slots.front().is_some_and(|slot| slot.until < now || (shut && slot.probe.is_none())) {
            self.slots.pop_front();
        }
        self.slots.front().copied()
    }

    /// Uses the first permit up.
    pub(super) fn take(&mut self) {
        self.slots.pop_front();
        self.used.0 = self.used.0.saturating_add(1);
    }

    /// Permits that may still be used.
    pub(super) fn permits(&self, now: Instant) -> usize {
        self.slots.iter().filter(|slot| slot.until >= now).count()
    }

    /// What the database is to be told or asked next; or when to look again, where that is known.
    pub(super) fn errand(&mut self, waiting: u32, now: Instant) -> Result<Errand, Option<Instant>> {
        if !self.introduced {
            return Ok(Errand::Introduce);
        }
        if let Some((until, reason)) = self.resting {
            return Ok(Errand::Rest(until, reason));
        }
        if let Some(since) = self.closing {
            return Ok(Errand::Close(since));
        }
        if self.opening {
            return Ok(Errand::Open);
        }
        let rest = self.rest.map(|(until, _)| until).max(self.quota_until());
        if waiting == 0 || !self.needs_grant() || rest.is_some_and(|until| until > now) {
            return Err(None);
        }
        let held = if self.first(now).is_some() { self.permits(now) } else { 0 };
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        let wanted = match self.open {
            Some(open) if held == 0 && open.probe_at <= now => 1,
            Some(_) => return Err(None),
            None => waiting.saturating_add(self.look_ahead(now)),
        };
        // Not one by one: half of it is there before more is asked for.
        if held.saturating_mul(2) > wanted {
            return Err(None);
        }
        if now < self.ask_at {
            return Err(Some(self.ask_at));
        }
        Ok(Errand::Ask(wanted - held))
    }

    /// The errand is done.
    pub(super) fn done(&mut self, errand: Errand, now: Instant) {
        match errand {
            Errand::Introduce => self.introduced = true,
            Errand::Rest(until, reason) => {
                self.resting = self.resting.filter(|(later, _)| *later > until);
                self.rest = self.rest.filter(|(later, _)| *later > until).or(Some((until, reason)));
                self.rested_at = now;
            }
            Errand::Open => {
                self.opening = false;
                self.turned_at = now;
            }
            Errand::Close(since) => {
                self.closing = self.closing.filter(|other| *other != since);
                self.turned_at = now;
            }
            Errand::Ask(_) => {}
        }
    }

    /// The database knows nothing of us.
    pub(super) fn forgotten(&mut self) {
        self.introduced = false;
    }

    /// Takes in what the database told.
    pub(super) fn learn(&mut self, told: Told, asked_at: Instant, received_at: Instant) {
        let time = DatabaseTime::new(told.now, asked_at, received_at);
        let time = self.time.map_or(time, |earlier| time.and(earlier));
        self.time = Some(time);
        if asked_at >= self.rested_at {
            self.rest = told.rest.map(|(until, reason)| (time.surely_reached(until), reason));
        }
        // Never those of an older configuration: ours are on their way there.
        if let Some(limits) = told.limits.filter(|limits| limits.revision > self.limits.revision) {
            self.limits = limits;
            self.pace = limits.pace();
            self.ask_at = received_at;
        }
        match told.breaker {
            _ if asked_at < self.turned_at => {}
            Some((since, probe_at)) if self.closing != Some(since) => {
                self.open = Some(Open { since: Some(since), probe_at: time.surely_reached(probe_at) });
                self.opening = false;
            }
            // Ours is on its way there.
            None if self.opening => {}
            _ => {
                if self.open.take().is_some() {
                    self.failures.forget();
                }
            }
        }
        self.told = Some(told);
    }

    /// Takes in permits.
    pub(super) fn receive(&mut self, granted: Granted, asked_at: Instant, received_at: Instant) {
        let Granted { wanted, permits, starts_in, told } = granted;
        let (origin, before) = (told.now, self.limits.revision);
        let granted_by = told.limits.map_or(before, |limits| limits.revision);
        self.learn(told, asked_at, received_at);
        if granted_by != before {
            // By other limits than ours are now, or not at all.
            return;
        }
        let Some(time) = self.time else { return };
        // What the day ends is lost: its quota must not be used on the next.
        let ends = self.limits.has_quota().then(|| time.earliest(end_of_day(origin) - AHEAD));
        let probe = self.open.and_then(|open| open.since);
        let interval = self.pace.map_or(0.0, |pace| pace.interval.as_secs_f64());
        let place = |index: u32| {
            let after = (starts_in + f64::from(index) * interval).max(0.0);
            origin + Duration::from_secs_f64(after.min(86400.0 * 366.0))
        };
        for index in 0..permits {
            let at = place(index);
            let from = time.surely_reached(at);
            let until = self.pace.map_or(from + AHEAD, |pace| {
                // Half of the slack is ours, the other the network's.
                (time.earliest(at) + pace.slack / 2).max(from + LEAST_WINDOW)
            });
            let until = ends.map_or(until, |ends| until.min(ends));
            self.slots.push_back(Slot { from, until, probe });
        }
        self.ask_at = received_at + PAUSE;
        if permits < wanted {
            let next = time.surely_reached(place(permits));
            // Soon enough that there is always a permit, seldom enough that it is no call for each.
            let before = if permits == 0 { AHEAD } else { AHEAD / 2 };
            let next = next.checked_sub(before).unwrap_or(next);
            let least = if permits == 0 { UNKNOWN.min(AHEAD) } else { PAUSE };
            self.ask_at = next.max(received_at + least.min(interval_or(self.pace, UNKNOWN).max(PAUSE)));
        }
    }

    /// Notes that the provider asked to be left alone.
    pub(super) fn note_rest(&mut self, until: Instant, reason: RestReason) {
        if self.resting.is_none_or(|(other, _)| other < until) {
            self.resting = Some((until, reason));
        }
    }

    /// Notes how a call ended that reached out to the provider. `probe` is the breaker that it probed. Returns
    /// whether the breaker opens or closes by it.
    pub(super) fn note_end(&mut self, failed: bool, probe: Option<DateTime<Utc>>, now: Instant) -> bool {
        let turns = if let Some(since) = probe {
            let closes = !failed && self.open.is_some_and(|open| open.since == Some(since));
            if closes {
                self.closing = Some(since);
                self.open = None;
            }
            closes
        } else {
            let opens = self.failures.observe(failed, now) && self.open.is_none();
            if opens {
                self.opening = true;
                self.open = Some(Open { since: None, probe_at: now + self.probe_every });
            }
            opens
        };
        if turns {
            self.failures.forget();
        }
        turns
    }

    /// The last that was told, and what is left of the day's and of the month's quota.
    pub(super) fn usage(&self) -> Option<(&Told, Option<u64>, Option<u64>)> {
        let told = self.told.as_ref()?;
        let left = |quota: Option<u64>, used: u64| quota.map(|quota| quota.saturating_sub(used));
        let today = left(self.limits.calls_per_day, told.used_today);
        Some((told, today, left(self.limits.calls_per_month, told.used_this_month)))
    }

    /// How many permits to hold that nobody waits for yet: what was used lately in a tenth of a second. None
    /// under a quota, of which they would be wasted.
    fn look_ahead(&mut self, now: Instant) -> u32 {
        let (used, since) = self.used;
        let passed = now.saturating_duration_since(since);
        if passed >= LOOK_AHEAD {
            self.per_second = f64::from(used) / passed.as_secs_f64();
            self.used = (0, now);
        }
        if self.limits.has_quota() {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
        let count = (self.per_second * LOOK_AHEAD.as_secs_f64()).clamp(0.0, 100_000.0) as u32;
        count
    }
}

fn interval_or(pace: Option<Pace>, other: Duration) -> Duration {
    pace.map_or(other, |pace| pace.interval)
}
