//! Running daemons, by heartbeat.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{StoreError, leases::Lost};
use crate::domain::id::ProcessId;

/// A daemon counts as running while it was seen within this time.
pub const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// How long a daemon that is gone is remembered.
const REMEMBERED_DAYS: i32 = 90;

/// A daemon.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its id, new at every start.
    pub id: ProcessId,
    /// The host's name.
    pub host: String,
    /// The system's process number.
    pub pid: i32,
    /// The program's version.
    pub version: String,
    /// The machine that it runs on, where that can be told.
    pub machine: Option<String>,
    /// Which process of the machine it is.
    pub machine_process: Option<String>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it last said that it runs.
    pub seen_at: DateTime<Utc>,
    /// The revision of the configuration that it holds.
    pub revision: Option<i32>,
    /// Whether it is about to stop, and takes on nothing more.
    pub leaving: bool,
    /// Counts up while it lives.
    pub beat: i64,
    /// How many shards it holds; not stored with it.
    pub shards: i64,
}

/// Announces a daemon.
pub async fn insert(conn: &mut PgConnection, process: &Process) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into processes (
            process_id, host, pid, version, machine, machine_process, started_at, seen_at, revision
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        process.id.0,
        process.host,
        process.pid,
        process.version,
        process.machine,
        process.machine_process,
        process.started_at,
        process.seen_at,
        process.revision,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a daemon says of itself each time.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it last recorded a run.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The revision of the configuration that it holds.
    pub revision: Option<i32>,
    /// Whether it is about to stop.
    pub leaving: bool,
}

/// Says that a daemon still runs. One that was taken for dead is back with it.
pub async fn save_seen(conn: &mut PgConnection, id: ProcessId, seen: &Seen) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update processes
        set seen_at = clock_timestamp(),
            beat = beat + 1,
            stopped_at = null,
            recorded_at = coalesce($2, recorded_at),
            revision = $3,
            leaving = $4
        where process_id = $1
        "#,
        id.0,
        seen.recorded_at,
        seen.revision,
        seen.leaving,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says that daemons are gone of which nothing was seen. One whose beat has moved since is back, and stays.
pub async fn save_lost(conn: &mut PgConnection, lost: &[Lost], now: DateTime<Utc>) -> Result<(), StoreError> {
    let ids: Vec<uuid::Uuid> = lost.iter().map(|lost| lost.id.0).collect();
    let beats: Vec<i64> = lost.iter().map(|lost| lost.beat).collect();
    sqlx::query!(
        r#"
        update processes as process
        set stopped_at = $3
        from unnest($1::uuid[], $2::bigint[]) as lost (process_id, beat)
        where process.process_id = lost.process_id
          and process.beat = lost.beat
        "#,
        &ids,
        &beats,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Says that daemons stopped in good order.
pub async fn save_stopped(
    conn: &mut PgConnection,
    ids: &[ProcessId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!("update processes set stopped_at = $2 where process_id = any($1)", &ids, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets daemons that are long gone.
pub async fn remove_old(conn: &mut PgConnection) -> Result<u64, StoreError> {
    let removed = sqlx::query!(
        "delete from processes where seen_at < clock_timestamp() - make_interval(days => $1)",
        REMEMBERED_DAYS,
    )
    .execute(conn)
    .await?;
    Ok(removed.rows_affected())
}

/// The daemons that have not said that they stopped: those that run, and those that died unnoticed; the
/// longest running first.
pub async fn list_unstopped(conn: &mut PgConnection) -> Result<Vec<Process>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select process_id, host, pid, version, machine, machine_process, started_at, seen_at, revision, leaving, beat,
               (select count(*) from shard_leases as lease where lease.process_id = processes.process_id)
                   as "shards!"
        from processes
        where stopped_at is null
        order by started_at, process_id
        "#
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
            machine: row.machine,
            machine_process: row.machine_process,
            started_at: row.started_at,
            seen_at: row.seen_at,
            revision: row.revision,
            leaving: row.leaving,
            beat: row.beat,
            shards: row.shards,
        })
        .collect())
}

/// The daemons that run now, the longest running first.
pub async fn list_running(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Process>, StoreError> {
    let mut processes = list_unstopped(conn).await?;
    processes.retain(|process| process.seen_at > now - SEEN_WITHIN);
    Ok(processes)
}

/// Whether a daemon said that it stopped; false also of one that has not said anything yet.
pub async fn has_stopped(conn: &mut PgConnection, id: ProcessId) -> Result<bool, StoreError> {
    let stopped = sqlx::query_scalar!(
        r#"select exists (select from processes where process_id = $1 and stopped_at is not null) as "stopped!""#,
        id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(stopped)
}

/// When any daemon last recorded a run.
pub async fn last_recorded_at(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, StoreError> {
    let last = sqlx::query_scalar!("select max(recorded_at) from processes").fetch_one(conn).await?;
    Ok(last)
}

/// Which server answers: a new number at each of its starts.
pub async fn server_incarnation(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let started =
        sqlx::query_scalar!(r#"select pg_postmaster_start_time() as "started!""#).fetch_one(conn).await?;
    Ok(started)
}
