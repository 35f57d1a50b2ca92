//! How account types are checked.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    key::Key,
    raw::{RawAccountType, RawField, RawFieldType, RawScreened},
    relations,
};
use crate::domain::account_type::{AccountType, Field, FieldKind, Screened, is_field_key};

/// Checks `[account-types]`.
pub(super) fn account_types(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawAccountType>,
) -> BTreeMap<String, AccountType> {
    let mut types = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("account-types").at(&name);
        check.name(&key, &name);
        if let Some(checked) = account_type(check, &key, &name, raw) {
            types.insert(name, checked);
        }
    }
    types
}

fn account_type(check: &mut Checker<'_>, key: &Key, name: &str, raw: RawAccountType) -> Option<AccountType> {
    let kind = check.needed(&key.at("kind"), raw.kind, "\"person\" or \"organisation\"");
    let fields = fields(check, key, raw.fields);
    let (statuses, default_status) = statuses(check, key, raw.statuses, raw.default_status);
    let screened = screened(check, key, raw.screened.unwrap_or_default(), &fields);
    let relations = relations::relations(check, key, raw.relations);
    let name = name.to_owned();
    Some(AccountType { name, kind: kind?, fields, statuses, default_status, screened, relations })
}

/// Checks `fields` of a type.
pub(super) fn fields(check: &mut Checker<'_>, of: &Key, raw: BTreeMap<String, RawField>) -> Vec<Field> {
    let section = of.at("fields");
    raw.into_iter().filter_map(|(key, raw)| field(check, &section.at(&key), key, raw)).collect()
}

/// Checks `statuses` of a type, and which of them is the default.
pub(super) fn statuses(
    check: &mut Checker<'_>,
    of: &Key,
    raw: Option<Vec<String>>,
    default: Option<String>,
) -> (Vec<String>, String) {
    let statuses = raw.filter(|statuses| !statuses.is_empty());
    let statuses = check.needed(&of.at("statuses"), statuses, "a list of names of statuses");
    let statuses = check.texts(&of.at("statuses"), statuses.unwrap_or_default());
    let default = default.or_else(|| statuses.first().cloned()).unwrap_or_default();
    if !statuses.is_empty() {
        let known: Vec<&str> = statuses.iter().map(String::as_str).collect();
        check.known(&of.at("default-status"), &default, "one of the statuses", &known);
    }
    (statuses, default)
}

fn field(check: &mut Checker<'_>, at: &Key, key: String, raw: RawField) -> Option<Field> {
    if !is_field_key(&key) {
        check.refuse_name(at, "accepted are keys in snake_case, at most 63 characters");
    }
    let types = "string, integer, number, boolean, date, choices, string-list or person-name";
    let kind = check.needed(&at.at("type"), raw.r#type, types);
    let choices = raw.choices.map(|choices| check.texts(&at.at("choices"), choices));
    if choices.is_some() && kind.is_some_and(|kind| kind != RawFieldType::Choices) {
        check.refuse_name(&at.at("choices"), "is only for fields of type choices");
    }
    let kind = match kind? {
        RawFieldType::String => FieldKind::String,
        RawFieldType::Integer => FieldKind::Integer,
        RawFieldType::Number => FieldKind::Number,
        RawFieldType::Boolean => FieldKind::Boolean,
        RawFieldType::Date => FieldKind::Date,
        RawFieldType::StringList => FieldKind::StringList,
        RawFieldType::PersonName => FieldKind::PersonName,
        RawFieldType::Choices => {
            let choices = choices.filter(|choices| !choices.is_empty());
            FieldKind::Choices(check.needed(&at.at("choices"), choices, "a list of texts")?)
        }
    };
    let label = raw.label.unwrap_or_else(|| label_of(&key));
    Some(Field { label, key, kind, pii: raw.pii.unwrap_or(true), required: raw.required.unwrap_or(false) })
}

/// `date_of_birth` reads `Date of birth`.
pub(super) fn label_of(key: &str) -> String {
    let mut words = key.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Checks that what is screened is there, and holds what it should.
fn screened(check: &mut Checker<'_>, key: &Key, raw: RawScreened, fields: &[Field]) -> Screened {
    let at = key.at("screened");
    let names =
        |kind: &FieldKind| matches!(kind, FieldKind::PersonName | FieldKind::String | FieldKind::StringList);
    let dates = |kind: &FieldKind| matches!(kind, FieldKind::Date);
    let countries =
        |kind: &FieldKind| matches!(kind, FieldKind::String | FieldKind::Choices(_) | FieldKind::StringList);
    let mut screen = |at: Key, word: &str, what: &str, holds: &dyn Fn(&FieldKind) -> bool| {
        // A field that is written and at fault has its own fault.
        if fields.iter().any(|field| field.key == word) || !check.is_written(&key.at("fields").at(word)) {
            let known: Vec<&str> =
                fields.iter().filter(|field| holds(&field.kind)).map(|field| field.key.as_str()).collect();
            check.known(&at, word, what, &known);
        }
    };
    for (index, name) in raw.names.iter().enumerate() {
        screen(at.at("names").item(index), name, "a field of names", &names);
    }
    for (index, country) in raw.countries.iter().enumerate() {
        screen(at.at("countries").item(index), country, "a field of countries", &countries);
    }
    if let Some(birth_date) = &raw.birth_date {
        screen(at.at("birth-date"), birth_date, "a field of type date", &dates);
    }
    Screened { names: raw.names, birth_date: raw.birth_date, countries: raw.countries }
}
