//! Rescreens, for people.

mod brought;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{domain::id::RescreenId, store::StoreError};
pub use brought::{
    ChangedRun, Recorded, Told, count_recorded, list_bases, list_changed, list_told, next_taken_at,
    version_taken_at,
};

/// A rescreen, for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RescreenRow {
    /// Its id.
    pub id: RescreenId,
    /// Why.
    pub reason: String,
    /// The list that changed.
    pub list: Option<String>,
    /// The number of its version after.
    pub number: Option<i64>,
    /// Its version before.
    pub version_before: Option<String>,
    /// Its version after.
    pub version: Option<String>,
    /// Entities that came.
    pub added: i32,
    /// Entities that are different.
    pub changed: i32,
    /// Entities that went.
    pub removed: i32,
    /// Ids that were merged into others.
    pub merged: i32,
    /// The schedules whose monitors run.
    pub schedules: Vec<String>,
    /// Whether all of them do, and not only those of accounts that a difference concerns.
    pub complete: bool,
    /// How many accounts that share a key with what came were compared with it so far.
    pub compared: i64,
    /// How many accounts the change was found to concern so far.
    pub accounts: i64,
    /// How many monitors were made due so far.
    pub monitors: i64,
    /// How many of them have still to run, at the most: where several rescreens concern a schedule, a monitor that waits
    /// may wait for another of them.
    pub waiting: i64,
    /// Whether hits that were dismissed under another threshold are opened again.
    pub reopens: bool,
    /// How many hits are open again so far.
    pub reopened: i64,
    /// Who began it.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When every monitor was made due: not when the last of them ran.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which rescreens; all when nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only this one.
    pub id: Option<RescreenId>,
    /// Only those that a change of this list began, a published one or one of the customer's own.
    pub list: Option<String>,
    /// Begun at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Begun before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only older ones than this.
    pub after: Option<RescreenId>,
    /// Only newer ones than this, the oldest of them.
    pub before: Option<RescreenId>,
}

struct Row {
    rescreen_id: Uuid,
    reason: String,
    list: Option<String>,
    number: Option<i64>,
    version_before: Option<String>,
    version: Option<String>,
    added: i32,
    changed: i32,
    removed: i32,
    merged: i32,
    schedules: Vec<String>,
    is_complete: bool,
    compared: i64,
    accounts: i64,
    monitors: i64,
    reopens: bool,
    reopened: i64,
    actor: String,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for RescreenRow {
    fn from(row: Row) -> Self {
        Self {
            id: RescreenId(row.rescreen_id),
            reason: row.reason,
            list: row.list,
            number: row.number,
            version_before: row.version_before,
            version: row.version,
            added: row.added,
            changed: row.changed,
            removed: row.removed,
            merged: row.merged,
            schedules: row.schedules,
            complete: row.is_complete,
            compared: row.compared,
            accounts: row.accounts,
            monitors: row.monitors,
            waiting: 0,
            reopens: row.reopens,
            reopened: row.reopened,
            actor: row.actor,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

macro_rules! wanted_rows {
    ($direction:literal, $conn:ident, $wanted:ident, $limit:ident) => {
        sqlx::query_as!(
            Row,
            r#"
        select rescreen_id, reason, list, number, version_before, version, added, changed, removed, merged,
               array(
                   select name from schedules where schedule_id = any(schedule_ids) order by name
               ) as "schedules!",
               is_complete, compared, accounts, monitors, reopens, reopened, actor, created_at, finished_at
        from rescreens
        where ($1::uuid is null or rescreen_id = $1)
          and ($2::text is null or list = $2 or list = 'own:' || lower($2))
          and ($3::timestamptz is null or created_at >= $3)
          and ($4::timestamptz is null or created_at < $4)
          and ($5::uuid is null or (created_at, rescreen_id) < (
              select place.created_at, place.rescreen_id from rescreens as place where place.rescreen_id = $5
          ))
          and ($6::uuid is null or (created_at, rescreen_id) > (
              select place.created_at, place.rescreen_id from rescreens as place where place.rescreen_id = $6
          ))
        order by created_at "#
                + $direction
                + ", rescreen_id "
                + $direction
                + " limit $7",
            $wanted.id.map(|id| id.0),
            $wanted.list.as_deref(),
            $wanted.from,
            $wanted.until,
            $wanted.after.map(|id| id.0),
            $wanted.before.map(|id| id.0),
            $limit,
        )
        .fetch_all($conn)
        .await?
    };
}

/// At most `limit` rescreens, the newest first. How many monitors wait is for [`count_waiting`] to say.
pub async fn list(
    conn: &mut PgConnection,
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<RescreenRow>, StoreError> {
    // From a page's end backwards, from its beginning forwards.
    let rows = if wanted.before.is_none() {
        wanted_rows!("desc", conn, wanted, limit)
    } else {
        let mut rows = wanted_rows!("asc", conn, wanted, limit);
        rows.reverse();
        rows
    };
    Ok(rows.into_iter().map(RescreenRow::from).collect())
}

/// How many monitors wait because accounts are screened once more.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// All of them.
    pub all: i64,
    /// Of the schedules of each rescreen, those that were due before it was finished; nothing of one for which none wait.
    pub of: HashMap<RescreenId, i64>,
}

/// How many monitors wait to be run because of a list, or because somebody asked for a rescreen: urgent ones, and those
/// that wait for their turn among routine work. Counted up to `most`.
pub async fn count_waiting(
    conn: &mut PgConnection,
    rescreens: &[RescreenId],
    most: i64,
) -> Result<Waiting, StoreError> {
    let ids: Vec<Uuid> = rescreens.iter().map(|rescreen| rescreen.0).collect();
    let rows = sqlx::query!(
        r#"
        with waiting as materialized (
            -- Made due by thousands at once: few times, however many wait.
            select schedule_id, since, count(*) as monitors
            from (
                select due.schedule_id, coalesce(due.due_at, due.next_run_at) as since
                from monitor_due as due
                where due.reason in ('list-change', 'run-now')
                union all
                select due.schedule_id, coalesce(due.due_at, due.next_run_at)
                from wakeups as wakeup
                -- One probe a wakeup, however large the table of due rows.
                cross join lateral (
                    select * from monitor_due
                    where monitor_due.shard = wakeup.shard and monitor_due.monitor_id = wakeup.monitor_id
                    limit 1
                ) as due
                where wakeup.reason = 'list-change'
                  -- Those are counted above.
                  and coalesce(due.reason, '') not in ('list-change', 'run-now')
                limit $2
            ) as one
            group by schedule_id, since
        )
        select null::uuid as "rescreen_id?", coalesce(sum(monitors), 0)::bigint as "monitors!"
        from waiting
        union all
        select rescreen.rescreen_id, sum(waiting.monitors)::bigint
        from rescreens as rescreen
        join waiting
            on waiting.schedule_id = any(rescreen.schedule_ids)
           -- What was due later is due for another reason.
           and (rescreen.finished_at is null or waiting.since <= rescreen.finished_at)
        where rescreen.rescreen_id = any($1)
        group by rescreen.rescreen_id
        "#,
        &ids,
        most,
    )
    .fetch_all(conn)
    .await?;
    let mut waiting = Waiting::default();
    for row in rows {
        match row.rescreen_id {
            Some(id) => {
                waiting.of.insert(RescreenId(id), row.monitors);
            }
            None => waiting.all = row.monitors,
        }
    }
    Ok(waiting)
}
