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
    permissions: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl KeyView {
    pub(in crate::cli) fn new(
        key: &ApiKey,
        (hint, state): (&str, &'static str),
        created_at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
        last_used_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            hint: hint.to_owned(),
            state,
            permissions: key.permissions.clone(),
            created_at,
            expires_at,
            last_used_at,
        }
    }
}

pub(in crate::cli) fn keys(keys: &[KeyView]) -> String {
    if keys.is_empty() {
        return "There are no keys; `watchkeeper key create --permission …` makes one.".to_owned();
    }
    let mut shown = table(&["key", "name", "begins", "state", "permissions", "made", "expires", "last used"]);
    let maybe = |at: Option<DateTime<Utc>>| at.map_or_else(|| "never".to_owned(), time);
    for key in keys {
        shown.add_row([
            key.id.clone(),
            key.name.clone(),
            key.hint.clone(),
            key.state.to_owned(),
            key.permissions.join(" "),
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
