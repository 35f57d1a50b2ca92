//! What a person asks to see: an account, hits, the state of everything. The answers hold personal
//! data, revealed for the one who asked.

mod months;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

pub use months::{MonthView, ScreenedView};

use super::{
    ActionError, Context,
    accounts::fields,
    hits::HitView,
    overview::{ProviderState, RunningView},
    pause::PauseView,
    retention,
};
use crate::{
    domain::id::AccountId,
    store::{
        account_tags, account_types,
        accounts::{self, AccountRow},
        budgets,
        hit_work::{self, Filter, Page, Sort},
        monitors, partitions, pauses, processes, run_months, runs, summary,
    },
};

/// The most hits that an account is shown with, the newest.
pub const MOST_HITS: usize = 1000;

/// An account, whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// The name of its type.
    pub account_type: String,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// Its status.
    pub status: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its fields, opened.
    pub fields: Map<String, Value>,
    /// Counts the changes of its fields.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Who watches it.
    pub monitors: Vec<MonitorView>,
    /// Its newest runs, of those that are kept whole.
    pub runs: Vec<RunView>,
    /// Its old months: clear runs that changed nothing, a line for each monitor and month.
    pub months: Vec<MonthView>,
    /// Its hits.
    pub hits: Vec<HitView>,
}

/// A monitor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MonitorView {
    /// Its id.
    pub id: String,
    /// Its schedule.
    pub schedule: String,
    /// Its state.
    pub state: &'static str,
    /// Why it is in that state.
    pub reason: Option<String>,
    /// When it runs next.
    pub next_run_at: Option<DateTime<Utc>>,
    /// The slot that its next run answers: above those of all recorded runs.
    pub slot: i64,
    /// How many attempts at the next one failed.
    pub failed_attempts: i16,
}

/// A run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The report that it is of.
    pub report: String,
    /// Its schedule.
    pub schedule: String,
    /// The slot that it answered.
    pub slot: i64,
    /// Why it ran.
    pub trigger: String,
    /// When it was to run.
    pub due_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// How long the provider took.
    pub duration_ms: i32,
    /// What it ended with.
    pub outcome: String,
    /// How many entities matched.
    pub findings: i32,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// The account's data version that it saw.
    pub account_version: i64,
    /// What it rested on: provider, engine, lists, threshold, process.
    pub basis: Value,
}

/// The one account that `reference` names: an account id, or a reference id in whatever type.
pub async fn find_account(context: &Context, reference: &str) -> Result<AccountRow, ActionError> {
    let mut connection = context.store.connection().await?;
    let mut found = accounts::list_by_reference(&mut connection, reference, reference.parse().ok()).await?;
    match found.len() {
        0 => Err(ActionError::NotFound("account of that id or reference id")),
        1 => Ok(found.remove(0)),
        several => Err(ActionError::Ambiguous(several)),
    }
}

/// Everything about one account.
pub async fn account(
    context: &Context,
    reference: &str,
    newest_runs: i64,
) -> Result<AccountView, ActionError> {
    let row = find_account(context, reference).await?;
    let mut connection = context.store.connection().await?;
    let types = account_types::list(&mut connection).await?;
    let (fields, _) = fields::opened(context, &row)?;
    let monitors = monitors::list_of_account(&mut connection, row.id).await?;
    let runs = runs::list_of_account(&mut connection, row.id, newest_runs).await?;
    let months = run_months::list_of_account(&mut connection, row.id, 1000).await?;
    let filter = Filter { account: Some(row.id), ..Filter::default() };
    let page = Page {
        sort: Sort::Newest,
        after: None,
        before: None,
        limit: MOST_HITS.try_into().unwrap_or(i64::MAX),
    };
    let hits = hit_work::list(&mut connection, &filter, page).await?;
    let hits = hit_work::get_all(&mut connection, &hits).await?;
    let account_type = types.iter().find(|(id, _)| *id == row.account_type).map(|(_, one)| one);
    let status = account_type.map_or(row.status.as_str(), |one| one.status_name(&row.status));
    Ok(AccountView {
        id: row.id,
        status: status.to_owned(),
        account_type: account_type.map_or_else(String::new, |one| one.name.clone()),
        reference_id: row.reference_id,
        tags: account_tags::list(&mut connection, row.id).await?,
        fields,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        monitors: monitors
            .into_iter()
            .map(|monitor| MonitorView {
                id: monitor.id.to_string(),
                schedule: monitor.schedule,
                state: monitor.state.word(),
                reason: monitor.state_reason,
                next_run_at: monitor.next_run_at,
                slot: monitor.slot,
                failed_attempts: monitor.attempts,
            })
            .collect(),
        runs: runs.into_iter().map(run_view).collect(),
        months: months.into_iter().map(months::view).collect(),
        hits: super::hits::open_all(context, hits)?,
    })
}

