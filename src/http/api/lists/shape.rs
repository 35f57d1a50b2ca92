//! Lists and their items as the API shows them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    actions::lists::OpenItem,
    domain::{
        id::{ListId, ListItemId},
        list::{EmailMatch, ListKind, ListValue},
    },
    http::api::{answer::Resource, errors::ApiError, events::time},
    store::lists::ListRow,
};

/// A list.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListAttributes {
    /// Its name.
    name: String,
    /// `active` or `archived`.
    status: &'static str,
    /// Counts the changes of its items.
    version: i64,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Since when it matches nobody any more.
    archived_at: Option<String>,
}

/// An item of a list.
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ItemAttributes {
    /// `active` or `archived`.
    status: &'static str,
    /// How many hits it made.
    match_count: i64,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Since when it matches nobody any more.
    archived_at: Option<String>,
    /// When its value was destroyed.
    redacted_at: Option<String>,
    /// Who put it there.
    creator_name: String,
    /// A first name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_first: Option<String>,
    /// A last name, or the whole name of what is no person.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_last: Option<String>,
    /// An e-mail address or domain, a phone number, an IP address or network, a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// `email_address` or `domain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    match_type: Option<EmailMatch>,
    /// An ISO 3166-1 alpha-2 code.
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    /// What sort of document.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_class: Option<String>,
    /// The number of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_number: Option<String>,
}

impl ItemAttributes {
    fn with(mut self, value: ListValue) -> Self {
        match value {
            ListValue::Name { first, last } => (self.name_first, self.name_last) = (first, last),
            ListValue::Email { value, matches } => {
                (self.value, self.match_type) = (Some(value), Some(matches));
            }
            ListValue::Phone { value } | ListValue::Ip { value } | ListValue::Text { value } => {
                self.value = Some(value);
            }
            ListValue::Country { code } => self.country_code = Some(code),
            ListValue::GovernmentId { class, number } => {
                (self.id_class, self.id_number) = (Some(class), Some(number));
            }
        }
        self
    }
}

const fn status(is_archived: bool) -> &'static str {
    if is_archived { "archived" } else { "active" }
}

/// A list, with those of its items that `items` has.
pub(super) fn list_resource(
    list: &ListRow,
    items: &HashMap<ListId, Vec<ListItemId>>,
) -> Result<Resource, ApiError> {
    let attributes = ListAttributes {
        name: list.name.clone(),
        status: status(list.archived_at.is_some()),
        version: list.version,
        created_at: time(list.created_at),
        updated_at: time(list.updated_at),
        archived_at: list.archived_at.map(time),
    };
    let kind = singular(list.kind);
    let items = items.get(&list.id).into_iter().flatten();
    let items = items.map(|item| (format!("list-item/{kind}"), *item));
    Ok(Resource::new(format!("list/{kind}"), list.id, &attributes)?.to_many("list-items", items))
}

/// An item.
pub(super) fn item_resource(item: OpenItem) -> Result<Resource, ApiError> {
    let attributes = ItemAttributes {
        status: status(item.archived_at.is_some()),
        match_count: item.match_count,
        created_at: time(item.created_at),
        updated_at: time(item.updated_at),
        archived_at: item.archived_at.map(time),
        redacted_at: item.redacted_at.map(time),
        creator_name: item.actor,
        ..ItemAttributes::default()
    };
    let attributes = match item.value {
        Some(value) => attributes.with(value),
        None => attributes,
    };
    let kind = singular(item.kind);
    Ok(Resource::new(format!("list-item/{kind}"), item.id, &attributes)?.to_one(
        "list",
        &format!("list/{kind}"),
        Some(item.list),
    ))
}

/// `names` is `name` where one of them is meant.
const fn singular(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Names => "name",
        ListKind::EmailAddresses => "email-address",
        ListKind::PhoneNumbers => "phone-number",
        ListKind::Countries => "country",
        ListKind::GovernmentIdNumbers => "government-id-number",
        ListKind::IpAddresses => "ip-address",
        ListKind::Strings => "string",
    }
}
