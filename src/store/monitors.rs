//! Monitors: who is watched by which schedule, and the making and ending of their due rows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, due, providers::Lane};
use crate::domain::{
    id::{AccountId, MonitorId},
    monitor::{MonitorState, PausedBy},
};

/// A monitor to insert, with the time of its first run.
#[derive(Debug)]
pub struct NewMonitor {
    /// Its id, of its account's shard.
    pub id: MonitorId,
    /// The account it watches.
    pub account: AccountId,
    /// When it first runs.
    pub first_run_at: DateTime<Utc>,
}

/// Inserts monitors of a schedule with their due rows. Returns those that went in: an account that has
/// a monitor of the schedule already keeps it.
pub async fn insert_all(
    conn: &mut PgConnection,
    schedule_id: i32,
    lane: Lane,
    monitors: &[NewMonitor],
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.account.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.id.0).collect();
    let accounts: Vec<Uuid> = monitors.iter().map(|monitor| monitor.account.0).collect();
    let first: Vec<DateTime<Utc>> = monitors.iter().map(|monitor| monitor.first_run_at).collect();
    let inserted = sqlx::query_scalar!(
        r#"
        with new as (
            select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::timestamptz[])
                as new (shard, monitor_id, account_id, first_run_at)
        ), inserted as (
            insert into monitors (shard, monitor_id, account_id, schedule_id, state, created_at, state_changed_at)
            select shard, monitor_id, account_id, $5, 'active', $7, $7 from new
            on conflict on constraint monitors_account_schedule_key do nothing
            returning shard, monitor_id
        )
        insert into monitor_due (shard, monitor_id, lane, schedule_id, next_run_at, slot)
        select new.shard, new.monitor_id, $6, $5, new.first_run_at, 0
        from inserted
        join new using (shard, monitor_id)
        returning monitor_id
        "#,
        &shards,
        &ids,
        &accounts,
        &first,
        schedule_id,
        lane,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted.into_iter().map(MonitorId).collect())
}

/// Ends, holds or pauses active monitors: their due rows go, their slots are kept. What a run under way
/// brings back is superseded. Returns those that changed.
pub async fn save_stopped(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    state: MonitorState,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    due::lock(conn, monitors).await?;
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let changed = sqlx::query_scalar!(
        r#"
        with wanted as (
            select * from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        ), gone as (
            delete from monitor_due as due
            using wanted
            where due.shard = wanted.shard
              and due.monitor_id = wanted.monitor_id
            returning due.shard, due.monitor_id, due.slot, due.next_run_at
        )
        update monitors as monitor
        set state = $3,
            state_reason = $4,
            state_changed_at = $5,
            -- A run of the deleted row may be under way under its slot: start above it.
            slot_floor = coalesce((
                select gone.slot + 1 from gone
                where gone.shard = monitor.shard and gone.monitor_id = monitor.monitor_id
            ), monitor.slot_floor),
            resume_at = coalesce((
                select gone.next_run_at from gone
                where gone.shard = monitor.shard and gone.monitor_id = monitor.monitor_id
            ), monitor.resume_at)
        from wanted
        where monitor.shard = wanted.shard
          and monitor.monitor_id = wanted.monitor_id
          -- What is paused for one reason may stay paused for another.
          and (monitor.state <> $3 or monitor.state_reason is distinct from $4)
          -- Whoever listed it may have seen it active: what holds or quarantines it since is not paused over,
          -- for resuming would let it run.
          and ($3 <> 'paused' or monitor.state in ('active', 'paused'))
          -- What stands still for another reason is not let go by decisions on its hits.
          and ($3 <> 'held' or monitor.state = 'active')
        returning monitor.monitor_id
        "#,
        &shards,
        &ids,
        state.word(),
        reason,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(changed.into_iter().map(MonitorId).collect())
}

/// The accounts of monitors.
pub async fn list_accounts(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
) -> Result<Vec<(MonitorId, AccountId)>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.account_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
        join monitors as monitor using (shard, monitor_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (MonitorId(row.monitor_id), AccountId(row.account_id))).collect())
}

