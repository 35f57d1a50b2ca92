//! Values of fields: accepted in the form in which they are kept, or refused with every fault.

use chrono::SecondsFormat;
use serde_json::{Map, Value};

use super::field::{FieldKind, Item, Options};
use crate::domain::date::{PartialDate, moment as time};

/// The most items that a list takes.
pub const LONGEST_LIST: usize = 100;

/// The longest e-mail address, in characters.
const LONGEST_EMAIL_ADDRESS: usize = 254;

/// What an e-mail address is.
pub(super) const EMAIL_ADDRESS: &str = "accepted is an e-mail address of at most 254 characters";

/// The longest JSON that a field of that kind takes, in bytes as it is written, and how deep it may be.
const LONGEST_JSON: usize = 65_536;
const DEEPEST_JSON: usize = 16;

/// The longest file, in bytes.
pub const LONGEST_FILE: usize = 10_000_000;

/// Why a field refuses a value, and where in it. Neither quotes the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// A JSON pointer that starts from the field's value; empty for the value itself.
    pub path: String,
    /// What is accepted.
    pub details: String,
}

impl FieldFault {
    /// A fault at a place.
    pub fn at(path: impl Into<String>, details: impl Into<String>) -> Self {
        Self { path: path.into(), details: details.into() }
    }
}

/// The place, without its slash, and what is accepted there.
impl std::fmt::Display for FieldFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.strip_prefix('/') {
            Some(path) => write!(f, "{path}: {}", self.details),
            None => f.write_str(&self.details),
        }
    }
}

/// A key as a JSON pointer writes it.
pub fn pointer_part(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The value as it is kept; null when there is nothing, or when it is at fault.
pub(super) fn checked(kind: &FieldKind, value: &Value, at: &str, faults: &mut Vec<FieldFault>) -> Value {
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Value::Null;
    }
    let accepted = match kind {
        FieldKind::String { max_char_length } => text(value, *max_char_length).map(Value::from),
        FieldKind::Integer => integer(value).map(Value::from),
        FieldKind::Number => number(value),
        FieldKind::Boolean => boolean(value).map(Value::from),
        FieldKind::Date { min_date, max_date } => {
            let date = value.as_str().and_then(|text| text.parse::<PartialDate>().ok());
            let within = |date: &PartialDate| {
                min_date.is_none_or(|min| *date >= min) && max_date.is_none_or(|max| *date <= max)
            };
            date.filter(within).map(|date| Value::from(date.to_string()))
        }
        FieldKind::Datetime => moment(value).map(Value::from),
        FieldKind::Choices(options) => choice(value, options).map(Value::from),
        FieldKind::MultiChoices(options) => value
            .as_array()
            .and_then(|list| list.iter().map(|one| choice(one, options)).collect::<Option<Vec<&str>>>())
            .map(|list| if list.is_empty() { Value::Null } else { Value::from(each_once(list)) }),
        FieldKind::Array { item } => return array(kind, item, value, at, faults),
        FieldKind::Hash { items, ignore_unknown_keys } => {
            return hash(kind, items, *ignore_unknown_keys, value, at, faults);
        }
        FieldKind::Json => is_storable(value, 0).then(|| value.clone()),
        FieldKind::File => is_file(value).then(|| value.clone()),
        FieldKind::EmailAddress => email_address(value).map(Value::from),
    };
    accepted.unwrap_or_else(|| {
        faults.push(FieldFault::at(at, accepted_by(kind)));
        Value::Null
    })
}

/// What a kind accepts, in words.
fn accepted_by(kind: &FieldKind) -> String {
    match kind {
        FieldKind::String { max_char_length } => {
            format!("accepted is a text of at most {max_char_length} characters without control characters")
        }
        FieldKind::Integer => "accepted is a whole number of 64 bits".to_owned(),
        FieldKind::Number => "accepted is a number".to_owned(),
        FieldKind::Boolean => "accepted is true or false".to_owned(),
        FieldKind::Date { min_date, max_date } => {
            let mut text = "accepted is a date: YYYY-MM-DD, YYYY-MM or YYYY".to_owned();
            for (word, bound) in [("before", min_date), ("after", max_date)] {
                if let Some(bound) = bound {
                    text.extend([", not ", word, " ", &bound.to_string()]);
                }
            }
            text
        }
        FieldKind::Datetime => "accepted is a moment as 2026-01-31T12:00:00Z (RFC 3339)".to_owned(),
        FieldKind::Choices(options) => format!("accepted is one of: {}", options.options.join(", ")),
        FieldKind::MultiChoices(options) => {
            format!("accepted is a list of any of: {}", options.options.join(", "))
        }
        FieldKind::Array { item } if item.kind.is_text() => {
            format!("accepted is a list of at most {LONGEST_LIST} texts")
        }
        FieldKind::Array { .. } => format!("accepted is a list of at most {LONGEST_LIST} items"),
        FieldKind::Hash { items, .. } => {
            let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
            format!("accepted is an object of: {}", keys.join(", "))
        }
        FieldKind::Json => format!(
            "accepted is JSON of at most {LONGEST_JSON} bytes and {DEEPEST_JSON} levels, without the character of number 0"
        ),
        FieldKind::File => {
            format!("accepted is an object of data, in base 64, of 1 to {LONGEST_FILE} bytes, and filename")
        }
        FieldKind::EmailAddress => EMAIL_ADDRESS.to_owned(),
    }
}

