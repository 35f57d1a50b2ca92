//! Keys of the API.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::{api_key::ApiKey, id::ApiKeyId};

/// A key as it is kept: all but the key itself.
#[derive(Clone, Debug)]
pub struct KeptKey {
    /// What requests are judged by.
    pub key: ApiKey,
    /// What a person noted on it, once it is opened; as it is kept, only where it has not been sealed yet.
    pub note: Option<String>,
    /// The same, sealed under a key of its own.
    pub sealed_note: Option<Vec<u8>>,
    /// Its first characters.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is refused, because somebody said so.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Whom it belongs to: what needs two people needs keys of two owners.
    pub owner: Option<String>,
}

impl KeptKey {
    /// Whether requests with it are answered.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| now < expires)
    }
}

/// Inserts a key under the hash of its secret.
pub async fn insert(conn: &mut PgConnection, kept: &KeptKey, hash: &[u8]) -> Result<(), StoreError> {
    let key = &kept.key;
    let allowlist: Vec<String> = key.ip_allowlist.iter().map(ToString::to_string).collect();
    let requests = key.requests_per_minute.map(|requests| i32::try_from(requests).unwrap_or(i32::MAX));
    sqlx::query!(
        r#"
        insert into api_keys (
            api_key_id, name, sealed_note, hash, hint, permissions, ip_allowlist, attributes_blocklist,
            requests_per_minute, api_version, api_key_inflection, created_at, expires_at, owner
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        "#,
        key.id.0,
        key.name,
        kept.sealed_note,
        hash,
        kept.hint,
        &key.permissions,
        &allowlist,
        &key.attributes_blocklist,
        requests,
        key.version,
        key.inflection,
        kept.created_at,
        kept.expires_at,
        kept.owner,
    )
    .execute(conn)
    .await?;
    Ok(())
}

macro_rules! kept {
    ($row:expr) => {{
        let row = $row;
        let allowlist: Result<Vec<_>, _> = row.ip_allowlist.iter().map(|net| net.parse()).collect();
        Ok(KeptKey {
            key: ApiKey {
                id: ApiKeyId(row.api_key_id),
                name: row.name,
                permissions: row.permissions,
                // A list that cannot be read must not open the door.
                ip_allowlist: allowlist
                    .map_err(|_| StoreError::Inconsistent { column: "api_keys.ip_allowlist" })?,
                attributes_blocklist: row.attributes_blocklist,
                requests_per_minute: row.requests_per_minute.and_then(|requests| requests.try_into().ok()),
                version: row.api_version,
                inflection: row.api_key_inflection,
            },
            note: row.note,
            sealed_note: row.sealed_note,
            hint: row.hint,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
            owner: row.owner,
        })
    }};
}

/// The key whose secret has this hash.
pub async fn find_by_hash(conn: &mut PgConnection, hash: &[u8]) -> Result<Option<KeptKey>, StoreError> {
    let row = sqlx::query!(
        r#"
        select api_key_id, name, note, sealed_note, hint, permissions, ip_allowlist, attributes_blocklist,
               requests_per_minute, api_version, api_key_inflection, created_at, expires_at, revoked_at, last_used_at, owner
        from api_keys
        where hash = $1
        "#,
        hash,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| kept!(row)).transpose()
}

/// Every key, the newest first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<KeptKey>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select api_key_id, name, note, sealed_note, hint, permissions, ip_allowlist, attributes_blocklist,
               requests_per_minute, api_version, api_key_inflection, created_at, expires_at, revoked_at, last_used_at, owner
        from api_keys
        order by api_key_id desc
        "#,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| kept!(row)).collect()
}

/// Keeps a key's note sealed, and no longer as it was.
pub async fn save_sealed_note(
    conn: &mut PgConnection,
    id: ApiKeyId,
    sealed: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!("update api_keys set sealed_note = $2, note = null where api_key_id = $1", id.0, sealed)
        .execute(conn)
        .await?;
    Ok(())
}

/// Revokes a key. Returns whether there was one to revoke.
pub async fn save_revoked(
    conn: &mut PgConnection,
    id: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update api_keys set revoked_at = $2 where api_key_id = $1 and revoked_at is null",
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a key is used, at most once a minute.
pub async fn save_used(conn: &mut PgConnection, id: ApiKeyId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update api_keys
        set last_used_at = $2
        where api_key_id = $1
          and (last_used_at is null or last_used_at < $3)
        "#,
        id.0,
        now,
        now - TimeDelta::minutes(1),
    )
    .execute(conn)
    .await?;
    Ok(())
}
