//! What redaction takes out of the rows of accounts. The keys go too ([`data_keys`](super::data_keys)): what a
//! copy of the database elsewhere still holds cannot be opened either.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::StoreError;
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
