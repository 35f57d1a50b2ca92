//! `watchkeeper plan`: what the configuration will ask of its providers, from counts given by hand or read from the
//! database.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::Serialize;

use super::AppError;
use crate::{
    actions::Context,
    config::{ProviderSettings, Settings},
    domain::schedule::Schedule,
    planning::{AtOnce, Batch, Forecast, Load, Provider, Question},
    providers::budget,
    store::{account_types, budgets, forecast, schedules},
};

/// How far to look ahead, and what neither the configuration nor the database says.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// How many days.
    pub days: u16,
    /// How long a call takes, by provider: without it, the number of calls under way is no limit.
    pub latencies: BTreeMap<String, Duration>,
    /// How many processes there are, each with its own number of calls under way.
    pub processes: u32,
    /// Whether first runs are left out: new monitors are taken to run by the cadence already.
    pub steady: bool,
}

/// Counts by hand.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    /// Accounts by type.
    pub accounts: BTreeMap<String, u64>,
    /// Monitors by schedule, where they are not all accounts of its types.
    pub monitors: BTreeMap<String, u64>,
}

/// What will be, and how far it is known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanView {
    /// What will be.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// What it does not rest on, in words.
    pub notes: Vec<String>,
}

/// Plans with counts by hand, from this hour of the host's clock on; asks no database.
pub fn by_hand_now(settings: &Settings, counts: &ByHand, assumed: &Assumed) -> Result<PlanView, AppError> {
    #[expect(clippy::disallowed_methods, reason = "a plan for people, without a database to ask")]
    let now = DateTime::<Utc>::from(SystemTime::now());
    by_hand(settings, counts, assumed, now)
}

/// Plans with counts by hand, from the hour of `now` on; asks no database.
pub fn by_hand(
    settings: &Settings,
    counts: &ByHand,
    assumed: &Assumed,
    now: DateTime<Utc>,
) -> Result<PlanView, AppError> {
    known("--accounts", counts.accounts.keys(), "account type", settings.account_types.keys())?;
    known("--monitors", counts.monitors.keys(), "schedule", settings.schedules.keys())?;
    let mut notes = Notes::default();
    let of_types = |schedule: &Schedule| {
        let counts = schedule.accounts.types.iter().filter_map(|name| counts.accounts.get(name));
        counts.fold(0_u64, |sum, count| sum.saturating_add(*count))
    };
    let monitors = |schedule: &Schedule| {
        let given = counts.monitors.get(&schedule.name).copied();
        let accounts = &schedule.accounts;
        if given.is_none()
            && !(accounts.statuses.is_empty()
                && accounts.tags_any.is_empty()
                && accounts.tags_none.is_empty()
                && accounts.fields.is_empty())
        {
            notes.at_most.push(schedule.name.clone());
        }
        Counted { new: given.unwrap_or_else(|| of_types(schedule)), ..Counted::default() }
    };
    let loads = loads(settings, assumed, monitors);
    let used = BTreeMap::new();
    answer(settings, assumed, now, (loads, &used), &notes)
}

/// Plans with what the database holds: monitors with their due times, what is used of the quotas, and the accounts
/// that new schedules will select.
pub async fn from_database(
    context: &Context,
    settings: &Settings,
    assumed: &Assumed,
) -> Result<PlanView, AppError> {
    let mut connection = context.store.patient_connection().await?;
    let now = context.now();
    let from = hour_of(now);
    let standing = schedules::list(&mut connection).await?;
    let due = forecast::list_due(&mut connection).await?;
    let accounts = forecast::list_accounts(&mut connection).await?;
    let types = account_types::list(&mut connection).await?;
    let budgets = budgets::list(&mut connection).await?;
    let mut notes = Notes::default();
    let selected = |schedule: &Schedule| -> u64 {
        let of_type = |name: &String| types.iter().find(|(_, known)| known.name == *name).map(|(id, _)| *id);
        let wanted: Vec<_> = schedule.accounts.types.iter().filter_map(of_type).collect();
        let statuses = &schedule.accounts.statuses;
        let fitting = accounts.iter().filter(|counted| {
            wanted.contains(&counted.account_type)
                && (statuses.is_empty() || statuses.contains(&counted.status))
        });
        fitting.map(|counted| count(counted.count)).sum()
    };
    let monitors = |schedule: &Schedule| {
        let known = standing.iter().find(|known| known.name == schedule.name && known.removed_at.is_none());
        let mut counted = Counted::default();
        for hour in due.iter().filter(|hour| known.is_some_and(|known| known.id == hour.schedule_id)) {
            let (all, first) = (count(hour.count), count(hour.first));
            // What is overdue, or waits for its first run, runs by the cadence only after that.
            let waits = if hour.hour < from { all } else { first };
            counted.routine += all - waits;
            if waits > 0 {
                counted.placed.push(Batch { at: hour.hour, count: waits });
            }
        }
        if known.is_none_or(|known| known.enrolling) {
            counted.new = selected(schedule).saturating_sub(counted.all());
            let accounts = &schedule.accounts;
            if !(accounts.tags_any.is_empty() && accounts.tags_none.is_empty() && accounts.fields.is_empty())
            {
                notes.at_most.push(schedule.name.clone());
            }
        }
        counted
    };
    let loads = loads(settings, assumed, monitors);
    let used: BTreeMap<String, (u64, u64)> = budgets
        .into_iter()
        .map(|row| (row.name, (count(row.used_today), count(row.used_this_month))))
        .collect();
    answer(settings, assumed, now, (loads, &used), &notes)
}

