//! How far retention has come: the walk over everything, and the sweep.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::list_policies;
use crate::{
    domain::{id::Shard, retention::RetainedKind},
    store::StoreError,
};

/// How far retention has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The place of the walk over everything, while one is under way.
    pub walk: Option<Walk>,
    /// Since when a sweep is asked for.
    pub asked_at: Option<DateTime<Utc>>,
    /// When the last sweep was done.
    pub swept_at: Option<DateTime<Utc>>,
}

/// The place of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// What it is at.
    pub kind: RetainedKind,
    /// The shard.
    pub shard: Shard,
    /// The last object of that shard that it has seen.
    pub after: Option<Uuid>,
}

/// Reads how far retention has come.
pub async fn get_state(conn: &mut PgConnection) -> Result<State, StoreError> {
    let row =
        sqlx::query!("select walk_kind, walk_shard, walk_after, asked_at, swept_at from retention_state")
            .fetch_one(conn)
            .await?;
    let walk = row.walk_kind.zip(row.walk_shard).and_then(|(kind, shard)| {
        let kind = RetainedKind::from_word(&kind)?;
        Some(Walk { kind, shard: Shard(u8::try_from(shard).unwrap_or(0)), after: row.walk_after })
    });
    Ok(State { walk, asked_at: row.asked_at, swept_at: row.swept_at })
}

/// Notes how far the walk has come; none when it has seen everything.
pub async fn save_walk(conn: &mut PgConnection, walk: Option<Walk>) -> Result<(), StoreError> {
    sqlx::query!(
        "update retention_state set walk_kind = $1, walk_shard = $2, walk_after = $3",
        walk.map(|walk| walk.kind.word()),
        walk.map(|walk| walk.shard.column()),
        walk.and_then(|walk| walk.after),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Starts a walk over everything, unless one is under way or there is nothing to look for.
pub async fn start_repair(conn: &mut PgConnection) -> Result<(), StoreError> {
    if get_state(conn).await?.walk.is_none() && !list_policies(conn).await?.is_empty() {
        start_walk(conn).await?;
    }
    Ok(())
}

/// Starts a walk over everything; one under way starts anew.
pub async fn start_walk(conn: &mut PgConnection) -> Result<(), StoreError> {
    let first = Walk { kind: RetainedKind::Account, shard: Shard(0), after: None };
    save_walk(conn, Some(first)).await
}

/// Asks for a sweep; one that is asked for already is the same.
pub async fn save_asked(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update retention_state set asked_at = $1 where asked_at is null", now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that a sweep has redacted all that was due.
pub async fn save_swept(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update retention_state set asked_at = null, swept_at = $1", now).execute(conn).await?;
    Ok(())
}
