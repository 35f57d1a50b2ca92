//! Master keys as the database knows them, and the re-wrapping of data keys from one to another.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, data_keys::KeyError};
use crate::{
    domain::id::Shard,
    vault::{Keyring, WrappedKey},
};

/// A master key that the database has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Since when it wraps nothing any more.
    pub retired_at: Option<DateTime<Utc>>,
}

/// All master keys that the database has seen, the oldest first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Known>, StoreError> {
    let known = sqlx::query_as!(
        Known,
        r#"
        select master_key_id as id, created_at, retired_at
        from master_key_checks
        order by created_at, master_key_id
        "#,
    )
    .fetch_all(conn)
    .await?;
    Ok(known)
}

/// How many data keys each master key wraps. Reads all of them.
pub async fn count(conn: &mut PgConnection) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query!(
        r#"select master_key_id, count(*) as "count!" from data_keys group by master_key_id order by master_key_id"#,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.master_key_id, row.count)).collect())
}

/// Retires all master keys but `current`: whoever still wraps with one of them is refused from the commit on. Returns
/// those that are retired by it.
pub async fn retire_others(
    conn: &mut PgConnection,
    current: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    // Whoever is wrapping at this moment is waited for: behind it, nobody does any more.
    sqlx::query!("lock table data_keys in share mode").execute(&mut *conn).await?;
    let retired = sqlx::query_scalar!(
        r#"
        update master_key_checks
        set retired_at = $2
        where master_key_id <> $1
          and retired_at is null
        returning master_key_id
        "#,
        current,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(retired)
}

/// Notes that nothing is under retired master keys, nor will be.
pub async fn save_emptied(
    conn: &mut PgConnection,
    ids: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update master_key_checks
        set emptied_at = $2
        where master_key_id = any($1)
          and retired_at is not null
          and emptied_at is null
        "#,
        ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Wraps the next `limit` data keys of a shard that are under other master keys with the current one, in the order of
/// their objects. Returns the last and how many, or none when there is no further one. What is sealed stays as it is.
pub async fn rewrap(
    conn: &mut PgConnection,
    keyring: &Keyring,
    (shard, after): (Shard, Option<Uuid>),
    limit: i64,
) -> Result<Option<(Uuid, u64)>, KeyError> {
    let rows = sqlx::query!(
        r#"
        select object_id, key_id, master_key_id, wrapped
        from data_keys
        where shard = $1
          -- The database's own key has the lowest id there is.
          and ($2::uuid is null or object_id > $2)
          and master_key_id <> $3
        order by object_id
        limit $4
        for update
        "#,
        shard.column(),
        after,
        keyring.current(),
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let Some(last) = rows.last().map(|row| row.object_id) else { return Ok(None) };
    let (mut objects, mut key_ids, mut wrapped) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let stored =
            WrappedKey { key_id: row.key_id, master_key_id: row.master_key_id, wrapped: row.wrapped };
        wrapped.push(keyring.rewrap(row.object_id, &stored)?.wrapped);
        objects.push(row.object_id);
        key_ids.push(row.key_id);
    }
    let done = sqlx::query!(
        r#"
        update data_keys as kept
        set wrapped = new.wrapped,
            master_key_id = $5
        from unnest($2::uuid[], $3::uuid[], $4::bytea[]) as new (object_id, key_id, wrapped)
        where kept.shard = $1
          and kept.object_id = new.object_id
          and kept.key_id = new.key_id
        "#,
        shard.column(),
        &objects,
        &key_ids,
        &wrapped,
        keyring.current(),
    )
    .execute(conn)
    .await?;
    Ok(Some((last, done.rows_affected())))
}
