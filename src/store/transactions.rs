//! Transactions, and their tags.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::id::{TransactionId, TransactionTypeId},
    vault::WrappedKey,
};

/// What a transaction holds besides its id and its times.
#[derive(Debug)]
pub struct Saved {
    /// Its id.
    pub id: TransactionId,
    /// Its type; never changes.
    pub transaction_type: TransactionTypeId,
    /// The customer's own id of it, unique within the type whatever its case.
    pub reference_id: Option<String>,
    /// Its status.
    pub status: String,
    /// The fields that are not marked pii, as a JSON object.
    pub fields: Value,
    /// The fields marked pii, sealed.
    pub sealed_fields: Option<Vec<u8>>,
}

/// A transaction as it is stored.
#[derive(Debug)]
pub struct TransactionRow {
    /// What it holds.
    pub saved: Saved,
    /// Its data key, when it has sealed fields.
    pub key: Option<WrappedKey>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When its personal data was last destroyed.
    pub redacted_at: Option<DateTime<Utc>>,
}

struct Record {
    transaction_id: Uuid,
    transaction_type_id: Uuid,
    reference_id: Option<String>,
    status: String,
    fields: Value,
    sealed_fields: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    redacted_at: Option<DateTime<Utc>>,
    key_id: Option<Uuid>,
    master_key_id: Option<String>,
    wrapped: Option<Vec<u8>>,
}

