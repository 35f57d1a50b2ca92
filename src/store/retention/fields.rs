//! Which fields of accounts a policy redacted alone, and when they were filled again.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    domain::id::AccountId,
    store::{StoreError, standings::columns},
};

/// A field that a policy redacted alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRedaction {
    /// Its key.
    pub field: String,
    /// When it was filled again, as far as anybody has noted it.
    pub filled_at: Option<DateTime<Utc>>,
}

/// The fields of accounts that a policy redacted alone.
pub async fn list_field_redactions(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, FieldRedaction)>, StoreError> {
    let (shards, ids) = columns(accounts);
    let rows = sqlx::query!(
        r#"
        select redacted.account_id, redacted.field, redacted.filled_at
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, account_id)
        join field_redactions as redacted using (shard, account_id)
        "#,
        &shards,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let found = rows.into_iter().map(|row| {
        let redaction = FieldRedaction { field: row.field, filled_at: row.filled_at };
        (AccountId(row.account_id), redaction)
    });
    Ok(found.collect())
}

/// Notes when fields were filled again; what was noted before stays.
pub async fn save_fields_filled(
    conn: &mut PgConnection,
    filled: &[(AccountId, String, DateTime<Utc>)],
) -> Result<(), StoreError> {
    if filled.is_empty() {
        return Ok(());
    }
    let shards: Vec<i16> = filled.iter().map(|(account, ..)| account.shard().column()).collect();
    let accounts: Vec<Uuid> = filled.iter().map(|(account, ..)| account.0).collect();
    let fields: Vec<String> = filled.iter().map(|(_, field, _)| field.clone()).collect();
    let times: Vec<DateTime<Utc>> = filled.iter().map(|(.., at)| *at).collect();
    sqlx::query!(
        r#"
        update field_redactions as kept
        set filled_at = filled.at
        from unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[])
             as filled (shard, account_id, field, at)
        where kept.shard = filled.shard
          and kept.account_id = filled.account_id
          and kept.field = filled.field
          and kept.filled_at is null
        "#,
        &shards,
        &accounts,
        &fields,
        &times,
    )
    .execute(conn)
    .await?;
    Ok(())
}
