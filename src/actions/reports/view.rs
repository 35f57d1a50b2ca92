//! Reports as they are shown: how they stand, what they match, what happened to them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{ActionError, Context};
use crate::{
    actions::hits::{self as work, HitView},
    domain::{
        id::{AccountId, MonitorId, ReportActionId, ReportTemplateId, RunId, made_at_millis, version_7},
        monitor::{MonitorState, Outcome, stopped},
        report::{Query, ReportActionKind, ReportStatus},
        schedule::{ReportTemplate, ReportType},
    },
    store::{
        hit_work, report_actions, report_history,
        reports::{self, Page, ReportRow},
        schedules,
    },
    vault::Purpose,
};

/// The most matches that are shown of one report.
const MOST_MATCHES: i64 = 200;

/// A report.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the API tells each of them by itself")]
pub struct ReportView {
    /// Its id.
    pub id: MonitorId,
    /// Its account.
    pub account: AccountId,
    /// What it asks.
    pub report: ReportType,
    /// Its template; none when the configuration never had one of that name.
    pub template: Option<ReportTemplate>,
    /// The schedule that keeps it, or that of its template.
    pub schedule: String,
    /// Who asked for it; none when a schedule did.
    pub requested_by: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// How it stands.
    pub status: ReportStatus,
    /// Why its last run has no answer, when it has none.
    pub failure: Option<String>,
    /// Whether its last answer names anybody, whatever was decided.
    pub has_match: bool,
    /// Whether it ran more than once.
    pub is_continuous: bool,
    /// Whether it is to run again by itself.
    pub is_recurring: bool,
    /// Whether a person paused it.
    pub is_paused: bool,
    /// The state of its monitor, with the reason.
    pub monitor: (MonitorState, Option<String>),
    /// Whom it asks about instead of its account.
    pub query: Option<Query>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When its last run was recorded.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it runs next.
    pub next_run_at: Option<DateTime<Utc>>,
    /// When its content was destroyed.
    pub redacted_at: Option<DateTime<Utc>>,
    /// What its last answer matched, and what of it was decided.
    pub hits: Vec<HitView>,
}

/// Which reports.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Of these accounts.
    pub accounts: Option<Vec<AccountId>>,
    /// Of this template, by its name.
    pub template: Option<String>,
    /// That ask this.
    pub report: Option<ReportType>,
}

