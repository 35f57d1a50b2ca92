//! What is sent about accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{errors::ApiError, inflection::to_kebab};
use crate::{
    actions::{
        ActionError, Invalid,
        accounts::{Edit, NewAccount, Part},
    },
    domain::account_type::AccountType,
};

/// What an account is to be. Keys of `fields` are those of its type.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Create {
    /// The id of its type; `individual` when not given.
    pub(super) account_type_id: Option<String>,
    /// The name of its status; the type's default when not given.
    pub(super) account_status: Option<String>,
    /// The customer's own id of it, unique within the type whatever its case.
    pub(super) reference_id: Option<String>,
    /// Names of tags.
    pub(super) tags: Option<Vec<String>>,
    /// Values by the keys of the type's fields.
    pub(super) fields: Option<Map<String, Value>>,
    /// `{"data": …, "filename": …}`, with the content in base 64.
    pub(super) selfie_photo: Option<Value>,
    pub(super) name_first: Option<String>,
    pub(super) name_middle: Option<String>,
    pub(super) name_last: Option<String>,
    pub(super) birthdate: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) email_address: Option<String>,
    pub(super) address_street_1: Option<String>,
    pub(super) address_street_2: Option<String>,
    pub(super) address_city: Option<String>,
    pub(super) address_subdivision: Option<String>,
    pub(super) address_postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub(super) country_code: Option<String>,
    pub(super) social_security_number: Option<String>,
}

/// What is to change; what is not given stays, and null removes.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[expect(clippy::option_option, reason = "not given, null, or a value")]
pub(super) struct Change {
    /// The name of the status.
    pub(super) account_status: Option<String>,
    #[serde(deserialize_with = "given")]
    pub(super) reference_id: Option<Option<String>>,
    /// All tags that the account is to have.
    pub(super) tags: Option<Vec<String>>,
    /// Values by the keys of the type's fields.
    pub(super) fields: Option<Map<String, Value>>,
    /// `{"data": …, "filename": …}`, with the content in base 64.
    #[serde(deserialize_with = "given")]
    pub(super) selfie_photo: Option<Option<Value>>,
    #[serde(deserialize_with = "given")]
    pub(super) name_first: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) name_middle: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) name_last: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) birthdate: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) phone_number: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) email_address: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) address_street_1: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) address_street_2: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) address_city: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) address_subdivision: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) address_postal_code: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) country_code: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub(super) social_security_number: Option<Option<String>>,
}

/// Tells null from what was not sent.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct CreateMeta {
    /// `reference-id`, or the key of a unique field: an account that has the same value is changed.
    pub(super) upsert_by: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct ChangeMeta {
    /// The version that the change was made for.
    pub(super) expected_version: Option<i64>,
}

/// An account.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// The customer's own id of it.
    pub(super) reference_id: Option<String>,
    pub(super) account_type_name: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    /// When its personal data was destroyed; it may have been filled again since.
    pub(super) redacted_at: Option<String>,
    /// When it was retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) archived_at: Option<String>,
    /// The account that took over what it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consolidated_into: Option<String>,
    /// The name of its status.
    pub(super) account_status: String,
    pub(super) tags: Vec<String>,
    /// Its fields by key, each as `{type, value}`.
    pub(super) fields: Map<String, Value>,
    /// For clients of versions up to 2023-01-05: `name-first`, `birthdate`, …
    #[serde(flatten)]
    pub(super) flat: Map<String, Value>,
}

