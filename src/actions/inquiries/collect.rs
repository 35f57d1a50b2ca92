//! What an inquiry is handed: fields by key, in any of the spellings that clients use, checked against the type.

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::{
    actions::{ActionError, Invalid},
    domain::{
        account_type::{AccountType, Field, FieldKind},
        inquiry_template::InquiryTemplate,
    },
};

/// The fields `before` with what was sent; null takes a field away. Keys are those of the account's fields, in
/// `snake_case` or in `kebab-case`; a part of a field may be sent alone (`name-first`). `today` is the day in UTC.
pub(super) fn collected(
    template: &InquiryTemplate,
    (account_type, today): (&AccountType, NaiveDate),
    before: &Map<String, Value>,
    sent: &Map<String, Value>,
) -> Result<Map<String, Value>, ActionError> {
    let mut faults = Vec::new();
    let mut whole: Vec<(&Field, String, Value)> = Vec::new();
    for (key, value) in sent {
        let at = format!("/data/attributes/fields/{}", key.replace('~', "~0").replace('/', "~1"));
        let Some((field, part)) = named(template, account_type, &snake_case(key)) else {
            let details = format!("inquiries of the template {} collect no such field", template.name);
            faults.push(Invalid::at(at, details));
            continue;
        };
        let known = whole.iter_mut().find(|(known, ..)| known.key == field.key);
        match (part, known) {
            (None, Some((_, _, kept))) => *kept = value.clone(),
            (None, None) => whole.push((field, at, value.clone())),
            (Some(part), Some((_, _, kept))) => put(kept, &part, value),
            (Some(part), None) => {
                let mut kept = before.get(&field.key).cloned().unwrap_or_else(|| json!({}));
                put(&mut kept, &part, value);
                whole.push((field, at, kept));
            }
        }
    }
    let meanings = account_type.meanings();
    let mut after = before.clone();
    for (field, at, value) in whole {
        // A field that an account must have may still be missing here: the account has it, or refuses.
        let optional = Field { required: false, ..field.clone() };
        let checked = optional.check(&value).and_then(|value| {
            let found = meanings.faults(&field.key, &value, before.get(&field.key), today);
            if found.is_empty() { Ok(value) } else { Err(found) }
        });
        match checked {
            Ok(Value::Null) => drop(after.remove(&field.key)),
            Ok(value) => drop(after.insert(field.key.clone(), value)),
            Err(found) => faults.extend(
                found.into_iter().map(|fault| Invalid::at(format!("{at}{}", fault.path), fault.details)),
            ),
        }
    }
    if faults.is_empty() { Ok(after) } else { Err(ActionError::Invalid(faults)) }
}

fn put(hash: &mut Value, part: &str, value: &Value) {
    if !hash.is_object() {
        *hash = json!({});
    }
    if let Some(hash) = hash.as_object_mut() {
        hash.insert(part.to_owned(), value.clone());
    }
}

/// The field that a key names, or the field and its part.
fn named<'a>(
    template: &InquiryTemplate,
    account_type: &'a AccountType,
    key: &str,
) -> Option<(&'a Field, Option<String>)> {
    if let Some(field) = account_type.field(key) {
        let is_taken = template.collects(key) && field.kind != FieldKind::File;
        return is_taken.then_some((field, None));
    }
    let hashes = account_type.active_fields().filter(|field| field.kind.has_parts());
    let mut parts = hashes.filter_map(|field| {
        let part = key.strip_prefix(&field.key)?.strip_prefix('_')?;
        (template.collects(&field.key) && !part.is_empty()).then(|| (field, Some(part.to_owned())))
    });
    parts.next()
}

/// `name-first` and `nameFirst` are `name_first`.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 2);
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            if !snake.is_empty() && !snake.ends_with('_') {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        } else {
            snake.push(if letter == '-' { '_' } else { letter });
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_in_any_spelling() {
        for key in ["name_first", "name-first", "nameFirst", "NameFirst"] {
            assert_eq!(snake_case(key), "name_first");
        }
        assert_eq!(snake_case("address-street-1"), "address_street_1");
    }
}
