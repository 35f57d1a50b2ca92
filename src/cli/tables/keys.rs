//! Keys of the API as a table.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{table, time};
use crate::{actions::master_keys::MasterKeyView, domain::api_key::ApiKey};

/// A key as the command shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) struct KeyView {
    id: String,
    name: String,
    hint: String,
    state: &'static str,
    owner: Option<String>,
    permissions: Vec<String>,
    ip_address_allowlist: Vec<String>,
    api_attributes_blocklist: Vec<String>,
    requests_per_minute: Option<u32>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl KeyView {
    pub(in crate::cli) fn new(
        key: &ApiKey,
        (hint, state, owner): (&str, &'static str, Option<String>),
        created_at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
        last_used_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            hint: hint.to_owned(),
            state,
            owner,
            permissions: key.permissions.clone(),
            ip_address_allowlist: key.ip_allowlist.iter().map(ToString::to_string).collect(),
            api_attributes_blocklist: key.attributes_blocklist.clone(),
            requests_per_minute: key.requests_per_minute,
            created_at,
            expires_at,
            last_used_at,
        }
    }
}

/// What a key is held to, in words.
fn bounds(key: &KeyView) -> String {
    let mut words: Vec<String> =
        key.api_attributes_blocklist.iter().map(|entry| format!("without {entry}")).collect();
    words.extend(key.ip_address_allowlist.iter().map(|network| format!("from {network}")));
    words.extend(key.requests_per_minute.map(|most| format!("{most} a minute")));
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

pub(in crate::cli) fn keys(keys: &[KeyView]) -> String {
    if keys.is_empty() {
        return "There are no keys; `watchkeeper key create --permission …` makes one.".to_owned();
    }
    let mut shown = table(&[
        "key",
        "name",
        "owner",
        "begins",
        "state",
        "permissions",
        "bounds",
        "made",
        "expires",
        "last used",
    ]);
    let maybe = |at: Option<DateTime<Utc>>| at.map_or_else(|| "never".to_owned(), time);
    for key in keys {
        shown.add_row([
            key.id.clone(),
            key.name.clone(),
            key.owner.clone().unwrap_or_else(|| "nobody".to_owned()),
            key.hint.clone(),
            key.state.to_owned(),
            key.permissions.join(" "),
            bounds(key),
            time(key.created_at),
            maybe(key.expires_at),
            maybe(key.last_used_at),
        ]);
    }
    shown.to_string()
}

pub(in crate::cli) fn master_keys(keys: &[MasterKeyView]) -> String {
    let mut shown = table(&["master key", "state", "here", "known since", "wraps", "may be destroyed"]);
    for key in keys {
        let state = match (key.is_current, key.retired_at) {
            (_, Some(at)) => format!("retired {}", time(at)),
            (true, None) => "current".to_owned(),
            (false, None) => "in use".to_owned(),
        };
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let wraps = format!("{} data keys", key.wraps);
        shown.add_row([
            key.id.clone(),
            state,
            yes(key.is_held),
            time(key.known_since),
            wraps,
            yes(key.is_destroyable),
        ]);
    }
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::ApiKeyId;

    #[test]
    fn a_key_is_shown_with_whose_it_is_and_what_it_is_held_to() {
        let key = ApiKey {
            id: ApiKeyId(Uuid::nil()),
            name: "crm".to_owned(),
            permissions: vec!["*".to_owned()],
            ip_allowlist: vec!["10.0.0.0/8".parse().unwrap()],
            attributes_blocklist: vec!["name-last".to_owned()],
            requests_per_minute: Some(7),
            version: None,
            inflection: None,
        };
        let beside = ("watchkeeper_abcd", "valid", Some("Ada".to_owned()));
        let view = KeyView::new(&key, beside, DateTime::UNIX_EPOCH, None, None);
        let json = serde_json::to_value(&view).unwrap();
        for (name, value) in [
            ("owner", serde_json::json!("Ada")),
            ("ip-address-allowlist", serde_json::json!(["10.0.0.0/8"])),
            ("api-attributes-blocklist", serde_json::json!(["name-last"])),
            ("requests-per-minute", serde_json::json!(7)),
        ] {
            assert_eq!(json.get(name), Some(&value), "{name}");
        }
        assert_eq!(bounds(&view), "without name-last, from 10.0.0.0/8, 7 a minute");
        let table = keys(&[view]);
        assert!(table.contains("Ada") && table.contains("name-last"), "{table}");
    }
}
