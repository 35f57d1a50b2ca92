//! Monitors that no schedule keeps: reports that the API makes. They are tended like those of schedules, and begun
//! by request only; some run but once.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, providers::Lane};
use crate::domain::{
    id::{AccountId, MonitorId, Shard},
    monitor::{MonitorState, PausedBy, stopped},
};

/// A report that somebody asked for.
#[derive(Debug)]
pub struct Requested {
    /// Its id, of its account's shard.
    pub id: MonitorId,
    /// The account that it is about, locked by the caller.
    pub account: AccountId,
    /// The schedule of its template.
    pub schedule_id: i32,
    /// The lane of its provider.
    pub lane: Lane,
    /// Whom it asks about instead of the account, sealed.
    pub sealed_query: Option<Vec<u8>>,
    /// Who asked.
    pub requested_by: String,
    /// What keeps it from running for now: it then has no due row.
    pub paused_by: Option<PausedBy>,
}

/// Inserts a report that somebody asked for; due at once, unless something pauses it.
pub async fn insert(
    conn: &mut PgConnection,
    report: &Requested,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let state = if report.paused_by.is_none() { MonitorState::Active } else { MonitorState::Paused };
    sqlx::query!(
        r#"
        with inserted as (
            insert into monitors (
                shard, monitor_id, account_id, schedule_id, state, state_reason, by_schedule, sealed_query,
                requested_by, created_at, state_changed_at
            )
            values ($1, $2, $3, $4, $5, $6, null, $7, $8, $9, $9)
            returning shard, monitor_id
        )
        insert into monitor_due (shard, monitor_id, lane, schedule_id, next_run_at, slot)
        select shard, monitor_id, $10, $4, $9, 0 from inserted where $5 = 'active'
        "#,
        report.id.shard().column(),
        report.id.0,
        report.account.0,
        report.schedule_id,
        state.word(),
        report.paused_by.map(PausedBy::word),
        report.sealed_query.as_deref(),
        report.requested_by,
        now,
        report.lane,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends monitors that were to run once, where the run that was just settled, at this slot and seeing these reasons
/// to run, answered all that was asked: they have no due row any more.
pub async fn save_done(
    conn: &mut PgConnection,
    done: &[(MonitorId, i64, i64)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let shards: Vec<i16> = done.iter().map(|(monitor, _, _)| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = done.iter().map(|(monitor, _, _)| monitor.0).collect();
    let slots: Vec<i64> = done.iter().map(|(_, slot, _)| *slot).collect();
    let wanted: Vec<i64> = done.iter().map(|(_, _, wanted)| *wanted).collect();
    sqlx::query!(
        r#"
        with gone as (
            delete from monitor_due as due
            using unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::bigint[])
                  as done (shard, monitor_id, slot, wanted)
            where due.shard = done.shard
              and due.monitor_id = done.monitor_id
              and due.slot = done.slot + 1
              and due.wanted = done.wanted
            returning due.shard, due.monitor_id, due.slot
        )
        update monitors as monitor
        set state = 'ended',
            state_reason = $6,
            state_changed_at = $5,
            slot_floor = gone.slot,
            resume_at = null
        from gone
        where monitor.shard = gone.shard
          and monitor.monitor_id = gone.monitor_id
        "#,
        &shards,
        &ids,
        &slots,
        &wanted,
        now,
        stopped::DONE,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The reports of accounts that the API made.
pub async fn list_of_accounts(
    conn: &mut PgConnection,
    schedules: &[i32],
    accounts: &[AccountId],
) -> Result<Vec<MonitorId>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let monitors = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($2::uuid[]) as page (account_id)
        join monitors as monitor using (account_id)
        where monitor.schedule_id = any($1)
          -- Where the API makes no reports, no account is looked at.
          and exists (select from monitors where monitors.schedule_id = any($1))
        "#,
        schedules,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(monitors.into_iter().map(MonitorId).collect())
}

/// A page of a schedule's reports, of whatever state, after a place in the order of shards and ids.
pub async fn list_page(
    conn: &mut PgConnection,
    schedule_id: i32,
    (shard, after): (Shard, Option<Uuid>),
    limit: i64,
) -> Result<Vec<MonitorId>, StoreError> {
    let monitors = sqlx::query_scalar!(
        r#"
        select monitor_id
        from monitors
        where schedule_id = $1
          and (shard, monitor_id) > ($2, $3)
        order by shard, monitor_id
        limit $4
        "#,
        schedule_id,
        shard.column(),
        after.unwrap_or(Uuid::nil()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(monitors.into_iter().map(MonitorId).collect())
}

/// A report of the API that does not stand as it should.
#[derive(Debug)]
pub struct Misplaced {
    /// The report.
    pub monitor: MonitorId,
    /// The schedule of its template.
    pub schedule_id: i32,
    /// What it is to be paused by; none when it is to run.
    pub paused_by: Option<PausedBy>,
}

/// Which of the reports do not stand as what is `running` (schedules of templates that are there) and `paused`
/// (schedules) asks for. What ended, or was paused by a person, stands as it should.
pub async fn list_misplaced(
    conn: &mut PgConnection,
    monitors: &[MonitorId],
    running: &[i32],
    paused: &[i32],
) -> Result<Vec<Misplaced>, StoreError> {
    let shards: Vec<i16> = monitors.iter().map(|monitor| monitor.shard().column()).collect();
    let ids: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let rows = sqlx::query!(
        r#"
        select monitor.monitor_id, monitor.schedule_id, blocked.by as "paused_by?"
        from unnest($1::smallint[], $2::uuid[]) as page (shard, monitor_id)
        join monitors as monitor using (shard, monitor_id)
        join accounts as account
            on account.shard = shard_of(monitor.account_id) and account.account_id = monitor.account_id
        cross join lateral (
            select case
                when account.archived_at is not null then 'account-archived'
                when exists (
                    select from account_pauses
                    where account_pauses.shard = account.shard
                      and account_pauses.account_id = account.account_id
                ) then 'account-paused'
                when monitor.schedule_id = any($4) then 'schedule-paused'
                when not monitor.schedule_id = any($3) then 'schedule-removed'
            end as by
        ) as blocked
        where monitor.by_schedule is null
          and ((monitor.state = 'active' and blocked.by is not null)
            or (monitor.state = 'paused'
                and monitor.state_reason = any($5)
                and monitor.state_reason is distinct from blocked.by)
            -- A match holds it until all its hits are decided.
            or (monitor.state = 'held' and blocked.by is null and not exists (
                select from hits
                where hits.shard = monitor.shard
                  and hits.monitor_id = monitor.monitor_id
                  and hits.state = 'open')))
        order by monitor.shard, monitor.monitor_id
        "#,
        &shards,
        &ids,
        running,
        paused,
        &PausedBy::ALL.iter().map(|by| by.word().to_owned()).collect::<Vec<_>>(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let paused_by = row.paused_by.map(|word| {
                PausedBy::from_word(&word).ok_or(StoreError::Inconsistent { column: "monitors.state_reason" })
            });
            Ok(Misplaced {
                monitor: MonitorId(row.monitor_id),
                schedule_id: row.schedule_id,
                paused_by: paused_by.transpose()?,
            })
        })
        .collect()
}

/// What keeps a schedule's report of an account from running now, if anything.
pub async fn find_blocker(
    conn: &mut PgConnection,
    account: AccountId,
    schedule_id: i32,
) -> Result<Option<PausedBy>, StoreError> {
    let word = sqlx::query_scalar!(
        r#"
        select case
            when account.archived_at is not null then 'account-archived'
            when exists (
                select from account_pauses
                where account_pauses.shard = account.shard
                  and account_pauses.account_id = account.account_id
            ) then 'account-paused'
            when exists (
                select from pauses where pauses.scope = 'schedule' and pauses.object = schedule.name
            ) then 'schedule-paused'
            when schedule.removed_at is not null then 'schedule-removed'
        end as by
        from accounts as account
        cross join schedules as schedule
        where account.shard = $1
          and account.account_id = $2
          and schedule.schedule_id = $3
        "#,
        account.shard().column(),
        account.0,
        schedule_id,
    )
    .fetch_optional(conn)
    .await?
    .flatten();
    word.map(|word| {
        PausedBy::from_word(&word).ok_or(StoreError::Inconsistent { column: "monitors.state_reason" })
    })
    .transpose()
}
