//! Answers to requests that a client may send again.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, retention::shard_of};
use crate::{
    domain::id::{AccountId, ApiKeyId, MonitorId},
    vault::WrappedKey,
};

/// What is known of a request that was sent before.
#[derive(Debug)]
pub struct Reply {
    /// The object of the answer's data key.
    pub id: Uuid,
    /// Tells whether it is the same request.
    pub request_digest: Vec<u8>,
    /// When it was first sent.
    pub created_at: DateTime<Utc>,
    /// Its answer: status, sealed body and data key. None while it is under way, or when whoever answered died.
    pub answer: Option<(u16, Vec<u8>, WrappedKey)>,
}

/// Takes a key for a request. Returns false when it was taken before.
///
/// One that was taken before `stale_before` and never answered is taken over: its process died.
pub async fn claim(
    conn: &mut PgConnection,
    (api_key, key_digest): (ApiKeyId, &[u8]),
    request_digest: &[u8],
    reply: Uuid,
    (now, stale_before): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        insert into idempotency_replies as kept (api_key_id, key_digest, request_digest, reply_id, created_at)
        values ($1, $2, $3, $4, $5)
        on conflict on constraint idempotency_replies_pkey do update
        set reply_id = excluded.reply_id,
            created_at = excluded.created_at
        where kept.status is null
          and kept.request_digest = excluded.request_digest
          and kept.created_at < $6
        "#,
        api_key.0,
        key_digest,
        request_digest,
        reply,
        now,
        stale_before,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is known of a key.
pub async fn find(
    conn: &mut PgConnection,
    api_key: ApiKeyId,
    key_digest: &[u8],
) -> Result<Option<Reply>, StoreError> {
    let row = sqlx::query!(
        r#"
        select reply.reply_id, reply.request_digest, reply.status, reply.sealed_body, reply.created_at,
               kept.key_id as "key_id?", kept.master_key_id as "master_key_id?", kept.wrapped as "wrapped?"
        from idempotency_replies as reply
        left join data_keys as kept
            on kept.shard = get_byte(uuid_send(reply.reply_id), 15)
           and kept.object_id = reply.reply_id
        where reply.api_key_id = $1
          and reply.key_digest = $2
        "#,
        api_key.0,
        key_digest,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Reply {
        id: row.reply_id,
        request_digest: row.request_digest,
        created_at: row.created_at,
        answer: match (row.status, row.sealed_body, row.key_id, row.master_key_id, row.wrapped) {
            (Some(status), Some(body), Some(key_id), Some(master_key_id), Some(wrapped)) => {
                let key = WrappedKey { key_id, master_key_id, wrapped };
                Some((u16::try_from(status).unwrap_or(500), body, key))
            }
            _ => None,
        },
    }))
}

