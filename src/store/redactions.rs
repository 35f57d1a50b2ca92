//! What redaction takes out of the rows of accounts. The keys go too ([`data_keys`](super::data_keys)): what a
//! copy of the database elsewhere still holds cannot be opened either.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, standings::columns};
use crate::domain::id::AccountId;

/// What stays of an account that is redacted.
#[derive(Debug)]
pub struct Kept {
    /// The account, locked by the caller.
    pub account: AccountId,
    /// The plain fields that stay.
    pub fields: Value,
    /// The sealed fields that stay, under a new key.
    pub sealed_fields: Option<Vec<u8>>,
}

/// Takes the personal data out of a locked account, and the reason for which somebody paused it. Its version
/// moves on, and rests there until somebody fills the account again.
pub async fn save_account(
    conn: &mut PgConnection,
    kept: &Kept,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (shard, id) = (kept.account.shard().column(), kept.account.0);
    sqlx::query!(
        r#"
        update accounts
        set fields = $3,
            sealed_fields = $4,
            version = version + 1,
            redacted_version = version + 1,
            redacted_at = $5,
            updated_at = $5
        where shard = $1
          and account_id = $2
        "#,
        shard,
        id,
        kept.fields,
        kept.sealed_fields,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update account_pauses set sealed_reason = null where shard = $1 and account_id = $2",
        shard,
        id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the content out of the reports that monitors made: of their runs and of their hits, with the reasons of
/// decisions; and destroys their keys. Hits are gone, as they stood before: when a run finds one again, a
/// decision on it still stands.
pub async fn save_reports(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (_, ids) = columns(accounts);
    let monitors: Vec<Uuid> = sqlx::query_scalar!(
        r#"
        select monitor.monitor_id
        from unnest($1::uuid[]) as wanted (account_id)
        join monitors as monitor using (account_id)
        order by monitor.shard, monitor.monitor_id
        "#,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update hits as hit
        set sealed_content = null,
            sealed_reason = null,
            state = 'gone',
            state_before_gone = case when hit.state = 'gone' then hit.state_before_gone else hit.state end,
            gone_at = coalesce(hit.gone_at, $2),
            changed_at = $2
        where hit.account_id = any($1)
        "#,
        &ids,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        update hit_comments as comment
        set sealed_text = null
        from hits as hit
        where hit.account_id = any($1)
          and comment.hit_id = hit.hit_id
        "#,
        &ids,
    )
    .execute(&mut *conn)
    .await?;
    for monitor in &monitors {
        // By monitor, so that each partition is asked through its index.
        sqlx::query!(
            "update runs set sealed_content = null where monitor_id = $1 and sealed_content is not null",
            monitor,
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!(
            "update kept_runs set sealed_content = null where monitor_id = $1 and sealed_content is not null",
            monitor,
        )
        .execute(&mut *conn)
        .await?;
    }
    super::data_keys::remove_all(conn, &monitors).await
}
