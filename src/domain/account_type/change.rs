//! What a change of a type means for the accounts that are there.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{AccountType, Field};

/// A field whose values, or whose absence, a change of its type might no longer accept.
#[derive(Clone, Copy, Debug)]
pub struct Narrowed<'a> {
    /// The field as it is to be.
    pub field: &'a Field,
    /// Whether accounts without it would be at fault: it was not required before, and now is.
    pub asks: bool,
}

impl Narrowed<'_> {
    /// Whether an account's fields, as they are kept, would be refused.
    pub fn refuses(&self, fields: &Map<String, Value>) -> bool {
        match fields.get(&self.field.key) {
            None | Some(Value::Null) => self.asks && self.field.default_value.is_none(),
            // What is kept is what a check would keep.
            Some(value) => self.field.check(value).as_ref() != Ok(value),
        }
    }
}

/// The fields of `after` that might refuse what accounts of `before` hold.
pub fn narrowed<'a>(before: &AccountType, after: &'a AccountType) -> Vec<Narrowed<'a>> {
    let changed = after.active_fields().filter_map(|field| {
        let old = before.any_field(&field.key);
        let was_required = old.is_some_and(|old| old.required && old.archived_at.is_none());
        let asks = field.required && !was_required;
        let may_refuse = old.is_some_and(|old| old.kind != field.kind);
        (asks || may_refuse).then_some(Narrowed { field, asks })
    });
    changed.collect()
}

/// Keeps the fields that `after` no longer has, archived, so that what accounts hold stays readable.
pub fn keep_archived(before: &AccountType, after: &mut AccountType, now: DateTime<Utc>) {
    for old in &before.fields {
        if after.any_field(&old.key).is_none() {
            let archived_at = Some(old.archived_at.unwrap_or(now));
            after.fields.push(Field { archived_at, required: false, ..old.clone() });
        }
    }
}
