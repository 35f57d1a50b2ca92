//! Statements over many inquiries: those whose time is over, those of an account that is redacted or consolidated.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::id::{AccountId, InquiryId},
    store::StoreError,
};

/// Locks open inquiries whose time is over, at most `limit`, those first that are longest over; returns them.
pub async fn lock_overdue(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(InquiryId, Option<AccountId>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select inquiry_id, account_id
        from inquiries
        where expires_at <= $1
        order by expires_at
        limit $2
        -- Somebody who is just completing it goes first.
        for update skip locked
        "#,
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (InquiryId(row.inquiry_id), row.account_id.map(AccountId))).collect())
}

/// Marks locked inquiries as expired.
pub async fn save_expired(
    conn: &mut PgConnection,
    ids: &[InquiryId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"
        update inquiries as inquiry
        set status = 'expired',
            expired_at = $3,
            expires_at = null,
            updated_at = $3
        from unnest($1::smallint[], $2::uuid[]) as overdue (shard, inquiry_id)
        where inquiry.shard = overdue.shard
          and inquiry.inquiry_id = overdue.inquiry_id
        "#,
        &shards,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes what is personal out of all inquiries of accounts, and destroys their keys. Returns those of which there
/// was something to take, with their accounts. They changed by it if it is an activity.
pub async fn redact_of_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    is_activity: bool,
    now: DateTime<Utc>,
) -> Result<Vec<(InquiryId, AccountId)>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"
        with redacted as (
            update inquiries as inquiry
            set sealed_content = null,
                note_digest = null,
                tags = '{}',
                redacted_at = $3,
                updated_at = case when $4 then $3 else inquiry.updated_at end
            from unnest($1::smallint[], $2::uuid[]) as owner (account_shard, account_id)
            where inquiry.account_shard = owner.account_shard
              and inquiry.account_id = owner.account_id
              and inquiry.redacted_at is null
            returning inquiry.shard, inquiry.inquiry_id, inquiry.account_id
        ), forgotten as (
            delete from data_keys
            using redacted
            where data_keys.shard = redacted.shard
              and data_keys.object_id = redacted.inquiry_id
        )
        select inquiry_id, account_id as "account_id!" from redacted order by inquiry_id
        "#,
        &shards,
        &ids,
        now,
        is_activity,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (InquiryId(row.inquiry_id), AccountId(row.account_id))).collect())
}

/// Locks the inquiries of accounts.
pub async fn lock_of_accounts(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|account| account.shard().column()).collect();
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    sqlx::query!(
        r#"
        select inquiry.inquiry_id
        from unnest($1::smallint[], $2::uuid[]) as owner (account_shard, account_id)
        join inquiries as inquiry using (account_shard, account_id)
        order by inquiry.shard, inquiry.inquiry_id
        for no key update of inquiry
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Locks inquiries, in the order of their ids.
pub async fn lock_all(conn: &mut PgConnection, ids: &[InquiryId]) -> Result<(), StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"
        select inquiry.inquiry_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, inquiry_id)
        join inquiries as inquiry using (shard, inquiry_id)
        order by inquiry.shard, inquiry.inquiry_id
        for update of inquiry
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Destroys what is personal about locked inquiries: their contents, their tags, their keys. Returns them with their
/// accounts. They change by it if it is an activity.
pub async fn redact_all(
    conn: &mut PgConnection,
    ids: &[InquiryId],
    is_activity: bool,
    now: DateTime<Utc>,
) -> Result<Vec<(InquiryId, Option<AccountId>)>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        with redacted as (
            update inquiries as inquiry
            set sealed_content = null,
                note_digest = null,
                tags = '{}',
                redacted_at = $3,
                updated_at = case when $4 then $3 else inquiry.updated_at end
            from unnest($1::smallint[], $2::uuid[]) as wanted (shard, inquiry_id)
            where inquiry.shard = wanted.shard
              and inquiry.inquiry_id = wanted.inquiry_id
            returning inquiry.shard, inquiry.inquiry_id, inquiry.account_id
        ), forgotten as (
            delete from data_keys
            using redacted
            where data_keys.shard = redacted.shard
              and data_keys.object_id = redacted.inquiry_id
        )
        select inquiry_id, account_id from redacted order by inquiry_id
        "#,
        &shards,
        &ids,
        now,
        is_activity,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (InquiryId(row.inquiry_id), row.account_id.map(AccountId))).collect())
}

/// Gives the inquiries of `sources` to `destination`; returns how many.
pub async fn move_to(
    conn: &mut PgConnection,
    sources: &[AccountId],
    destination: AccountId,
) -> Result<u64, StoreError> {
    let shards: Vec<i16> = sources.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = sources.iter().map(|id| id.0).collect();
    let moved = sqlx::query!(
        r#"
        update inquiries as inquiry
        set account_shard = $3,
            account_id = $4
        from unnest($1::smallint[], $2::uuid[]) as source (shard, account_id)
        where inquiry.account_shard = source.shard
          and inquiry.account_id = source.account_id
        "#,
        &shards,
        &ids,
        destination.shard().column(),
        destination.0,
    )
    .execute(conn)
    .await?;
    Ok(moved.rows_affected())
}
