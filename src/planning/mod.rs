//! What a configuration will ask of its providers, before it does: load against budgets, lateness, and what to change.
//!
//! Pure computation on *cohorts*: all monitors of a schedule whose places in the spread fall into one step of a
//! few minutes are one number, so that ten million accounts cost what ten thousand do. Within a step the work of a
//! provider is a fluid that drains at the provider's budget, in the order that lanes keep to: the earliest deadline
//! first. As in the engine, a monitor that still waits is not due once more when its next slot comes: the slot is
//! skipped.
//!
//! Not counted: urgent work (changed accounts, changed lists, reports of the API), attempts that fail and are
//! repeated, providers that are down, and what PostgreSQL and this machine bear.

mod advice;
mod cohorts;
mod numbers;
mod picture;
mod run;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::{cadence::Cadence, schedule::WITHOUT_OBJECTIVE};

pub use advice::Proposal;
pub use picture::picture;

/// What a provider may be asked.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// Calls a second in the long run, as they are really spaced; no limit if none.
    pub rate_per_second: Option<f64>,
    /// Calls at once after a quiet time.
    pub burst: u32,
    /// How many calls may be under way; not counted if none.
    pub at_once: Option<AtOnce>,
    /// Calls on a UTC day; no limit if none.
    pub calls_per_day: Option<u64>,
    /// Calls in a UTC month; no limit if none.
    pub calls_per_month: Option<u64>,
    /// Calls made already on the day and in the month that the plan begins in.
    pub used: (u64, u64),
}

/// How many calls may be under way, and how long each takes.
#[derive(Clone, Copy, Debug)]
pub struct AtOnce {
    /// Calls of one process.
    pub concurrency: u32,
    /// Processes.
    pub processes: u32,
    /// How long a call takes.
    pub latency: Duration,
}

impl AtOnce {
    fn per_second(&self) -> f64 {
        f64::from(self.concurrency) * f64::from(self.processes) / self.latency.as_secs_f64()
    }
}

impl Provider {
    /// Which part of what it may be asked in the long run that many calls a second are; none without a limit.
    fn long_run(&self, per_second: f64) -> Option<f64> {
        const DAY: f64 = 86_400.0;
        let month = DAY * 365.25 / 12.0;
        let of_quota = |quota: Option<u64>, time: f64| quota.map(|quota| numbers::number(quota) / time);
        let limits = [self.speed(), of_quota(self.calls_per_day, DAY), of_quota(self.calls_per_month, month)];
        limits.into_iter().flatten().map(|limit| per_second / limit).reduce(f64::max)
    }

    /// Calls a second in the long run, quotas aside; none without a limit.
    fn speed(&self) -> Option<f64> {
        let at_once = self.at_once.map(|at_once| at_once.per_second());
        match (self.rate_per_second, at_once) {
            (Some(rate), Some(at_once)) => Some(rate.min(at_once)),
            (rate, at_once) => rate.or(at_once),
        }
    }
}

/// Monitors that are due at about the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// From when on they are due, evenly over an hour.
    pub at: DateTime<Utc>,
    /// How many.
    pub count: u64,
}

/// A schedule, and how many monitors it has.
#[derive(Clone, Debug)]
pub struct Load {
    /// The schedule's name.
    pub schedule: String,
    /// The name of its provider.
    pub provider: String,
    /// How often its monitors run.
    pub cadence: Cadence,
    /// How long after its time a run is recorded at most; none when nothing is promised.
    pub objective: Option<Duration>,
    /// How many monitors a second are first made due.
    pub backfill_per_second: f64,
    /// Monitors that run by the cadence.
    pub routine: u64,
    /// Monitors that are due already, or wait for their first run: they run by the cadence from then on.
    pub placed: Vec<Batch>,
    /// Monitors that are still to be made.
    pub new: u64,
}

impl Load {
    /// How many monitors it has in all.
    pub fn monitors(&self) -> u64 {
        self.routine + self.new + self.placed.iter().map(|batch| batch.count).sum::<u64>()
    }

    /// How many runs a second fall due in the long run.
    fn per_second(&self, from: DateTime<Utc>) -> f64 {
        let between = match self.cadence.interval() {
            Some(interval) => interval.as_secs_f64(),
            None => mean_gap(&self.cadence, from),
        };
        numbers::number(self.monitors()) / between
    }

    /// How many seconds two slots lie apart at the least.
    fn nearest(&self, from: DateTime<Utc>) -> f64 {
        match self.cadence.interval() {
            Some(interval) => interval.as_secs_f64(),
            None => gaps(&self.cadence, from).into_iter().fold(f64::INFINITY, f64::min),
        }
    }

    /// How long a run may wait: what work is ordered by.
    fn allowed(&self) -> Duration {
        self.objective.unwrap_or(WITHOUT_OBJECTIVE)
    }
}

/// Whether so much of what may be asked in the long run is more than all of it, but for the arithmetic's doing.
fn is_too_much(long_run: Option<f64>) -> bool {
    long_run.is_some_and(|part| part > 1.0 + 1e-9)
}

/// How many seconds the slots of a pattern lie apart on average: of a thousand, or of four years.
fn mean_gap(cadence: &Cadence, from: DateTime<Utc>) -> f64 {
    let gaps = gaps(cadence, from);
    let sum: f64 = gaps.iter().sum();
    if gaps.is_empty() { f64::INFINITY } else { sum / numbers::of_place(gaps.len()) }
}

