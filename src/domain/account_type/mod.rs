//! What an account of a type consists of: its fields, its statuses, and what of it is screened.
//!
//! A field marked `pii` is sealed by the vault; the others stay plain, so that schedules and lists
//! can filter on them. No fault quotes the value that was refused: it may be about a person.
//!
//! A field that a type no longer wants is archived: its old values can be read, and no new ones are written. So
//! a type never loses a key that accounts hold.

mod change;
mod contacts;
mod field;
mod layout;
mod meaning;
mod schema;
mod status;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use change::{Narrowed, keep_archived, narrowed};
pub use contacts::ContactKind;
pub use field::{
    Field, FieldKind, Item, LONGEST_TEXT, Options, RedactionPolicy, USUAL_TEXT, WritePolicy, is_field_key,
    label_of,
};
pub use layout::{Layout, PlacedField, Section, Visibility};
pub use meaning::Meanings;
pub use schema::{read_field, read_item, written_field};
pub use status::Status;
pub use value::{FieldFault, LONGEST_FILE, LONGEST_LIST, pointer_part};

use self::field::NAME_PARTS;
use super::{
    document::{Document, DocumentKind},
    personal::Personal,
    relation::Relation,
    subject::{Gender, Subject, SubjectKind},
};

/// Which fields of an account a report asks about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Screened {
    /// Fields that hold names, or parts of hashes as `owner.name`; the main name first.
    pub names: Vec<String>,
    /// The field that holds the date of birth or foundation.
    pub birth_date: Option<String>,
    /// Fields that hold countries, or parts of hashes as `address.country_code`.
    pub countries: Vec<String>,
    /// The field that holds the gender.
    #[serde(default)]
    pub gender: Option<String>,
    /// Fields that hold numbers of documents.
    #[serde(default)]
    pub documents: Vec<ScreenedDocument>,
    /// Fields that hold e-mail addresses; where nothing is said, those that [`AccountType::contact_paths`] finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_addresses: Option<Vec<String>>,
    /// The same of phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_numbers: Option<Vec<String>>,
    /// The same of IP addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_addresses: Option<Vec<String>>,
}

/// A field that holds numbers of documents or registrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScreenedDocument {
    /// A field of texts, or a part of a hash as `papers.passport`; or an array of hashes with the parts
    /// `identification_class`, `identification_number` and `issuing_country`.
    pub field: String,
    /// What sort of number it is; of an array of hashes, where the class does not say.
    #[serde(default)]
    pub kind: Option<DocumentKind>,
    /// The field that holds the country of issue.
    #[serde(default)]
    pub country: Option<String>,
}

impl Screened {
    /// Every field, or part of one, that is named; contacts apart.
    pub fn paths(&self) -> impl Iterator<Item = &String> {
        let documents = self.documents.iter().flat_map(|one| std::iter::once(&one.field).chain(&one.country));
        let others = self.names.iter().chain(&self.birth_date).chain(&self.countries).chain(&self.gender);
        others.chain(documents)
    }
}

/// The parts of a hash that is a document: its class, its number, its country.
pub const DOCUMENT_PARTS: [&str; 3] = ["identification_class", "identification_number", "issuing_country"];

/// A sort of account: its fields, its statuses, and what of it is screened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountType {
    /// Its name in the configuration and the API.
    pub name: String,
    /// Whom its accounts stand for.
    pub kind: SubjectKind,
    /// Its fields, each key once; archived ones too.
    pub fields: Vec<Field>,
    /// The statuses that its accounts may have.
    pub statuses: Vec<Status>,
    /// The key of the status of a new account; one of the statuses.
    pub default_status: String,
    /// What reports ask about.
    pub screened: Screened,
    /// What its accounts may be related to.
    #[serde(default)]
    pub relations: Vec<Relation>,
}

