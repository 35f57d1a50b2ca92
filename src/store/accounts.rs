//! Accounts.

pub mod archived;
mod pages;
pub mod search;
mod statuses;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::id::{AccountId, AccountTypeId, Shard},
    vault::WrappedKey,
};
pub use pages::{count_of_status, find_all, list_of_ids, list_of_type};
pub use statuses::{save_status_heirs, save_status_where, save_statuses};

/// An account to insert.
#[derive(Debug)]
pub struct NewAccount {
    /// Its id, of the shard that it will be on for ever.
    pub id: AccountId,
    /// Its type.
    pub account_type: AccountTypeId,
    /// The customer's own id of it, unique within the type whatever its case.
    pub reference_id: Option<String>,
    /// Its status.
    pub status: String,
    /// The fields that are not marked pii, as a JSON object.
    pub fields: Value,
    /// The fields marked pii, sealed.
    pub sealed_fields: Option<Vec<u8>>,
}

/// An account as it is stored.
#[derive(Debug)]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// Its type.
    pub account_type: AccountTypeId,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// Its status.
    pub status: String,
    /// The schedule that set the status, when one did.
    pub status_schedule_id: Option<i32>,
    /// The fields that are not marked pii.
    pub fields: Value,
    /// The fields marked pii, sealed.
    pub sealed_fields: Option<Vec<u8>>,
    /// Its data key, when it has sealed fields.
    pub key: Option<WrappedKey>,
    /// Counts the changes that were made to it, those of schedules apart.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// When its personal data was last destroyed.
    pub redacted_at: Option<DateTime<Utc>>,
    /// The account that took over what it had.
    pub consolidated_into: Option<AccountId>,
}

/// Inserts accounts. Returns those that went in: one whose reference id is taken does not.
pub async fn insert_all(
    conn: &mut PgConnection,
    accounts: &[NewAccount],
    now: DateTime<Utc>,
) -> Result<Vec<AccountId>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.id.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.id.0).collect();
    let types: Vec<Uuid> = accounts.iter().map(|account| account.account_type.0).collect();
    let references: Vec<Option<String>> =
        accounts.iter().map(|account| account.reference_id.clone()).collect();
    let statuses: Vec<String> = accounts.iter().map(|account| account.status.clone()).collect();
    let fields: Vec<Value> = accounts.iter().map(|account| account.fields.clone()).collect();
    let sealed: Vec<Option<Vec<u8>>> = accounts.iter().map(|account| account.sealed_fields.clone()).collect();
    let inserted = sqlx::query_scalar!(
        r#"
        insert into accounts (
            shard, account_id, account_type_id, reference_id, status, fields, sealed_fields, created_at, updated_at,
            status_changed_at
        )
        select shard, account_id, account_type_id, reference_id, status, fields, sealed_fields, $8, $8, $8
        from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::bytea[])
             as new (shard, account_id, account_type_id, reference_id, status, fields, sealed_fields)
        on conflict (account_type_id, lower(reference_id)) do nothing
        returning account_id
        "#,
        &shards,
        &ids,
        &types,
        &references as &[Option<String>],
        &statuses,
        &fields,
        &sealed as &[Option<Vec<u8>>],
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted.into_iter().map(AccountId).collect())
}

/// A row of the statements below, with the data key beside it.
struct Record {
    account_id: Uuid,
    account_type_id: Uuid,
    reference_id: Option<String>,
    status: String,
    status_schedule_id: Option<i32>,
    fields: Value,
    sealed_fields: Option<Vec<u8>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
    redacted_at: Option<DateTime<Utc>>,
    consolidated_into: Option<Uuid>,
    key_id: Option<Uuid>,
    master_key_id: Option<String>,
    wrapped: Option<Vec<u8>>,
}

impl From<Record> for AccountRow {
    fn from(row: Record) -> Self {
        let key = match (row.key_id, row.master_key_id, row.wrapped) {
            (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                Some(WrappedKey { key_id, master_key_id, wrapped })
            }
            _ => None,
        };
        Self {
            id: AccountId(row.account_id),
            account_type: AccountTypeId(row.account_type_id),
            reference_id: row.reference_id,
            status: row.status,
            status_schedule_id: row.status_schedule_id,
            fields: row.fields,
            sealed_fields: row.sealed_fields,
            key,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            redacted_at: row.redacted_at,
            consolidated_into: row.consolidated_into.map(AccountId),
        }
    }
}

/// The account of an id.
pub async fn find(conn: &mut PgConnection, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
    let row = sqlx::query_as!(
        Record,
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status,
               account.status_schedule_id, account.fields, account.sealed_fields, account.version,
               account.created_at, account.updated_at, account.archived_at, account.redacted_at,
               account.consolidated_into,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from accounts as account
        left join data_keys as kept on kept.shard = account.shard and kept.object_id = account.account_id
        where account.shard = $1
          and account.account_id = $2
        "#,
        id.shard().column(),
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(AccountRow::from))
}

