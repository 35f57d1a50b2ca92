//! Sparse fieldsets (JSON:API): `fields[account]=reference-id,tags` shows these attributes only, and
//! `fields[account]=fields.name` only this field among the customer's own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::{
    account_view,
    call::{Call, normal},
    errors::ApiError,
    inflection::to_kebab,
    operation::{Operation, Shape},
    reports::shown,
};

/// How a field of the customer's own is named among attributes.
const OWN_FIELD: &str = "fields.";

/// The attributes that objects have, by type.
pub(super) struct Kinds(BTreeMap<&'static str, BTreeSet<String>>);

impl Kinds {
    /// Those of whatever the operations answer.
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.inline_subschemas = true;
        let mut generator: SchemaGenerator = settings.into_generator();
        let mut kinds: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for (_, shape) in operations.iter().flat_map(|operation| &operation.answers) {
            let (kind, described) = match shape {
                Shape::One(kind, described) | Shape::Many(kind, described) => (kind, described),
                Shape::Document(_) | Shape::Bytes(_) => continue,
            };
            let schema: Value = described(&mut generator).into();
            let properties = schema.get("properties").and_then(Value::as_object);
            let names = properties.into_iter().flatten().map(|(name, _)| name.clone());
            kinds.entry(kind.trim_end_matches("/*")).or_default().extend(names);
        }
        // What only clients of some versions, and reports of some types, are told.
        if let Some(names) = kinds.get_mut("account") {
            names.extend(account_view::older_names().map(str::to_owned));
        }
        if let Some(names) = kinds.get_mut("report") {
            names.extend(shown::BY_TYPE.map(str::to_owned));
        }
        Self(kinds)
    }

    /// Refuses types and attributes that nothing has.
    pub(super) fn check(&self, key: &str, value: &str) -> Result<(), ApiError> {
        let kind = kind(&normal(key)).unwrap_or_default();
        let Some(known) = self.0.get(kind.as_str()).or_else(|| self.0.get(base(&kind))) else {
            let kinds: Vec<&str> = self.0.keys().copied().collect();
            let details =
                format!("there is no such type; accepted is fields[TYPE] with any of: {}", kinds.join(", "));
            return Err(ApiError::bad_request(key, details));
        };
        let has_own = known.contains("fields");
        let is_known = |name: &str| match name.strip_prefix(OWN_FIELD) {
            Some(field) => has_own && !field.is_empty() && !field.contains('.'),
            None => name.is_empty() || known.is_empty() || known.contains(name),
        };
        if names(value).iter().all(|name| is_known(name)) {
            return Ok(());
        }
        let own = if has_own { ", and fields.KEY for one of the type's own" } else { "" };
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let details = format!("{kind} has no such attribute; accepted is any of: {}{own}", known.join(", "));
        Err(ApiError::bad_request(key, details))
    }
}

/// Which attributes are shown, by type of object.
pub(super) struct Fieldsets(HashMap<String, Vec<String>>);

impl Fieldsets {
    pub(super) fn of(call: &Call) -> Self {
        let sets = call.query.iter().filter_map(|(key, value)| Some((kind(&normal(key))?, names(value))));
        Self(sets.collect())
    }

    /// Takes the other attributes away.
    pub(super) fn apply(&self, document: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        for part in ["data", "included"] {
            match document.get_mut(part) {
                Some(Value::Array(list)) => list.iter_mut().for_each(|object| self.strip(object)),
                Some(object) => self.strip(object),
                None => {}
            }
        }
    }

    fn strip(&self, object: &mut Value) {
        let kind = object.get("type").and_then(Value::as_str);
        let names = kind.and_then(|kind| self.0.get(kind).or_else(|| self.0.get(base(kind)))).cloned();
        let (Some(names), Some(Value::Object(attributes))) = (names, object.get_mut("attributes")) else {
            return;
        };
        let own: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix(OWN_FIELD)).collect();
        attributes.retain(|key, value| {
            if names.iter().any(|name| name == key) {
                return true;
            }
            let is_of_fields = key == "fields" && !own.is_empty();
            if is_of_fields && let Value::Object(fields) = value {
                fields.retain(|field, _| own.contains(&to_kebab(field).as_str()));
            }
            is_of_fields
        });
    }
}

/// The type of objects that a parameter is about: `fields[account]`.
fn kind(name: &str) -> Option<String> {
    name.strip_prefix("fields[")?.strip_suffix(']').map(str::to_owned)
}

/// `report` stands for `report/watchlist` and its kin.
fn base(kind: &str) -> &str {
    kind.split_once('/').map_or(kind, |(base, _)| base)
}

fn names(value: &str) -> Vec<String> {
    value.split(',').map(|name| to_kebab(name.trim())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_is_shown_and_of_the_customers_fields_the_named_ones() {
        let shown = |kind: &str, names_sent: &str| {
            let mut document = json!({ "data": { "type": kind, "attributes": {
                "status": "x", "tags": [], "fields": { "tax_number": 1, "name": 2 },
            } } });
            Fieldsets(HashMap::from([("account".to_owned(), names(names_sent))])).apply(&mut document);
            document["data"]["attributes"].take()
        };
        assert_eq!(
            shown("account", "tags,fields.taxNumber"),
            json!({ "tags": [], "fields": { "tax_number": 1 } })
        );
        assert_eq!(shown("account", "fields").as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(shown("account", ""), json!({}));
        assert_eq!(shown("account/x", "status"), json!({ "status": "x" }));
        assert_eq!(shown("hit", "status").as_object().map(serde_json::Map::len), Some(3));
    }

    #[test]
    fn every_type_has_attributes_and_older_names_are_among_them() {
        let kinds = Kinds::of(&super::super::operations());
        for (kind, names) in &kinds.0 {
            assert!(!names.is_empty(), "{kind}");
        }
        for (kind, name) in
            [("account", "name-last"), ("report", "matched-lists"), ("hit", "score"), ("account", "tags")]
        {
            assert!(kinds.0[kind].contains(name), "{kind} {name}");
        }
        kinds.check("fields[report/watchlist]", "hasMatch,matched_lists").unwrap();
        kinds.check("fields[import]", "status").unwrap_err();
    }
}
