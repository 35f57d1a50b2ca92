//! Keys of the API, through the API.

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    inflection::Inflection,
    operation::{Document, Operation},
    version::Version,
};
use crate::{
    actions::api_keys::{self, NewKey},
    domain::api_key::{ApiKey, BLOCKABLE, PERMISSIONS, blockable, is_permission},
    store::api_keys::KeptKey,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api-keys", "api-key.read", "Lists the keys of the API, the newest first")
            .lists::<Attributes>("api-key")
            .handled_by(list),
        Operation::post("/api-keys", "api-key.write", "Makes a key; the answer shows it, this once")
            .about(
                "A key cannot be given more than the key which makes it has: no other permission, no wider network, \
                 no later end, no higher limit; what is not said is as the maker has it. What the maker must not \
                 see, the new key must not see either.",
            )
            .body::<Document<Create>>()
            .answers::<Attributes>(201, "api-key")
            // The answer holds a secret: it is not kept.
            .reads()
            .handled_by(create),
        Operation::post(
            "/api-keys/{api-key-id}/expire",
            "api-key.write",
            "Revokes a key: it opens nothing any more",
        )
        .answers::<Attributes>(200, "api-key")
        .handled_by(revoke),
        Operation::get("/ping", "*", "Answers when the key is good and the database answers")
            .answers_document::<serde_json::Value>(200)
            .handled_by(ping),
        // Persona's own way to learn one's limits.
        Operation::get("/rate-limits", "*", "Tells how many requests the key has left")
            .answers_document::<serde_json::Value>(200)
            .handled_by(rate_limits),
    ]
}

/// A key to make.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    /// Its name, which events show as the actor.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// A word on it.
    note: Option<String>,
    /// What it may do, such as `account.read`, `account.*` or `*`.
    permissions: Vec<String>,
    /// Addresses and networks that it may be used from; any when empty.
    ip_address_allowlist: Vec<String>,
    /// Attributes that its answers lack, and that it cannot ask by: names such as `name-last` or `address-*`, fields
    /// such as `fields.name.last`, or JSON pointers, with `*`.
    api_attributes_blocklist: Vec<String>,
    /// How many requests a minute it may make.
    #[schemars(range(min = 1))]
    requests_per_minute: Option<u32>,
    /// The version that it speaks when a request names none.
    api_version: Option<String>,
    /// How keys are written when a request does not say it.
    api_key_inflection: Option<String>,
    /// From when on it is refused (RFC 3339).
    expires_at: Option<DateTime<Utc>>,
}

/// A key, without the key itself.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// Its name.
    name: String,
    /// A word on it.
    note: Option<String>,
    /// Whom it belongs to, as the command line said it; a key made with another has that one's owner.
    owner: Option<String>,
    /// Its first characters.
    hint: String,
    /// The key itself, in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    permissions: Vec<String>,
    ip_address_allowlist: Vec<String>,
    api_attributes_blocklist: Vec<String>,
    requests_per_minute: Option<u32>,
    api_version: Option<String>,
    api_key_inflection: Option<String>,
    created_at: String,
    expires_at: Option<String>,
    /// Since when it opens nothing any more.
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

fn resource(kept: &KeptKey, value: Option<String>) -> Result<Resource, ApiError> {
    let key = &kept.key;
    let attributes = Attributes {
        name: key.name.clone(),
        note: kept.note.clone(),
        owner: kept.owner.clone(),
        hint: kept.hint.clone(),
        value,
        permissions: key.permissions.clone(),
        ip_address_allowlist: key.ip_allowlist.iter().map(ToString::to_string).collect(),
        api_attributes_blocklist: key.attributes_blocklist.clone(),
        requests_per_minute: key.requests_per_minute,
        api_version: key.version.clone(),
        api_key_inflection: key.inflection.clone(),
        created_at: time(kept.created_at),
        expires_at: kept.expires_at.map(time),
        revoked_at: kept.revoked_at.map(time),
        last_used_at: kept.last_used_at.map(time),
    };
    Resource::new("api-key", key.id, &attributes)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids()?;
    let mut keys = api_keys::list(&call.context).await?;
    keys.retain(|kept| after.is_none_or(|id| kept.key.id < id) && before.is_none_or(|id| kept.key.id > id));
    let size = usize::from(page.size);
    let more = keys.len() > size;
    if before.is_some() {
        keys.drain(..keys.len().saturating_sub(size));
    }
    keys.truncate(size);
    let resources = keys.iter().map(|kept| resource(kept, None)).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<Create>>()?.data.attributes;
    let maker = api_keys::get(&call.context, call.caller.key.id).await?;
    let new = checked(&call, &maker, sent)?;
    let (kept, secret) = api_keys::create(&call.context, &call.actor(), new).await?;
    Ok(Answer::one(StatusCode::CREATED, resource(&kept, Some(secret.into_revealed()))?))
}

