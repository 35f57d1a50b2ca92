//! Inquiries. A row is on the shard of its id for ever; its account may be of another, since consolidation moves it.

mod listing;
pub mod search;
mod sweeps;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::{
    domain::{
        id::{AccountId, InquiryId, InquiryTemplateId},
        inquiry::InquiryStatus,
    },
    vault::WrappedKey,
};

pub use listing::{Wanted, list, list_accounts_by_reference};
pub use sweeps::{
    lock_all, lock_of_accounts, lock_overdue, move_to, redact_all, redact_of_accounts, save_expired,
};

/// An inquiry as it is stored.
#[derive(Clone, Debug)]
pub struct InquiryRow {
    /// Its id.
    pub id: InquiryId,
    /// Its account, if it has one.
    pub account: Option<AccountId>,
    /// The customer's own id of the account; none once both are redacted.
    pub reference_id: Option<String>,
    /// What it was made by.
    pub template_id: InquiryTemplateId,
    /// The name of that.
    pub template: String,
    /// Its state.
    pub status: InquiryStatus,
    /// What is personal about it, sealed.
    pub sealed_content: Option<Vec<u8>>,
    /// A keyed hash of the note.
    pub note_digest: Option<Vec<u8>>,
    /// Its data key, when it has sealed content.
    pub key: Option<WrappedKey>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What the comparison came to.
    pub checks: Value,
    /// Who made it.
    pub creator: String,
    /// Who last decided on it.
    pub reviewer: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed, whatever came of it but a failure.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// When it expired.
    pub expired_at: Option<DateTime<Utc>>,
    /// When a person was asked to look.
    pub marked_for_review_at: Option<DateTime<Utc>>,
    /// When a person decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// When its personal data was destroyed.
    pub redacted_at: Option<DateTime<Utc>>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// After how many seconds since it was begun.
    pub expire_after_start: Option<i32>,
    /// After how many seconds since it was resumed.
    pub expire_after_resume: Option<i32>,
}

/// Inserts an inquiry.
pub async fn insert(conn: &mut PgConnection, inquiry: &InquiryRow) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into inquiries (
            shard, inquiry_id, account_shard, account_id, template_id, template, status, sealed_content, note_digest,
            tags, checks, creator, created_at, updated_at, started_at, expires_at, expire_after_start,
            expire_after_resume
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17)
        "#,
        inquiry.id.shard().column(),
        inquiry.id.0,
        inquiry.account.map(|account| account.shard().column()),
        inquiry.account.map(|account| account.0),
        inquiry.template_id.0,
        inquiry.template,
        inquiry.status.word(),
        inquiry.sealed_content.as_deref(),
        inquiry.note_digest.as_deref(),
        &inquiry.tags,
        inquiry.checks,
        inquiry.creator,
        inquiry.created_at,
        inquiry.started_at,
        inquiry.expires_at,
        inquiry.expire_after_start,
        inquiry.expire_after_resume,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what may change about a locked inquiry.
pub async fn save(conn: &mut PgConnection, inquiry: &InquiryRow) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update inquiries
        set status = $3,
            sealed_content = $4,
            note_digest = $5,
            tags = $6,
            checks = $7,
            reviewer = $8,
            updated_at = $9,
            started_at = $10,
            completed_at = $11,
            failed_at = $12,
            expired_at = $13,
            marked_for_review_at = $14,
            decided_at = $15,
            redacted_at = $16,
            expires_at = $17
        where shard = $1
          and inquiry_id = $2
        "#,
        inquiry.id.shard().column(),
        inquiry.id.0,
        inquiry.status.word(),
        inquiry.sealed_content.as_deref(),
        inquiry.note_digest.as_deref(),
        &inquiry.tags,
        inquiry.checks,
        inquiry.reviewer,
        inquiry.updated_at,
        inquiry.started_at,
        inquiry.completed_at,
        inquiry.failed_at,
        inquiry.expired_at,
        inquiry.marked_for_review_at,
        inquiry.decided_at,
        inquiry.redacted_at,
        inquiry.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The inquiry of an id.
pub async fn find(conn: &mut PgConnection, id: InquiryId) -> Result<Option<InquiryRow>, StoreError> {
    Ok(find_all(conn, &[id]).await?.pop())
}

