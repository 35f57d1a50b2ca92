//! What every redaction does besides: it notes which keys it destroyed, and counts of what they sealed.
//!
//! A redaction begins with [`begin`], destroys what it destroys, and tells of it with the detail that [`told`] makes;
//! so the audit log has it, and a certificate can be made of it.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    ActionError, Context,
    ledger::{self, Act, Erasure},
};
use crate::{
    domain::id::Shard,
    store::{Transaction, audit, erasures},
};

/// Says that the transaction is a redaction: keys that it deletes from here on are noted.
pub async fn begin(conn: &mut PgConnection) -> Result<(), ActionError> {
    Ok(erasures::begin(conn).await?)
}

/// Commits a redaction: noted in the erasure ledger before, and as done after. Only then is it to be reported. Where the
/// ledger cannot be written, nothing is redacted.
pub async fn commit(context: &Context, mut transaction: Transaction) -> Result<(), ActionError> {
    if context.ledger.is_none() {
        return Ok(transaction.commit().await?);
    }
    let keys = erasures::list(&mut transaction).await?;
    if keys.is_empty() {
        return Ok(transaction.commit().await?);
    }
    let audit_sequence = audit::head(&mut transaction).await?.map_or(0, |(sequence, _)| sequence);
    let about = Erasure { id: context.new_uuid(Shard(0)), keys, audit_sequence };
    ledger::write(context, Act::Intent, &about, "nothing was redacted").await?;
    // After an error nobody knows whether it was done: who reads the ledger finds out by the keys.
    transaction.commit().await?;
    ledger::write(context, Act::Done, &about, "it was redacted, and the ledger does not say so yet").await
}

/// Adds to an event's detail the keys that the transaction has destroyed so far, and counts of what they sealed.
pub async fn told(
    conn: &mut PgConnection,
    mut detail: Value,
    counts: impl serde::Serialize,
) -> Result<Value, ActionError> {
    let keys = erasures::list(conn).await?;
    let ids: Vec<[String; 2]> =
        keys.iter().map(|key| [key.object.to_string(), key.key_id.to_string()]).collect();
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("keys".to_owned(), json!(ids));
        detail.insert("counts".to_owned(), json!(counts));
    }
    Ok(detail)
}
