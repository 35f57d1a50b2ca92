//! The runs of one report, the newest first, also those that only a line of their month stands for.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{self, MonitorId, RunId};

/// A run that counts.
#[derive(Debug)]
pub struct RunItem {
    /// Its id.
    pub id: RunId,
    /// Why it ran.
    pub trigger: String,
    /// When it was to run.
    pub due_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// What it ended with.
    pub outcome: String,
    /// How many entities the answer named.
    pub findings: i32,
    /// The class of failure, when there was no answer.
    pub failure: Option<String>,
    /// The account's data version that it saw.
    pub account_version: i64,
    /// What it rested on.
    pub basis: Value,
}

/// The newest runs of a report before a place in the order of time and id.
pub async fn list_runs(
    conn: &mut PgConnection,
    monitor: MonitorId,
    (before, id): (DateTime<Utc>, Uuid),
    limit: i64,
) -> Result<Vec<RunItem>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select run.run_id as "run_id!", run.trigger as "trigger!", run.due_at as "due_at!",
               run.recorded_at as "recorded_at!", run.outcome as "outcome!", run.findings as "findings!", run.failure,
               run.account_version as "account_version!", basis.detail
        from (
            select *
            from whole_runs
            where monitor_id = $1
              -- Later months are not looked at.
              and recorded_at <= $2
              and (recorded_at, run_id) < ($2, $3)
              and outcome <> 'superseded'
            -- Slots are answered one after the other.
            order by slot desc
            limit $4
        ) as run
        join run_bases as basis using (basis_id)
        order by run.recorded_at desc, run.run_id desc
        "#,
        monitor.0,
        before,
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let items = rows.into_iter().map(|row| RunItem {
        id: RunId(row.run_id),
        trigger: row.trigger,
        due_at: row.due_at,
        recorded_at: row.recorded_at,
        outcome: row.outcome,
        findings: row.findings,
        failure: row.failure,
        account_version: row.account_version,
        basis: row.detail,
    });
    Ok(items.collect())
}

/// When a run of a report was recorded.
pub async fn find_run_time(
    conn: &mut PgConnection,
    monitor: MonitorId,
    run: RunId,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    // A run is recorded soon after it got its id: only those months are looked at.
    let millis = i64::try_from(id::made_at_millis(run.0)).unwrap_or(i64::MAX);
    let Some(made_at) = DateTime::from_timestamp_millis(millis) else { return Ok(None) };
    let at = sqlx::query_scalar!(
        r#"
        select recorded_at as "recorded_at!"
        from whole_runs
        where monitor_id = $1
          and run_id = $2
          and recorded_at between $3 and $4
        limit 1
        "#,
        monitor.0,
        run.0,
        made_at.checked_sub_signed(TimeDelta::days(1)).unwrap_or(made_at),
        made_at.checked_add_signed(TimeDelta::days(7)).unwrap_or(made_at),
    )
    .fetch_optional(conn)
    .await?;
    Ok(at)
}

/// The newest run of a report whose answer differed from the one before, with what was asked and answered, sealed.
pub async fn find_content(
    conn: &mut PgConnection,
    monitor: MonitorId,
) -> Result<Option<(RunId, DateTime<Utc>, Vec<u8>)>, StoreError> {
    let row = sqlx::query!(
        r#"
        select run_id as "run_id!", recorded_at as "recorded_at!", sealed_content as "sealed_content!"
        from whole_runs
        where monitor_id = $1
          and sealed_content is not null
        order by slot desc
        limit 1
        "#,
        monitor.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (RunId(row.run_id), row.recorded_at, row.sealed_content)))
}

/// The clear, unchanged runs of a month that is no longer kept run by run.
#[derive(Debug)]
pub struct MonthItem {
    /// The first day of the month.
    pub month: NaiveDate,
    /// How many runs there were.
    pub runs: i32,
    /// When the first was recorded.
    pub first_at: DateTime<Utc>,
    /// When the last was recorded.
    pub last_at: DateTime<Utc>,
}

/// The newest lines of a report whose last run was before a time. Those of a month whose runs are still there whole
/// do not count.
pub async fn list_months(
    conn: &mut PgConnection,
    monitor: MonitorId,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<MonthItem>, StoreError> {
    let items = sqlx::query_as!(
        MonthItem,
        r#"
        select line.month, line.runs, line.first_at, line.last_at
        from run_months as line
        where line.monitor_id = $1
          and line.last_at < $2
          and not exists (
              select from pg_inherits as link
              where link.inhparent = to_regclass('runs')
                and link.inhrelid = to_regclass('runs_' || to_char(line.month, 'YYYY_MM'))
                and not link.inhdetachpending
          )
        order by line.month desc
        limit $3
        "#,
        monitor.0,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(items)
}

/// Which of these (monitor, slot) were answered by an errored run.
pub async fn list_errored(
    conn: &mut PgConnection,
    slots: &[(MonitorId, i64)],
) -> Result<Vec<MonitorId>, StoreError> {
    let monitors: Vec<Uuid> = slots.iter().map(|(monitor, _)| monitor.0).collect();
    let slots: Vec<i64> = slots.iter().map(|(_, slot)| *slot).collect();
    let errored = sqlx::query_scalar!(
        r#"
        select wanted.monitor_id as "monitor_id!"
        from unnest($1::uuid[], $2::bigint[]) as wanted (monitor_id, slot)
        where exists (
            select from whole_runs as run
            where run.monitor_id = wanted.monitor_id
              and run.slot = wanted.slot
              and run.outcome = 'error')
        "#,
        &monitors,
        &slots,
    )
    .fetch_all(conn)
    .await?;
    Ok(errored.into_iter().map(MonitorId).collect())
}
