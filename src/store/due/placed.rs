//! Due rows as enrolment places them: in the lane of their schedule's provider, at a time.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{StoreError, providers::Lane},
    lock,
};
use crate::domain::id::{AccountId, MonitorId};

/// A due row as enrolment looks at it.
#[derive(Debug)]
pub struct Placed {
    /// The monitor.
    pub monitor: MonitorId,
    /// The lane that it is in.
    pub lane: Lane,
    /// The number of the schedule that it is counted to.
    pub schedule_id: i32,
    /// When it is to run.
    pub at: DateTime<Utc>,
    /// Whether that is its schedule's doing: neither a first run, which a backfill spreads, nor a retry.
    pub is_routine: bool,
}

/// The due rows of a schedule's monitors, for the accounts of a page.
pub async fn list_of_page(
    conn: &mut PgConnection,
    schedule_id: i32,
    accounts: &[AccountId],
) -> Result<Vec<Placed>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let monitors = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::uuid[]) as page (account_id)
        -- Probes, whatever the planner knows of tables that are being filled.
        cross join lateral (
            select monitor_id from monitors
            where monitors.account_id = page.account_id
              and monitors.schedule_id = $2
              and monitors.by_schedule
            limit 1
        ) as monitor
        "#,
        &ids,
        schedule_id,
    )
    .fetch_all(&mut *conn)
    .await?;
    let monitors: Vec<MonitorId> = monitors.into_iter().map(MonitorId).collect();
    list_placed(conn, &monitors).await
}

/// The due rows of monitors.
pub async fn list_placed(conn: &mut PgConnection, monitors: &[MonitorId]) -> Result<Vec<Placed>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select due.monitor_id, due.lane, due.schedule_id, due.next_run_at, due.slot, due.attempts
        from unnest($1::smallint[], $2::uuid[]) as page (shard, monitor_id)
        cross join lateral (
            select * from monitor_due
            where monitor_due.shard = page.shard and monitor_due.monitor_id = page.monitor_id
            limit 1
        ) as due
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let placed = rows.into_iter().map(|row| Placed {
        monitor: MonitorId(row.monitor_id),
        lane: row.lane,
        schedule_id: row.schedule_id,
        at: row.next_run_at,
        is_routine: row.slot > 0 && row.attempts == 0,
    });
    Ok(placed.collect())
}

/// Moves the due rows of a schedule's monitors to a lane.
pub async fn save_lane(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    lane: Lane,
    schedule_id: i32,
) -> Result<(), StoreError> {
    lock(conn, monitors).await?;
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    sqlx::query!(
        r#"
        update monitor_due as due
        set lane = $3,
            schedule_id = $4
        from unnest($1::smallint[], $2::uuid[]) as moved (shard, monitor_id)
        where due.shard = moved.shard
          and due.monitor_id = moved.monitor_id
        "#,
        &shards,
        &ids,
        lane,
        schedule_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Brings runs forward: none is put off by it.
pub async fn save_earlier(
    conn: &mut PgConnection,
    earlier: &[(MonitorId, DateTime<Utc>)],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = earlier.iter().map(|(monitor, _)| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = earlier.iter().map(|(monitor, _)| monitor.0).collect();
    let times: Vec<DateTime<Utc>> = earlier.iter().map(|(_, at)| *at).collect();
    sqlx::query!(
        r#"
        update monitor_due as due
        set next_run_at = earlier.at
        from unnest($1::smallint[], $2::uuid[], $3::timestamptz[]) as earlier (shard, monitor_id, at)
        where due.shard = earlier.shard
          and due.monitor_id = earlier.monitor_id
          and due.next_run_at > earlier.at
        "#,
        &shards,
        &ids,
        &times,
    )
    .execute(conn)
    .await?;
    Ok(())
}
