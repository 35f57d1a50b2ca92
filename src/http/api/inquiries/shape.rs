//! An inquiry as the API shows it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    actions::inquiries::OpenInquiry,
    domain::{date::PartialDate, inquiry::Check},
    http::api::{answer::Resource, call::Call, errors::ApiError, events::time},
};

/// Attributes that stood beside `fields` until 2023-01-05, and the field that each comes from.
const FLAT: [&str; 14] = [
    "name-first",
    "name-middle",
    "name-last",
    "birthdate",
    "phone-number",
    "email-address",
    "address-street-1",
    "address-street-2",
    "address-city",
    "address-subdivision",
    "address-postal-code",
    "country-code",
    "social-security-number",
    "identification-number",
];

/// Relations that Persona's inquiries have, and ours lead nowhere; the first four to one object.
pub(super) const NOWHERE: [&str; 9] = [
    "inquiry-template-version",
    "template",
    "reviewer",
    "transaction",
    "reports",
    "verifications",
    "sessions",
    "documents",
    "selfies",
];

/// An inquiry.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// `created`, `pending`, `completed`, `expired`, `failed`, `needs_review`, `approved` or `declined`.
    status: &'static str,
    /// Your own id of the account.
    reference_id: Option<String>,
    /// Your note.
    note: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// Who made it.
    creator: String,
    /// Who last decided on it.
    reviewer: Option<String>,
    /// What the reviewer said.
    reviewer_comment: Option<String>,
    /// What was collected: `{type, value}` by field, in kebab-case.
    fields: Map<String, Value>,
    /// What the comparison with the account came to.
    checks: Vec<ShownCheck>,
    created_at: String,
    updated_at: String,
    started_at: Option<String>,
    /// When it expires, while it is open.
    expires_at: Option<String>,
    completed_at: Option<String>,
    failed_at: Option<String>,
    marked_for_review_at: Option<String>,
    /// When it was approved or declined.
    decisioned_at: Option<String>,
    expired_at: Option<String>,
    /// When its personal data was destroyed.
    redacted_at: Option<String>,
}

/// A check.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownCheck {
    /// Such as `account_name_comparison`.
    name: String,
    /// `passed`, `failed` or `not_applicable`.
    status: &'static str,
    /// Why, in a word.
    reasons: Vec<&'static str>,
    /// `required` or `not_required`.
    requirement: &'static str,
    /// More about it; no values.
    metadata: Metadata,
}

/// How a check came about.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    /// The field that was compared.
    field: String,
    /// The field of the account, when it has another key.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    /// How it was compared.
    method: &'static str,
    /// How much had to agree: `full` or `partial`.
    match_requirement: &'static str,
    /// `full`, `partial`, `none` or `missing`.
    result: &'static str,
    /// Why, for a person to read.
    explanation: &'static str,
}

impl From<&Check> for ShownCheck {
    fn from(check: &Check) -> Self {
        let compared = &check.compared;
        Self {
            name: check.name(),
            status: compared.status().word(),
            reasons: vec![compared.reason.word()],
            requirement: compared.requirement.word(),
            metadata: Metadata {
                field: compared.field.clone(),
                with: compared.with.clone(),
                method: compared.method.word(),
                match_requirement: compared.level.word(),
                result: compared.result.word(),
                explanation: compared.reason.text(),
            },
        }
    }
}

/// The inquiry as the caller may see it, and as clients of its version know it.
pub(super) fn resource(inquiry: &OpenInquiry, call: &Call) -> Result<Resource, ApiError> {
    let (row, content) = (&inquiry.row, &inquiry.content);
    let fields = flat(&content.fields);
    // What came of comparing a value tells of it.
    let may_see = |check: &&Check| {
        let compared = &check.compared;
        !std::iter::once(&compared.field).chain(&compared.with).any(|field| call.blocklist.hides_field(field))
    };
    let attributes = Attributes {
        status: row.status.word(),
        reference_id: row.reference_id.clone(),
        note: content.note.clone(),
        tags: row.tags.clone(),
        creator: row.creator.clone(),
        reviewer: row.reviewer.clone(),
        reviewer_comment: content.comment.clone(),
        fields: fields.iter().map(|(key, value)| (key.clone(), typed(value))).collect(),
        checks: inquiry.checks.iter().filter(may_see).map(ShownCheck::from).collect(),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        started_at: row.started_at.map(time),
        expires_at: row.expires_at.map(time),
        completed_at: row.completed_at.map(time),
        failed_at: row.failed_at.map(time),
        marked_for_review_at: row.marked_for_review_at.map(time),
        decisioned_at: row.decided_at.map(time),
        expired_at: row.expired_at.map(time),
        redacted_at: row.redacted_at.map(time),
    };
    let mut resource = Resource::new("inquiry", row.id, &attributes)?
        .to_one("account", "account", row.account)
        .to_one("inquiry-template", "inquiry-template", Some(row.template_id))
        .to_one("inquiry-template-version", "inquiry-template-version", None::<String>)
        .to_one("template", "template", None::<String>)
        .to_one("reviewer", "user", None::<String>)
        .to_one("transaction", "transaction", None::<String>);
    for name in NOWHERE.iter().skip(4) {
        resource = resource.to_many(name, Vec::<(String, String)>::new());
    }
    if call.version().has_flat_attributes() {
        for name in FLAT {
            let value = fields.get(name).cloned().unwrap_or(Value::Null);
            resource.attributes.insert(name.to_owned(), value);
        }
    }
    Ok(resource)
}

/// Fields as inquiries show them: parts beside each other (`name-first`), keys in kebab-case.
pub(super) fn flat(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (key, value) in fields {
        let key = key.replace('_', "-");
        match value {
            Value::Object(parts) => {
                let parts =
                    parts.iter().map(|(part, value)| (format!("{key}-{}", part.replace('_', "-")), value));
                flat.extend(parts.map(|(key, value)| (key, value.clone())));
            }
            value => drop(flat.insert(key, value.clone())),
        }
    }
    flat
}

/// A value with the word for what it is.
fn typed(value: &Value) -> Value {
    let kind = match value {
        Value::String(text) if text.parse::<PartialDate>().is_ok_and(|date| date.day().is_some()) => "date",
        Value::String(_) | Value::Null => "string",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Array(list) => {
            let list: Vec<Value> = list.iter().map(typed).collect();
            return json!({ "type": "array", "value": list });
        }
        Value::Object(parts) => {
            let parts: Map<String, Value> =
                parts.iter().map(|(key, value)| (key.clone(), typed(value))).collect();
            return json!({ "type": "hash", "value": parts });
        }
    };
    json!({ "type": kind, "value": value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_beside_each_other_with_their_types() {
        let fields = json!({
            "name": { "first": "Jane", "last": "Doe" }, "birthdate": "1990-05-21", "score": 3,
            "other_names": ["J. Doe"],
        });
        let shown: Map<String, Value> = flat(fields.as_object().unwrap())
            .iter()
            .map(|(key, value)| (key.clone(), typed(value)))
            .collect();
        assert_eq!(
            Value::Object(shown),
            json!({
                "name-first": { "type": "string", "value": "Jane" },
                "name-last": { "type": "string", "value": "Doe" },
                "birthdate": { "type": "date", "value": "1990-05-21" },
                "score": { "type": "integer", "value": 3 },
                "other-names": { "type": "array", "value": [{ "type": "string", "value": "J. Doe" }] },
            })
        );
    }
}