/// Releases a quarantined monitor: enrolment takes it up when it looks at its account. Returns the account;
/// none when the monitor is not quarantined.
pub async fn save_released(
    conn: &mut PgConnection,
    monitor: MonitorId,
    now: DateTime<Utc>,
) -> Result<Option<AccountId>, StoreError> {
    let account = sqlx::query_scalar!(
        r#"
        update monitors
        set state = 'paused', state_reason = $4, state_changed_at = $3
        where shard = $1
          and monitor_id = $2
          and state = 'quarantined'
        returning account_id
        "#,
        monitor.shard().column(),
        monitor.0,
        now,
        PausedBy::Released.word(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(account.map(AccountId))
}

/// Makes stopped monitors active again. Returns those that changed, and are due at once.
///
/// A monitor that somebody paused keeps its place: it is due when it was to run next, at once if that has
/// passed or if its account changed meanwhile. Any other is due at `now`.
pub async fn save_active(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    lane: Lane,
    now: DateTime<Utc>,
) -> Result<Vec<MonitorId>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let changed = sqlx::query_scalar!(
        r#"
        with changed as (
            update monitors as monitor
            set state = 'active',
                state_reason = null,
                state_changed_at = $4,
                resume_at = null
            from (
                select monitor.shard, monitor.monitor_id,
                       case
                           when monitor.state = 'paused'
                            -- A schedule that was removed may ask something else now that it is back.
                            and monitor.state_reason <> 'schedule-removed'
                            and account.updated_at <= monitor.state_changed_at
                           then greatest(monitor.resume_at, $4)
                           else $4
                       end as next_run_at
                from unnest($1::smallint[], $2::uuid[]) as wanted (shard, monitor_id)
                join monitors as monitor using (shard, monitor_id)
                join accounts as account
                    on account.shard = shard_of(monitor.account_id) and account.account_id = monitor.account_id
            ) as wanted
            where monitor.shard = wanted.shard
              and monitor.monitor_id = wanted.monitor_id
              and monitor.state <> 'active'
            returning monitor.shard, monitor.monitor_id, monitor.schedule_id, monitor.slot_floor, wanted.next_run_at
        ), inserted as (
            insert into monitor_due (shard, monitor_id, lane, schedule_id, next_run_at, slot, last_digest)
            select shard, monitor_id, $3, schedule_id, next_run_at, slot_floor,
                   -- The last answer went with the old row. A digest that equals none has the next answer
                   -- compared with the hits that there are.
                   case when exists (
                       select from hits
                       where hits.shard = changed.shard
                         and hits.monitor_id = changed.monitor_id
                         and hits.state <> 'gone'
                   ) then ''::bytea end
            from changed
            returning monitor_id, next_run_at
        )
        select monitor_id from inserted where next_run_at <= $4
        "#,
        &shards,
        &ids,
        lane,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(changed.into_iter().map(MonitorId).collect())
}

/// The active monitors of accounts.
pub async fn list_active_of_all(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<MonitorId>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let ids = sqlx::query_scalar!(
        "select monitor_id from monitors where account_id = any($1) and state = 'active'",
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(MonitorId).collect())
}

/// The active monitors of an account.
pub async fn list_active(conn: &mut PgConnection, account: AccountId) -> Result<Vec<MonitorId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select monitor_id from monitors where account_id = $1 and state = 'active'",
        account.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(MonitorId).collect())
}

/// A monitor as `account` shows it.
#[derive(Debug)]
pub struct MonitorRow {
    /// Its id.
    pub id: MonitorId,
    /// The schedule that made it.
    pub schedule: String,
    /// Its state.
    pub state: MonitorState,
    /// Why it is in that state, when a reason was given.
    pub state_reason: Option<String>,
    /// When it runs next; none while it is not active.
    pub next_run_at: Option<DateTime<Utc>>,
    /// How many runs were recorded.
    pub slot: i64,
    /// How many attempts at the present slot failed.
    pub attempts: i16,
}

/// The monitors of one account, by schedule.
pub async fn list_of_account(
    conn: &mut PgConnection,
    account: AccountId,
) -> Result<Vec<MonitorRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, schedule.name, monitor.state, monitor.state_reason, monitor.slot_floor,
               due.next_run_at as "next_run_at?", due.slot as "slot?", due.attempts as "attempts?"
        from monitors as monitor
        join schedules as schedule using (schedule_id)
        left join monitor_due as due using (shard, monitor_id)
        where monitor.account_id = $1
        order by schedule.name, monitor.monitor_id
        "#,
        account.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(MonitorRow {
                id: MonitorId(row.monitor_id),
                schedule: row.name,
                state: MonitorState::from_word(&row.state)
                    .ok_or(StoreError::Inconsistent { column: "monitors.state" })?,
                state_reason: row.state_reason,
                next_run_at: row.next_run_at,
                slot: row.slot.unwrap_or(row.slot_floor),
                attempts: row.attempts.unwrap_or(0),
            })
        })
        .collect()
}