/// Locks an inquiry until the transaction ends; returns it as it is then. Its account, if that is locked too, is
/// locked before.
pub async fn lock(conn: &mut PgConnection, id: InquiryId) -> Result<Option<InquiryRow>, StoreError> {
    sqlx::query!(
        "select inquiry_id from inquiries where shard = $1 and inquiry_id = $2 for update",
        id.shard().column(),
        id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    find(conn, id).await
}

/// The inquiries of ids, the newest first.
pub async fn find_all(conn: &mut PgConnection, ids: &[InquiryId]) -> Result<Vec<InquiryRow>, StoreError> {
    let shards: Vec<i16> = ids.iter().map(|id| id.shard().column()).collect();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select inquiry.inquiry_id, inquiry.account_id, inquiry.template_id, inquiry.template, inquiry.status,
               inquiry.sealed_content, inquiry.note_digest, inquiry.tags, inquiry.checks, inquiry.creator,
               inquiry.reviewer, inquiry.created_at, inquiry.updated_at, inquiry.started_at, inquiry.completed_at,
               inquiry.failed_at, inquiry.expired_at, inquiry.marked_for_review_at, inquiry.decided_at,
               inquiry.redacted_at, inquiry.expires_at, inquiry.expire_after_start, inquiry.expire_after_resume,
               -- Cleared on an inquiry only when its account is redacted too.
               case when inquiry.redacted_at is null or account.redacted_at is null then account.reference_id end
                   as reference_id,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, inquiry_id)
        join inquiries as inquiry using (shard, inquiry_id)
        left join accounts as account
            on account.shard = inquiry.account_shard
           and account.account_id = inquiry.account_id
        left join data_keys as kept on kept.shard = inquiry.shard and kept.object_id = inquiry.inquiry_id
        order by inquiry.inquiry_id desc
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let status = InquiryStatus::of_word(&row.status)
                .ok_or(StoreError::Inconsistent { column: "inquiries.status" })?;
            let key = match (row.key_id, row.master_key_id, row.wrapped) {
                (Some(key_id), Some(master_key_id), Some(wrapped)) => {
                    Some(WrappedKey { key_id, master_key_id, wrapped })
                }
                _ => None,
            };
            Ok(InquiryRow {
                id: InquiryId(row.inquiry_id),
                account: row.account_id.map(AccountId),
                reference_id: row.reference_id,
                template_id: InquiryTemplateId(row.template_id),
                template: row.template,
                status,
                sealed_content: row.sealed_content,
                note_digest: row.note_digest,
                key,
                tags: row.tags,
                checks: row.checks,
                creator: row.creator,
                reviewer: row.reviewer,
                created_at: row.created_at,
                updated_at: row.updated_at,
                started_at: row.started_at,
                completed_at: row.completed_at,
                failed_at: row.failed_at,
                expired_at: row.expired_at,
                marked_for_review_at: row.marked_for_review_at,
                decided_at: row.decided_at,
                redacted_at: row.redacted_at,
                expires_at: row.expires_at,
                expire_after_start: row.expire_after_start,
                expire_after_resume: row.expire_after_resume,
            })
        })
        .collect()
}

/// The last inquiry of an account that was completed and is not redacted; `but` another one.
pub async fn find_last_completed(
    conn: &mut PgConnection,
    account: AccountId,
    but: InquiryId,
) -> Result<Option<InquiryRow>, StoreError> {
    let id = sqlx::query_scalar!(
        r#"
        select inquiry_id
        from inquiries
        where account_shard = $1
          and account_id = $2
          and inquiry_id <> $3
          and completed_at is not null
          and redacted_at is null
        order by completed_at desc
        limit 1
        "#,
        account.shard().column(),
        account.0,
        but.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match id {
        Some(id) => find(conn, InquiryId(id)).await,
        None => Ok(None),
    }
}

/// Whether an inquiry of the account was ever completed, redacted or not; `but` another one.
pub async fn has_completed(
    conn: &mut PgConnection,
    account: AccountId,
    but: InquiryId,
) -> Result<bool, StoreError> {
    let has = sqlx::query_scalar!(
        r#"
        select exists (
            select from inquiries
            where account_shard = $1
              and account_id = $2
              and inquiry_id <> $3
              and completed_at is not null) as "has!"
        "#,
        account.shard().column(),
        account.0,
        but.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(has)
}