fn array(kind: &FieldKind, item: &Item, value: &Value, at: &str, faults: &mut Vec<FieldFault>) -> Value {
    let Some(list) = value.as_array().filter(|list| list.len() <= LONGEST_LIST) else {
        faults.push(FieldFault::at(at, accepted_by(kind)));
        return Value::Null;
    };
    let kept: Vec<Value> = list
        .iter()
        .enumerate()
        .map(|(index, value)| checked(&item.kind, value, &format!("{at}/{index}"), faults))
        .filter(|value| !value.is_null())
        .collect();
    if kept.is_empty() { Value::Null } else { Value::Array(kept) }
}

fn hash(
    kind: &FieldKind,
    items: &[Item],
    ignores: bool,
    value: &Value,
    at: &str,
    faults: &mut Vec<FieldFault>,
) -> Value {
    let Some(parts) = value.as_object() else {
        faults.push(FieldFault::at(at, accepted_by(kind)));
        return Value::Null;
    };
    if !ignores {
        for key in parts.keys().filter(|key| !items.iter().any(|item| item.key == **key)) {
            let details = accepted_by(kind).replace("accepted is an object of", "is unknown; accepted are");
            faults.push(FieldFault::at(format!("{at}/{}", pointer_part(key)), details));
        }
    }
    let mut kept = Map::new();
    let mut lacking = Vec::new();
    for item in items {
        let at = format!("{at}/{}", item.key);
        let before = faults.len();
        let part = checked(&item.kind, parts.get(&item.key).unwrap_or(&Value::Null), &at, faults);
        if !part.is_null() {
            kept.insert(item.key.clone(), part);
        } else if item.required && faults.len() == before {
            lacking.push(FieldFault::at(at, "is required"));
        }
    }
    // A hash of nothing is nothing; one of something must be whole.
    if kept.is_empty() {
        return Value::Null;
    }
    faults.append(&mut lacking);
    Value::Object(kept)
}

fn text(value: &Value, longest: usize) -> Option<&str> {
    let text = value.as_str()?.trim();
    let accepted = !text.contains(char::is_control) && text.chars().count() <= longest;
    accepted.then_some(text)
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn number(value: &Value) -> Option<Value> {
    if value.is_number() {
        return Some(value.clone());
    }
    let text = value.as_str()?.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    // `inf` and `nan` are numbers to Rust, and not to JSON.
    serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number)
}

fn boolean(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.trim().parse().ok())
}

fn moment(value: &Value) -> Option<String> {
    Some(time(value.as_str()?)?.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn choice<'a>(value: &'a Value, options: &Options) -> Option<&'a str> {
    text(value, usize::MAX).filter(|text| options.options.iter().any(|option| option == text))
}

fn each_once(texts: Vec<&str>) -> Vec<&str> {
    let mut once = Vec::new();
    for text in texts {
        if !once.contains(&text) {
            once.push(text);
        }
    }
    once
}

fn email_address(value: &Value) -> Option<&str> {
    text(value, LONGEST_EMAIL_ADDRESS).filter(|text| is_email_address(text))
}

/// Something before one `@`, and a domain after it. Whether somebody reads it is another question.
pub(super) fn is_email_address(text: &str) -> bool {
    let Some((before, domain)) = text.rsplit_once('@') else { return false };
    let labels = domain.split('.').all(|label| !label.is_empty());
    let is_written = !before.is_empty() && !before.contains('@') && !text.contains(char::is_whitespace);
    is_written && labels && text.chars().count() <= LONGEST_EMAIL_ADDRESS
}

fn is_storable(value: &Value, depth: usize) -> bool {
    let storable = match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(list) => depth < DEEPEST_JSON && list.iter().all(|one| is_storable(one, depth + 1)),
        Value::Object(parts) => {
            depth < DEEPEST_JSON
                && parts.iter().all(|(key, one)| !key.contains('\0') && is_storable(one, depth + 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    };
    storable && (depth > 0 || value.to_string().len() <= LONGEST_JSON)
}

/// A file as it is kept: the bytes lie elsewhere, under its id.
fn is_file(value: &Value) -> bool {
    value.get("file-id").is_some_and(Value::is_string) && value.get("filename").is_some_and(Value::is_string)
}

/// The texts by which a value is found, in one form each.
pub(super) fn index_texts(value: &Value, case_sensitive: bool) -> Vec<String> {
    match value {
        Value::Null | Value::Object(_) => Vec::new(),
        Value::Array(list) => list.iter().flat_map(|one| index_texts(one, case_sensitive)).collect(),
        Value::String(text) if case_sensitive => vec![text.trim().to_owned()],
        Value::String(text) => vec![text.trim().to_lowercase()],
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
    }
}
