//! What a plan starts from: how many rows are due when, and how many accounts there are. Each is one reading of a
//! whole table or index, for a person who asks, on a connection without the deadlines of daily work.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::AccountTypeId;

/// Due rows of one schedule and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueInHour {
    /// The schedule.
    pub schedule_id: i32,
    /// When the hour begins.
    pub hour: DateTime<Utc>,
    /// Rows that are due in it.
    pub count: i64,
    /// Those of them that wait for their first run.
    pub first: i64,
}

/// All due rows, counted by schedule and hour: one scan of the table and one sort, which may spill to disk.
pub async fn list_due(conn: &mut PgConnection) -> Result<Vec<DueInHour>, StoreError> {
    let rows = sqlx::query_as!(
        DueInHour,
        r#"
        select case
                   when due.schedule_id <> 0 then due.schedule_id
                   -- One that enrolment has not named yet: few, once its next walk has ended.
                   else (
                       select monitor.schedule_id from monitors as monitor
                       where monitor.shard = due.shard and monitor.monitor_id = due.monitor_id
                   )
               end as "schedule_id!",
               date_trunc('hour', due.next_run_at, 'UTC') as "hour!",
               count(*) as "count!",
               count(*) filter (where due.slot = 0) as "first!"
        from monitor_due as due
        where isfinite(due.next_run_at)
        group by 1, 2
        "#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Accounts of one type and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The type.
    pub account_type: AccountTypeId,
    /// The status.
    pub status: String,
    /// How many, but those that are archived.
    pub count: i64,
}

/// All accounts that are not archived, counted by type and status: one scan of the index of statuses, and a look at
/// each archived one.
pub async fn list_accounts(conn: &mut PgConnection) -> Result<Vec<Counted>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account_type_id as "account_type_id!", status as "status!", sum(count)::bigint as "count!"
        from (
            select account_type_id, status, count(*) as count from accounts group by account_type_id, status
            union all
            -- Taken off again: the index of statuses does not tell which these are.
            select account_type_id, status, -count(*) from accounts where archived_at is not null
            group by account_type_id, status
        ) as counted
        group by account_type_id, status
        "#
    )
    .fetch_all(conn)
    .await?;
    let counted = rows.into_iter().map(|row| Counted {
        account_type: AccountTypeId(row.account_type_id),
        status: row.status,
        count: row.count,
    });
    Ok(counted.collect())
}
