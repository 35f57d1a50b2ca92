//! What falls due in the next days, and what is overdue: read from the due rows alone.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{DueRow, KIND};
use crate::{domain::retention::RetainedKind, store::StoreError};

/// How much falls due by one policy on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDay {
    /// The policy.
    pub policy: String,
    /// The day, in UTC.
    pub day: NaiveDate,
    /// How many objects and fields.
    pub count: i64,
}

/// Counts what falls due before `until`, by policy and day; what is due already counts for the day of `now`.
pub async fn count_by_day(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<PlannedDay>, StoreError> {
    let rows = sqlx::query_as!(
        PlannedDay,
        r#"
        select policy.name as policy, counted.day as "day!", counted.count as "count!"
        from (
            select of_shard.policy_id, of_shard.day, sum(of_shard.count)::bigint as count
            from generate_series(0, 255) as place (shard)
            -- By shard, so that the index is read and nothing else.
            cross join lateral (
                select due.policy_id, (greatest(due.due_at, $1) at time zone 'UTC')::date as day, count(*) as count
                from retention_due as due
                where due.shard = place.shard
                  and due.due_at < $2
                group by due.policy_id, day
            ) as of_shard
            group by of_shard.policy_id, of_shard.day
        ) as counted
        join retention_policies as policy using (policy_id)
        order by counted.day, policy.name
        "#,
        now,
        until,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Some of what falls due by a policy before `until`: at most one of each shard, `limit` in all, the earliest first.
pub async fn list_samples(
    conn: &mut PgConnection,
    policy: &str,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select found.object_kind, found.object_id, found.field, found.policy_id, found.due_at
        from retention_policies as policy
        cross join generate_series(0, 255) as place (shard)
        cross join lateral (
            select object_kind, object_id, field, policy_id, due_at
            from retention_due as due
            where due.shard = place.shard
              and due.due_at < $2
              and due.policy_id = policy.policy_id
            order by due.due_at
            limit 1
        ) as found
        where policy.name = $1
        order by found.due_at
        limit $3
        "#,
        policy,
        until,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DueRow {
                kind: RetainedKind::from_word(&row.object_kind).ok_or(KIND)?,
                object: row.object_id,
                field: row.field,
                policy_id: row.policy_id,
                due_at: row.due_at,
            })
        })
        .collect()
}

/// What is due and not redacted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// How much, counted up to 400 a shard.
    pub count: i64,
    /// Since when the oldest of it is due.
    pub oldest_at: Option<DateTime<Utc>>,
}

/// How much is due now.
pub async fn find_overdue(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Overdue, StoreError> {
    let row = sqlx::query_as!(
        Overdue,
        r#"
        select (
                   select count(*)
                   from generate_series(0, 255) as place (shard)
                   cross join lateral (
                       select from retention_due
                       where retention_due.shard = place.shard
                         and due_at <= $1
                       limit 400
                   ) as due
               ) as "count!",
               (
                   select min(first.due_at)
                   from generate_series(0, 255) as place (shard)
                   cross join lateral (
                       select due_at from retention_due
                       where retention_due.shard = place.shard and due_at <= $1
                       order by due_at
                       limit 1
                   ) as first
               ) as oldest_at
        "#,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(row)
}

/// Objects that could not be redacted when they were due, at most 100.
pub async fn list_failing(conn: &mut PgConnection) -> Result<Vec<(RetainedKind, Uuid)>, StoreError> {
    let rows = sqlx::query!(
        "select distinct object_kind, object_id from retention_due where failures > 0 order by object_id limit 100"
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok((RetainedKind::from_word(&row.object_kind).ok_or(KIND)?, row.object_id)))
        .collect()
}