/// The accounts of `references` of one type.
pub async fn list_by_references(
    conn: &mut PgConnection,
    account_type: AccountTypeId,
    references: &[String],
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = sqlx::query_as!(
        Record,
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status,
               account.status_schedule_id, account.fields, account.sealed_fields, account.version,
               account.created_at, account.updated_at, account.archived_at, account.redacted_at,
               account.consolidated_into,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from unnest($2::text[]) as wanted (reference)
        join accounts as account
            on account.account_type_id = $1
           and lower(account.reference_id) = lower(wanted.reference)
        left join data_keys as kept on kept.shard = account.shard and kept.object_id = account.account_id
        order by account.shard, account.account_id
        "#,
        account_type.0,
        references,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(AccountRow::from).collect())
}

/// The accounts that `reference` names: by account id, or by reference id in any type.
pub async fn list_by_reference(
    conn: &mut PgConnection,
    reference: &str,
    id: Option<AccountId>,
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = sqlx::query_as!(
        Record,
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status,
               account.status_schedule_id, account.fields, account.sealed_fields, account.version,
               account.created_at, account.updated_at, account.archived_at, account.redacted_at,
               account.consolidated_into,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from accounts as account
        left join data_keys as kept on kept.shard = account.shard and kept.object_id = account.account_id
        where lower(account.reference_id) = lower($1)
           or (account.shard = $2 and account.account_id = $3)
        order by account.created_at
        limit 100
        "#,
        reference,
        id.map(|id| id.shard().column()),
        id.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(AccountRow::from).collect())
}

/// New fields for an account.
#[derive(Debug)]
pub struct NewFields {
    /// The account, locked by the caller.
    pub id: AccountId,
    /// The fields that are not marked pii, all of them.
    pub fields: Value,
    /// The fields marked pii, sealed.
    pub sealed_fields: Option<Vec<u8>>,
}

/// Replaces the fields of locked accounts; their versions move on.
pub async fn save_fields(
    conn: &mut PgConnection,
    changes: &[NewFields],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let shards: Vec<i16> = changes.iter().map(|change| change.id.shard().column()).collect();
    let ids: Vec<Uuid> = changes.iter().map(|change| change.id.0).collect();
    let fields: Vec<Value> = changes.iter().map(|change| change.fields.clone()).collect();
    let sealed: Vec<Option<Vec<u8>>> = changes.iter().map(|change| change.sealed_fields.clone()).collect();
    let done = sqlx::query!(
        r#"
        update accounts as account
        set fields = change.fields,
            sealed_fields = change.sealed_fields,
            version = account.version + 1,
            filled_at = case when account.redacted_version = account.version then $5 else account.filled_at end,
            updated_at = $5
        from unnest($1::smallint[], $2::uuid[], $3::jsonb[], $4::bytea[])
             as change (shard, account_id, fields, sealed_fields)
        where account.shard = change.shard
          and account.account_id = change.account_id
        "#,
        &shards,
        &ids,
        &fields,
        &sealed as &[Option<Vec<u8>>],
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// What one account becomes.
#[derive(Debug)]
pub struct Changed {
    /// The account, locked by the caller.
    pub id: AccountId,
    /// Its reference id, new or as it was.
    pub reference_id: Option<String>,
    /// Its status, when a person sets it: no schedule takes it back.
    pub status: Option<String>,
    /// The fields that are not marked pii, all of them.
    pub fields: Value,
    /// The fields marked pii, sealed.
    pub sealed_fields: Option<Vec<u8>>,
}

/// Replaces one locked account; returns its next version, at which it is now.
pub async fn save(conn: &mut PgConnection, changed: &Changed, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let version = sqlx::query_scalar!(
        r#"
        update accounts
        set reference_id = $3,
            status = coalesce($4, status),
            status_changed_at = case when $4 <> status then $7 else status_changed_at end,
            status_schedule_id = case when $4::text is null then status_schedule_id end,
            fields = $5,
            sealed_fields = $6,
            version = version + 1,
            -- Another status or reference id does not fill what was redacted.
            redacted_version = case
                when redacted_version = version and fields = $5 and sealed_fields is not distinct from $6
                then version + 1
                else redacted_version
            end,
            filled_at = case
                when redacted_version = version and not (fields = $5 and sealed_fields is not distinct from $6)
                then $7
                else filled_at
            end,
            updated_at = $7
        where shard = $1
          and account_id = $2
        returning version
        "#,
        changed.id.shard().column(),
        changed.id.0,
        changed.reference_id,
        changed.status,
        changed.fields,
        changed.sealed_fields,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

/// Locks accounts in the order of their ids.
pub async fn lock_all(conn: &mut PgConnection, ids: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"
        select account.account_id
        from accounts as account
        join unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id) using (shard, account_id)
        order by account.shard, account.account_id
        -- Not stronger: rows that refer to the account may be inserted meanwhile.
        for no key update of account
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// One page of a shard's accounts, in the order of their ids, after `after`.
pub async fn list_page(
    conn: &mut PgConnection,
    shard: Shard,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select account_id
        from accounts
        where shard = $1
          and account_id > $2
        order by account_id
        limit $3
        "#,
        shard.column(),
        after.unwrap_or(Uuid::nil()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}
