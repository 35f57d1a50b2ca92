//! What a key must not see is taken out of its answers: by name (`address-*`), or by JSON pointer
//! (`/data/attributes/fields/*-number`), with `*` for any text within one part.

use serde_json::Value;

use super::inflection::to_kebab;

/// Takes everything out that an entry names.
pub(super) fn apply(entries: &[String], document: &mut Value) {
    for entry in entries {
        if let Some(pointer) = entry.strip_prefix('/') {
            let parts: Vec<&str> = pointer.split('/').collect();
            by_pointer(&parts, document);
        } else {
            by_name(entry, document, false);
        }
    }
}

/// Removes attributes of a name, wherever an object has attributes, and below them among its fields.
fn by_name(pattern: &str, value: &mut Value, inside: bool) {
    match value {
        Value::Object(object) => {
            if inside {
                object.retain(|key, _| !fits(pattern, key));
            }
            for (key, value) in object.iter_mut() {
                by_name(pattern, value, inside || key == "attributes");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| by_name(pattern, value, inside)),
        _ => {}
    }
}

/// Removes what a pointer leads to; a list stands aside: the pointer goes into each of its objects.
fn by_pointer(parts: &[&str], value: &mut Value) {
    let Some((first, rest)) = parts.split_first() else { return };
    match value {
        Value::Object(object) if rest.is_empty() => object.retain(|key, _| !fits(first, key)),
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                if fits(first, key) {
                    by_pointer(rest, value);
                }
            }
        }
        Value::Array(list) => {
            let is_index = *first == "*" || first.parse::<usize>().is_ok();
            for (index, value) in list.iter_mut().enumerate() {
                if !is_index {
                    by_pointer(parts, value);
                } else if fits(first, &index.to_string()) {
                    by_pointer(rest, value);
                }
            }
        }
        _ => {}
    }
}

/// Whether a key fits a pattern, however the two are inflected.
fn fits(pattern: &str, key: &str) -> bool {
    let (pattern, key) = (to_kebab(pattern), to_kebab(key));
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = key.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(place) = rest.find(part) else { return false };
        rest = rest.get(place + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn blocked(entry: &str) -> Value {
        let mut document = json!({
            "data": [{"type": "account", "attributes": {
                "address-city": "X", "reference-id": "r",
                "fields": {"tax_number": 1, "name": 2},
            }}],
        });
        apply(&[entry.to_owned()], &mut document);
        document["data"][0]["attributes"].clone()
    }

    #[test]
    fn names_and_pointers_take_attributes_out() {
        let rest = json!({"reference-id": "r", "fields": {"tax_number": 1, "name": 2}});
        assert_eq!(blocked("address-*"), rest);
        let rest = json!({"address-city": "X", "reference-id": "r", "fields": {"name": 2}});
        assert_eq!(blocked("/data/attributes/fields/*-number"), rest);
        assert_eq!(blocked("tax-number"), rest);
        assert_eq!(blocked("/data/*/attributes/fields/tax_number"), rest);
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("*-number", "tax_number") && fits("a*c*e", "abcde") && fits("*", "x"));
        assert!(!fits("a*c", "abd") && !fits("name", "names") && !fits("*-number", "number-x"));
    }
}