impl From<Record> for TransactionRow {
    fn from(row: Record) -> Self {
        Self {
            saved: Saved {
                id: TransactionId(row.transaction_id),
                transaction_type: TransactionTypeId(row.transaction_type_id),
                reference_id: row.reference_id,
                status: row.status,
                fields: row.fields,
                sealed_fields: row.sealed_fields,
            },
            key: match (row.key_id, row.master_key_id, row.wrapped) {
                (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                    Some(WrappedKey { key_id, master_key_id, wrapped })
                }
                _ => None,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            redacted_at: row.redacted_at,
        }
    }
}

/// Inserts a transaction. False when its reference id is taken.
pub async fn insert(conn: &mut PgConnection, new: &Saved, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into transactions (
            shard, transaction_id, transaction_type_id, reference_id, status, fields, sealed_fields, created_at,
            updated_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
        on conflict (transaction_type_id, lower(reference_id)) do nothing
        "#,
        new.id.shard().column(),
        new.id.0,
        new.transaction_type.0,
        new.reference_id,
        new.status,
        new.fields,
        new.sealed_fields,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a locked transaction anew: whether it is redacted, or new values were written to it. False when its
/// reference id is taken.
pub async fn save(
    conn: &mut PgConnection,
    saved: &Saved,
    (redacted_at, is_filled): (Option<DateTime<Utc>>, bool),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        update transactions as kept
        set reference_id = $3,
            filled_at = case
                when $7 is distinct from redacted_at then null
                when $9 and redacted_at is not null then coalesce(filled_at, $8)
                else filled_at
            end,
            status = $4,
            fields = $5,
            sealed_fields = $6,
            redacted_at = $7,
            updated_at = $8
        where kept.shard = $1
          and kept.transaction_id = $2
          -- The index keeps it true against others; this refuses without an error.
          and not exists (
                  select from transactions as other
                  where other.transaction_type_id = kept.transaction_type_id
                    and lower(other.reference_id) = lower($3)
                    and other.transaction_id <> kept.transaction_id)
        "#,
        saved.id.shard().column(),
        saved.id.0,
        saved.reference_id,
        saved.status,
        saved.fields,
        saved.sealed_fields,
        redacted_at,
        now,
        is_filled,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Reads a transaction.
pub async fn find(conn: &mut PgConnection, id: TransactionId) -> Result<Option<TransactionRow>, StoreError> {
    Ok(find_all(conn, &[id]).await?.pop())
}

/// Reads those of transactions that there are.
pub async fn find_all(
    conn: &mut PgConnection,
    ids: &[TransactionId],
) -> Result<Vec<TransactionRow>, StoreError> {
    let (shards, ids) = columns(ids);
    let rows = sqlx::query_as!(
        Record,
        r#"
        select kept.transaction_id, kept.transaction_type_id, kept.reference_id, kept.status, kept.fields,
               kept.sealed_fields, kept.created_at, kept.updated_at, kept.redacted_at,
               data_key.key_id as "key_id?", data_key.master_key_id as "master_key_id?", data_key.wrapped as "wrapped?"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, transaction_id)
        join transactions as kept using (shard, transaction_id)
        left join data_keys as data_key
            on data_key.shard = kept.shard
           and data_key.object_id = kept.transaction_id
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(TransactionRow::from).collect())
}

/// Locks transactions, in the order of their ids.
pub async fn lock_all(conn: &mut PgConnection, ids: &[TransactionId]) -> Result<(), StoreError> {
    let (shards, ids) = columns(ids);
    sqlx::query!(
        r#"
        select kept.transaction_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, transaction_id)
        join transactions as kept using (shard, transaction_id)
        order by kept.shard, kept.transaction_id
        for no key update of kept
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

fn columns(ids: &[TransactionId]) -> (Vec<i16>, Vec<Uuid>) {
    ids.iter().map(|id| (id.shard().column(), id.0)).unzip()
}

/// Locks a transaction, and tells the name of its type.
pub async fn lock_type(conn: &mut PgConnection, id: TransactionId) -> Result<Option<String>, StoreError> {
    let name = sqlx::query_scalar!(
        r#"
        select type.name
        from transactions as kept
        join transaction_types as type using (transaction_type_id)
        where kept.shard = $1
          and kept.transaction_id = $2
        for no key update of kept
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(name)
}

/// The name of a transaction's type; not locked.
pub async fn find_type(conn: &mut PgConnection, id: TransactionId) -> Result<Option<String>, StoreError> {
    let name = sqlx::query_scalar!(
        r#"
        select type.name
        from transactions as kept
        join transaction_types as type using (transaction_type_id)
        where kept.shard = $1
          and kept.transaction_id = $2
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(name)
}

/// Which transactions are asked for, the newest ids first.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of this type.
    pub transaction_type: Option<TransactionTypeId>,
    /// With one of these reference ids; any when empty.
    pub references: Vec<String>,
    /// Ids below this one.
    pub below: Uuid,
    /// Ids above this one.
    pub above: Uuid,
    /// Whether the lowest of them are asked for.
    pub lowest: bool,
    /// How many at most.
    pub limit: i64,
}

/// A page of ids, the newest first.
pub async fn list(conn: &mut PgConnection, wanted: &Wanted) -> Result<Vec<TransactionId>, StoreError> {
    let references: Vec<String> =
        wanted.references.iter().map(|reference| reference.to_lowercase()).collect();
    let type_id = wanted.transaction_type.map(|id| id.0);
    let mut ids = if !references.is_empty() {
        sqlx::query_scalar!(
            r#"
            select transaction_id
            from transactions
            where lower(reference_id) = any($1)
              and ($2::uuid is null or transaction_type_id = $2)
              and transaction_id < $3
              and transaction_id > $4
            order by case when $5 then transaction_id end, transaction_id desc
            limit $6
            "#,
            &references,
            type_id,
            wanted.below,
            wanted.above,
            wanted.lowest,
            wanted.limit,
        )
        .fetch_all(conn)
        .await?
    } else if wanted.lowest {
        sqlx::query_scalar!(
            r#"
            select transaction_id
            from transactions
            where ($1::uuid is null or transaction_type_id = $1)
              and transaction_id < $2
              and transaction_id > $3
            order by transaction_id
            limit $4
            "#,
            type_id,
            wanted.below,
            wanted.above,
            wanted.limit,
        )
        .fetch_all(conn)
        .await?
    } else {
        sqlx::query_scalar!(
            r#"
            select transaction_id
            from transactions
            where ($1::uuid is null or transaction_type_id = $1)
              and transaction_id < $2
              and transaction_id > $3
            order by transaction_id desc
            limit $4
            "#,
            type_id,
            wanted.below,
            wanted.above,
            wanted.limit,
        )
        .fetch_all(conn)
        .await?
    };
    ids.sort_unstable_by(|one, other| other.cmp(one));
    Ok(ids.into_iter().map(TransactionId).collect())
}

/// The tags of a transaction, by name.
pub async fn list_tags(conn: &mut PgConnection, id: TransactionId) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select tags.name
        from transaction_tags
        join tags using (tag_id)
        where shard = $1
          and transaction_id = $2
        order by tags.name
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(names)
}

/// Has a locked transaction have these tags and no others; unknown ones are made, retired ones are left out.
pub async fn save_tags(
    conn: &mut PgConnection,
    id: TransactionId,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into tags (name, created_at)
        select distinct name, $2::timestamptz from unnest($1::text[]) as new (name)
        where not exists (select from tags where tags.name = new.name)
        order by name
        on conflict on constraint tags_name_key do nothing
        "#,
        names,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        with gone as (
            delete from transaction_tags as kept
            using tags
            where kept.shard = $1
              and kept.transaction_id = $2
              and tags.tag_id = kept.tag_id
              and not tags.name = any($3)
        )
        insert into transaction_tags (shard, transaction_id, tag_id, set_at)
        select $1, $2, tag_id, $4
        from tags
        where name = any($3)
          and retired_at is null
        on conflict on constraint transaction_tags_pkey do nothing
        "#,
        id.shard().column(),
        id.0,
        names,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