fn checked(call: &Call, maker: &KeptKey, sent: Create) -> Result<NewKey, ApiError> {
    let mut faults = Vec::new();
    let mut refuse = |name: &str, details: String| faults.push((format!("/data/attributes/{name}"), details));
    if sent.name.is_empty() || sent.name.chars().count() > 100 || sent.name.contains(char::is_control) {
        refuse("name", "is needed: 1 to 100 characters".to_owned());
    }
    if sent.permissions.is_empty() {
        refuse("permissions", format!("at least one is needed: *, or any of {}", PERMISSIONS.join(", ")));
    }
    for (place, permission) in sent.permissions.iter().enumerate() {
        if !is_permission(permission) {
            let details = format!("is no permission; accepted is *, or any of {}", PERMISSIONS.join(", "));
            refuse(&format!("permissions/{place}"), details);
        } else if PERMISSIONS.iter().any(|known| {
            let made = crate::domain::api_key::covers(permission, known);
            made && !call.caller.key.may(known)
        }) {
            refuse(
                &format!("permissions/{place}"),
                "is more than the key that makes this one may do".to_owned(),
            );
        }
    }
    let mut allowlist = Vec::new();
    for (place, text) in sent.ip_address_allowlist.iter().enumerate() {
        match crate::domain::api_key::network(text) {
            Some(net) if maker.key.is_allowed_network(&net) => allowlist.push(net),
            Some(_) => refuse(
                &format!("ip-address-allowlist/{place}"),
                format!("must lie within a network of the key that makes this one: {}", networks(&maker.key)),
            ),
            None => refuse(
                &format!("ip-address-allowlist/{place}"),
                "accepted is an address or a network such as 10.0.0.0/8".to_owned(),
            ),
        }
    }
    let mut blocklist = Vec::new();
    for (place, text) in sent.api_attributes_blocklist.iter().enumerate() {
        match blockable(text) {
            Some(entry) if blocklist.contains(&entry) => {}
            Some(entry) => blocklist.push(entry),
            None => refuse(&format!("api-attributes-blocklist/{place}"), format!("accepted is {BLOCKABLE}")),
        }
    }
    let most = call.quota.limit;
    if sent.requests_per_minute.is_some_and(|requests| !(1..=most).contains(&requests)) {
        let details =
            format!("accepted is a whole number from 1 to {most}, the limit of the key that makes this one");
        refuse("requests-per-minute", details);
    }
    if sent.api_version.as_deref().is_some_and(|text| !Version::is_known(text)) {
        refuse("api-version", format!("accepted is any of: {}", Version::known()));
    }
    if sent.api_key_inflection.as_deref().is_some_and(|text| Inflection::of_header(text).is_none()) {
        refuse("api-key-inflection", "accepted is kebab, camel or snake".to_owned());
    }
    if sent.expires_at.is_some_and(|expires| expires <= call.context.now()) {
        refuse("expires-at", "must lie in the future".to_owned());
    } else if sent.expires_at.is_some_and(|expires| expires.year() > 9999) {
        refuse("expires-at", "must lie in the years up to 9999".to_owned());
    }
    if let (Some(sent), Some(end)) = (sent.expires_at, maker.expires_at)
        && sent > end
    {
        refuse(
            "expires-at",
            format!("must not be after {}, when the key that makes this one ends", time(end)),
        );
    }
    if !faults.is_empty() {
        return Err(ApiError::all_unprocessable(faults));
    }
    // What is not said would be more than the maker has.
    if allowlist.is_empty() {
        allowlist.clone_from(&maker.key.ip_allowlist);
    }
    for entry in &maker.key.attributes_blocklist {
        if !blocklist.contains(entry) {
            blocklist.push(entry.clone());
        }
    }
    Ok(NewKey {
        name: sent.name,
        note: sent.note,
        permissions: sent.permissions,
        ip_allowlist: allowlist,
        attributes_blocklist: blocklist,
        requests_per_minute: sent.requests_per_minute.or(maker.key.requests_per_minute),
        version: sent.api_version,
        inflection: sent.api_key_inflection,
        expires_at: sent.expires_at.or(maker.expires_at),
        // Who could make keys of other owners would be two people.
        owner: maker.owner.clone(),
    })
}

fn networks(key: &ApiKey) -> String {
    let networks: Vec<String> = key.ip_allowlist.iter().map(ToString::to_string).collect();
    networks.join(", ")
}

async fn revoke(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("api-key-id")?;
    api_keys::revoke(&call.context, &call.actor(), id).await?;
    let kept = api_keys::get(&call.context, id).await?;
    Ok(Answer::one(StatusCode::OK, resource(&kept, None)?))
}

async fn ping(call: Call) -> Result<Answer, ApiError> {
    let time = api_keys::database_time(&call.context).await?;
    Ok(Answer::json(StatusCode::OK, json!({ "data": { "time": super::events::time(time) } })))
}

async fn rate_limits(call: Call) -> Result<Answer, ApiError> {
    let quota = call.quota;
    let limits = json!([{
        "type": "rate-limit/api",
        "attributes": { "limit": quota.limit, "remaining": quota.remaining, "seconds-to-reset": quota.reset },
    }]);
    Ok(Answer::json(StatusCode::OK, json!({ "data": limits })))
}