fn run_view(run: runs::RunRow) -> RunView {
    RunView {
        id: run.id.to_string(),
        report: run.monitor.to_string(),
        schedule: run.schedule,
        slot: run.slot,
        trigger: run.trigger,
        due_at: run.due_at,
        recorded_at: run.recorded_at,
        duration_ms: run.duration_ms,
        outcome: run.outcome,
        findings: run.findings,
        failure: run.failure,
        account_version: run.account_version,
        basis: run.basis,
    }
}

/// The state of everything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatusView {
    /// The database's time.
    pub now: DateTime<Utc>,
    /// Running daemons.
    pub processes: Vec<RunningView>,
    /// Accounts.
    pub accounts: i64,
    /// Hits that nobody has decided on.
    pub open_hits: i64,
    /// Monitors that are quarantined: their runs killed processes.
    pub quarantined: i64,
    /// Accounts waiting for enrolment.
    pub enrol_queue: i64,
    /// Urgent runs waiting.
    pub urgent: i64,
    /// How each provider stands with the fleet, once it has been asked.
    pub providers: Vec<ProviderState>,
    /// What somebody paused.
    pub pauses: Vec<PauseView>,
    /// Paused accounts.
    pub paused_accounts: i64,
    /// Months after this one whose partitions are made.
    pub partition_months_ahead: i64,
    /// When a daemon last recorded a run.
    pub last_run_at: Option<DateTime<Utc>>,
    /// How retention stands.
    pub retention: retention::Standing,
    /// Every schedule.
    pub schedules: Vec<ScheduleView>,
}

/// A schedule's state.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleView {
    /// Its name.
    pub name: String,
    /// When the configuration dropped it.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether enrolment is walking over all accounts for it.
    pub enrolling: bool,
    /// Monitors that run.
    pub active: i64,
    /// Monitors that a match holds.
    pub held: i64,
    /// Monitors that are paused.
    pub paused: i64,
    /// Monitors that never ran.
    pub never_run: i64,
    /// Monitors whose time has come.
    pub due: i64,
    /// How long the longest waiting of them has waited, seconds.
    pub oldest_due_seconds: Option<i64>,
    /// Monitors whose last attempts failed.
    pub failing: i64,
}

/// Asks for the state of everything.
pub async fn status(context: &Context) -> Result<StatusView, ActionError> {
    let now = context.now();
    let retention = retention::standing(context).await?;
    let mut connection = context.store.transaction().await?;
    summary::allow_long_counts(&mut connection).await?;
    let totals = summary::totals(&mut connection).await?;
    let schedules = summary::schedules(&mut connection, now).await?;
    let processes = processes::list_running(&mut connection, now).await?;
    Ok(StatusView {
        now,
        processes: processes.into_iter().map(RunningView::from).collect(),
        accounts: totals.accounts,
        open_hits: totals.open_hits,
        quarantined: totals.quarantined,
        enrol_queue: totals.enrol_queue,
        urgent: totals.wakeups,
        providers: budgets::list(&mut connection).await?.into_iter().map(ProviderState::from).collect(),
        pauses: pauses::list(&mut connection).await?.into_iter().map(PauseView::from).collect(),
        paused_accounts: pauses::count_accounts(&mut connection, i64::MAX).await?,
        partition_months_ahead: partitions::months_ahead(&mut connection, now).await?,
        last_run_at: processes::last_recorded_at(&mut connection).await?,
        retention,
        schedules: schedules
            .into_iter()
            .map(|schedule| ScheduleView {
                name: schedule.name,
                removed_at: schedule.removed_at,
                enrolling: schedule.enrolling,
                active: schedule.active,
                held: schedule.held,
                paused: schedule.paused,
                never_run: schedule.never_run,
                due: schedule.due,
                oldest_due_seconds: schedule.oldest_due_at.map(|at| (now - at).num_seconds()),
                failing: schedule.failing,
            })
            .collect(),
    })
}
