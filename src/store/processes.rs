//! Running daemons, by heartbeat.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::ProcessId;

/// A daemon counts as running while it was seen within this time.
pub const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// A daemon, as `status` shows it.
#[derive(Debug)]
pub struct Process {
    /// Its id, new at every start.
    pub id: ProcessId,
    /// The host's name.
    pub host: String,
    /// The system's process number.
    pub pid: i32,
    /// The program's version.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it last said that it runs.
    pub seen_at: DateTime<Utc>,
}

/// Announces a daemon.
pub async fn insert(conn: &mut PgConnection, process: &Process) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into processes (process_id, host, pid, version, started_at, seen_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        process.id.0,
        process.host,
        process.pid,
        process.version,
        process.started_at,
        process.seen_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says that a daemon still runs, and when it last recorded a run.
pub async fn save_seen(
    conn: &mut PgConnection,
    id: ProcessId,
    recorded_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update processes set seen_at = $2, recorded_at = coalesce($3, recorded_at) where process_id = $1",
        id.0,
        now,
        recorded_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says that a daemon stopped in an orderly way.
pub async fn save_stopped(
    conn: &mut PgConnection,
    id: ProcessId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("update processes set stopped_at = $2 where process_id = $1", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// The daemons that run now, the longest running first.
pub async fn list_running(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Process>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select process_id, host, pid, version, started_at, seen_at
        from processes
        where stopped_at is null
          and seen_at > $1
        order by started_at, process_id
        "#,
        now - SEEN_WITHIN,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Process {
            id: ProcessId(row.process_id),
            host: row.host,
            pid: row.pid,
            version: row.version,
            started_at: row.started_at,
            seen_at: row.seen_at,
        })
        .collect())
}

/// When any daemon last recorded a run.
pub async fn last_recorded_at(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, StoreError> {
    let last = sqlx::query_scalar!("select max(recorded_at) from processes").fetch_one(conn).await?;
    Ok(last)
}
