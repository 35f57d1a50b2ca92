//! Old runs: a line per monitor and month for those that were clear and changed nothing, the others whole.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::{AccountId, MonitorId};

/// How far an old month has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Monitors up to this one are done.
    pub after: Uuid,
    /// The runs that lines stand for.
    pub compacted_runs: i64,
    /// The runs that were kept whole.
    pub kept_runs: i64,
    /// Whether every monitor is done.
    pub is_read: bool,
}

/// Locks how far a month has come until the transaction ends; begins it if it is new.
pub async fn lock(
    conn: &mut PgConnection,
    month: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Compaction, StoreError> {
    let row = sqlx::query!(
        r#"
        insert into run_compactions as kept (month, after_monitor, started_at) values ($1, $2, $3)
        on conflict on constraint run_compactions_pkey do update set month = kept.month
        returning after_monitor, compacted_runs, kept_runs, read_at is not null as "is_read!"
        "#,
        month,
        Uuid::nil(),
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(Compaction {
        after: row.after_monitor,
        compacted_runs: row.compacted_runs,
        kept_runs: row.kept_runs,
        is_read: row.is_read,
    })
}

/// Saves how far a month has come.
pub async fn save(
    conn: &mut PgConnection,
    month: NaiveDate,
    compaction: &Compaction,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update run_compactions
        set after_monitor = $2, compacted_runs = $3, kept_runs = $4, read_at = case when $5 then $6::timestamptz end
        where month = $1
        "#,
        month,
        compaction.after,
        compaction.compacted_runs,
        compaction.kept_runs,
        compaction.is_read,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says that a month's partition is gone.
pub async fn save_dropped(
    conn: &mut PgConnection,
    month: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update run_compactions set dropped_at = $2 where month = $1", month, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Months that have been begun and are not gone, the oldest first.
pub async fn list_unfinished(conn: &mut PgConnection) -> Result<Vec<NaiveDate>, StoreError> {
    let months =
        sqlx::query_scalar!("select month from run_compactions where dropped_at is null order by month")
            .fetch_all(conn)
            .await?;
    Ok(months)
}

/// The monitors of one batch: those of one month after one, up to another.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// The first day of the month.
    pub month: NaiveDate,
    /// The first instant of the month.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
    /// Monitors after this one.
    pub after: Uuid,
    /// Monitors up to this one. Not an option: a statement that may have none is planned as a scan of all.
    pub up_to: Uuid,
}

/// The monitor up to which a batch goes that is to have `limit` runs, and those of its last monitor; none
/// when fewer are left.
pub async fn find_bound(
    conn: &mut PgConnection,
    batch: &Batch,
    limit: i64,
) -> Result<Option<Uuid>, StoreError> {
    let bound = sqlx::query_scalar!(
        r#"
        select monitor_id
        from runs
        where recorded_at >= $1
          and recorded_at < $2
          and monitor_id > $3
        order by monitor_id, slot
        offset $4
        limit 1
        "#,
        batch.from,
        batch.to,
        batch.after,
        limit,
    )
    .fetch_optional(conn)
    .await?;
    Ok(bound)
}

/// Moves the runs of a batch that are more than clear and unchanged to where they are kept. Returns how
/// many.
pub async fn keep(conn: &mut PgConnection, batch: &Batch) -> Result<i64, StoreError> {
    let kept = sqlx::query_scalar!(
        r#"
        with moved as (
            delete from runs
            where recorded_at >= $1
              and recorded_at < $2
              and monitor_id > $3
              and monitor_id <= $4
              -- Matches, changes, errors and late answers are evidence of their own.
              and (outcome <> 'clear' or changed)
            returning *
        ), kept as (
            insert into kept_runs (
                recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms,
                findings, shard, changed, trigger, outcome, failure, sealed_content
            )
            select recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id,
                   duration_ms, findings, shard, changed, trigger, outcome, failure, sealed_content
            from moved
        )
        select count(*) as "kept!" from moved
        "#,
        batch.from,
        batch.to,
        batch.after,
        batch.up_to,
    )
    .fetch_one(conn)
    .await?;
    Ok(kept)
}

/// Writes the lines that stand for the other runs of a batch. Returns for how many runs they stand.
pub async fn insert_lines(conn: &mut PgConnection, batch: &Batch) -> Result<i64, StoreError> {
    let runs = sqlx::query_scalar!(
        r#"
        with by_basis as (
            select monitor_id, basis_id, count(*) as runs, min(recorded_at) as first_at,
                   max(recorded_at) as last_at, min(slot) as first_slot, max(slot) as last_slot,
                   bit_or(1 << (extract(day from recorded_at at time zone 'UTC')::integer - 1)) as days
            from runs
            where recorded_at >= $1
              and recorded_at < $2
              and monitor_id > $3
              and monitor_id <= $4
              and outcome = 'clear'
              and not changed
            group by monitor_id, basis_id
        ), lines as (
            -- A line that is there already is a fault of ours, and must fail.
            insert into run_months (
                month, monitor_id, runs, first_at, last_at, first_slot, last_slot, basis_ids, basis_days
            )
            select $5, monitor_id, sum(runs)::integer, min(first_at), max(last_at), min(first_slot),
                   max(last_slot), array_agg(basis_id order by basis_id), array_agg(days order by basis_id)
            from by_basis
            group by monitor_id
            returning runs
        )
        select coalesce(sum(runs), 0)::bigint as "runs!" from lines
        "#,
        batch.from,
        batch.to,
        batch.after,
        batch.up_to,
        batch.month,
    )
    .fetch_one(conn)
    .await?;
    Ok(runs)
}

/// How many runs are still in a month; reads it all, on a connection of its own.
pub async fn count_left(conn: &mut PgConnection, batch: &Batch) -> Result<i64, StoreError> {
    // The largest month takes minutes.
    sqlx::query("set statement_timeout = '2h'").execute(&mut *conn).await?;
    let left = sqlx::query_scalar!(
        r#"select count(*) as "left!" from runs where recorded_at >= $1 and recorded_at < $2"#,
        batch.from,
        batch.to,
    )
    .fetch_one(conn)
    .await?;
    Ok(left)
}

/// The line of a monitor and month.
#[derive(Debug)]
pub struct RunMonth {
    /// The monitor.
    pub monitor: MonitorId,
    /// Its schedule.
    pub schedule: String,
    /// The first day of the month.
    pub month: NaiveDate,
    /// How many runs it stands for.
    pub runs: i32,
    /// When the first of them was recorded.
    pub first_at: DateTime<Utc>,
    /// When the last of them was recorded.
    pub last_at: DateTime<Utc>,
    /// The slot that the first of them answered.
    pub first_slot: i64,
    /// The slot that the last of them answered.
    pub last_slot: i64,
    /// What they rested on, and the days of the month on which they did.
    pub bases: Vec<(Value, Vec<u32>)>,
}

/// The lines of an account, the newest first. Those of a month whose runs are still there whole do not count.
pub async fn list_of_account(
    conn: &mut PgConnection,
    account: AccountId,
    limit: i64,
) -> Result<Vec<RunMonth>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select line.month, line.monitor_id, schedule.name, line.runs, line.first_at, line.last_at,
               line.first_slot, line.last_slot, line.basis_ids, line.basis_days
        from monitors as monitor
        join schedules as schedule using (schedule_id)
        join run_months as line using (monitor_id)
        where monitor.account_id = $1
          and not exists (
              select from pg_inherits as link
              where link.inhparent = to_regclass('runs')
                and link.inhrelid = to_regclass('runs_' || to_char(line.month, 'YYYY_MM'))
                and not link.inhdetachpending
          )
        order by line.month desc, schedule.name
        limit $2
        "#,
        account.0,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i32> = rows.iter().flat_map(|row| row.basis_ids.iter().copied()).collect();
    let details: HashMap<i32, Value> =
        sqlx::query!("select basis_id, detail from run_bases where basis_id = any($1)", &ids)
            .fetch_all(conn)
            .await?
            .into_iter()
            .map(|row| (row.basis_id, row.detail))
            .collect();
    let bases = |ids: &[i32], days: &[i32]| {
        let detail = |id| details.get(id).cloned().unwrap_or_default();
        ids.iter().zip(days).map(|(id, days)| (detail(id), days_of(*days))).collect()
    };
    Ok(rows
        .into_iter()
        .map(|row| RunMonth {
            monitor: MonitorId(row.monitor_id),
            schedule: row.name,
            month: row.month,
            runs: row.runs,
            first_at: row.first_at,
            last_at: row.last_at,
            first_slot: row.first_slot,
            last_slot: row.last_slot,
            bases: bases(&row.basis_ids, &row.basis_days),
        })
        .collect())
}

/// The days of a month whose bits are set, from 1.
fn days_of(bits: i32) -> Vec<u32> {
    (1..=31).filter(|day| bits & (1 << (day - 1)) != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::days_of;

    #[test]
    fn a_bit_stands_for_its_day() {
        assert_eq!(days_of(0), [0_u32; 0]);
        assert_eq!(days_of(0b101), [1, 3]);
        assert_eq!(days_of(1 << 30), [31]);
    }
}