/// A page of reports or of a history, by the ids of what lies at its ends.
#[derive(Clone, Copy, Debug)]
pub struct PageOf {
    /// Behind this one.
    pub after: Option<Uuid>,
    /// Before this one.
    pub before: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

/// Those of `ids` that are reports, in their order.
pub async fn get_all(context: &Context, ids: &[MonitorId]) -> Result<Vec<ReportView>, ActionError> {
    let mut connection = context.store.connection().await?;
    let rows = reports::get_all(&mut connection, ids).await?;
    views(context, &mut connection, rows).await
}

/// One report.
pub async fn get(context: &Context, id: MonitorId) -> Result<ReportView, ActionError> {
    let mut connection = context.store.connection().await?;
    let rows = reports::get_all(&mut connection, &[id]).await?;
    let view = views(context, &mut connection, rows).await?.pop();
    view.ok_or(ActionError::NotFound("report of that id"))
}

/// Reports, the newest first.
pub async fn list(context: &Context, listed: &Listed, page: PageOf) -> Result<Vec<ReportView>, ActionError> {
    let mut connection = context.store.connection().await?;
    let schedules = if listed.template.is_some() || listed.report.is_some() {
        Some(reports::list_schedules(&mut connection, listed.template.as_deref(), listed.report).await?)
    } else {
        None
    };
    let page =
        Page { after: page.after.map(MonitorId), before: page.before.map(MonitorId), limit: page.limit };
    let ids = match &listed.accounts {
        Some(accounts) => {
            reports::list_of_accounts(&mut connection, accounts, schedules.as_deref(), page).await?
        }
        None => reports::list(&mut connection, schedules.as_deref(), page).await?,
    };
    let rows = reports::get_all(&mut connection, &ids).await?;
    views(context, &mut connection, rows).await
}

async fn views(
    context: &Context,
    conn: &mut sqlx::PgConnection,
    rows: Vec<ReportRow>,
) -> Result<Vec<ReportView>, ActionError> {
    let matching: Vec<MonitorId> = rows.iter().filter(|row| row.has_match).map(|row| row.id).collect();
    let mut hits: HashMap<MonitorId, Vec<HitView>> = HashMap::new();
    if !matching.is_empty() {
        let ids = hit_work::list_of_monitors(conn, &matching, MOST_MATCHES).await?;
        let found = hit_work::get_all(conn, &ids).await?;
        for hit in work::open_all(context, found)? {
            hits.entry(hit.report).or_default().push(hit);
        }
    }
    rows.into_iter()
        .map(|row| {
            let hits = hits.remove(&row.id).unwrap_or_default();
            view(context, row, hits)
        })
        .collect()
}

fn view(context: &Context, row: ReportRow, hits: Vec<HitView>) -> Result<ReportView, ActionError> {
    let query = match (&row.sealed_query, &row.key) {
        (Some(sealed), Some(stored)) => {
            Some(context.keyring.unwrap(row.id.0, stored)?.open(Purpose::ReportQuery, sealed)?)
        }
        _ => None,
    };
    let is_once = row.by_request && row.template.as_ref().is_none_or(|one| one.recurrence_days.is_none());
    Ok(ReportView {
        id: row.id,
        account: row.account,
        report: row.report_type(),
        template: row.template,
        schedule: row.schedule,
        requested_by: row.requested_by,
        tags: row.tags,
        status: match row.last {
            None => ReportStatus::Pending,
            Some((Outcome::Error, _)) => ReportStatus::Errored,
            Some(_) => ReportStatus::Ready,
        },
        failure: row.failure,
        has_match: row.has_match,
        is_continuous: row.ran_again,
        is_recurring: row.next_run_at.is_some() && !is_once,
        is_paused: row.state_reason.as_deref() == Some(stopped::BY_PERSON),
        monitor: (row.state, row.state_reason),
        query,
        created_at: row.created_at,
        completed_at: row.last.map(|(_, at)| at),
        next_run_at: row.next_run_at,
        redacted_at: row.redacted_at,
        hits,
    })
}

/// Something that happened to a report.
#[derive(Debug)]
pub struct HistoryItem {
    /// Its id, a run's or an action's; a line for a month has the one that its time gives it.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: HistoryKind,
}

/// What happened to a report.
#[derive(Debug)]
pub enum HistoryKind {
    /// It ran.
    Run {
        /// Why.
        trigger: String,
        /// When it was to run.
        due_at: DateTime<Utc>,
        /// What it ended with.
        outcome: String,
        /// How many entities matched.
        findings: i32,
        /// Why it failed, if it did.
        failure: Option<String>,
        /// The account's data version that it saw.
        account_version: i64,
        /// What it rested on.
        basis: Value,
    },
    /// It ran so often in a month whose clear runs are no longer kept one by one.
    Month {
        /// The month, such as `2025-03`.
        month: String,
        /// How often.
        runs: i32,
        /// When first.
        first_at: DateTime<Utc>,
    },
    /// A person did something to it.
    Action {
        /// What.
        kind: ReportActionKind,
        /// Who.
        actor: String,
        /// The entities that were decided on.
        entities: Vec<String>,
    },
}

/// What happened to a report, the newest first, behind `after`. Behind what is not there, there is nothing.
pub async fn history(
    context: &Context,
    id: MonitorId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<HistoryItem>, ActionError> {
    let mut connection = context.store.connection().await?;
    let conn = &mut *connection;
    if reports::get_all(conn, &[id]).await?.is_empty() {
        return Err(ActionError::NotFound("report of that id"));
    }
    let place = match after {
        None => (DateTime::<Utc>::MAX_UTC, Uuid::max()),
        Some(item) => {
            let run = report_history::find_run_time(conn, id, RunId(item)).await?;
            let action = report_actions::find_time(conn, ReportActionId(item)).await?;
            let millis = i64::try_from(made_at_millis(item)).unwrap_or(i64::MAX);
            // A month's line has its time in its id.
            match run.or(action).or_else(|| DateTime::from_timestamp_millis(millis)) {
                Some(at) => (at, item),
                None => return Ok(Vec::new()),
            }
        }
    };
    let mut items = Vec::new();
    for run in report_history::list_runs(conn, id, place, limit).await? {
        items.push(HistoryItem {
            id: run.id.0,
            at: run.recorded_at,
            kind: HistoryKind::Run {
                trigger: run.trigger,
                due_at: run.due_at,
                outcome: run.outcome,
                findings: run.findings,
                failure: run.failure,
                account_version: run.account_version,
                basis: run.basis,
            },
        });
    }
    for month in report_history::list_months(conn, id, place.0, limit).await? {
        let millis = u64::try_from(month.last_at.timestamp_millis()).unwrap_or(0);
        let at = DateTime::from_timestamp_millis(month.last_at.timestamp_millis()).unwrap_or(month.last_at);
        items.push(HistoryItem {
            id: version_7(millis, [0; 10], id.shard()),
            at,
            kind: HistoryKind::Month {
                month: month.month.format("%Y-%m").to_string(),
                runs: month.runs,
                first_at: month.first_at,
            },
        });
    }
    for action in report_actions::list(conn, id, place, limit).await? {
        items.push(HistoryItem {
            id: action.id.0,
            at: action.created_at,
            kind: HistoryKind::Action { kind: action.kind, actor: action.actor, entities: action.entities },
        });
    }
    items.retain(|item| (item.at, item.id) < place);
    items.sort_unstable_by_key(|item| std::cmp::Reverse((item.at, item.id)));
    items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(items)
}

/// A report template.
#[derive(Debug)]
pub struct TemplateView {
    /// Its id.
    pub id: ReportTemplateId,
    /// What it says.
    pub template: ReportTemplate,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The report templates that are configured, by name.
pub async fn templates(context: &Context) -> Result<Vec<TemplateView>, ActionError> {
    let mut connection = context.store.connection().await?;
    let all = schedules::list_of_templates(&mut connection).await?;
    Ok(all
        .into_iter()
        .filter(|of| !of.is_removed)
        .map(|of| TemplateView {
            id: of.template.id(),
            template: of.template,
            created_at: of.created_at,
            updated_at: of.changed_at,
        })
        .collect())
}
