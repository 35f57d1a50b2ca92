//! What fields hold, in the form in which a method compares it.
//!
//! A name and an address may be one field with parts, or a field for each part (`name_first`, `address_city`), or
//! one text; a field with a list stands for each of its values.

use serde_json::{Map, Value};

use super::name::PersonName;
use crate::names::address::{Address, Written};

type Side<'a> = (&'a str, &'a Map<String, Value>);

/// Keys of a number within a field of documents.
const NUMBER_PARTS: [&str; 3] = ["identification_number", "number", "value"];

/// Texts of a field: itself, or those of its list; numbers as they are written.
pub(super) fn texts((key, fields): Side<'_>) -> Vec<String> {
    items(fields.get(key)).into_iter().filter_map(text).collect()
}

/// Numbers of documents: texts, or the number within each document of a list.
pub(super) fn numbers((key, fields): Side<'_>) -> Vec<String> {
    let number = |value: &Value| match value.as_object() {
        Some(document) => NUMBER_PARTS.iter().find_map(|part| text(document.get(*part)?)),
        None => text(value),
    };
    items(fields.get(key)).into_iter().filter_map(number).collect()
}

/// The value as a whole; none where there is nothing in it.
pub(super) fn whole((key, fields): Side<'_>) -> Vec<Value> {
    fields.get(key).filter(|value| !is_empty(value)).cloned().into_iter().collect()
}

/// The names that a field, or its parts, hold.
pub(super) fn names((key, fields): Side<'_>) -> Vec<PersonName> {
    let part = |parts: &Map<String, Value>, key: &str| parts.get(key).and_then(text).unwrap_or_default();
    let of_parts = |parts: &Map<String, Value>, before: &str| PersonName {
        first: part(parts, &format!("{before}first")),
        middle: part(parts, &format!("{before}middle")),
        last: part(parts, &format!("{before}last")),
        whole: String::new(),
    };
    let mut found: Vec<PersonName> = items(fields.get(key))
        .into_iter()
        .map(|value| match value {
            Value::Object(parts) => of_parts(parts, ""),
            value => PersonName { whole: text(value).unwrap_or_default(), ..PersonName::default() },
        })
        .collect();
    if found.is_empty() {
        found.push(of_parts(fields, &format!("{key}_")));
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The addresses that a field, or its parts, hold.
pub(super) fn addresses((key, fields): Side<'_>) -> Vec<Address> {
    let of_parts = |parts: &Map<String, Value>, before: &str, country: &str| {
        let part = |key: &str| parts.get(&format!("{before}{key}")).and_then(text).unwrap_or_default();
        let written = [part("country_code"), part("country"), country.to_owned()];
        Written {
            street: [part("street_1"), part("street_2"), part("street")].join(" ").trim().to_owned(),
            city: part("city"),
            subdivision: part("subdivision"),
            postal_code: part("postal_code"),
            country: written.into_iter().find(|country| country.len() == 2).unwrap_or_default(),
        }
    };
    let around = country(fields).unwrap_or_default();
    let mut found: Vec<Address> = items(fields.get(key))
        .into_iter()
        .map(|value| match value {
            Value::Object(parts) => of_parts(parts, "", around),
            value => Written { street: text(value).unwrap_or_default(), ..Written::default() },
        })
        .map(|written| Address::new(&written))
        .collect();
    if found.is_empty() {
        found.push(Address::new(&of_parts(fields, &format!("{key}_"), around)));
    }
    found.retain(|address| !address.is_empty());
    found
}

/// The country whose customs a telephone number follows.
pub(super) fn country(fields: &Map<String, Value>) -> Option<&str> {
    let places = [
        fields.get("address_country_code"),
        fields.get("address").and_then(|address| address.get("country_code")),
        fields.get("country_code"),
        fields.get("nationality"),
    ];
    places.into_iter().flatten().filter_map(Value::as_str).find(|country| country.len() == 2)
}

/// The values of a field: those of its list, or the one; empty ones left out.
fn items(value: Option<&Value>) -> Vec<&Value> {
    let items = match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    items.into_iter().filter(|value| !is_empty(value)).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.iter().all(is_empty),
        Value::Object(parts) => parts.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
