//! Keys of the API: made, shown once, listed, revoked.

use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::{ActionError, Context};
use crate::{
    domain::{
        api_key::{ApiKey, PREFIX, SECRET_BYTES},
        id::{ApiKeyId, Shard},
        personal::Personal,
    },
    store::{
        api_keys::{self, KeptKey},
        data_keys, events,
    },
    vault::Purpose,
};

/// A key to make.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    /// Its name; its id when empty.
    pub name: String,
    /// What is noted on it.
    pub note: Option<String>,
    /// What it may do; words that [`is_permission`](crate::domain::api_key::is_permission) knows.
    pub permissions: Vec<String>,
    /// From where it may be used.
    pub ip_allowlist: Vec<ipnet::IpNet>,
    /// What its answers lack.
    pub attributes_blocklist: Vec<String>,
    /// How many requests a minute it may make.
    pub requests_per_minute: Option<u32>,
    /// The version that it speaks.
    pub version: Option<String>,
    /// How keys are written for it.
    pub inflection: Option<String>,
    /// From when on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whom it belongs to.
    pub owner: Option<String>,
}

/// Makes a key. Returns it with its secret, which nobody can read again.
pub async fn create(
    context: &Context,
    actor: &str,
    new: NewKey,
) -> Result<(KeptKey, Personal<String>), ActionError> {
    let now = context.now();
    let secret = secret(context);
    let hint: String = secret.reveal().chars().take(PREFIX.len() + 4).collect();
    let id = ApiKeyId(context.new_uuid(Shard(0)));
    let mut kept = KeptKey {
        key: ApiKey {
            id,
            name: if new.name.is_empty() { id.to_string() } else { new.name },
            permissions: new.permissions,
            ip_allowlist: new.ip_allowlist,
            attributes_blocklist: new.attributes_blocklist,
            requests_per_minute: new.requests_per_minute,
            version: new.version,
            inflection: new.inflection,
        },
        note: new.note,
        sealed_note: None,
        hint,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
        owner: new.owner,
    };
    let mut transaction = context.store.transaction().await?;
    seal_note(context, &mut transaction, &mut kept).await?;
    api_keys::insert(&mut transaction, &kept, &hash(secret.reveal())).await?;
    let detail =
        json!({ "api-key": kept.key.id, "name": kept.key.name, "permissions": kept.key.permissions });
    events::insert_all(&mut transaction, &[context.event_of_all("api-key.created", actor, detail)], now)
        .await?;
    transaction.commit().await?;
    Ok((kept, secret))
}

/// The key whose secret has this [`hash`], if its requests are answered now.
pub async fn find(context: &Context, hash: &[u8; 32]) -> Result<Option<KeptKey>, ActionError> {
    let mut connection = context.store.connection().await?;
    let kept = api_keys::find_by_hash(&mut connection, hash).await?;
    Ok(kept.filter(|kept| kept.is_valid(context.now())))
}

/// Notes that a key was used just now.
pub async fn used(context: &Context, id: ApiKeyId) -> Result<(), ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(api_keys::save_used(&mut connection, id, context.now()).await?)
}

/// Every key, the newest first.
pub async fn list(context: &Context) -> Result<Vec<KeptKey>, ActionError> {
    let mut connection = context.store.connection().await?;
    let mut all = api_keys::list(&mut connection).await?;
    let noted: Vec<_> =
        all.iter().filter(|kept| kept.sealed_note.is_some()).map(|kept| kept.key.id.0).collect();
    let opened = data_keys::find_all(&mut connection, &context.keyring, &noted).await?;
    for kept in &mut all {
        if let (Some(sealed), Some(key)) = (&kept.sealed_note, opened.get(&kept.key.id.0)) {
            kept.note = Some(key.open(Purpose::ApiKeyNote, sealed)?);
        }
    }
    Ok(all)
}

/// Seals a key's note under a data key of its own.
async fn seal_note(
    context: &Context,
    conn: &mut PgConnection,
    kept: &mut KeptKey,
) -> Result<(), ActionError> {
    let Some(note) = &kept.note else { return Ok(()) };
    let id = kept.key.id.0;
    let keys = data_keys::get_or_insert(conn, &context.keyring, &[id], context.now()).await?;
    kept.sealed_note = keys.get(&id).map(|key| key.seal(Purpose::ApiKeyNote, note)).transpose()?;
    Ok(())
}

/// Seals the notes that were kept as they were written, before notes were sealed.
pub async fn seal_notes(context: &Context) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    for mut kept in api_keys::list(&mut transaction).await? {
        seal_note(context, &mut transaction, &mut kept).await?;
        if let Some(sealed) = &kept.sealed_note
            && kept.note.is_some()
        {
            api_keys::save_sealed_note(&mut transaction, kept.key.id, sealed).await?;
        }
    }
    Ok(transaction.commit().await?)
}

/// The key of an id, whether it still opens anything or not.
pub async fn get(context: &Context, id: ApiKeyId) -> Result<KeptKey, ActionError> {
    let all = list(context).await?;
    all.into_iter().find(|kept| kept.key.id == id).ok_or(ActionError::NotFound("API key of that id"))
}

/// Revokes a key: within a second it opens nothing.
pub async fn revoke(context: &Context, actor: &str, id: ApiKeyId) -> Result<(), ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    if !api_keys::save_revoked(&mut transaction, id, now).await? {
        return Err(ActionError::NotFound("API key of that id that is not revoked already"));
    }
    let event = context.event_of_all("api-key.revoked", actor, json!({ "api-key": id }));
    events::insert_all(&mut transaction, &[event], now).await?;
    transaction.commit().await?;
    Ok(())
}

/// The database's time: it answers, and the key is good.
pub async fn database_time(context: &Context) -> Result<DateTime<Utc>, ActionError> {
    Ok(crate::store::now(&mut *context.store.connection().await?).await?)
}

/// A new secret: the prefix, and random bytes in hexadecimal digits.
fn secret(context: &Context) -> Personal<String> {
    use std::fmt::Write;
    let mut text = PREFIX.to_owned();
    for byte in context.random.bytes::<SECRET_BYTES>() {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    Personal::new(text)
}

/// What a secret is found by: 192 random bits need no slow hash.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
