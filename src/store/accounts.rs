//! Accounts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::id::{AccountId, AccountTypeId, Shard},
    vault::WrappedKey,
};

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
    /// Counts the changes of its fields.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
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
            shard, account_id, account_type_id, reference_id, status, fields, sealed_fields, created_at, updated_at
        )
        select shard, account_id, account_type_id, reference_id, status, fields, sealed_fields, $8, $8
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

macro_rules! rows_to_accounts {
    ($rows:expr) => {
        $rows
            .into_iter()
            .map(|row| AccountRow {
                id: AccountId(row.account_id),
                account_type: AccountTypeId(row.account_type_id),
                reference_id: row.reference_id,
                status: row.status,
                status_schedule_id: row.status_schedule_id,
                fields: row.fields,
                sealed_fields: row.sealed_fields,
                key: match (row.key_id, row.master_key_id, row.wrapped) {
                    (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                        Some(WrappedKey { key_id, master_key_id, wrapped })
                    }
                    _ => None,
                },
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
            .collect()
    };
}

/// The accounts of `references` of one type.
pub async fn list_by_references(
    conn: &mut PgConnection,
    account_type: AccountTypeId,
    references: &[String],
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status, account.fields,
               account.status_schedule_id,
               account.sealed_fields, account.version, account.created_at, account.updated_at,
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
    Ok(rows_to_accounts!(rows))
}

/// The accounts that `reference` names: by account id, or by reference id in any type.
pub async fn list_by_reference(
    conn: &mut PgConnection,
    reference: &str,
    id: Option<AccountId>,
) -> Result<Vec<AccountRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status, account.fields,
               account.status_schedule_id,
               account.sealed_fields, account.version, account.created_at, account.updated_at,
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
    Ok(rows_to_accounts!(rows))
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

/// Sets statuses of locked accounts, by a person or an import: no schedule takes them back.
pub async fn save_statuses(
    conn: &mut PgConnection,
    statuses: &[(AccountId, String)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let shards: Vec<i16> = statuses.iter().map(|(id, _)| id.shard().column()).collect();
    let ids: Vec<Uuid> = statuses.iter().map(|(id, _)| id.0).collect();
    let words: Vec<String> = statuses.iter().map(|(_, status)| status.clone()).collect();
    sqlx::query!(
        r#"
        update accounts as account
        set status = change.status,
            status_schedule_id = null,
            updated_at = $4
        from unnest($1::smallint[], $2::uuid[], $3::text[]) as change (shard, account_id, status)
        where account.shard = change.shard
          and account.account_id = change.account_id
        "#,
        &shards,
        &ids,
        &words,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
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

/// Sets the status of those locked accounts whose status is one of `from`, or was set by the schedule
/// `set_by`; `schedule` is then who set it. Returns which, and what their status was.
pub async fn save_status_where(
    conn: &mut PgConnection,
    ids: &[AccountId],
    (from, set_by): (&[String], Option<i32>),
    (status, schedule): (&str, Option<i32>),
    now: DateTime<Utc>,
) -> Result<Vec<(AccountId, String)>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        with before as (
            select account.shard, account.account_id, account.status
            from accounts as account
            join unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id) using (shard, account_id)
            where (account.status = any($3) or account.status_schedule_id = $4)
              and account.status <> $5
        )
        update accounts as account
        set status = $5,
            status_schedule_id = $6,
            updated_at = $7
        from before
        where account.shard = before.shard
          and account.account_id = before.account_id
        returning account.account_id, before.status
        "#,
        &shards,
        &ids,
        from,
        set_by,
        status,
        schedule,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.account_id), row.status)).collect())
}

/// Hands the statuses of locked accounts that `schedule` set over to another of `heirs` that still has an
/// undismissed hit of the account.
pub async fn save_status_heirs(
    conn: &mut PgConnection,
    ids: &[AccountId],
    schedule: i32,
    heirs: &[i32],
) -> Result<(), StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"
        update accounts as account
        set status_schedule_id = heir.schedule_id
        from (
            select distinct on (wanted.shard, wanted.account_id)
                   wanted.shard, wanted.account_id, monitor.schedule_id
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
            join monitors as monitor using (account_id)
            where monitor.schedule_id = any($4)
              and monitor.by_schedule
              and exists (
                  select from hits
                  where hits.shard = monitor.shard
                    and hits.monitor_id = monitor.monitor_id
                    and hits.state in ('open', 'confirmed'))
            order by wanted.shard, wanted.account_id, monitor.schedule_id
        ) as heir
        where account.shard = heir.shard
          and account.account_id = heir.account_id
          and account.status_schedule_id = $3
        "#,
        &shards,
        &ids,
        schedule,
        heirs,
    )
    .execute(conn)
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
