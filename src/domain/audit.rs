//! The audit log: who did what to which object, when, from where. Nothing in it is personal, for it is never changed.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::id::{self, ApiKeyId};

/// By what means something is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// By the daemon itself: a schedule, a sweep.
    #[default]
    System,
    /// By a user of this host, at the command line.
    User(String),
    /// By a key of the API.
    ApiKey {
        /// The key.
        id: ApiKeyId,
        /// From where it was used.
        address: Option<IpAddr>,
    },
}

impl Origin {
    /// Its word in the column `origin_kind`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User(_) => "user",
            Self::ApiKey { .. } => "api-key",
        }
    }

    /// The user or the key.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::System => None,
            Self::User(user) => Some(user.clone()),
            Self::ApiKey { id, .. } => Some(id.to_string()),
        }
    }

    /// From where.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::System | Self::User(_) => None,
            Self::ApiKey { address, .. } => address.map(|address| address.to_canonical().to_string()),
        }
    }
}

/// One entry, whatever its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id; that of the event, where it is of a change.
    pub id: Uuid,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What was done, such as `account.created`.
    pub operation: String,
    /// The account that it is about.
    pub account: Option<Uuid>,
    /// The object that it is about when that is not the account.
    pub object: Option<Uuid>,
    /// All objects that it is about.
    pub objects: Vec<Uuid>,
    /// Who did it.
    pub actor: String,
    /// By what means: a word of [`Origin`].
    pub origin_kind: String,
    /// The key or the user.
    pub origin_id: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// More about it: JSON, in ids and words of ours.
    pub detail: String,
}

/// An entry in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chained {
    /// Its number: 1 for the first, and none is left out.
    pub sequence: i64,
    /// What it says.
    pub entry: Entry,
    /// The keyed hash over it and the entry before.
    pub mac: [u8; 32],
}

impl Entry {
    /// What is hashed of it as entry `sequence`: every part, so that no two entries have the same bytes.
    pub fn bytes(&self, sequence: i64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.detail.len());
        bytes.extend_from_slice(&sequence.to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.occurred_at.timestamp_micros().to_be_bytes());
        for id in [self.account, self.object] {
            bytes.push(u8::from(id.is_some()));
            bytes.extend_from_slice(id.unwrap_or_default().as_bytes());
        }
        bytes.extend_from_slice(&(self.objects.len() as u64).to_be_bytes());
        for id in &self.objects {
            bytes.extend_from_slice(id.as_bytes());
        }
        let texts = [Some(&self.operation), Some(&self.actor), Some(&self.origin_kind)];
        let more = [self.origin_id.as_ref(), self.address.as_ref(), Some(&self.detail)];
        for text in texts.into_iter().chain(more) {
            bytes.push(u8::from(text.is_some()));
            let text = text.map(String::as_str).unwrap_or_default();
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

/// What of an event's detail the audit log keeps for ever: ids, names of fields, counts, words of ours. Not tags,
/// statuses, reasons and matched entities, which go when an account is redacted; nor a date that something is due at, for
/// it may follow from a sealed one.
const KEPT: [&str; 46] = [
    "account-action",
    "account-type",
    "api-key",
    "attributes",
    "byte-size",
    "comment",
    "consolidation",
    "count",
    "counts",
    "destination-account-id",
    "failed-checks",
    "field",
    "fields",
    "file-id",
    "format",
    "hit",
    "hits",
    "hold",
    "importer",
    "inquiry",
    "keys",
    "ledger-file",
    "list",
    "list-item",
    "master-key",
    "operation",
    "override",
    "permissions",
    "policies",
    "policy",
    "provider",
    "relation-schema-key",
    "reopen",
    "report",
    "report-template",
    "rescreen",
    "reverification",
    "run",
    "schedule",
    "schedules",
    "scope",
    "source-account-ids",
    "template",
    "type",
    "version",
    "written-fields",
];

/// The part of an event's detail that the audit log keeps.
pub fn kept(detail: &Value) -> Value {
    match detail {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| KEPT.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key.clone(), part(key, value))).collect::<Map<_, _>>())
        }
        _ => Value::Object(Map::new()),
    }
}

/// A kept value; counts have names of tables as their keys.
fn part(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(_) if key == "counts" => value.clone(),
        Value::Object(_) => kept(value),
        Value::Array(items) => Value::Array(items.iter().map(|item| part(key, item)).collect()),
        _ => value.clone(),
    }
}

/// All ids in a detail, in no order, each once.
pub fn ids_in(detail: &Value, found: &mut Vec<Uuid>) {
    match detail {
        Value::String(text) => {
            if let Some(id) = id::uuid_of(text).filter(|id| !found.contains(id)) {
                found.push(id);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| ids_in(item, found)),
        Value::Object(map) => map.values().for_each(|value| ids_in(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_detail_keeps_ids_and_loses_what_goes_at_redaction() {
        let id = id::with_prefix("hit", Uuid::from_u128(9));
        let detail = json!({
            "report": "rep_x", "hits": [{ "hit": id, "entity": "ofac:1", "from": "open" }],
            "tag": "a", "reason": "because of Jane", "due-at": "2031-05-06", "counts": { "runs": 2 },
        });
        let kept = kept(&detail);
        assert_eq!(kept, json!({ "report": "rep_x", "hits": [{ "hit": id }], "counts": { "runs": 2 } }));
        let mut ids = vec![];
        ids_in(&kept, &mut ids);
        assert_eq!(ids, [Uuid::from_u128(9)]);
    }

    #[test]
    fn entries_that_differ_in_any_part_have_other_bytes() {
        let entry = Entry {
            id: Uuid::from_u128(1),
            occurred_at: DateTime::from_timestamp_micros(5).unwrap(),
            operation: "a".to_owned(),
            account: None,
            object: Some(Uuid::nil()),
            objects: vec![],
            actor: "bc".to_owned(),
            origin_kind: "system".to_owned(),
            origin_id: None,
            address: Some(String::new()),
            detail: "{}".to_owned(),
        };
        let others = [
            Entry { operation: "ab".to_owned(), actor: "c".to_owned(), ..entry.clone() },
            Entry { account: Some(Uuid::nil()), object: None, ..entry.clone() },
            Entry { origin_id: Some(String::new()), address: None, ..entry.clone() },
            Entry { objects: vec![Uuid::nil()], ..entry.clone() },
        ];
        for other in others {
            assert_ne!(entry.bytes(1), other.bytes(1));
        }
        assert_ne!(entry.bytes(1), entry.bytes(2));
    }
}
