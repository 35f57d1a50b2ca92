//! Wrapped data keys, and the values that master keys are known by.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::retention::shard_of;
use crate::vault::{DataKey, Keyring, VaultError, WrappedKey};

/// Why a data key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<sqlx::Error> for KeyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Stores keys of new objects.
pub async fn insert_all(
    conn: &mut PgConnection,
    keys: &[(Uuid, WrappedKey)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let objects: Vec<Uuid> = keys.iter().map(|(object, _)| *object).collect();
    let shards: Vec<i16> = objects.iter().copied().map(shard_of).collect();
    let key_ids: Vec<Uuid> = keys.iter().map(|(_, key)| key.key_id).collect();
    let masters: Vec<String> = keys.iter().map(|(_, key)| key.master_key_id.clone()).collect();
    let wrapped: Vec<Vec<u8>> = keys.iter().map(|(_, key)| key.wrapped.clone()).collect();
    sqlx::query!(
        r#"
        insert into data_keys (shard, object_id, key_id, master_key_id, wrapped, created_at)
        select shard, object_id, key_id, master_key_id, wrapped, $6
        from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[])
             as new (shard, object_id, key_id, master_key_id, wrapped)
        on conflict on constraint data_keys_pkey do nothing
        "#,
        &shards,
        &objects,
        &key_ids,
        &masters,
        &wrapped,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The open keys of `objects`; those that have none get one.
///
/// Two transactions that make the key of one object at once end with the same key: the second waits
/// for the first and reads its row.
pub async fn get_or_insert(
    conn: &mut PgConnection,
    keyring: &Keyring,
    objects: &[Uuid],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, DataKey>, KeyError> {
    let mut found = find_all(conn, keyring, objects).await?;
    let mut missing: Vec<Uuid> = objects.iter().copied().filter(|id| !found.contains_key(id)).collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        let new: Vec<_> = missing.iter().map(|id| (*id, keyring.new_data_key(*id).1)).collect();
        insert_all(conn, &new, now).await?;
        found.extend(find_all(conn, keyring, &missing).await?);
    }
    Ok(found)
}

/// The open key of an object, which nobody destroys before the transaction ends; none when it has none.
pub async fn lock(
    conn: &mut PgConnection,
    keyring: &Keyring,
    object: Uuid,
) -> Result<Option<DataKey>, KeyError> {
    let row = sqlx::query!(
        "select key_id, master_key_id, wrapped from data_keys where shard = $1 and object_id = $2 for share",
        shard_of(object),
        object,
    )
    .fetch_optional(conn)
    .await?;
    let stored = row.map(|row| WrappedKey {
        key_id: row.key_id,
        master_key_id: row.master_key_id,
        wrapped: row.wrapped,
    });
    Ok(stored.map(|stored| keyring.unwrap(object, &stored)).transpose()?)
}

/// The open keys of those of `objects` that have one.
pub async fn find_all(
    conn: &mut PgConnection,
    keyring: &Keyring,
    objects: &[Uuid],
) -> Result<HashMap<Uuid, DataKey>, KeyError> {
    let shards: Vec<i16> = objects.iter().copied().map(shard_of).collect();
    let rows = sqlx::query!(
        r#"
        select kept.object_id, kept.key_id, kept.master_key_id, kept.wrapped
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, object_id)
        join data_keys as kept on kept.shard = wanted.shard and kept.object_id = wanted.object_id
        "#,
        &shards,
        objects,
    )
    .fetch_all(conn)
    .await?;
    let mut keys = HashMap::with_capacity(rows.len());
    for row in rows {
        let stored =
            WrappedKey { key_id: row.key_id, master_key_id: row.master_key_id, wrapped: row.wrapped };
        keys.insert(row.object_id, keyring.unwrap(row.object_id, &stored)?);
    }
    Ok(keys)
}

/// Destroys the keys of `objects`: what they sealed, here or in any copy, opens no more.
pub async fn remove_all(conn: &mut PgConnection, objects: &[Uuid]) -> Result<(), StoreError> {
    let shards: Vec<i16> = objects.iter().copied().map(shard_of).collect();
    sqlx::query!(
        r#"
        delete from data_keys as kept
        using unnest($1::smallint[], $2::uuid[]) as object (shard, object_id)
        where kept.shard = object.shard
          and kept.object_id = object.object_id
        "#,
        &shards,
        objects,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Refuses when a master key of `keyring` is not the one that this database knows by its id, or when
/// data keys are under a master key that `keyring` lacks. Makes the check value of a new one.
pub async fn check_master_keys(
    conn: &mut PgConnection,
    keyring: &Keyring,
    now: DateTime<Utc>,
) -> Result<(), KeyError> {
    for id in keyring.ids() {
        let value = keyring.check_value(id).unwrap_or_default();
        sqlx::query!(
            r#"
            insert into master_key_checks (master_key_id, sealed, created_at) values ($1, $2, $3)
            on conflict on constraint master_key_checks_pkey do nothing
            "#,
            id,
            value,
            now,
        )
        .execute(&mut *conn)
        .await?;
    }
    let known = sqlx::query!(
        r#"
        select master_key_id, sealed, retired_at, emptied_at
        from master_key_checks
        order by retired_at, master_key_id
        "#,
    )
    .fetch_all(&mut *conn)
    .await?;
    let held: Vec<&str> = keyring.ids().collect();
    for row in known {
        keyring.check(&row.master_key_id, &row.sealed)?;
        if row.retired_at.is_some() && row.master_key_id == keyring.current() {
            return Err(VaultError::RetiredMasterKey { id: row.master_key_id }.into());
        }
        // Nothing comes under it again, so nobody reads the keys of all accounts at each start.
        if !held.contains(&row.master_key_id.as_str()) && row.emptied_at.is_none() {
            let used = sqlx::query_scalar!(
                r#"select exists (select from data_keys where master_key_id = $1) as "used!""#,
                row.master_key_id,
            )
            .fetch_one(&mut *conn)
            .await?;
            if used {
                return Err(VaultError::UnknownMasterKey { id: row.master_key_id }.into());
            }
            if row.retired_at.is_some() {
                sqlx::query!(
                    "update master_key_checks set emptied_at = $2 where master_key_id = $1",
                    row.master_key_id,
                    now,
                )
                .execute(&mut *conn)
                .await?;
            }
        }
    }
    Ok(())
}
