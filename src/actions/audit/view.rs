//! Entries as people and programs read them: ids written as everywhere else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{SHOWN, hex};
use crate::domain::{
    audit::{Chained, Entry},
    id,
};

/// An entry as people and programs read it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EntryView {
    /// Its number.
    pub sequence: i64,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What was done.
    pub operation: String,
    /// The account that it is about.
    pub account: Option<String>,
    /// What it is about when that is not the account.
    pub object: Option<String>,
    /// All objects that it is about, those among the detail too; of a reading, all that it showed.
    pub objects: Vec<String>,
    /// Who did it.
    pub actor: String,
    /// By what means: `system`, `user` or `api-key`.
    pub origin: String,
    /// The key or the user.
    pub origin_id: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// More about it: ids, names of fields, counts.
    pub detail: Value,
    /// Its keyed hash.
    pub mac: String,
}

/// Prefixes of ids by the first word of an operation.
const PREFIXES: [(&str, &str); 12] = [
    ("account-action", "accac"),
    ("account-type", "acttp"),
    ("account", "act"),
    ("api-key", "api"),
    ("hit", "hit"),
    ("importer", "mprt"),
    ("inquiry", "inq"),
    ("list-item", "li"),
    ("list", "lst"),
    ("report", "rep"),
    ("tag", "tag"),
    ("transaction", "txn"),
];

impl From<&Chained> for EntryView {
    fn from(chained: &Chained) -> Self {
        let entry = &chained.entry;
        let detail: Value = serde_json::from_str(&entry.detail).unwrap_or(Value::Null);
        let names = Names::of(entry, &detail);
        Self {
            sequence: chained.sequence,
            occurred_at: entry.occurred_at,
            operation: entry.operation.clone(),
            account: entry.account.map(|id| id::with_prefix("act", id)),
            object: entry.object.map(|id| names.name(id)),
            objects: entry.objects.iter().map(|id| names.name(*id)).collect(),
            actor: entry.actor.clone(),
            origin: entry.origin_kind.clone(),
            origin_id: entry.origin_id.clone(),
            address: entry.address.clone(),
            detail,
            mac: hex(&chained.mac),
        }
    }
}

/// The written ids of an entry's objects, for its columns hold them without their kinds.
struct Names {
    /// Those that the entry itself says.
    known: HashMap<Uuid, String>,
    /// The prefix of the one that it does not say: the object that the operation is about.
    prefix: Option<&'static str>,
}

impl Names {
    fn of(entry: &Entry, detail: &Value) -> Self {
        let mut known = HashMap::new();
        written(detail, &mut known);
        let counts = detail.get(SHOWN).and_then(Value::as_object).into_iter().flatten();
        let kinds = counts.flat_map(|(prefix, count)| {
            let count = count.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
            // What is more than there is was not written by us.
            std::iter::repeat_n(prefix, count.min(entry.objects.len()))
        });
        for (prefix, id) in kinds.zip(&entry.objects) {
            known.insert(*id, id::with_prefix(prefix, *id));
        }
        if let Some(account) = entry.account {
            known.insert(account, id::with_prefix("act", account));
        }
        let first = entry.operation.split(['.', '/']).next().unwrap_or_default();
        let prefix = PREFIXES.iter().find(|(word, _)| *word == first).map(|(_, prefix)| *prefix);
        // Of several that nothing says, each may be something else.
        let unsaid = entry.objects.iter().filter(|id| !known.contains_key(id)).count();
        Self { known, prefix: prefix.filter(|_| unsaid <= 1) }
    }

    fn name(&self, id: Uuid) -> String {
        match (self.known.get(&id), self.prefix) {
            (Some(known), _) => known.clone(),
            (None, Some(prefix)) => id::with_prefix(prefix, id),
            (None, None) => id.to_string(),
        }
    }
}

/// All ids that stand in a detail.
fn written(detail: &Value, known: &mut HashMap<Uuid, String>) {
    match detail {
        Value::String(text) => {
            if let Some(id) = id::uuid_of(text) {
                known.entry(id).or_insert_with(|| text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| written(item, known)),
        Value::Object(map) => map.values().for_each(|value| written(value, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn viewed(operation: &str, object: Option<Uuid>, objects: Vec<Uuid>, detail: &Value) -> EntryView {
        let entry = Entry {
            id: Uuid::from_u128(1),
            occurred_at: DateTime::UNIX_EPOCH,
            operation: operation.to_owned(),
            account: None,
            object,
            objects,
            actor: "ann".to_owned(),
            origin_kind: "system".to_owned(),
            origin_id: None,
            address: None,
            detail: detail.to_string(),
        };
        EntryView::from(&Chained { sequence: 1, entry, mac: [0; 32] })
    }

    #[test]
    fn what_was_shown_is_named_by_its_kind() {
        let (account, file, hit) = (Uuid::from_u128(7), Uuid::from_u128(5), Uuid::from_u128(9));
        let detail = json!({ "shown": { "act": 1, "file": 1 } });
        let view = viewed("account.read", None, vec![account, file], &detail);
        assert_eq!(view.objects, [id::with_prefix("act", account), id::with_prefix("file", file)]);
        let view = viewed("hit.read", None, vec![hit, account], &json!({ "shown": { "hit": u64::MAX } }));
        assert_eq!(view.objects, [id::with_prefix("hit", hit), id::with_prefix("hit", account)]);
    }

    #[test]
    fn entries_that_do_not_say_the_kinds_are_named_as_far_as_they_can_be() {
        let (one, other) = (Uuid::from_u128(7), Uuid::from_u128(5));
        let view = viewed("account.read", None, vec![one], &json!({ "count": 1 }));
        assert_eq!(view.objects, [id::with_prefix("act", one)]);
        let view = viewed("account.read", None, vec![one, other], &json!({ "count": 1 }));
        assert_eq!(view.objects, [one.to_string(), other.to_string()]);
        let hit = id::with_prefix("hit", other);
        let view = viewed(
            "report/watchlist.dismissed",
            Some(one),
            vec![one, other],
            &json!({ "hits": [{ "hit": hit }] }),
        );
        assert_eq!(view.object, Some(id::with_prefix("rep", one)));
        assert_eq!(view.objects, [id::with_prefix("rep", one), hit]);
    }
}
