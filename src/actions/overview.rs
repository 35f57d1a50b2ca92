//! What an operator needs to know at three in the morning, from a few rows however large the tables are.
//! Nothing of it is about a person: it is shown without a login.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{ActionError, Context, pause::PauseView};
use crate::store::{
    budgets::{self, BudgetRow},
    pauses,
    processes::{self, Process},
    revisions, samples, schedules,
};

/// How long its statements may take.
const READING: Duration = Duration::from_secs(4);

/// What waits is counted up to so many.
const MOST: i64 = 10_000;

/// The state of the whole, as far as few rows tell.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    /// The time, by the database's clock.
    pub now: DateTime<Utc>,
    /// The newest revision of the configuration.
    pub revision: Option<i32>,
    /// Running daemons.
    pub processes: Vec<RunningView>,
    /// How each provider stands with the fleet, once it has been asked.
    pub providers: Vec<ProviderState>,
    /// What somebody paused.
    pub pauses: Vec<PauseView>,
    /// Paused accounts.
    pub paused_accounts: Count,
    /// Every schedule.
    pub schedules: Vec<ScheduleState>,
    /// Hits that nobody has decided on.
    pub open_hits: Count,
    /// Monitors that are quarantined: their runs killed processes.
    pub quarantined: Count,
    /// Urgent runs waiting.
    pub urgent: Count,
    /// Changed accounts that enrolment has not looked at.
    pub enrol_queue: Count,
    /// When any daemon last recorded a run.
    pub last_run_at: Option<DateTime<Utc>>,
}

/// A count up to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Count {
    /// How many, at least.
    pub count: i64,
    /// Whether there may be more.
    pub or_more: bool,
}

impl From<i64> for Count {
    fn from(count: i64) -> Self {
        Self { count, or_more: count >= MOST }
    }
}

/// A running daemon.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunningView {
    /// Its id, new at every start.
    pub id: String,
    /// The host's name.
    pub host: String,
    /// The system's process number.
    pub pid: i32,
    /// The program's version.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it last said that it runs.
    pub seen_at: DateTime<Utc>,
    /// How many of the 256 shards it dispatches.
    pub shards: i64,
    /// The revision of the configuration that it holds.
    pub revision: Option<i32>,
    /// Whether it is about to stop.
    pub leaving: bool,
}

impl From<Process> for RunningView {
    fn from(process: Process) -> Self {
        Self {
            id: process.id.to_string(),
            host: process.host,
            pid: process.pid,
            version: process.version,
            started_at: process.started_at,
            seen_at: process.seen_at,
            shards: process.shards,
            revision: process.revision,
            leaving: process.leaving,
        }
    }
}

/// How a provider stands with the whole fleet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProviderState {
    /// Its name.
    pub name: String,
    /// It is asked nothing before this time.
    pub rests_until: Option<DateTime<Utc>>,
    /// Why: it said when to come back, or its quota is used up.
    pub rest_reason: Option<&'static str>,
    /// Since when its circuit breaker is open: its calls failed.
    pub down_since: Option<DateTime<Utc>>,
    /// When one call is tried, while the breaker is open.
    pub next_probe_at: Option<DateTime<Utc>>,
    /// Permits granted today (UTC).
    pub used_today: i64,
    /// Permits granted this month (UTC).
    pub used_this_month: i64,
}

impl From<BudgetRow> for ProviderState {
    fn from(row: BudgetRow) -> Self {
        let rest = row.rest.filter(|(until, _)| *until > row.now);
        Self {
            name: row.name,
            rests_until: rest.map(|(until, _)| until),
            rest_reason: rest.map(|(_, reason)| reason.word()),
            down_since: row.breaker.map(|(since, _)| since),
            next_probe_at: row.breaker.map(|(_, probe)| probe),
            used_today: row.used_today,
            used_this_month: row.used_this_month,
        }
    }
}

/// Where a schedule stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleState {
    /// Its name.
    pub name: String,
    /// Whether enrolment is walking over all accounts for it.
    pub enrolling: bool,
    /// When the configuration dropped it, if it did.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether somebody paused it.
    pub paused: bool,
}

/// Asks for the state of the whole.
pub async fn overview(context: &Context) -> Result<Overview, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    samples::limit_statements(&mut transaction, READING).await?;
    let processes = processes::list_running(&mut transaction, now).await?;
    let pauses = pauses::list(&mut transaction).await?;
    let schedules = schedules::list(&mut transaction).await?;
    let waiting = samples::waiting(&mut transaction, MOST).await?;
    let last_run_at = processes::last_recorded_at(&mut transaction).await?;
    let is_paused = |id| pauses.iter().any(|pause| pause.schedule_id == Some(id));
    Ok(Overview {
        now,
        revision: revisions::find_newest_number(&mut transaction).await?,
        processes: processes.into_iter().map(RunningView::from).collect(),
        providers: budgets::list(&mut transaction).await?.into_iter().map(ProviderState::from).collect(),
        schedules: schedules
            .into_iter()
            .map(|schedule| ScheduleState {
                paused: is_paused(schedule.id),
                name: schedule.name,
                enrolling: schedule.enrolling,
                removed_at: schedule.removed_at,
            })
            .collect(),
        pauses: pauses.into_iter().map(PauseView::from).collect(),
        paused_accounts: waiting.paused_accounts.into(),
        open_hits: waiting.open_hits.into(),
        quarantined: waiting.quarantined.into(),
        urgent: waiting.urgent.into(),
        enrol_queue: waiting.enrol_queue.into(),
        last_run_at,
    })
}
