//! Values of fields as the API shows them: trees of `{type, value}`.

use serde_json::{Map, Value, json};

use super::{AccountType, FieldKind};

impl AccountType {
    /// All fields of an account: those in use, with or without a value, and others that still have one.
    ///
    /// `file` makes what is shown of a file of what is kept of it.
    pub fn tree(&self, fields: &Map<String, Value>, file: &dyn Fn(&Value) -> Value) -> Map<String, Value> {
        let mut tree = Map::new();
        for field in &self.fields {
            let value = fields.get(&field.key);
            if field.archived_at.is_none() || value.is_some() {
                tree.insert(field.key.clone(), shown(&field.kind, value.unwrap_or(&Value::Null), file));
            }
        }
        // What an earlier version of the type had, before it kept fields that go.
        for (key, value) in fields.iter().filter(|(key, _)| self.any_field(key).is_none()) {
            tree.insert(key.clone(), untyped(value));
        }
        tree
    }
}

fn shown(kind: &FieldKind, value: &Value, file: &dyn Fn(&Value) -> Value) -> Value {
    let value = match (kind, value) {
        (FieldKind::Hash { items, .. }, value) => {
            let parts = items.iter().map(|item| {
                let part = value.get(&item.key).unwrap_or(&Value::Null);
                (item.key.clone(), shown(&item.kind, part, file))
            });
            Value::Object(parts.collect())
        }
        (FieldKind::Array { item }, Value::Array(list)) => {
            list.iter().map(|value| shown(&item.kind, value, file)).collect()
        }
        (FieldKind::Array { .. } | FieldKind::MultiChoices(_), Value::Null) => json!([]),
        (FieldKind::File, value) if !value.is_null() => file(value),
        (_, value) => value.clone(),
    };
    json!({ "type": kind.word(), "value": value })
}

/// A value whose kind nobody knows any more.
fn untyped(value: &Value) -> Value {
    let (word, value) = match value {
        Value::Object(parts) => {
            let parts: Map<String, Value> =
                parts.iter().map(|(key, part)| (key.clone(), untyped(part))).collect();
            ("hash", Value::Object(parts))
        }
        Value::Array(list) => ("array", list.iter().map(untyped).collect()),
        Value::String(_) | Value::Null => ("string", value.clone()),
        Value::Bool(_) => ("boolean", value.clone()),
        Value::Number(_) => ("number", value.clone()),
    };
    json!({ "type": word, "value": value })
}
