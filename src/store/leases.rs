//! Shard leases: which process dispatches which shards. They divide the work; they do not make it count.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::{ProcessId, Shard};

/// The lease of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The shard.
    pub shard: Shard,
    /// Who has it.
    pub holder: Option<ProcessId>,
    /// Whether the last holder died in it, and its front has not been gone through since.
    pub suspect: bool,
    /// When the holder took it: another time is another lease.
    pub taken_at: Option<DateTime<Utc>>,
    /// How long ago it was last taken from a process that died.
    pub lost_ago: Option<Duration>,
}

/// All leases, by shard.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Lease>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select shard, process_id, suspect, taken_at,
               extract(epoch from clock_timestamp() - lost_at)::float8 as lost_ago
        from shard_leases
        order by shard
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Lease {
                shard: u8::try_from(row.shard)
                    .map(Shard)
                    .map_err(|_| StoreError::Inconsistent { column: "shard_leases.shard" })?,
                holder: row.process_id.map(ProcessId),
                suspect: row.suspect,
                taken_at: row.taken_at,
                lost_ago: row.lost_ago.map(|ago| Duration::try_from_secs_f64(ago).unwrap_or_default()),
            })
        })
        .collect()
}

/// A process that was seen to stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The process.
    pub id: ProcessId,
    /// Where its beat stood all the while: if it has moved since, it lives.
    pub beat: i64,
}

/// Takes up to `count` leases for `taker`: those that nobody has, or a process that stopped, or one that
/// is lost. What a lost process had is suspect.
pub async fn take(
    conn: &mut PgConnection,
    taker: ProcessId,
    lost: &[Lost],
    count: usize,
) -> Result<u64, StoreError> {
    let ids: Vec<uuid::Uuid> = lost.iter().map(|lost| lost.id.0).collect();
    let beats: Vec<i64> = lost.iter().map(|lost| lost.beat).collect();
    let done = sqlx::query!(
        r#"
        with open as (
            select lease.shard, lost.process_id is not null as is_lost
            from shard_leases as lease
            left join processes as holder using (process_id)
            left join unnest($2::uuid[], $3::bigint[]) as lost (process_id, beat)
                on lost.process_id = holder.process_id
               -- It moved since it was looked at: it lives.
               and lost.beat = holder.beat
            where lease.process_id is null
               or holder.process_id is null
               or holder.stopped_at is not null
               or lost.process_id is not null
            order by lease.shard
            limit $4
            for update of lease skip locked
        )
        update shard_leases as lease
        set process_id = $1,
            suspect = lease.suspect or open.is_lost,
            taken_at = clock_timestamp(),
            lost_at = case when open.is_lost then clock_timestamp() else lease.lost_at end
        from open
        where lease.shard = open.shard
        "#,
        taker.0,
        &ids,
        &beats,
        i64::try_from(count).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Gives leases of `holder` back: nothing of these shards is under way there.
pub async fn release(conn: &mut PgConnection, holder: ProcessId, shards: &[Shard]) -> Result<(), StoreError> {
    let shards: Vec<i16> = shards.iter().map(|shard| shard.column()).collect();
    sqlx::query!(
        "update shard_leases set process_id = null where process_id = $1 and shard = any($2)",
        holder.0,
        &shards,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Clears shards of suspicion: their holder has gone through what the last one may have died of.
pub async fn save_cleared(
    conn: &mut PgConnection,
    holder: ProcessId,
    shards: &[Shard],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = shards.iter().map(|shard| shard.column()).collect();
    sqlx::query!(
        "update shard_leases set suspect = false where process_id = $1 and shard = any($2) and suspect",
        holder.0,
        &shards,
    )
    .execute(conn)
    .await?;
    Ok(())
}
