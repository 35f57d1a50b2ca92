//! Accounts by the page.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{AccountRow, Record};
use crate::{
    domain::id::{AccountId, AccountTypeId},
    store::StoreError,
};

/// One page of a type's accounts, in the order of their ids, after one.
pub async fn list_of_type(
    conn: &mut PgConnection,
    account_type: AccountTypeId,
    after: Uuid,
    limit: i64,
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
        where account.account_type_id = $1
          and account.account_id > $2
        order by account.account_id
        limit $3
        "#,
        account_type.0,
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(AccountRow::from).collect())
}

/// The accounts of ids, in no order.
pub async fn list_of_ids(conn: &mut PgConnection, ids: &[AccountId]) -> Result<Vec<AccountRow>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Record,
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status,
               account.status_schedule_id, account.fields, account.sealed_fields, account.version,
               account.created_at, account.updated_at, account.archived_at, account.redacted_at,
               account.consolidated_into,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join accounts as account using (shard, account_id)
        left join data_keys as kept on kept.shard = account.shard and kept.object_id = account.account_id
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(AccountRow::from).collect())
}

/// How many accounts of a type have a status, counted up to `most`.
pub async fn count_of_status(
    conn: &mut PgConnection,
    account_type: AccountTypeId,
    status: &str,
    most: i64,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"
        select count(*) as "count!"
        from (select from accounts where account_type_id = $1 and status = $2 limit $3) as found
        "#,
        account_type.0,
        status,
        most,
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// The accounts of `ids`, in the order of their ids.
pub async fn find_all(conn: &mut PgConnection, ids: &[AccountId]) -> Result<Vec<AccountRow>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Record,
        r#"
        select account.account_id, account.account_type_id, account.reference_id, account.status,
               account.status_schedule_id, account.fields, account.sealed_fields, account.version,
               account.created_at, account.updated_at, account.archived_at, account.redacted_at,
               account.consolidated_into,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join accounts as account using (shard, account_id)
        left join data_keys as kept on kept.shard = account.shard and kept.object_id = account.account_id
        order by account.shard, account.account_id
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(AccountRow::from).collect())
}