impl AccountType {
    /// The field of a key, if it is in use.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.any_field(key).filter(|field| field.archived_at.is_none())
    }

    /// The field of a key, archived or not.
    pub fn any_field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The fields in use.
    pub fn active_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.archived_at.is_none())
    }

    /// Whether its accounts may have a status of that name.
    pub fn has_status(&self, name: &str) -> bool {
        self.status_key(name).is_some()
    }

    /// The key under which accounts keep the status of a name.
    pub fn status_key(&self, name: &str) -> Option<&str> {
        // A name that one status has now is not what another was called when it was made.
        let named = self.statuses.iter().find(|status| status.name == name);
        named
            .or_else(|| self.statuses.iter().find(|status| status.key == name))
            .map(|status| status.key.as_str())
    }

    /// The name of the status that accounts keep under a key; an account may hold one that is gone.
    pub fn status_name<'a>(&'a self, key: &'a str) -> &'a str {
        self.statuses.iter().find(|status| status.key == key).map_or(key, |status| status.name.as_str())
    }

    /// The names of its statuses.
    pub fn status_names(&self) -> Vec<&str> {
        self.statuses.iter().map(|status| status.name.as_str()).collect()
    }

    /// The required fields that these lack.
    pub fn lacking<'a>(&'a self, fields: &'a Map<String, Value>) -> impl Iterator<Item = &'a Field> {
        self.active_fields().filter(|field| field.required && !fields.contains_key(&field.key))
    }

    /// What reports ask about an account with these fields, as [`Field::check`] left them.
    ///
    /// What is absent or cannot be read is left out; each name and each country comes once.
    pub fn subject(&self, fields: &Map<String, Value>) -> Subject {
        let value = |key: &String| at(fields, key);
        let names = self.screened.names.iter().flat_map(|key| texts_of(value(key)));
        let birth_date = self.screened.birth_date.as_ref().and_then(|key| value(key).as_str());
        let countries = self.screened.countries.iter().flat_map(|key| texts_of(value(key)));
        let countries = countries.filter_map(|country| code_of(&country));
        let gender = self.screened.gender.as_ref().and_then(|key| value(key).as_str());
        let documents = self.screened.documents.iter();
        let documents = documents.flat_map(|one| {
            let country = one.country.as_ref().and_then(|key| code_of(value(key).as_str()?));
            documents_of(value(&one.field), one.kind, country.as_deref())
        });
        let countries = each_once(countries);
        let home = countries.first().map(|country| country.reveal().as_str());
        Subject {
            kind: self.kind,
            names: each_once(names.filter(|name| !name.trim().is_empty())),
            birth_date: birth_date.and_then(|text| text.parse().ok()).map(Personal::new),
            gender: gender.and_then(Gender::from_word).map(Personal::new),
            documents: each_once(documents),
            contacts: self.contacts(fields, home),
            countries,
        }
    }

    /// A field, or a part of one as `address.city`, and the parts that it has.
    pub fn with_parts(&self, path: &str) -> Vec<String> {
        let key = path.split('.').next().unwrap_or_default();
        let mut paths = Vec::new();
        if let Some(field) = self.any_field(key) {
            field.kind.add_paths(key.to_owned(), &mut paths);
        }
        let below = format!("{path}.");
        paths.retain(|one| one == path || one.starts_with(&below));
        if paths.is_empty() { vec![path.to_owned()] } else { paths }
    }

    /// All that reports ask about: fields and parts of them.
    pub fn screened_paths(&self) -> Vec<String> {
        let contacts = ContactKind::ALL.into_iter().flat_map(|kind| self.contact_paths(kind));
        let all = self.screened.paths().cloned().chain(contacts);
        all.flat_map(|path| self.with_parts(&path)).collect()
    }

    /// Whether a field outlasts that its account is redacted. One that the type does not know (any more) does not:
    /// nobody has said that it is harmless.
    pub fn stays_on_redaction(&self, key: &str) -> bool {
        self.any_field(key)
            .is_some_and(|field| !field.pii || field.redaction_policy == RedactionPolicy::Never)
    }

    /// Parts the fields into those kept plain and those kept sealed.
    ///
    /// A key that the type does not know (any more) is sealed: nobody has said that it is harmless.
    pub fn split(&self, fields: &Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
        let plain: BTreeMap<&str, bool> =
            self.fields.iter().map(|field| (field.key.as_str(), !field.pii)).collect();
        let fields = fields.iter().map(|(key, value)| (key.clone(), value.clone()));
        fields.partition(|(key, _)| plain.get(key.as_str()).copied().unwrap_or(false))
    }
}

/// The value at a path: a field, or a part of one as `address.country_code`.
fn at<'a>(fields: &'a Map<String, Value>, path: &str) -> &'a Value {
    let mut parts = path.split('.');
    let first = parts.next().and_then(|key| fields.get(key));
    parts.fold(first, |value, key| value?.get(key)).unwrap_or(&Value::Null)
}

/// The texts that a kept value stands for: itself, each of a list, or a person's name in one text.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Object(parts) => {
            let parts: Vec<&str> = NAME_PARTS.iter().filter_map(|part| parts.get(*part)?.as_str()).collect();
            vec![parts.join(" ")]
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// The code of a country as it is kept, if it is one.
fn code_of(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_uppercase();
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
}

/// The documents that a kept value stands for: a text or texts are numbers, hashes say more.
fn documents_of(value: &Value, kind: Option<DocumentKind>, country: Option<&str>) -> Vec<Document> {
    let of_number = |number: &str, class: Option<&str>, issuer: Option<String>| Document {
        // What the class calls it, where that says something.
        kind: class
            .filter(|class| kind.is_none() || DocumentKind::of_words(class).is_some())
            .or(kind.map(DocumentKind::word))
            .unwrap_or("Identifier")
            .to_owned(),
        number: number.trim().to_owned(),
        country: issuer.or_else(|| country.map(str::to_owned)),
    };
    match value {
        Value::String(number) if !number.trim().is_empty() => vec![of_number(number, None, None)],
        Value::Array(list) => list.iter().flat_map(|one| documents_of(one, kind, country)).collect(),
        Value::Object(parts) => {
            let [class, number, issuer] = DOCUMENT_PARTS.map(|part| parts.get(part).and_then(Value::as_str));
            let number = number.filter(|number| !number.trim().is_empty());
            number.map(|number| of_number(number, class, issuer.and_then(code_of))).into_iter().collect()
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn each_once<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<Personal<T>> {
    let mut once: Vec<Personal<T>> = Vec::new();
    for value in values.map(Personal::new) {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}
