//! What came of a simulation: read from the database, and counted by the providers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Options, Stage, provider::Tally, scene::Scene};
use crate::{
    app::AppError,
    engine::plan::{PlannedProvider, PlannedSchedule},
    store::simulation::{self, ScheduleRuns},
};

/// What came of a simulation. Times are the simulation's.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SimulationView {
    /// When it began.
    pub from: DateTime<Utc>,
    /// How many days it lasted.
    pub days: u16,
    /// The same seed has the same come of it.
    pub seed: u64,
    /// How many accounts were invented.
    pub accounts: u32,
    /// How many they stand for.
    pub of: u64,
    /// What became of each schedule, by name.
    pub schedules: Vec<ScheduleView>,
    /// What each provider was asked.
    pub providers: Vec<ProviderView>,
    /// When schedules began to miss their objectives and met them again, in order of time.
    pub objectives: Vec<ObjectiveView>,
    /// How often the list changed.
    pub list_changes: u32,
    /// How many monitors these changes made due.
    pub rescreened: i64,
    /// What happened, by kind.
    pub events: Vec<EventCount>,
    /// What must not be.
    pub proof: Proof,
    /// What it does not rest on, in words.
    pub notes: Vec<String>,
}

impl SimulationView {
    /// Whether every objective was met all the time, and the proof holds.
    pub fn is_good(&self) -> bool {
        self.proof.holds()
            && self.objectives.iter().all(|objective| !objective.missed)
            && self.schedules.iter().all(|schedule| schedule.beyond_objective == 0)
    }
}

/// What became of a schedule. Lateness is from a run's time to its recording, in seconds; of one that was tried again
/// after a failure, from the time of its next attempt.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleView {
    /// Its name.
    pub schedule: String,
    /// The provider that it asks.
    pub provider: String,
    /// How many monitors it has.
    pub monitors: i64,
    /// How many slots were answered: every run that counts.
    pub slots: i64,
    /// Runs that found nobody.
    pub clear: i64,
    /// Runs that found somebody.
    pub matched: i64,
    /// Runs without an answer.
    pub errors: i64,
    /// Runs that came too late to count.
    pub superseded: i64,
    /// Those of the slots that a change of the list called for.
    pub list_change: i64,
    /// Half of the runs were no later.
    pub late_median: Option<f64>,
    /// 95 of 100 runs were no later.
    pub late_95: Option<f64>,
    /// 99 of 100 runs were no later.
    pub late_99: Option<f64>,
    /// The latest.
    pub late_most: Option<f64>,
    /// 99 of 100 runs that a change of the list called for were no later.
    pub list_change_99: Option<f64>,
    /// How long after its time a run is recorded at most, in seconds; none when nothing is promised.
    pub objective: Option<f64>,
    /// Runs that were later.
    pub beyond_objective: i64,
    /// Monitors whose time had come and that were not run when it ended.
    pub waiting: i64,
    /// When the longest waiting of them was to run.
    pub waiting_since: Option<DateTime<Utc>>,
}

/// How often something came about.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counted {
    /// What.
    pub what: &'static str,
    /// How often.
    pub count: u64,
}

/// What a provider was asked. Limits are those of the sample.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProviderView {
    /// Its name.
    pub provider: String,
    /// How many calls it was asked.
    pub calls: u64,
    /// What became of them.
    pub verdicts: Vec<Counted>,
    /// Those of the calls that repeated one that had failed.
    pub repeated: u64,
    /// Calls a second in the long run that it lets pass; none when it has no rate.
    pub rate_per_second: Option<f64>,
    /// Calls at once after a quiet time.
    pub burst: u32,
    /// The share of the rate that was used, 0 to 1.
    pub rate_used: Option<f64>,
    /// The share of the rate that the busiest hour used.
    pub busiest_rate_used: Option<f64>,
    /// The hour with the most calls, and how many they were.
    pub busiest_hour: Option<DateTime<Utc>>,
    /// The calls in it.
    pub busiest_calls: u64,
    /// For how many seconds its circuit breaker was open, to ten.
    pub breaker_open_seconds: u64,
}

/// A schedule begins to miss its objective, or meets it again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectiveView {
    /// When.
    pub at: DateTime<Utc>,
    /// Which.
    pub schedule: String,
    /// Whether it begins to miss it.
    pub missed: bool,
}

/// How many events of a kind there were.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EventCount {
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: i64,
}

/// What must not be: each number but the first is to be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proof {
    /// Slots that the due rows say are answered.
    pub slots: i64,
    /// Slots that no run answers.
    pub slots_lost: i64,
    /// Slots that more than one run answers.
    pub slots_twice: i64,
    /// Calls that a provider's budget had no room for: of an interval of `t`, those beyond `burst + rate * t`, and those
    /// beyond a quota.
    pub calls_beyond_budget: u64,
}

impl Proof {
    /// Whether nothing is that must not be.
    pub const fn holds(&self) -> bool {
        self.slots_lost == 0 && self.slots_twice == 0 && self.calls_beyond_budget == 0
    }
}

