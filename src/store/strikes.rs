//! Strikes: which monitors may have killed a process. Counted before their runs, forgotten when those end.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    StoreError,
    due::{Due, DueRow},
    providers::Lane,
};
use crate::domain::id::{MonitorId, ProcessId, Shard};

/// A monitor with strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its due row.
    pub due: Due,
    /// How many.
    pub strikes: i16,
    /// Who struck last.
    pub process: ProcessId,
    /// Whether that process is not known to be gone: it may be running the monitor.
    pub may_run: bool,
}

/// Counts a strike against each of `monitors`: `process` is about to run them. A process can be killed but
/// once, so it strikes a monitor but once. Returns those that have one more now.
pub async fn insert_all(
    conn: &mut PgConnection,
    lane: Lane,
    monitors: &[MonitorId],
    process: ProcessId,
    now: DateTime<Utc>,
) -> Result<HashSet<MonitorId>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let struck = sqlx::query_scalar!(
        r#"
        insert into strikes as kept (shard, monitor_id, lane, strikes, process_id, struck_at)
        select shard, monitor_id, $3, 1, $4, $5
        from unnest($1::smallint[], $2::uuid[]) as struck (shard, monitor_id)
        order by shard, monitor_id
        on conflict on constraint strikes_pkey do update
        set strikes = least(kept.strikes + 1, 1000),
            lane = excluded.lane,
            process_id = excluded.process_id,
            struck_at = excluded.struck_at
        where kept.process_id <> excluded.process_id
        returning monitor_id
        "#,
        &shards,
        &ids,
        lane,
        process.0,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(struck.into_iter().map(MonitorId).collect())
}

/// Counts a strike against a monitor whose run panicked, in a process that lives on, unless it `has_one` for that
/// run already; returns how many it has.
pub async fn add_one(
    conn: &mut PgConnection,
    lane: Lane,
    monitor: MonitorId,
    process: ProcessId,
    has_one: bool,
    now: DateTime<Utc>,
) -> Result<i16, StoreError> {
    let strikes = sqlx::query_scalar!(
        r#"
        insert into strikes as kept (shard, monitor_id, lane, strikes, process_id, struck_at)
        values ($1, $2, $3, 1, $4, $5)
        on conflict on constraint strikes_pkey do update
        set strikes = case when $6 then kept.strikes else least(kept.strikes + 1, 1000) end,
            process_id = excluded.process_id,
            struck_at = excluded.struck_at
        returning strikes
        "#,
        monitor.shard().column(),
        monitor.0,
        lane,
        process.0,
        now,
        has_one,
    )
    .fetch_one(conn)
    .await?;
    Ok(strikes)
}

/// Takes back the strikes of a process that stops in good order: it was not killed. Those of others stay.
pub async fn take_back(conn: &mut PgConnection, process: ProcessId) -> Result<(), StoreError> {
    sqlx::query!("update strikes set strikes = strikes - 1 where process_id = $1", process.0)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from strikes where process_id = $1 and strikes <= 0", process.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the strikes of monitors: a run of theirs came to an end and killed nobody.
pub async fn remove_all(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    sqlx::query!(
        r#"
        delete from strikes as kept
        using unnest($1::smallint[], $2::uuid[]) as done (shard, monitor_id)
        where kept.shard = done.shard
          and kept.monitor_id = done.monitor_id
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The monitors of a lane that have strikes and a due row, on these shards, the most struck first. There
/// are few, or none.
pub async fn list(conn: &mut PgConnection, lane: Lane, shards: &[Shard]) -> Result<Vec<Struck>, StoreError> {
    let shards: Vec<i16> = shards.iter().map(|shard| shard.column()).collect();
    let rows = sqlx::query!(
        r#"
        select due.shard, due.monitor_id, due.schedule_id, due.next_run_at, due.slot, due.wanted, due.attempts,
               due.last_digest, due.due_at, due.reason,
               struck.strikes, struck.process_id,
               exists (
                   select from processes
                   where processes.process_id = struck.process_id and stopped_at is null
               ) as "may_run!"
        from (
            select shard, monitor_id, strikes, process_id
            from strikes
            where lane = $1
              and shard = any($2)
            order by strikes desc, shard, monitor_id
            limit 1000
        ) as struck
        cross join lateral (
            select * from monitor_due
            where monitor_due.shard = struck.shard and monitor_due.monitor_id = struck.monitor_id
            limit 1
        ) as due
        where due.lane = $1
        order by struck.strikes desc, due.shard, due.monitor_id
        "#,
        lane,
        &shards,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Struck {
            due: Due::from(DueRow {
                shard: row.shard,
                monitor_id: row.monitor_id,
                schedule_id: row.schedule_id,
                next_run_at: row.next_run_at,
                slot: row.slot,
                wanted: row.wanted,
                attempts: row.attempts,
                last_digest: row.last_digest,
                due_at: row.due_at,
                reason: row.reason,
            }),
            strikes: row.strikes,
            process: ProcessId(row.process_id),
            may_run: row.may_run,
        })
        .collect())
}
