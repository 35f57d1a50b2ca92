//! Rescreens, for people.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::{domain::id::RescreenId, store::StoreError};

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
    /// How many monitors were woken so far.
    pub monitors: i64,
    /// Whether hits that were dismissed under another threshold are opened again.
    pub reopens: bool,
    /// How many hits are open again so far.
    pub reopened: i64,
    /// Who began it.
    pub actor: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When every monitor was woken.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The newest rescreens.
pub async fn list(conn: &mut PgConnection, limit: i64) -> Result<Vec<RescreenRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select rescreen_id, reason, list, number, version_before, version, added, changed, removed, merged,
               array(
                   select name from schedules where schedule_id = any(schedule_ids) order by name
               ) as "schedules!",
               is_complete, compared, accounts, monitors, reopens, reopened, actor, created_at, finished_at
        from rescreens
        order by created_at desc, rescreen_id desc
        limit $1
        "#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RescreenRow {
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
            reopens: row.reopens,
            reopened: row.reopened,
            actor: row.actor,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
        .collect())
}

/// How many monitors wait to be run because of a list, counted up to `most`.
pub async fn count_waiting(conn: &mut PgConnection, most: i64) -> Result<i64, StoreError> {
    let waiting = sqlx::query_scalar!(
        r#"
        select count(*) as "waiting!"
        from (select from wakeups where reason = 'list-change' limit $1) as waiting
        "#,
        most,
    )
    .fetch_one(conn)
    .await?;
    Ok(waiting)
}
