//! Files of accounts.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::id::{AccountId, FileId},
    vault::WrappedKey,
};

/// Stores a file of an account.
pub async fn insert(
    conn: &mut PgConnection,
    id: FileId,
    account: AccountId,
    (byte_size, sealed): (i32, &[u8]),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into account_files (shard, file_id, account_id, byte_size, sealed_content, created_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        id.shard().column(),
        id.0,
        account.0,
        byte_size,
        sealed,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes the files of an account that it no longer names.
pub async fn remove_others(
    conn: &mut PgConnection,
    account: AccountId,
    named: &[FileId],
) -> Result<(), StoreError> {
    let named: Vec<_> = named.iter().map(|id| id.0).collect();
    sqlx::query!(
        "delete from account_files where shard = $1 and account_id = $2 and file_id <> all($3)",
        account.shard().column(),
        account.0,
        &named,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A file as it is stored.
#[derive(Debug)]
pub struct FileRow {
    /// The account that it is of.
    pub account: AccountId,
    /// Its content, sealed.
    pub sealed_content: Vec<u8>,
    /// The account's data key.
    pub key: WrappedKey,
}

/// The file of an id.
pub async fn find(conn: &mut PgConnection, id: FileId) -> Result<Option<FileRow>, StoreError> {
    let row = sqlx::query!(
        r#"
        select file.account_id, file.sealed_content, kept.key_id, kept.master_key_id, kept.wrapped
        from account_files as file
        join data_keys as kept on kept.shard = file.shard and kept.object_id = file.account_id
        where file.shard = $1
          and file.file_id = $2
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| FileRow {
        account: AccountId(row.account_id),
        sealed_content: row.sealed_content,
        key: WrappedKey { key_id: row.key_id, master_key_id: row.master_key_id, wrapped: row.wrapped },
    }))
}

/// Removes all files of accounts.
pub async fn remove_of_accounts(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        delete from account_files as file
        using unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        where file.shard = wanted.shard
          and file.account_id = wanted.account_id
        "#,
        &shards,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}
