//! How account types are checked.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    fields,
    key::Key,
    raw::{RawAccountType, RawField, RawScreened},
    relations,
};
use crate::domain::{
    account_type::{AccountType, ContactKind, Field, FieldKind, Item, Screened, ScreenedDocument, Status},
    document::DocumentKind,
};

/// Checks `[account-types]`. Those that are made through the API are known by name only, and left out.
pub(super) fn account_types(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawAccountType>,
) -> BTreeMap<String, AccountType> {
    let mut types = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("account-types").at(&name);
        check.name(&key, &name);
        if raw.from_api == Some(true) {
            let says_more = raw.kind.is_some() || raw.statuses.is_some() || !raw.fields.is_empty();
            let says_more = says_more || !raw.relations.is_empty() || !raw.actions.is_empty();
            if says_more || raw.screened.is_some() || raw.default_status.is_some() {
                check.refuse_name(&key, "a type from the API has nothing but from-api here");
            }
        } else if let Some(checked) = account_type(check, &key, &name, raw) {
            types.insert(name, checked);
        }
    }
    types
}

fn account_type(check: &mut Checker<'_>, key: &Key, name: &str, raw: RawAccountType) -> Option<AccountType> {
    let kind = check.needed(&key.at("kind"), raw.kind, "\"person\" or \"organisation\"");
    let fields = all_fields(check, key, raw.fields);
    let (mut all, default_status) = statuses(check, key, raw.statuses, raw.default_status);
    for (name, colour) in raw.status_colours.unwrap_or_default() {
        let key = key.at("status-colours").at(&name);
        if !Status::is_colour(&colour) {
            check.refuse(&key, "accepted is a colour as #1f2937");
        }
        match all.iter_mut().find(|status| status.name == name) {
            Some(status) => status.colour = colour,
            None => check.refuse_name(&key, "is none of the statuses"),
        }
    }
    let screened = screened(check, key, raw.screened.unwrap_or_default(), &fields);
    let relations = relations::relations(check, key, raw.relations);
    let name = name.to_owned();
    Some(AccountType { name, kind: kind?, fields, statuses: all, default_status, screened, relations })
}

/// Checks `fields` of a type.
pub(super) fn all_fields(check: &mut Checker<'_>, of: &Key, raw: BTreeMap<String, RawField>) -> Vec<Field> {
    let section = of.at("fields");
    raw.into_iter().filter_map(|(key, raw)| fields::field(check, &section.at(&key), key, raw)).collect()
}

/// Checks `statuses` of a type, and which of them is the default.
pub(super) fn statuses(
    check: &mut Checker<'_>,
    of: &Key,
    raw: Option<Vec<String>>,
    default: Option<String>,
) -> (Vec<Status>, String) {
    let statuses = raw.filter(|statuses| !statuses.is_empty());
    let statuses = check.needed(&of.at("statuses"), statuses, "a list of names of statuses");
    let statuses = check.texts(&of.at("statuses"), statuses.unwrap_or_default());
    let default = default.or_else(|| statuses.first().cloned()).unwrap_or_default();
    if !statuses.is_empty() {
        let known: Vec<&str> = statuses.iter().map(String::as_str).collect();
        check.known(&of.at("default-status"), &default, "one of the statuses", &known);
    }
    (statuses.iter().map(|status| Status::new(status)).collect(), default)
}

/// Checks that what is screened is there, and holds what it should.
fn screened(check: &mut Checker<'_>, key: &Key, raw: RawScreened, fields: &[Field]) -> Screened {
    let at = key.at("screened");
    let names = |kind: &FieldKind| {
        kind.is_person_name() || kind.is_text_list() || matches!(kind, FieldKind::String { .. })
    };
    let dates = |kind: &FieldKind| matches!(kind, FieldKind::Date { .. });
    let countries = |kind: &FieldKind| {
        kind.is_text_list() || matches!(kind, FieldKind::String { .. } | FieldKind::Choices(_))
    };
    let mut screen = |at: Key, word: &str, what: &str, holds: &dyn Fn(&FieldKind) -> bool| {
        let own = word.split('.').next().unwrap_or_default();
        // A field that is written and at fault has its own fault.
        if fields.iter().any(|field| field.key == own) || !check.is_written(&key.at("fields").at(own)) {
            let known: Vec<String> = fields.iter().flat_map(|field| places(field, holds)).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
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
    let texts = |kind: &FieldKind| matches!(kind, FieldKind::String { .. } | FieldKind::Choices(_));
    if let Some(gender) = &raw.gender {
        screen(at.at("gender"), gender, "a field of texts", &texts);
    }
    let numbers = |kind: &FieldKind| {
        kind.is_documents() || kind.is_text_list() || matches!(kind, FieldKind::String { .. })
    };
    for (index, document) in raw.documents.iter().enumerate() {
        let at = at.at("documents").item(index);
        let field = document.field.as_deref().unwrap_or_default();
        screen(at.at("field"), field, "a field of numbers of documents", &numbers);
        if let Some(country) = &document.country {
            screen(at.at("country"), country, "a field of countries", &texts);
        }
    }
    let contacts = |kind: &FieldKind| kind.is_text() || kind.is_text_list();
    let all_contacts = [
        (ContactKind::EmailAddress, &raw.email_addresses, "a field of e-mail addresses"),
        (ContactKind::PhoneNumber, &raw.phone_numbers, "a field of phone numbers"),
        (ContactKind::IpAddress, &raw.ip_addresses, "a field of IP addresses"),
    ];
    for (kind, paths, what) in all_contacts {
        for (index, path) in paths.iter().flatten().enumerate() {
            screen(at.at(kind.word()).item(index), path, what, &contacts);
        }
    }
    for (index, document) in raw.documents.iter().enumerate() {
        let field = document.field.as_deref().unwrap_or_default();
        let says_kind = fields.iter().any(|known| known.key == field && known.kind.is_documents());
        if document.kind.is_none() && !says_kind {
            let known: Vec<&str> = DocumentKind::ALL.iter().map(|kind| kind.word()).collect();
            let key = at.at("documents").item(index).at("kind");
            check.refuse(&key, format_args!("is missing; accepted is one of {}", known.join(", ")));
        }
    }
    let documents = raw.documents.into_iter().map(|document| ScreenedDocument {
        field: document.field.unwrap_or_default(),
        kind: document.kind,
        country: document.country,
    });
    Screened {
        names: raw.names,
        birth_date: raw.birth_date,
        countries: raw.countries,
        gender: raw.gender,
        documents: documents.collect(),
        email_addresses: raw.email_addresses,
        phone_numbers: raw.phone_numbers,
        ip_addresses: raw.ip_addresses,
    }
}

/// Where in a field something is: the field itself, or parts of it.
fn places(field: &Field, holds: &dyn Fn(&FieldKind) -> bool) -> Vec<String> {
    if holds(&field.kind) || field.kind.is_person_name() {
        return if holds(&field.kind) { vec![field.key.clone()] } else { Vec::new() };
    }
    let parts = field.kind.items().iter().filter(|item: &&Item| holds(&item.kind));
    parts.map(|item| format!("{}.{}", field.key, item.key)).collect()
}
