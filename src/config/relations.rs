//! How the relations of account types and transaction types are checked.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    key::Key,
    raw::{RawRelation, RawTransactionType},
};
use crate::domain::{
    account_type::{FieldKind, is_field_key, label_of},
    relation::{ObjectKind, Relation},
    transaction_type::TransactionType,
};

const KEYS: &str = "accepted are keys in snake_case, at most 63 characters";

/// Checks `relations` of a type; what they lead to is checked once all types are known.
pub(super) fn relations(
    check: &mut Checker<'_>,
    of: &Key,
    raw: BTreeMap<String, RawRelation>,
) -> Vec<Relation> {
    let section = of.at("relations");
    let mut relations = Vec::with_capacity(raw.len());
    for (key, raw) in raw {
        let at = section.at(&key);
        if !is_field_key(&key) {
            check.refuse_name(&at, KEYS);
        }
        if raw.inverse.as_deref().is_some_and(|inverse| !is_field_key(inverse)) {
            check.refuse(&at.at("inverse"), KEYS);
        }
        relations.push(Relation {
            label: raw.label.unwrap_or_else(|| label_of(&key)),
            key,
            target: raw.target.unwrap_or_default(),
            target_types: check.texts(&at.at("target-types"), raw.target_types.unwrap_or_default()),
            cardinality: raw.cardinality.unwrap_or_default(),
            inverse: raw.inverse,
        });
    }
    relations
}

/// Checks that the types that relations name are there.
pub(super) fn targets<'r>(
    check: &mut Checker<'_>,
    section: &str,
    types: impl Iterator<Item = (&'r str, &'r [Relation])>,
) {
    let accounts = check.names("account-types");
    let transactions = check.names("transaction-types");
    for (name, relations) in types {
        for relation in relations {
            let at = Key::of(section).at(name).at("relations").at(&relation.key).at("target-types");
            let (what, known) = match relation.target {
                ObjectKind::Account => ("an account type", &accounts),
                ObjectKind::Transaction => ("a transaction type", &transactions),
            };
            for (index, target) in relation.target_types.iter().enumerate() {
                check.known(&at.item(index), target, what, known);
            }
        }
    }
}

/// Checks `[transaction-types]`.
pub(super) fn transaction_types(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawTransactionType>,
) -> BTreeMap<String, TransactionType> {
    let mut types = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("transaction-types").at(&name);
        check.name(&key, &name);
        let statuses = super::accounts::statuses(check, &key, raw.statuses, raw.default_status);
        let fields = super::accounts::all_fields(check, &key, raw.fields);
        for field in fields.iter().filter(|field| field.kind == FieldKind::File) {
            check.refuse_name(
                &key.at("fields").at(&field.key).at("type"),
                "is for account types: files are of accounts",
            );
        }
        let relations = relations(check, &key, raw.relations);
        types.insert(name.clone(), TransactionType::new(name, fields, statuses, relations));
    }
    types
}
