//! Urgent work: what must run ahead of routine work.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    StoreError,
    due::{Due, DueRow},
    providers::Lane,
};
use crate::domain::{
    id::{AccountId, MonitorId},
    monitor::Trigger,
};

/// Makes active monitors due at once, ahead of routine work, and counts one more reason to run: a run
/// under way does not use the reason up. Returns those that are active.
pub async fn insert_all(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    reason: Trigger,
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let woken = sqlx::query_scalar!(
        r#"
        with woken as (
            update monitor_due as due
            set wanted = due.wanted + 1,
                attempts = 0,
                next_run_at = least(due.next_run_at, $4)
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
            where due.shard = wanted.shard
              and due.monitor_id = wanted.monitor_id
            returning due.shard, due.monitor_id
        )
        insert into wakeups (shard, monitor_id, reason, created_at)
        select shard, monitor_id, $3, $4 from woken
        on conflict on constraint wakeups_pkey do update
        set reason = excluded.reason,
            created_at = excluded.created_at
        returning monitor_id
        "#,
        &shards,
        &ids,
        reason.word(),
        now,
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
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let monitors = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join monitors as monitor using (shard, account_id)
        where monitor.state = 'active'
        "#,
        &shards,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut monitors: Vec<MonitorId> = monitors.into_iter().map(MonitorId).collect();
    monitors.sort_unstable_by_key(|monitor| (monitor.shard(), *monitor));
    insert_all(conn, &monitors, reason, now).await
}

/// The urgent work of a lane, oldest first.
pub async fn list(
    conn: &mut PgConnection,
    lane: Lane,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Due, Trigger)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select due.shard, due.monitor_id, due.next_run_at, due.slot, due.wanted, due.attempts, due.last_digest,
               wakeup.reason
        from wakeups as wakeup
        join monitor_due as due using (shard, monitor_id)
        where due.lane = $1
          and due.next_run_at <= $2
        order by wakeup.created_at, wakeup.monitor_id
        limit $3
        "#,
        lane,
        now,
        limit,
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
                next_run_at: row.next_run_at,
                slot: row.slot,
                wanted: row.wanted,
                attempts: row.attempts,
                last_digest: row.last_digest,
            };
            Ok((due.into(), trigger))
        })
        .collect()
}

/// Drops wakeups whose monitors have no due row any more: paused, held or ended meanwhile.
pub async fn remove_stale(conn: &mut PgConnection) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        delete from wakeups as wakeup
        where not exists (
            select from monitor_due as due
            where due.shard = wakeup.shard and due.monitor_id = wakeup.monitor_id
        )
        "#
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
