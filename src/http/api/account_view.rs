//! How accounts and their types are shown.

use serde_json::{Map, Value, json};

use super::{
    account_bodies::Attributes, account_types, answer::Resource, errors::ApiError, events::time,
    version::Version,
};
use crate::{
    actions::{Context, accounts::OpenAccount},
    domain::account_type::{ContactKind, written_field},
    store::account_types::TypeRow,
};

/// An account as the API shows it to a client of a version.
pub(super) fn resource(
    context: &Context,
    version: Version,
    account: &OpenAccount,
) -> Result<Resource, ApiError> {
    let mut fields = account.account_type.tree(&account.fields, &file);
    hash_numbers(context, &mut fields);
    let flat = if version.has_flat_attributes() { flat(account) } else { Map::new() };
    let attributes = Attributes {
        reference_id: account.reference_id.clone(),
        account_type_name: account.account_type.name.clone(),
        created_at: time(account.created_at),
        updated_at: time(account.updated_at),
        redacted_at: account.redacted_at.map(time),
        archived_at: account.archived_at.map(time),
        consolidated_into: account.consolidated_into.map(|id| id.to_string()),
        account_status: account.status.clone(),
        tags: account.tags.clone(),
        fields,
        flat,
    };
    let resource = Resource::new("account", account.id, &attributes)?;
    Ok(resource.to_one("account-type", "account-type", Some(account.type_id)))
}

/// An account type as the API shows it.
pub(super) fn type_resource(row: &TypeRow) -> Result<Resource, ApiError> {
    let account_type = &row.account_type;
    let statuses: Vec<Value> = account_type
        .statuses
        .iter()
        .map(|status| json!({ "id": status.id(row.id), "name": status.name, "color": status.colour }))
        .collect();
    let default = account_type.statuses.iter().find(|status| status.key == account_type.default_status);
    let documents = account_type.screened.documents.iter().map(|document| account_types::DocumentField {
        field: document.field.clone(),
        kind: document.kind,
        country: document.country.clone(),
    });
    let contacts = |kind| Some(account_type.contact_paths(kind));
    let attributes = account_types::Attributes {
        name: account_type.name.clone(),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        kind: account_type.kind,
        field_schemas: account_type.fields.iter().map(written_field).collect(),
        statuses,
        default_account_status: account_type.status_name(&account_type.default_status).to_owned(),
        screened: account_types::ScreenedFields {
            names: account_type.screened.names.clone(),
            birth_date: account_type.screened.birth_date.clone(),
            countries: account_type.screened.countries.clone(),
            gender: account_type.screened.gender.clone(),
            documents: documents.collect(),
            email_addresses: contacts(ContactKind::EmailAddress),
            phone_numbers: contacts(ContactKind::PhoneNumber),
            ip_addresses: contacts(ContactKind::IpAddress),
        },
        is_configured: row.is_configured,
        indexing: row.indexing.clone(),
    };
    let all = account_type.statuses.iter().map(|status| ("account-status".to_owned(), status.id(row.id)));
    Ok(Resource::new("account-type", row.id, &attributes)?
        .to_many("account-statuses", all.collect::<Vec<_>>())
        .to_one("default-account-status", "account-status", default.map(|status| status.id(row.id))))
}

/// What is shown of a file: its name, its size, and where an authenticated client gets it.
fn file(kept: &Value) -> Value {
    let id = kept.get("file-id").and_then(Value::as_str).unwrap_or_default();
    json!({
        "filename": kept.get("filename"),
        "url": format!("/api/v1/files/{id}"),
        "byte-size": kept.get("byte-size"),
    })
}

/// Gives each identification number the hash by which equal ones are recognised without being told.
fn hash_numbers(context: &Context, fields: &mut Map<String, Value>) {
    let numbers = fields.get_mut("identification_numbers").and_then(|field| field.get_mut("value"));
    for number in numbers.and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(parts) = number.get_mut("value").and_then(Value::as_object_mut) else { continue };
        let part = |key: &str| parts.get(key).and_then(|part| part.get("value")).and_then(Value::as_str);
        let Some(text) = part("identification_number") else { continue };
        let words = [part("issuing_country"), part("identification_class"), Some(text)];
        let content = words.map(Option::unwrap_or_default).join("\n");
        let digest = context.digest_key.digest(format!("identification-number\n{content}").as_bytes());
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let hash: String = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect();
        parts.insert("hashed_identification_number".to_owned(), json!({ "type": "string", "value": hash }));
    }
}

/// Where in fields the attributes of older clients are found.
const PLACES: [(&str, &str); 13] = [
    ("name-first", "/name/first"),
    ("name-middle", "/name/middle"),
    ("name-last", "/name/last"),
    ("birthdate", "/birthdate"),
    ("phone-number", "/phone_number"),
    ("email-address", "/email_address"),
    ("address-street-1", "/address/street_1"),
    ("address-street-2", "/address/street_2"),
    ("address-city", "/address/city"),
    ("address-subdivision", "/address/subdivision"),
    ("address-postal-code", "/address/postal_code"),
    ("country-code", "/address/country_code"),
    ("social-security-number", "/social_security_number"),
];

/// The names of all attributes that only older clients are told.
pub(super) fn older_names() -> impl Iterator<Item = &'static str> {
    PLACES.iter().map(|(name, _)| *name).chain(["identification-numbers"])
}

/// The attributes that clients of versions up to 2023-01-05 find beside `fields`.
fn flat(account: &OpenAccount) -> Map<String, Value> {
    let fields = Value::Object(account.fields.clone());
    let value = |place: &str| fields.pointer(place).cloned().unwrap_or(Value::Null);
    let mut flat: Map<String, Value> =
        PLACES.iter().map(|(name, place)| ((*name).to_owned(), value(place))).collect();
    if flat.get("country-code").is_some_and(Value::is_null) {
        flat.insert("country-code".to_owned(), value("/country_code"));
    }
    let mut numbers: Map<String, Value> = Map::new();
    for number in value("/identification_numbers").as_array().into_iter().flatten() {
        let part = |key: &str| number.get(key).cloned().unwrap_or(Value::Null);
        let class = part("identification_class");
        let shown = json!({
            "issuing-country": part("issuing_country"),
            "identification-class": class,
            "identification-number": part("identification_number"),
            "created-at": time(account.created_at),
            "updated-at": time(account.updated_at),
        });
        let class = class.as_str().unwrap_or("other").to_owned();
        if let Some(list) = numbers.entry(class).or_insert_with(|| json!([])).as_array_mut() {
            list.push(shown);
        }
    }
    flat.insert("identification-numbers".to_owned(), Value::Object(numbers));
    flat
}
