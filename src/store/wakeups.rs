//! Urgent work: what must run ahead of routine work.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    StoreError,
    due::{self, Due, DueRow},
    providers::Lane,
};
use crate::domain::{
    id::{AccountId, MonitorId, Shard},
    monitor::Trigger,
};

/// How soon monitors that are wanted run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Ahead of routine work.
    Urgent,
    /// Now, in turn with routine work: what comes by the thousand must not starve it.
    Routine,
}

/// Makes active monitors due at once, and counts one more reason to run: a run under way does not use the
/// reason up. Returns those that are active.
pub async fn insert_all(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    reason: Trigger,
    urgency: Urgency,
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    due::lock(conn, monitors).await?;
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let woken = sqlx::query_scalar!(
        r#"
        with woken as (
            update monitor_due as due
            set wanted = due.wanted + 1,
                attempts = 0,
                next_run_at = least(due.next_run_at, $4),
                -- Of what is urgent the wake-up says why.
                reason = case when $5 then due.reason else $3 end
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
            where due.shard = wanted.shard
              and due.monitor_id = wanted.monitor_id
            returning due.shard, due.monitor_id, due.lane
        ), inserted as (
            insert into wakeups (shard, lane, monitor_id, reason, created_at)
            select shard, lane, monitor_id, $3, $4 from woken
            where $5
            on conflict on constraint wakeups_pkey do update
            set reason = excluded.reason,
                lane = excluded.lane,
                created_at = excluded.created_at
        )
        select monitor_id as "monitor_id!" from woken
        "#,
        &shards,
        &ids,
        reason.word(),
        now,
        urgency == Urgency::Urgent,
    )
    .fetch_all(conn)
    .await?;
    Ok(woken.into_iter().map(MonitorId).collect())
}

/// Makes the active monitors of `accounts` due at once.
pub async fn insert_of_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    reason: Trigger,
    urgency: Urgency,
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let monitors = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::uuid[]) as wanted (account_id)
        join monitors as monitor using (account_id)
        where monitor.state = 'active'
          -- A report with a question of its own does not ask about the account.
          and (monitor.sealed_query is null or not $2)
        "#,
        &ids,
        reason == Trigger::AccountChange,
    )
    .fetch_all(&mut *conn)
    .await?;
    let monitors: Vec<MonitorId> = monitors.into_iter().map(MonitorId).collect();
    insert_all(conn, &monitors, reason, urgency, now).await
}

/// The urgent work of a lane on these shards, oldest first, but that of `paused` schedules.
pub async fn list(
    conn: &mut PgConnection,
    lane: Lane,
    shards: &[Shard],
    now: DateTime<Utc>,
    paused: &[i32],
    limit: i64,
) -> Result<Vec<(Due, Trigger)>, StoreError> {
    let shards: Vec<i16> = shards.iter().map(|shard| shard.column()).collect();
    let rows = sqlx::query!(
        r#"
        select due.shard, due.monitor_id, due.schedule_id, due.next_run_at, due.slot, due.wanted, due.attempts,
               due.last_digest, due.due_at, due.reason as due_reason,
               wakeup.reason
        from wakeups as wakeup
        -- One probe a wakeup, however large the table of due rows.
        cross join lateral (
            select * from monitor_due
            where monitor_due.shard = wakeup.shard and monitor_due.monitor_id = wakeup.monitor_id
            limit 1
        ) as due
        where wakeup.lane = $1
          and wakeup.shard = any($4)
          and due.lane = $1
          -- Before the limit: many that are put off must not hide those whose time has come.
          and due.next_run_at <= $2
          -- Nor may those that cannot be run. Looked up only where something is paused.
          and (cardinality($5::integer[]) = 0 or not exists (
              select from monitors
              where monitors.shard = wakeup.shard
                and monitors.monitor_id = wakeup.monitor_id
                and monitors.schedule_id = any($5)
          ))
        order by wakeup.created_at, wakeup.monitor_id
        limit $3
        "#,
        lane,
        now,
        limit,
        &shards,
        paused,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let trigger = Trigger::from_word(&row.reason)
                .ok_or(StoreError::Inconsistent { column: "wakeups.reason" })?;
            let due = DueRow {
                shard: row.shard,
                monitor_id: row.monitor_id,
                schedule_id: row.schedule_id,
                next_run_at: row.next_run_at,
                slot: row.slot,
                wanted: row.wanted,
                attempts: row.attempts,
                last_digest: row.last_digest,
                due_at: row.due_at,
                reason: row.due_reason,
            };
            Ok((due.into(), trigger))
        })
        .collect()
}

/// Drops the wakeups, among the oldest of each lane, whose monitors have no due row in that lane any more:
/// paused, held, ended or moved meanwhile.
pub async fn remove_stale(conn: &mut PgConnection, lane: Lane) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        with oldest as materialized (
            select wakeup.shard, wakeup.monitor_id
            from (select * from wakeups where lane = $1 order by created_at, monitor_id limit 1000) as wakeup
            left join lateral (
                select lane from monitor_due
                where monitor_due.shard = wakeup.shard and monitor_due.monitor_id = wakeup.monitor_id
                limit 1
            ) as due on true
            where due.lane is distinct from $1
        )
        delete from wakeups as wakeup
        using oldest
        where wakeup.shard = oldest.shard
          and wakeup.monitor_id = oldest.monitor_id
          and wakeup.lane = $1
        "#,
        lane,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
