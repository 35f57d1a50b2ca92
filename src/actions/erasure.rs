//! What every redaction does besides: it notes which keys it destroyed, and counts of what they sealed.
//!
//! A redaction begins with [`begin`], destroys what it destroys, and tells of it with the detail that [`told`] makes;
//! so the audit log has it, and a certificate can be made of it.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::ActionError;
use crate::store::erasures;

/// Says that the transaction is a redaction: keys that it deletes from here on are noted.
pub async fn begin(conn: &mut PgConnection) -> Result<(), ActionError> {
    Ok(erasures::begin(conn).await?)
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
