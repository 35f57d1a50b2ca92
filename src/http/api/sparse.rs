//! Sparse fieldsets (JSON:API): `fields[account]=reference-id,tags` shows these attributes only.

use std::collections::HashMap;

use serde_json::Value;

use super::{call::Call, inflection::to_kebab};

/// Which attributes are shown, by type of object.
pub(super) struct Fieldsets(HashMap<String, Vec<String>>);

impl Fieldsets {
    pub(super) fn of(call: &Call) -> Self {
        let sets = call.query.iter().filter_map(|(key, value)| {
            let kind = key.strip_prefix("fields[")?.strip_suffix(']')?;
            let names = value.split(',').map(|name| to_kebab(name.trim())).collect();
            Some((to_kebab(kind), names))
        });
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
        let names = object.get("type").and_then(Value::as_str).and_then(|kind| self.0.get(kind)).cloned();
        if let (Some(names), Some(Value::Object(attributes))) = (names, object.get_mut("attributes")) {
            attributes.retain(|key, _| names.iter().any(|name| name == key));
        }
    }
}