/// The monitors of a schedule.
#[derive(Default)]
struct Counted {
    routine: u64,
    placed: Vec<Batch>,
    new: u64,
}

impl Counted {
    fn all(&self) -> u64 {
        self.routine + self.placed.iter().map(|batch| batch.count).sum::<u64>()
    }
}

/// What a plan does not know.
#[derive(Default)]
struct Notes {
    /// Schedules whose conditions were not counted.
    at_most: Vec<String>,
}

fn loads(settings: &Settings, assumed: &Assumed, mut count: impl FnMut(&Schedule) -> Counted) -> Vec<Load> {
    let mut loads = Vec::new();
    for schedule in settings.schedules.values() {
        let template = settings.report_templates.get(&schedule.template);
        let (Some(cadence), Some(template)) = (&schedule.cadence, template) else { continue };
        let Counted { mut routine, placed, mut new } = count(schedule);
        if assumed.steady {
            routine += std::mem::take(&mut new);
        }
        loads.push(Load {
            schedule: schedule.name.clone(),
            provider: template.provider.clone(),
            cadence: cadence.clone(),
            objective: schedule.objective,
            backfill_per_second: schedule.backfill_per_second,
            routine,
            placed,
            new,
        });
    }
    loads
}

fn answer(
    settings: &Settings,
    assumed: &Assumed,
    now: DateTime<Utc>,
    (loads, used): (Vec<Load>, &BTreeMap<String, (u64, u64)>),
    unknown: &Notes,
) -> Result<PlanView, AppError> {
    known("--latency", assumed.latencies.keys(), "provider", settings.providers.keys())?;
    if loads.is_empty() {
        let text = "the configuration has no schedules: nothing is due. [schedules.NAME] makes one";
        return Err(AppError::Refused(text.to_owned()));
    }
    let asked = settings.providers.values().filter(|one| loads.iter().any(|load| load.provider == one.name));
    let providers: Vec<Provider> =
        asked.map(|one| provider(one, assumed, used.get(&one.name).copied().unwrap_or_default())).collect();
    let mut notes = Vec::new();
    if !unknown.at_most.is_empty() {
        notes.push(format!(
            "counted as all accounts of their types, though they have conditions: {}; `--monitors NAME=N` says how many it really is",
            unknown.at_most.join(", ")
        ));
    }
    let of = |which: fn(&Provider) -> bool| {
        let names: Vec<&str> =
            providers.iter().filter(|one| which(one)).map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    let unlimited = of(|one| {
        one.rate_per_second.is_none()
            && one.at_once.is_none()
            && one.calls_per_day.is_none()
            && one.calls_per_month.is_none()
    });
    if !unlimited.is_empty() {
        notes.push(format!(
            "taken to answer as much as is asked, for neither a rate nor a quota is configured: {unlimited}; `--latency NAME=200ms` has the number of calls under way counted"
        ));
    }
    let question = Question { from: hour_of(now), days: assumed.days, providers, loads };
    Ok(PlanView { forecast: question.answer(), notes })
}

fn provider(settings: &ProviderSettings, assumed: &Assumed, used: (u64, u64)) -> Provider {
    let limits = &settings.limits;
    Provider {
        name: settings.name.clone(),
        rate_per_second: limits.rate_per_second.map(|rate| budget::spaced_rate(rate, limits.burst)),
        burst: limits.burst,
        at_once: assumed.latencies.get(&settings.name).map(|latency| AtOnce {
            concurrency: limits.concurrency,
            processes: assumed.processes,
            latency: *latency,
        }),
        calls_per_day: limits.calls_per_day,
        calls_per_month: limits.calls_per_month,
        used,
    }
}

fn known<'a>(
    option: &str,
    given: impl Iterator<Item = &'a String>,
    what: &str,
    known: impl Iterator<Item = &'a String>,
) -> Result<(), AppError> {
    let known: Vec<&str> = known.map(String::as_str).collect();
    for name in given {
        if !known.contains(&name.as_str()) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(AppError::Refused(format!(
                "{option}: the configuration has no {what} {name:?}; it has {known}"
            )));
        }
    }
    Ok(())
}

fn hour_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now)
}

fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
