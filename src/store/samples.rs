//! Figures that may be asked for at any time: each reads a bounded number of rows, however large the tables.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, providers::Lane};
use crate::domain::id::Shard;

/// Ends the transaction's statements, from now on, after `limit`: dead rows that vacuum could not take away
/// yet can make a bounded reading long.
pub async fn limit_statements(conn: &mut PgConnection, limit: Duration) -> Result<(), StoreError> {
    let millis = limit.as_millis().to_string();
    sqlx::query!("select set_config('statement_timeout', $1, true) as limited", millis)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// What is due of a schedule in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueOfSchedule {
    /// The lane.
    pub lane: Lane,
    /// The number of the schedule; 0 for rows that do not name theirs yet.
    pub schedule_id: i32,
    /// Monitors whose time has come, up to the bound.
    pub due: i64,
    /// Those of them whose time came a while ago.
    pub overdue: i64,
    /// When the longest waiting of them was to run.
    pub oldest_due_at: Option<DateTime<Utc>>,
}

/// What is due of schedules in lanes, counted in each shard up to `per_shard`, the longest waiting first: one
/// descent of the due index a shard, lane and schedule.
pub async fn due(
    conn: &mut PgConnection,
    queues: &[(Lane, i32)],
    shards: &[Shard],
    now: DateTime<Utc>,
    overdue_since: DateTime<Utc>,
    per_shard: i64,
) -> Result<Vec<DueOfSchedule>, StoreError> {
    let shards: Vec<i16> = shards.iter().map(|shard| shard.column()).collect();
    let lanes: Vec<Lane> = queues.iter().map(|(lane, _)| *lane).collect();
    let schedules: Vec<i32> = queues.iter().map(|(_, schedule)| *schedule).collect();
    let rows = sqlx::query!(
        r#"
        select wanted.lane as "lane!", wanted.schedule_id as "schedule_id!",
               count(due.next_run_at) as "due!",
               count(*) filter (where due.next_run_at <= $4) as "overdue!",
               min(due.next_run_at) as oldest_due_at
        from unnest($1::smallint[], $6::integer[]) as wanted (lane, schedule_id)
        cross join unnest($2::smallint[]) as place (shard)
        left join lateral (
            select next_run_at
            from monitor_due
            where monitor_due.shard = place.shard
              and monitor_due.lane = wanted.lane
              and monitor_due.schedule_id = wanted.schedule_id
              and monitor_due.next_run_at <= $3
            order by monitor_due.next_run_at, monitor_due.monitor_id
            limit $5
        ) as due on true
        group by wanted.lane, wanted.schedule_id
        "#,
        &lanes,
        &shards,
        now,
        overdue_since,
        per_shard,
        &schedules,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DueOfSchedule {
            lane: row.lane,
            schedule_id: row.schedule_id,
            due: row.due,
            overdue: row.overdue,
            oldest_due_at: row.oldest_due_at,
        })
        .collect())
}

/// When the longest waiting of a schedule's monitors was to run, in whatever lane its row is; none when none waits. Rows
/// that do not name their schedule are counted too, of each shard and lane the hundred that wait longest.
pub async fn find_oldest_due(
    conn: &mut PgConnection,
    schedule_id: i32,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let oldest = sqlx::query_scalar!(
        r#"
        select min(due.next_run_at)
        from providers as lane
        cross join generate_series(0, 255) as place (shard)
        cross join lateral (
            (
                select next_run_at
                from monitor_due
                where monitor_due.shard = place.shard
                  and monitor_due.lane = lane.provider_id
                  and monitor_due.schedule_id = $1
                  and monitor_due.next_run_at <= $2
                order by monitor_due.next_run_at, monitor_due.monitor_id
                limit 1
            )
            union all
            (
                select unnamed.next_run_at
                from (
                    select shard, monitor_id, next_run_at
                    from monitor_due
                    where monitor_due.shard = place.shard
                      and monitor_due.lane = lane.provider_id
                      and monitor_due.schedule_id = 0
                      and monitor_due.next_run_at <= $2
                    order by monitor_due.next_run_at, monitor_due.monitor_id
                    limit 100
                ) as unnamed
                join monitors using (shard, monitor_id)
                where monitors.schedule_id = $1
            )
        ) as due
        "#,
        schedule_id,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(oldest)
}

/// How much is waiting for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Hits that nobody has decided on.
    pub open_hits: i64,
    /// Changed accounts that enrolment has not looked at.
    pub enrol_queue: i64,
    /// Urgent runs.
    pub urgent: i64,
    /// Paused accounts.
    pub paused_accounts: i64,
    /// Quarantined monitors.
    pub quarantined: i64,
}

