//! What of an export is about others: colleagues, by their e-mail addresses, and whom a list of one's own names that the
//! account turned out not to be.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{screening::own, store::export};

/// What stands for it.
const ADDRESS: &str = "[address left out]";

/// What stands for somebody else.
const SOMEBODY: &str = "left out: it is somebody else";

/// The items of one's own lists that were dismissed, by hits: whoever stands there is not whom the export is about.
/// One that another hit of the account did not dismiss stays.
pub(super) fn of_rows<'a>(hits: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    let (mut dismissed, mut others) = (BTreeSet::new(), BTreeSet::new());
    for hit in hits {
        let text = |name: &str| hit.get(name).and_then(Value::as_str);
        let Some(entity) = text("entity").filter(|entity| entity.starts_with(own::PREFIX)) else { continue };
        let of = if export::is_dismissed(hit) { &mut dismissed } else { &mut others };
        of.insert(entity.to_owned());
    }
    dismissed.difference(&others).cloned().collect()
}

/// A value without what tells of entities that are somebody else.
pub(super) fn left_out(value: Value, others: &BTreeSet<String>) -> Value {
    match value {
        Value::Object(map) => {
            let is_other =
                map.get("entity").and_then(Value::as_str).is_some_and(|entity| others.contains(entity));
            if is_other {
                return json!(SOMEBODY);
            }
            let parts = map.into_iter().map(|(key, value)| (key, left_out(value, others)));
            Value::Object(parts.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(|item| left_out(item, others)).collect(),
        other => other,
    }
}

/// A value without e-mail addresses.
pub(super) fn without_addresses(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('@') => {
            let is_part = |letter: char| letter.is_alphanumeric() || "@._%+-".contains(letter);
            let mut shown = String::new();
            for piece in text.split_inclusive(|letter| !is_part(letter)) {
                let word = piece.trim_end_matches(|letter| !is_part(letter));
                let rest = piece.strip_prefix(word).unwrap_or_default();
                let is_address =
                    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
                shown.push_str(if is_address { ADDRESS } else { word });
                shown.push_str(rest);
            }
            Value::String(shown)
        }
        Value::Object(map) => {
            let parts = map.into_iter().map(|(key, value)| (key, without_addresses(value)));
            Value::Object(parts.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(without_addresses).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_left_out_wherever_they_stand_and_nothing_else_is() {
        let told = json!({ "actor": "cli:eve.m@bank.example", "detail": "{\"to\":\"max@bank.example\",\"n\":1}", "at": "@5" });
        let shown = without_addresses(told);
        let expected = json!({
            "actor": "cli:[address left out]", "detail": "{\"to\":\"[address left out]\",\"n\":1}", "at": "@5",
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn whom_a_dismissed_hit_of_an_own_list_names_is_left_out_and_others_are_not() {
        let hits = [
            json!({ "entity": "own:li_1", "state": "dismissed" }),
            json!({ "entity": "own:li_2", "state": "open" }),
            json!({ "entity": "own:li_3", "state": "dismissed" }),
            json!({ "entity": "own:li_3", "state": "confirmed" }),
            json!({ "entity": "ofac:1", "state": "dismissed" }),
        ];
        let others = of_rows(hits.iter());
        assert_eq!(others.iter().map(String::as_str).collect::<Vec<_>>(), ["own:li_1"]);
        let answer = json!({ "findings": [{ "entity": "own:li_1", "name": "Jo" }, { "entity": "ofac:1", "name": "X" }] });
        let shown = left_out(answer, &others);
        assert_eq!(shown, json!({ "findings": [SOMEBODY, { "entity": "ofac:1", "name": "X" }] }));
    }
}
