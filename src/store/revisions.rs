//! Revisions: the configuration as the fleet goes by it, each change numbered.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::ProcessId;

/// A revision of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number, from 1.
    pub revision: i32,
    /// Tells equal settings.
    pub digest: String,
    /// The settings, without secrets.
    pub settings: Value,
    /// Who published it.
    pub publisher: ProcessId,
    /// When it was published.
    pub published_at: DateTime<Utc>,
}

/// Keeps everybody else from publishing until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("lock table config_revisions in share row exclusive mode").execute(conn).await?;
    Ok(())
}

/// The newest revision.
pub async fn find_newest(conn: &mut PgConnection) -> Result<Option<Revision>, StoreError> {
    let row = sqlx::query!(
        r#"
        select revision, digest, settings, process_id, published_at
        from config_revisions
        order by revision desc
        limit 1
        "#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Revision {
        revision: row.revision,
        digest: row.digest,
        settings: row.settings,
        publisher: ProcessId(row.process_id),
        published_at: row.published_at,
    }))
}

/// The number of the newest revision.
pub async fn find_newest_number(conn: &mut PgConnection) -> Result<Option<i32>, StoreError> {
    let revision = sqlx::query_scalar!("select max(revision) from config_revisions").fetch_one(conn).await?;
    Ok(revision)
}

/// The newest revision that has this digest.
pub async fn find_by_digest(conn: &mut PgConnection, digest: &str) -> Result<Option<i32>, StoreError> {
    let revision =
        sqlx::query_scalar!("select max(revision) from config_revisions where digest = $1", digest)
            .fetch_one(conn)
            .await?;
    Ok(revision)
}

/// Publishes settings as the next revision; returns its number. The table must be locked.
pub async fn insert(
    conn: &mut PgConnection,
    digest: &str,
    settings: &Value,
    difference: &Value,
    process: ProcessId,
    now: DateTime<Utc>,
) -> Result<i32, StoreError> {
    let revision = sqlx::query_scalar!(
        r#"
        insert into config_revisions (revision, digest, settings, difference, process_id, published_at)
        select coalesce(max(revision), 0) + 1, $1, $2, $3, $4, $5 from config_revisions
        returning revision
        "#,
        digest,
        settings,
        difference,
        process.0,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(revision)
}