/// How many seconds the slots of a cadence lie apart: of a thousand, or of four years.
fn gaps(cadence: &Cadence, from: DateTime<Utc>) -> Vec<f64> {
    const MOST: usize = 1000;
    let until = from.checked_add_signed(TimeDelta::days(4 * 366)).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut last = cadence.next_slot(from);
    let slots = std::iter::successors(Some(last), |slot| Some(cadence.next_slot(*slot))).skip(1).take(MOST);
    let mut gaps = Vec::new();
    for slot in slots.take_while(|slot| *slot < until) {
        gaps.push((slot - last).as_seconds_f64());
        last = slot;
    }
    gaps
}

/// What is to be answered.
#[derive(Clone, Debug)]
pub struct Question {
    /// When the plan begins: a whole hour.
    pub from: DateTime<Utc>,
    /// How many days it looks ahead.
    pub days: u16,
    /// Who may be asked how much.
    pub providers: Vec<Provider>,
    /// Who is to be asked about whom.
    pub loads: Vec<Load>,
}

/// The days that a plan may look ahead.
pub const DAYS: std::ops::RangeInclusive<u16> = 1..=366;

/// What will be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Forecast {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// How many days it looks ahead.
    pub days: u16,
    /// Whether everything is done in time.
    pub fits: bool,
    /// By provider, in the order of the question.
    pub providers: Vec<ProviderForecast>,
}

/// What will be asked of a provider.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProviderForecast {
    /// Its name.
    pub provider: String,
    /// Whether everything is done in time, and no more falls due in the long run than it may be asked.
    pub fits: bool,
    /// Which part of what it may be asked in the long run falls due by the cadences alone: above 1, what waits grows
    /// for ever. None without a limit.
    pub long_run: Option<f64>,
    /// Runs that fall due.
    pub due: f64,
    /// Runs that are made.
    pub done: f64,
    /// Runs that wait at the end.
    pub waiting: f64,
    /// Which part of what it may be asked is asked, in the whole time; none without a limit.
    pub utilisation: Option<f64>,
    /// The hour in which most falls due.
    pub peak: Hour,
    /// Which part of the quota the fullest day uses; none without a quota.
    pub day_quota: Option<f64>,
    /// Which part of the quota the fullest month uses; none without a quota.
    pub month_quota: Option<f64>,
    /// Hour by hour.
    pub hours: Vec<Hour>,
    /// Its schedules.
    pub schedules: Vec<ScheduleForecast>,
    /// What would make it fit, each by itself; none when it does.
    pub proposals: Vec<Proposal>,
}

/// An hour of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hour {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Runs that fall due in it.
    pub due: f64,
    /// Runs that are made in it.
    pub done: f64,
    /// Runs that could be made in it; none without a limit.
    pub capacity: Option<f64>,
    /// Runs that wait at its end.
    pub waiting: f64,
    /// The largest lateness of a run that is made in it or waits at its end, in seconds.
    pub lateness: f64,
}

/// What becomes of a schedule.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleForecast {
    /// Its name.
    pub schedule: String,
    /// How often it repeats.
    pub cadence: Cadence,
    /// How many monitors it has, those included that are still to be made.
    pub monitors: u64,
    /// Its objective, in seconds; none when it has none.
    pub objective: Option<f64>,
    /// Whether every run is made within the objective, or within a day without one, and before its next is due.
    pub fits: bool,
    /// Runs that fall due.
    pub due: f64,
    /// Runs that are made.
    pub done: f64,
    /// Runs that never come about, because the one before still waits.
    pub skipped: f64,
    /// Half of the runs are made so many seconds after their time, or sooner.
    pub lateness_median: f64,
    /// And 99 of 100.
    pub lateness_99: f64,
    /// The largest lateness in seconds; of what still waits at the end, up to then.
    pub lateness_largest: f64,
}

impl Question {
    /// Answers it.
    pub fn answer(&self) -> Forecast {
        let of_providers = self.providers.iter().map(|provider| {
            let loads: Vec<Load> =
                self.loads.iter().filter(|load| load.provider == provider.name).cloned().collect();
            let mut forecast = self.look(provider, &loads);
            if !forecast.fits {
                forecast.proposals = advice::proposals(self, provider, &loads);
            }
            forecast
        });
        let providers: Vec<ProviderForecast> = of_providers.collect();
        let fits = providers.iter().all(|provider| provider.fits);
        Forecast { from: self.from, days: self.days, fits, providers }
    }

    /// What will be asked of one provider.
    fn look(&self, provider: &Provider, loads: &[Load]) -> ProviderForecast {
        run::run(self, provider, loads)
    }

    /// Which part of what a provider may be asked in the long run falls due by the cadences alone; none without a limit.
    fn long_run(&self, provider: &Provider, loads: &[Load]) -> Option<f64> {
        provider.long_run(loads.iter().map(|load| load.per_second(self.from)).sum())
    }

    /// Whether what waits for a provider grows for ever.
    fn grows(&self, provider: &Provider, loads: &[Load]) -> bool {
        is_too_much(self.long_run(provider, loads))
    }

    /// The length of a step: whole minutes that an hour has a whole number of. No more steps than three months have
    /// minutes, unless a schedule has slots that lie nearer to each other: of no schedule do two fall into one step.
    fn step(&self, loads: &[Load]) -> Duration {
        const MOST: u64 = 92 * 24 * 60;
        const WHOLE: [u64; 12] = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];
        let minutes = u64::from(self.days) * 24 * 60;
        let nearest = loads.iter().map(|load| load.nearest(self.from)).fold(f64::INFINITY, f64::min);
        let few = WHOLE.into_iter().find(|step| minutes / step <= MOST).unwrap_or(60);
        let fitting = |step: &u64| *step <= few && numbers::number(step * 60) <= nearest;
        Duration::from_mins(WHOLE.into_iter().rev().find(fitting).unwrap_or(1))
    }

    /// When it ends.
    fn until(&self) -> DateTime<Utc> {
        self.from
            .checked_add_signed(TimeDelta::days(i64::from(self.days)))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