/// Counts what is waiting, each up to `limit`.
pub async fn waiting(conn: &mut PgConnection, limit: i64) -> Result<Waiting, StoreError> {
    let row = sqlx::query!(
        r#"
        select (select count(*) from (select from hits where state = 'open' limit $1) as counted) as "open_hits!",
               (select count(*) from (select from enrol_queue limit $1) as counted) as "enrol_queue!",
               (select count(*) from (select from wakeups limit $1) as counted) as "urgent!",
               (select count(*) from (select from account_pauses limit $1) as counted) as "paused_accounts!",
               (select count(*) from (select from monitors where state = 'quarantined' limit $1) as counted)
                   as "quarantined!"
        "#,
        limit,
    )
    .fetch_one(conn)
    .await?;
    Ok(Waiting {
        open_hits: row.open_hits,
        enrol_queue: row.enrol_queue,
        urgent: row.urgent,
        paused_accounts: row.paused_accounts,
        quarantined: row.quarantined,
    })
}

/// Who of a shard is not screened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlindSpots {
    /// Accounts, neither archived nor redacted, that no schedule watches.
    pub in_no_schedule: i64,
    /// Monitors that never ran.
    pub never_run: i64,
    /// Monitors whose time came a while ago.
    pub overdue: i64,
    /// Watched accounts that hold no name to be screened by.
    pub unscreenable: i64,
}

/// Counts who of a shard is not screened: its accounts, each with a look at its monitors, and its due rows. While not
/// every account has its keys, nobody knows who has none: `has_keys` says that they have.
pub async fn blind_spots(
    conn: &mut PgConnection,
    shard: Shard,
    overdue_since: DateTime<Utc>,
    has_keys: bool,
) -> Result<BlindSpots, StoreError> {
    let accounts = sqlx::query!(
        r#"
        select count(*) filter (where not watched.is_any) as "in_no_schedule!",
               count(*) filter (where $2 and watched.by_name and keyed.account_id is null) as "unscreenable!"
        from accounts as account
        cross join lateral (
            select count(*) > 0 as is_any,
                   count(*) filter (where monitor.state = 'active' and monitor.sealed_query is null) > 0 as by_name
            from monitors as monitor
            where monitor.account_id = account.account_id
              and monitor.state <> 'ended'
        ) as watched
        left join screening_keys as keyed on keyed.shard = account.shard and keyed.account_id = account.account_id
        where account.shard = $1
          and account.archived_at is null
          and account.redacted_version is distinct from account.version
        "#,
        shard.column(),
        has_keys,
    )
    .fetch_one(&mut *conn)
    .await?;
    let due = sqlx::query!(
        r#"
        select count(*) filter (where slot = 0) as "never_run!",
               count(*) filter (where next_run_at <= $2) as "overdue!"
        from monitor_due
        where shard = $1
        "#,
        shard.column(),
        overdue_since,
    )
    .fetch_one(conn)
    .await?;
    Ok(BlindSpots {
        in_no_schedule: accounts.in_no_schedule,
        never_run: due.never_run,
        overdue: due.overdue,
        unscreenable: accounts.unscreenable,
    })
}
