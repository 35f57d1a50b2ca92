//! Certificates of erasure: what was redacted, when, which keys were destroyed, and where the audit log has it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ActionError, Context, EntryView, environment, hex};
use crate::{
    domain::{audit::Chained, id},
    store::{
        audit,
        erasures::{self, ErasedKey},
    },
};

/// The chain's name among those under one key.
const CHAIN: &str = "certificate";

/// That something was redacted.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Certificate {
    /// The database.
    pub environment: String,
    /// What was done, such as `account.redacted`.
    pub operation: String,
    /// The account.
    pub account: Option<String>,
    /// What was redacted when that is not the account.
    pub object: Option<String>,
    /// When.
    pub redacted_at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// By what means: `system`, `user` or `api-key`.
    pub origin: String,
    /// The key or the user.
    pub origin_id: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// The keys that were destroyed in this database, each behind what it sealed for. A backup from before has them still,
    /// and opens for whoever holds the master key that it was made under.
    pub keys: Vec<(String, String)>,
    /// How much of what was destroyed.
    pub counts: Value,
    /// The entry of the audit log that has it.
    pub audit_sequence: i64,
    /// That entry's keyed hash.
    pub audit_mac: String,
    /// The keyed hash of this certificate.
    pub seal: String,
}

/// Why a certificate is not what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum Doubt {
    /// It was altered, or made elsewhere.
    #[error("the certificate was altered, or is of another database")]
    Forged,
    /// The audit log has something else.
    #[error("entry {sequence} of the audit log is not the one of the certificate")]
    NotInLog {
        /// The entry.
        sequence: i64,
    },
    /// A destroyed key is there again.
    #[error("{count} of the destroyed keys are in the database again: an older state was restored")]
    KeysAreBack {
        /// How many.
        count: usize,
    },
}

/// The certificate of the newest redaction of an object, by its id; or of the entry of a number.
pub async fn certificate(context: &Context, of: &str) -> Result<Certificate, ActionError> {
    let nothing = ActionError::NotFound("redaction of that object in the audit log");
    let mut connection = context.store.connection().await?;
    let found = if let Ok(sequence) = of.parse() {
        audit::find(&mut connection, sequence).await?
    } else {
        let Some(object) = id::uuid_of(of) else { return Err(nothing) };
        audit::find_redaction(&mut connection, object).await?
    };
    let found = found.filter(is_redaction).ok_or(nothing)?;
    let mut made = unsealed(context, &found);
    made.seal = seal(context, &made);
    Ok(made)
}

/// Whether an entry is a redaction's, and tells of the keys: what went with another is told of there.
fn is_redaction(chained: &Chained) -> bool {
    let detail: Value = serde_json::from_str(&chained.entry.detail).unwrap_or_default();
    chained.entry.operation.ends_with("redacted") && detail.get("keys").is_some()
}

fn unsealed(context: &Context, found: &Chained) -> Certificate {
    let view = EntryView::from(found);
    let keys = view.detail.get("keys").cloned().unwrap_or_default();
    Certificate {
        environment: environment(context).to_string(),
        operation: view.operation,
        account: view.account,
        object: view.object,
        redacted_at: view.occurred_at,
        actor: view.actor,
        origin: view.origin,
        origin_id: view.origin_id,
        address: view.address,
        keys: serde_json::from_value(keys).unwrap_or_default(),
        counts: view.detail.get("counts").cloned().unwrap_or_default(),
        audit_sequence: view.sequence,
        audit_mac: view.mac,
        seal: String::new(),
    }
}

fn seal(context: &Context, certificate: &Certificate) -> String {
    let unsealed = Certificate { seal: String::new(), ..certificate.clone() };
    let bytes = serde_json::to_vec(&unsealed).expect("texts, numbers and ids can be written");
    hex(&context.digest_key.chain().link(CHAIN, &[0; 32], &bytes))
}

/// Whether a certificate was made here, agrees with the audit log, and its keys are gone. Whether the log itself is as
/// it was written is another question: [`verify_all`](super::verify_all).
pub async fn doubt(context: &Context, certificate: &Certificate) -> Result<Option<Doubt>, ActionError> {
    if seal(context, certificate) != certificate.seal {
        return Ok(Some(Doubt::Forged));
    }
    let mut connection = context.store.connection().await?;
    let sequence = certificate.audit_sequence;
    let found = audit::find(&mut connection, sequence).await?;
    let agrees = found.is_some_and(|found| {
        Certificate { seal: certificate.seal.clone(), ..unsealed(context, &found) } == *certificate
    });
    if !agrees {
        return Ok(Some(Doubt::NotInLog { sequence }));
    }
    let read = |(object, key_id): &(String, String)| {
        Some(ErasedKey { object: object.parse().ok()?, key_id: key_id.parse().ok()? })
    };
    let keys: Vec<ErasedKey> = certificate.keys.iter().filter_map(read).collect();
    let count = erasures::list_living(&mut connection, &keys).await?.len();
    Ok((count > 0).then_some(Doubt::KeysAreBack { count }))
}