/// Reads what came of a simulation that has ended.
pub(super) async fn view(
    scene: &Scene,
    options: &Options,
    stage: &Stage,
    open: &[Duration],
) -> Result<SimulationView, AppError> {
    let context = &stage.engine.context;
    let mut connection = context.store.connection().await?;
    let now = context.now();
    let planned = stage.engine.plan.schedules.values().filter(|schedule| !schedule.is_by_request());
    let planned: BTreeMap<&str, &Arc<PlannedSchedule>> =
        planned.map(|schedule| (schedule.schedule.name.as_str(), schedule)).collect();
    let mut schedules = Vec::new();
    for schedule in planned.into_values() {
        let objective = schedule.schedule.objective.map(|objective| objective.as_secs_f64());
        let runs = simulation::runs_of(&mut connection, schedule.id, objective, now).await?;
        schedules.push(of_schedule(schedule, objective, &runs));
    }
    let tallies: Vec<Tally> = stage.providers.iter().map(|provider| provider.tally()).collect();
    let of_providers = stage.engine.plan.providers.iter().zip(&tallies).zip(open);
    let slots = simulation::check_slots(&mut connection).await?;
    let events = simulation::count_events(&mut connection).await?;
    let objectives = simulation::list_objectives(&mut connection).await?;
    Ok(SimulationView {
        from: options.from,
        days: options.days,
        seed: options.seed,
        accounts: options.accounts,
        of: options.of.unwrap_or(u64::from(options.accounts)),
        schedules,
        providers: of_providers
            .map(|((provider, tally), open)| of_provider(provider, tally, *open, options))
            .collect(),
        objectives: objectives
            .into_iter()
            .map(|(at, schedule, missed)| ObjectiveView { at, schedule, missed })
            .collect(),
        list_changes: stage.list_changes,
        rescreened: simulation::count_rescreened(&mut connection).await?,
        events: events.into_iter().map(|(kind, count)| EventCount { kind, count }).collect(),
        proof: Proof {
            slots: slots.answered,
            slots_lost: slots.lost,
            slots_twice: slots.twice,
            calls_beyond_budget: tallies.iter().map(|tally| tally.budget.beyond()).sum(),
        },
        notes: notes(scene, options),
    })
}

fn of_schedule(schedule: &PlannedSchedule, objective: Option<f64>, runs: &ScheduleRuns) -> ScheduleView {
    ScheduleView {
        schedule: schedule.schedule.name.clone(),
        provider: schedule.provider.provider.name().to_owned(),
        monitors: runs.monitors,
        slots: runs.clear + runs.matched + runs.errors,
        clear: runs.clear,
        matched: runs.matched,
        errors: runs.errors,
        superseded: runs.superseded,
        list_change: runs.list_change,
        late_median: runs.late_median,
        late_95: runs.late_95,
        late_99: runs.late_99,
        late_most: runs.late_most,
        list_change_99: runs.list_change_99,
        objective,
        beyond_objective: runs.beyond_objective,
        waiting: runs.waiting,
        waiting_since: runs.waiting_since,
    }
}

#[expect(clippy::cast_precision_loss, reason = "calls are far below 2^52")]
fn of_provider(provider: &PlannedProvider, tally: &Tally, open: Duration, options: &Options) -> ProviderView {
    const HOUR: f64 = 3600.0;
    let busiest = tally.hours.iter().max_by_key(|(hour, calls)| (**calls, -**hour));
    let (hour, busiest_calls) = busiest.map_or((None, 0), |(hour, calls)| (Some(*hour), *calls));
    let rate = provider.limits.rate_per_second;
    let seconds = TimeDelta::days(i64::from(options.days)).as_seconds_f64();
    ProviderView {
        provider: provider.provider.name().to_owned(),
        calls: tally.budget.calls(),
        verdicts: tally.verdicts.iter().map(|(what, count)| Counted { what, count: *count }).collect(),
        repeated: tally.repeated,
        rate_per_second: rate,
        burst: provider.limits.burst,
        rate_used: rate.map(|rate| tally.budget.calls() as f64 / (rate * seconds)),
        busiest_rate_used: rate.map(|rate| busiest_calls as f64 / (rate * HOUR)),
        busiest_hour: hour.and_then(|hour| DateTime::from_timestamp(hour * 3600, 0)),
        busiest_calls,
        breaker_open_seconds: open.as_secs(),
    }
}

/// What is to be known of how it was simulated.
fn notes(scene: &Scene, options: &Options) -> Vec<String> {
    let rest = humantime::format_duration(options.rest);
    let mut notes = vec![
        format!(
            "what falls due within {rest} is begun together, so lateness is exact to that; objectives, enrolment and \
             rescreens are looked at every 15 minutes"
        ),
        "PostgreSQL, the machine and further processes are taken to keep up: the database's work takes no time"
            .to_owned(),
    ];
    if let Some(of) = options.of {
        notes.push(format!(
            "{} accounts stand for {of}: rates, bursts, calls at once, quotas and backfills are divided by {:.1}, none \
             below one but rates, so that as much of each is used; breakers and retries look at as many calls as they would",
            options.accounts,
            options.scale()
        ));
    }
    notes.extend(scene.notes.iter().cloned());
    notes
}