/// An attribute that is a field, or a part of one, under an older name.
enum Meant {
    Field(&'static str),
    Part(&'static str, &'static str),
    Country,
}

type Flat = [(Meant, Option<Option<String>>); 13];

/// Lays the attributes of older clients into fields and parts; what says another thing than `fields` is refused.
fn lay(
    flat: Flat,
    account_type: &AccountType,
    fields: &mut Map<String, Value>,
    parts: &mut Vec<Part>,
) -> Result<(), ApiError> {
    for (meant, value) in flat {
        let Some(value) = value else { continue };
        let value = value.map_or(Value::Null, Value::String);
        let part = |field: &str, key: &str| Part {
            field: field.to_owned(),
            key: key.to_owned(),
            value: value.clone(),
        };
        match meant {
            Meant::Field(key) => {
                agree(key, fields.get(key), (key, &value))?;
                fields.insert(key.to_owned(), value);
            }
            Meant::Part(field, key) => {
                let sent = fields.get(field).and_then(|sent| sent.get(key));
                agree(&format!("{field}.{key}"), sent, (&format!("{field}_{key}"), &value))?;
                parts.push(part(field, key));
            }
            // Plain beside the address, where schedules select by it.
            Meant::Country => {
                let in_address = account_type.field("address").is_some();
                if in_address {
                    let sent = fields.get("address").and_then(|sent| sent.get("country_code"));
                    agree("address.country_code", sent, ("country_code", &value))?;
                    parts.push(part("address", "country_code"));
                }
                if !in_address || account_type.field("country_code").is_some() {
                    agree("country_code", fields.get("country_code"), ("country_code", &value))?;
                    fields.insert("country_code".to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

/// Refuses an attribute that says another thing than the field that it is.
fn agree(field: &str, sent: Option<&Value>, (attribute, value): (&str, &Value)) -> Result<(), ApiError> {
    if sent.is_none_or(|sent| sent == value) {
        return Ok(());
    }
    let pointer = format!("/data/attributes/{}", to_kebab(attribute));
    Err(ApiError::bad_request(
        &pointer,
        format!("says another thing than fields.{field}: accepted is one of them"),
    ))
}

/// Points at what a client sent, where it sent a field, or a part of one, under its older name.
pub(super) fn as_sent(body: &Value, error: ActionError) -> ActionError {
    let ActionError::Invalid(faults) = error else { return error };
    let mut pointed: Vec<Invalid> = Vec::with_capacity(faults.len());
    for fault in faults {
        let pointer = older(body, &fault.pointer).unwrap_or(fault.pointer);
        let fault = Invalid { pointer, details: fault.details };
        // A country is two fields, and one attribute.
        if !pointed.contains(&fault) {
            pointed.push(fault);
        }
    }
    ActionError::Invalid(pointed)
}

/// The place of the attribute that stands for a field, where the field itself was not sent.
fn older(body: &Value, pointer: &str) -> Option<String> {
    let path = pointer.strip_prefix("/data/attributes/fields/")?;
    if body.pointer(pointer).is_some() {
        return None;
    }
    let sent = body.pointer("/data/attributes")?;
    let (field, part) = path.split_once('/').unwrap_or((path, ""));
    // A country's code has no name of its field.
    let names = [to_kebab(&path.replace('/', "-")), to_kebab(field), to_kebab(part)];
    let name = names.iter().find(|name| !name.is_empty() && sent.get(name.as_str()).is_some())?;
    Some(format!("/data/attributes/{name}"))
}

/// A file as `{data, filename}`, or one level deeper, as Persona's clients send it.
fn photo(sent: Option<Value>) -> Value {
    match sent {
        Some(Value::Object(mut parts)) if !parts.contains_key("filename") => {
            parts.remove("data").unwrap_or(Value::Null)
        }
        sent => sent.unwrap_or(Value::Null),
    }
}

/// The attributes of older clients, with what each means.
macro_rules! flat {
    ($sent:expr, $wrap:expr) => {
        [
            (Meant::Part("name", "first"), $wrap($sent.name_first)),
            (Meant::Part("name", "middle"), $wrap($sent.name_middle)),
            (Meant::Part("name", "last"), $wrap($sent.name_last)),
            (Meant::Field("birthdate"), $wrap($sent.birthdate)),
            (Meant::Field("phone_number"), $wrap($sent.phone_number)),
            (Meant::Field("email_address"), $wrap($sent.email_address)),
            (Meant::Part("address", "street_1"), $wrap($sent.address_street_1)),
            (Meant::Part("address", "street_2"), $wrap($sent.address_street_2)),
            (Meant::Part("address", "city"), $wrap($sent.address_city)),
            (Meant::Part("address", "subdivision"), $wrap($sent.address_subdivision)),
            (Meant::Part("address", "postal_code"), $wrap($sent.address_postal_code)),
            (Meant::Country, $wrap($sent.country_code)),
            (Meant::Field("social_security_number"), $wrap($sent.social_security_number)),
        ]
    };
}

impl Create {
    /// The account to make.
    pub(super) fn into_new(self, account_type: &AccountType) -> Result<NewAccount, ApiError> {
        let mut fields = self.fields.unwrap_or_default();
        let mut parts = Vec::new();
        let sent = |value: Option<String>| value.map(Some);
        lay(flat!(self, sent), account_type, &mut fields, &mut parts)?;
        if self.selfie_photo.is_some() {
            fields.insert("selfie_photo".to_owned(), photo(self.selfie_photo));
        }
        Ok(NewAccount {
            reference_id: self.reference_id,
            status: self.account_status,
            tags: self.tags.unwrap_or_default(),
            fields,
            parts,
        })
    }
}

impl Change {
    /// The change to make.
    pub(super) fn into_edit(
        self,
        account_type: &AccountType,
        expected_version: Option<i64>,
    ) -> Result<Edit, ApiError> {
        let mut fields = self.fields.unwrap_or_default();
        let mut parts = Vec::new();
        let sent = |value: Option<Option<String>>| value;
        lay(flat!(self, sent), account_type, &mut fields, &mut parts)?;
        if let Some(sent) = self.selfie_photo {
            fields.insert("selfie_photo".to_owned(), photo(sent));
        }
        Ok(Edit {
            fields,
            parts,
            status: self.account_status,
            reference_id: self.reference_id,
            tags_set: self.tags,
            expected_version,
            ..Edit::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_is_where_the_client_said_it() {
        let attributes = json!({
            "birthdate": "x", "selfie-photo": {}, "country-code": "x", "address-street-1": "x",
            "fields": { "phone_number": 1 },
        });
        let body = json!({ "data": { "attributes": attributes } });
        for (field, place) in [
            ("fields/birthdate", "birthdate"),
            ("fields/selfie_photo", "selfie-photo"),
            ("fields/address/country_code", "country-code"),
            ("fields/address/street_1", "address-street-1"),
            ("fields/phone_number", "fields/phone_number"),
            ("fields/name", "fields/name"),
            ("tags/0", "tags/0"),
        ] {
            let fault = Invalid::at(format!("/data/attributes/{field}"), "is wrong");
            let ActionError::Invalid(faults) = as_sent(&body, ActionError::Invalid(vec![fault])) else {
                panic!("another error")
            };
            assert_eq!(faults[0].pointer, format!("/data/attributes/{place}"));
        }
    }
}
