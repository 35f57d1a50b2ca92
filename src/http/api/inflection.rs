//! How keys are written: `kebab-case`, `camelCase` or `snake_case`, in both directions.
//!
//! Inside, keys are kebab-case. What a customer named (the keys of account fields, of an action's
//! parameters) is never touched, and neither is any value.

use serde_json::{Map, Value};

pub(super) use crate::domain::kebab::to_kebab;

/// How keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflection {
    /// `reference-id`
    Kebab,
    /// `referenceId`
    Camel,
    /// `reference_id`
    Snake,
}

/// Below these keys the customer's own names stand.
const OWN_NAMES: [&str; 6] =
    ["fields", "parameters", "default-value", "json-schema", "option-labels", "mapping"];

impl Inflection {
    /// What a header asks for. Clients also send `snake_case`, `camelCase`, `kebab-case`, in any case.
    pub(super) fn of_header(text: &str) -> Option<Self> {
        let word: String =
            text.trim().to_ascii_lowercase().chars().filter(char::is_ascii_alphabetic).collect();
        match word.as_str() {
            "kebab" | "kebabcase" | "dash" | "dashed" => Some(Self::Kebab),
            "camel" | "camelcase" | "lowercamel" | "lowercamelcase" => Some(Self::Camel),
            "snake" | "snakecase" | "underscore" => Some(Self::Snake),
            _ => None,
        }
    }

    fn write(self, kebab: &str) -> String {
        match self {
            Self::Kebab => kebab.to_owned(),
            Self::Snake => kebab.replace('-', "_"),
            Self::Camel => {
                let mut words = kebab.split('-');
                let mut text = words.next().unwrap_or_default().to_owned();
                for word in words {
                    let mut letters = word.chars();
                    text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                    text.push_str(letters.as_str());
                }
                text
            }
        }
    }

    /// Writes the keys of an answer.
    pub(super) fn outward(self, value: Value) -> Value {
        if self == Self::Kebab { value } else { renamed(value, &|key| self.write(key)) }
    }
}

/// Where a request has one key in two spellings, of which only one would count.
pub(super) fn doubled(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => {
            let mut seen = Vec::with_capacity(object.len());
            object.iter().find_map(|(key, value)| {
                let key = to_kebab(key);
                let within = if seen.contains(&key) {
                    Some(String::new())
                } else if OWN_NAMES.contains(&key.as_str()) {
                    None
                } else {
                    doubled(value)
                };
                let found = within.map(|within| format!("/{key}{within}"));
                seen.push(key);
                found
            })
        }
        Value::Array(list) => {
            let mut places = list.iter().enumerate();
            places.find_map(|(place, value)| Some(format!("/{place}{}", doubled(value)?)))
        }
        _ => None,
    }
}

/// The keys of a request in kebab-case.
pub(super) fn inward(value: Value) -> Value {
    renamed(value, &to_kebab)
}

fn renamed(value: Value, rename: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::Object(object) => {
            let renamed = object.into_iter().map(|(key, value)| {
                let value = if OWN_NAMES.contains(&to_kebab(&key).as_str()) {
                    value
                } else {
                    self::renamed(value, rename)
                };
                (rename(&key), value)
            });
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(|value| renamed(value, rename)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_a_key_becomes_kebab_case() {
        for written in ["address-street-1", "address_street_1", "addressStreet1"] {
            assert_eq!(to_kebab(written), "address-street-1");
        }
        assert_eq!(to_kebab("birthdate"), "birthdate");
        assert_eq!(to_kebab("v1"), "v1");
    }

    #[test]
    fn keys_are_written_as_asked_and_read_back() {
        let key = "address-street-1";
        for (inflection, written) in [
            (Inflection::Kebab, "address-street-1"),
            (Inflection::Camel, "addressStreet1"),
            (Inflection::Snake, "address_street_1"),
        ] {
            assert_eq!(inflection.write(key), written);
            assert_eq!(to_kebab(written), key);
        }
    }

    #[test]
    fn what_the_customer_named_and_every_value_stays() {
        let sent = json!({"data": {"attributes": {"referenceId": "aB_c-d", "fields": {"favouriteColour": {"a_b": 1}}}}});
        let read = inward(sent.clone());
        assert_eq!(
            read,
            json!({"data": {"attributes": {"reference-id": "aB_c-d", "fields": {"favouriteColour": {"a_b": 1}}}}})
        );
        assert_eq!(Inflection::Camel.outward(read), sent);
    }

    #[test]
    fn one_key_in_two_spellings_is_found_where_keys_are_ours() {
        let sent = json!({"data": {"attributes": {"referenceId": "a", "reference-id": "b"}}});
        assert_eq!(doubled(&sent).as_deref(), Some("/data/attributes/reference-id"));
        assert_eq!(
            doubled(&json!({"data": [{"a": 1}, {"a_b": 1, "aB": 1}]})).as_deref(),
            Some("/data/1/a-b")
        );
        assert_eq!(doubled(&json!({"fields": {"a_b": 1, "aB": 2}, "a_b": 1})), None);
    }

    #[test]
    fn sloppy_names_of_an_inflection_are_known() {
        for (text, inflection) in [
            ("snake_case", Inflection::Snake),
            (" Camel ", Inflection::Camel),
            ("kebab-case", Inflection::Kebab),
        ] {
            assert_eq!(Inflection::of_header(text), Some(inflection));
        }
        assert_eq!(Inflection::of_header("pascal"), None);
    }
}
