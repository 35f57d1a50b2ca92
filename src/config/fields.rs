//! How fields of account types are checked.

use serde_json::Value;

use super::{
    checker::Checker,
    key::Key,
    raw::{RawField, RawFieldType as Type},
};
use crate::domain::{
    account_type::{
        Field, FieldFault, FieldKind, Item, LONGEST_TEXT, Options, RedactionPolicy, WritePolicy,
        is_field_key, label_of, read_item,
    },
    date::PartialDate,
};

/// Checks `[account-types.NAME.fields.KEY]`.
pub(super) fn field(check: &mut Checker<'_>, at: &Key, key: String, mut raw: RawField) -> Option<Field> {
    if !is_field_key(&key) {
        check.refuse_name(at, "accepted are keys in snake_case, at most 63 characters");
    }
    let types = "string, integer, number, boolean, date, datetime, choices, multi-choices, array, hash, json, \
                 file, email-address, string-list or person-name";
    let word = check.needed(&at.at("type"), raw.r#type, types);
    if let Some(word) = word {
        only(check, at, &raw, word);
    }
    let kind = kind(check, at, word?, &mut raw)?;
    let mut field = Field {
        label: raw.label.unwrap_or_else(|| label_of(&key)),
        key,
        kind,
        pii: raw.pii.unwrap_or(true),
        required: raw.required.unwrap_or(false),
        default_value: None,
        redaction_policy: raw.redaction_policy.unwrap_or(RedactionPolicy::None),
        write_policy: raw.write_policy.unwrap_or(WritePolicy::None),
        identifier: raw.identifier.unwrap_or(false),
        unique: raw.unique.unwrap_or(false),
        case_sensitive: raw.case_sensitive.unwrap_or(false),
        searchable: raw.searchable.unwrap_or(false),
        archived_at: None,
    };
    if field.is_indexed() && !field.kind.can_be_indexed() {
        check.refuse_name(at, "identifier, unique and searchable are for single values, or lists of them");
    }
    if let Some(default) = raw.default {
        let free = Field { required: false, ..field.clone() };
        match free.check(&default) {
            Ok(value) => field.default_value = Some(value).filter(|value| !value.is_null()),
            Err(faults) => refuse(check, &at.at("default"), &faults),
        }
    }
    Some(field)
}

/// Refuses keys that are for fields of other types.
fn only(check: &mut Checker<'_>, at: &Key, raw: &RawField, word: Type) {
    let keys: [(&str, bool, &[Type], &str); 6] = [
        ("choices", raw.choices.is_some(), &[Type::Choices, Type::MultiChoices], "choices"),
        ("max-char-length", raw.max_char_length.is_some(), &[Type::String], "string"),
        ("min-date", raw.min_date.is_some(), &[Type::Date], "date"),
        ("max-date", raw.max_date.is_some(), &[Type::Date], "date"),
        ("item-schema", raw.item_schema.is_some(), &[Type::Array], "array"),
        (
            "item-schemas",
            raw.item_schemas.is_some() || raw.ignore_unknown_keys.is_some(),
            &[Type::Hash],
            "hash",
        ),
    ];
    for (key, is_there, types, name) in keys {
        if is_there && !types.contains(&word) {
            check.refuse_name(&at.at(key), &format!("is only for fields of type {name}"));
        }
    }
}

fn kind(check: &mut Checker<'_>, at: &Key, word: Type, raw: &mut RawField) -> Option<FieldKind> {
    Some(match word {
        Type::String => FieldKind::String {
            max_char_length: match raw.max_char_length {
                Some(length) => check.count(&at.at("max-char-length"), length, 1_u16..=1024).into(),
                None => LONGEST_TEXT,
            },
        },
        Type::Integer => FieldKind::Integer,
        Type::Number => FieldKind::Number,
        Type::Boolean => FieldKind::Boolean,
        Type::Date => FieldKind::Date {
            min_date: date(check, &at.at("min-date"), raw.min_date.as_deref()),
            max_date: date(check, &at.at("max-date"), raw.max_date.as_deref()),
        },
        Type::Datetime => FieldKind::Datetime,
        Type::Choices => FieldKind::Choices(options(check, at, raw)?),
        Type::MultiChoices => FieldKind::MultiChoices(options(check, at, raw)?),
        Type::Array => {
            let schema = raw.item_schema.take();
            let schema = check.needed(&at.at("item-schema"), schema, "the schema of an item")?;
            FieldKind::Array { item: Box::new(item(check, &at.at("item-schema"), &schema, true)?) }
        }
        Type::Hash => {
            let schemas = raw.item_schemas.take().filter(|schemas| !schemas.is_empty());
            let schemas =
                check.needed(&at.at("item-schemas"), schemas, "a list of schemas, each with a key")?;
            let mut items: Vec<Item> = Vec::new();
            for (index, schema) in schemas.iter().enumerate() {
                let at = at.at("item-schemas").item(index);
                let Some(item) = item(check, &at, schema, false) else { continue };
                if items.iter().any(|known| known.key == item.key) {
                    check.refuse_name(&at, "accepted is each key once");
                }
                items.push(item);
            }
            FieldKind::Hash { items, ignore_unknown_keys: raw.ignore_unknown_keys.unwrap_or(false) }
        }
        Type::Json => FieldKind::Json,
        Type::File => FieldKind::File,
        Type::EmailAddress => FieldKind::EmailAddress,
        Type::StringList => FieldKind::texts(),
        Type::PersonName => FieldKind::person_name(),
    })
}

fn options(check: &mut Checker<'_>, at: &Key, raw: &mut RawField) -> Option<Options> {
    let choices = raw.choices.take().map(|choices| check.texts(&at.at("choices"), choices));
    let choices = choices.filter(|choices| !choices.is_empty());
    Some(Options::plain(check.needed(&at.at("choices"), choices, "a list of texts")?))
}

fn date(check: &mut Checker<'_>, key: &Key, text: Option<&str>) -> Option<PartialDate> {
    text?.parse().map_err(|_| check.refuse(key, "accepted is a date: YYYY-MM-DD")).ok()
}

fn item(check: &mut Checker<'_>, at: &Key, schema: &Value, keyless: bool) -> Option<Item> {
    let mut faults = Vec::new();
    let item = read_item(schema, "", 1, keyless, &mut faults);
    refuse(check, at, &faults);
    item.filter(|_| faults.is_empty())
}

fn refuse(check: &mut Checker<'_>, at: &Key, faults: &[FieldFault]) {
    for fault in faults {
        check.refuse_name(at, &fault.to_string());
    }
}