/// Keeps the answer of a request that was claimed as `reply`.
pub async fn save_answer(
    conn: &mut PgConnection,
    reply: Uuid,
    (api_key, key_digest): (ApiKeyId, &[u8]),
    (status, sealed_body): (u16, &[u8]),
    (account, object): (Option<AccountId>, Option<Uuid>),
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update idempotency_replies
        set status = $4,
            sealed_body = $5,
            account_id = $6,
            object_id = $7
        where api_key_id = $1
          and key_digest = $2
          and reply_id = $3
        "#,
        api_key.0,
        key_digest,
        reply,
        i16::try_from(status).unwrap_or(500),
        sealed_body,
        account.map(|account| account.0),
        object,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a key back whose request was not carried out.
pub async fn release(conn: &mut PgConnection, reply: Uuid, api_key: ApiKeyId) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from idempotency_replies where api_key_id = $1 and reply_id = $2 and status is null",
        api_key.0,
        reply,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// When an object was redacted, which stays as it is for as long as the transaction goes on: an account, or anything else
/// that answers tell of.
pub async fn lock_redacted_at(
    conn: &mut PgConnection,
    is_account: bool,
    id: Uuid,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let shard = shard_of(id);
    if is_account {
        let at = sqlx::query_scalar!(
            "select redacted_at from accounts where shard = $1 and account_id = $2 for share",
            shard,
            id,
        );
        return Ok(at.fetch_optional(conn).await?.flatten());
    }
    let monitor = sqlx::query_scalar!(
        "select redacted_at from monitors where shard = $1 and monitor_id = $2 for share",
        shard,
        id,
    );
    if let Some(at) = monitor.fetch_optional(&mut *conn).await? {
        return Ok(at);
    }
    let inquiry = sqlx::query_scalar!(
        "select redacted_at from inquiries where shard = $1 and inquiry_id = $2 for share",
        shard,
        id,
    );
    if let Some(at) = inquiry.fetch_optional(&mut *conn).await? {
        return Ok(at);
    }
    let transaction = sqlx::query_scalar!(
        "select redacted_at from transactions where shard = $1 and transaction_id = $2 for share",
        shard,
        id,
    );
    if let Some(at) = transaction.fetch_optional(&mut *conn).await? {
        return Ok(at);
    }
    let item = sqlx::query_scalar!(
        r#"
        select case when sealed_value is null then updated_at end as redacted_at
        from list_items
        where shard = $1
          and list_item_id = $2
        for share
        "#,
        shard,
        id,
    );
    Ok(item.fetch_optional(conn).await?.flatten())
}

/// Removes answers from before `before`, at most `limit`, with their data keys. Returns how many went.
pub async fn remove_old(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<u64, StoreError> {
    let gone: Vec<Uuid> = sqlx::query_scalar!(
        r#"
        delete from idempotency_replies
        where (api_key_id, key_digest) in (
            select api_key_id, key_digest
            from idempotency_replies
            where created_at < $1
            order by created_at
            limit $2
        )
        returning reply_id
        "#,
        before,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    remove_keys(conn, &gone).await?;
    Ok(gone.len() as u64)
}

/// Removes every answer that tells of any of the accounts.
pub async fn remove_of_accounts(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let gone: Vec<Uuid> = sqlx::query_scalar!(
        "delete from idempotency_replies where account_id = any($1) returning reply_id",
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    remove_keys(conn, &gone).await
}

/// Removes every answer that tells of reports or of one of their hits.
pub async fn remove_of_reports(conn: &mut PgConnection, reports: &[MonitorId]) -> Result<(), StoreError> {
    let (shards, ids): (Vec<i16>, Vec<Uuid>) =
        reports.iter().map(|report| (report.shard().column(), report.0)).unzip();
    let gone: Vec<Uuid> = sqlx::query_scalar!(
        r#"
        delete from idempotency_replies
        where object_id in (
            select report_id from unnest($2::uuid[]) as report (report_id)
            union all
            select hit_id
            from unnest($1::smallint[], $2::uuid[]) as report (shard, monitor_id)
            join hits using (shard, monitor_id))
        returning reply_id
        "#,
        &shards,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    remove_keys(conn, &gone).await
}

/// Removes every answer that tells of objects.
pub async fn remove_of_objects(conn: &mut PgConnection, objects: &[Uuid]) -> Result<(), StoreError> {
    let gone: Vec<Uuid> = sqlx::query_scalar!(
        "delete from idempotency_replies where object_id = any($1) returning reply_id",
        objects,
    )
    .fetch_all(&mut *conn)
    .await?;
    remove_keys(conn, &gone).await
}

async fn remove_keys(conn: &mut PgConnection, replies: &[Uuid]) -> Result<(), StoreError> {
    if replies.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        delete from data_keys
        using unnest($1::uuid[]) as gone (reply_id)
        where data_keys.shard = get_byte(uuid_send(gone.reply_id), 15)
          and data_keys.object_id = gone.reply_id
        "#,
        replies,
    )
    .execute(conn)
    .await?;
    Ok(())
}
