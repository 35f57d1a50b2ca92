//! What a redaction destroys: the keys, and counts of what they sealed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::id::AccountId;

/// A key that was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErasedKey {
    /// What it sealed.
    pub object: Uuid,
    /// The key.
    pub key_id: Uuid,
}

/// Says that the transaction is an erasure: keys that it deletes are noted.
pub async fn begin(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select set_config('watchkeeper.erasure', 'on', true)").fetch_one(conn).await?;
    Ok(())
}

/// The keys that the transaction has destroyed so far, in the order of their ids.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<ErasedKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select object_id, key_id
        from erased_keys
        where erased_in = pg_current_xact_id()
        order by key_id
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ErasedKey { object: row.object_id, key_id: row.key_id }).collect())
}

/// Those of keys that are there.
pub async fn list_living(conn: &mut PgConnection, keys: &[ErasedKey]) -> Result<Vec<ErasedKey>, StoreError> {
    let shards: Vec<i16> = keys.iter().map(|key| AccountId(key.object).shard().column()).collect();
    let objects: Vec<Uuid> = keys.iter().map(|key| key.object).collect();
    let ids: Vec<Uuid> = keys.iter().map(|key| key.key_id).collect();
    let rows = sqlx::query!(
        r#"
        select kept.object_id, kept.key_id
        from unnest($1::smallint[], $2::uuid[], $3::uuid[]) as gone (shard, object_id, key_id)
        join data_keys as kept using (shard, object_id, key_id)
        "#,
        &shards,
        &objects,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| ErasedKey { object: row.object_id, key_id: row.key_id }).collect())
}

/// How many lines of each file of the erasure ledger the database has seen.
pub async fn list_marks(conn: &mut PgConnection) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows = sqlx::query!("select file, lines from erasure_ledgers").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.file, row.lines)).collect())
}

/// Notes that lines of a file were seen.
pub async fn save_mark(
    conn: &mut PgConnection,
    file: &str,
    lines: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into erasure_ledgers (file, lines, seen_at) values ($1, $2, $3)
        on conflict on constraint erasure_ledgers_pkey do update
        set lines = greatest(erasure_ledgers.lines, excluded.lines),
            seen_at = excluded.seen_at
        "#,
        file,
        lines,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What accounts hold that redaction takes.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Accounts with sealed fields.
    pub accounts: i64,
    /// Files.
    pub files: i64,
    /// Inquiries with content.
    pub inquiries: i64,
    /// Questions of reports.
    pub questions: i64,
    /// Answers of runs.
    pub answers: i64,
    /// Matches with content.
    pub hits: i64,
    /// Comments on them.
    pub comments: i64,
    /// Reasons of decisions.
    pub reasons: i64,
}

/// Counts what accounts hold that redaction takes.
pub async fn count(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<Counts, StoreError> {
    let (shards, ids) = columns(accounts);
    let counts = sqlx::query_as!(
        Counts,
        r#"
        with monitor as (select monitor_id, sealed_query from monitors where account_id = any($2))
        select
            (select count(*) from accounts
             where shard = any($1) and account_id = any($2) and sealed_fields is not null) as "accounts!",
            (select count(*) from account_files where shard = any($1) and account_id = any($2)) as "files!",
            (select count(*) from inquiries
             where account_shard = any($1) and account_id = any($2) and sealed_content is not null) as "inquiries!",
            (select count(*) from monitor where sealed_query is not null) as "questions!",
            (select count(*) from monitor join runs using (monitor_id) where sealed_content is not null)
            + (select count(*) from monitor join kept_runs using (monitor_id) where sealed_content is not null)
                as "answers!",
            (select count(*) from hits where account_id = any($2) and sealed_content is not null) as "hits!",
            (select count(*) from hits join hit_comments using (hit_id)
             where account_id = any($2) and sealed_text is not null) as "comments!",
            (select count(*) from decisions
             where shard = any($1) and account_id = any($2) and sealed_reason is not null) as "reasons!"
        "#,
        &shards,
        &ids,
    )
    .fetch_one(conn)
    .await?;
    Ok(counts)
}
