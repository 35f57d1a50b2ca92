//! Fields of an account type: what each takes, and how it is kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use super::value::{self, FieldFault};
use crate::domain::date::PartialDate;

/// The longest text that a field takes, in characters.
pub const LONGEST_TEXT: usize = 1024;

/// The longest text of a field that was made through the API and says nothing else.
pub const USUAL_TEXT: usize = 255;

/// The parts of a person's name, in the order in which they are written.
pub(super) const NAME_PARTS: [&str; 3] = ["first", "middle", "last"];

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum FieldKind {
    /// A text of one line.
    String {
        /// The most characters.
        max_char_length: usize,
    },
    /// A whole number of 64 bits.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A [`PartialDate`].
    Date {
        /// The earliest.
        min_date: Option<PartialDate>,
        /// The latest.
        max_date: Option<PartialDate>,
    },
    /// A moment.
    Datetime,
    /// One of these texts.
    Choices(Options),
    /// Any of these texts.
    MultiChoices(Options),
    /// A list of one sort of value.
    Array {
        /// What each item takes.
        item: Box<Item>,
    },
    /// An object.
    Hash {
        /// Its parts, each key once.
        items: Vec<Item>,
        /// Whether other keys are left out without a word.
        #[serde(default)]
        ignore_unknown_keys: bool,
    },
    /// Any JSON.
    Json,
    /// A file.
    File,
    /// An e-mail address.
    EmailAddress,
}

/// Texts to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Options {
    /// The texts.
    pub options: Vec<String>,
    /// How screens name them; those that are not here by themselves.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Options {
    /// Options without other names.
    pub fn plain(options: Vec<String>) -> Self {
        Self { options, labels: BTreeMap::new() }
    }
}

/// A part of a hash, or what each item of an array is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// Its key in the hash; empty for an item of an array.
    #[serde(default)]
    pub key: String,
    /// Its name on screens.
    #[serde(default)]
    pub label: String,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether a hash must have it.
    #[serde(default)]
    pub required: bool,
}

/// Whether redaction destroys a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedactionPolicy {
    /// It does, where the field is personal.
    #[default]
    None,
    /// It never does.
    Never,
}

/// How often a field may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePolicy {
    /// As often as anybody likes.
    #[default]
    None,
    /// Once: a value is not replaced by another, and not taken away.
    WriteOnce,
}

/// One field of an account type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, as the API shows it")]
pub struct Field {
    /// Its name in the API, in `snake_case`.
    pub key: String,
    /// Its name on screens.
    pub label: String,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it is data about a person, and so kept sealed.
    pub pii: bool,
    /// Whether an account must have it.
    pub required: bool,
    /// What a new account has that says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<Value>,
    /// Whether redaction destroys it.
    #[serde(default)]
    pub redaction_policy: RedactionPolicy,
    /// How often it may be written.
    #[serde(default)]
    pub write_policy: WritePolicy,
    /// Whether accounts are found by it: a number or name that stands for the account elsewhere.
    #[serde(default)]
    pub identifier: bool,
    /// Whether no two accounts of the type have the same value.
    #[serde(default)]
    pub unique: bool,
    /// Whether values that differ in case only are different ones, to who looks for them.
    #[serde(default)]
    pub case_sensitive: bool,
    /// Whether accounts can be searched by it.
    #[serde(default)]
    pub searchable: bool,
    /// When it was taken out of use: old values can be read, and none is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<DateTime<Utc>>,
}

impl Field {
    /// A field of a kind, personal, with nothing else special about it.
    pub fn new(key: &str, kind: FieldKind) -> Self {
        Self {
            key: key.to_owned(),
            label: label_of(key),
            kind,
            pii: true,
            required: false,
            default_value: None,
            redaction_policy: RedactionPolicy::default(),
            write_policy: WritePolicy::default(),
            identifier: false,
            unique: false,
            case_sensitive: false,
            searchable: false,
            archived_at: None,
        }
    }

    /// Accepts `value` in the form in which it is kept, or says of each part what would be accepted.
    ///
    /// Nothing (null, an empty text, an empty list) is kept as null and refused where the field is
    /// required. Numbers and truths are also taken from texts, as imports bring them.
    pub fn check(&self, value: &Value) -> Result<Value, Vec<FieldFault>> {
        let mut faults = Vec::new();
        let kept = value::checked(&self.kind, value, "", &mut faults);
        if self.required && kept.is_null() && faults.is_empty() {
            faults.push(FieldFault::at("", "is required"));
        }
        if faults.is_empty() { Ok(kept) } else { Err(faults) }
    }

    /// Whether the database keeps tokens of its values, so that accounts are found by them.
    pub const fn is_indexed(&self) -> bool {
        (self.identifier || self.unique || self.searchable) && self.archived_at.is_none()
    }

    /// The values by which an account is found, in one form each: of an array every item.
    pub fn index_texts(&self, value: &Value) -> Vec<String> {
        value::index_texts(value, self.case_sensitive)
    }
}

impl FieldKind {
    /// A text of the greatest length.
    pub const TEXT: Self = Self::String { max_char_length: LONGEST_TEXT };

    /// Any date.
    pub const DATE: Self = Self::Date { min_date: None, max_date: None };

    /// A list of texts.
    pub fn texts() -> Self {
        let item = Item { key: String::new(), label: String::new(), kind: Self::TEXT, required: false };
        Self::Array { item: Box::new(item) }
    }

    /// A person's name: `first`, `middle` and `last`.
    pub fn person_name() -> Self {
        let item =
            |key: &str| Item { key: key.to_owned(), label: label_of(key), kind: Self::TEXT, required: false };
        Self::Hash { items: NAME_PARTS.map(item).into(), ignore_unknown_keys: false }
    }

    /// Adds a path, and those of the parts that a value there has, whatever list they lie in.
    pub(super) fn add_paths(&self, path: String, paths: &mut Vec<String>) {
        match self {
            Self::Hash { items, .. } => {
                for item in items {
                    item.kind.add_paths(format!("{path}.{}", item.key), paths);
                }
                paths.push(path);
            }
            Self::Array { item } => item.kind.add_paths(path, paths),
            _ => paths.push(path),
        }
    }

    /// Whether a value has parts that may be said one by one, such as the last name.
    pub const fn has_parts(&self) -> bool {
        matches!(self, Self::Hash { .. })
    }

    /// The kind's word in the API and the configuration.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date { .. } => "date",
            Self::Datetime => "datetime",
            Self::Choices(_) => "choices",
            Self::MultiChoices(_) => "multi-choices",
            Self::Array { .. } => "array",
            Self::Hash { .. } => "hash",
            Self::Json => "json",
            Self::File => "file",
            Self::EmailAddress => "email-address",
        }
    }

    /// The parts, if it is a hash.
    pub fn items(&self) -> &[Item] {
        match self {
            Self::Hash { items, .. } => items,
            _ => &[],
        }
    }

    /// The part of a hash.
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.items().iter().find(|item| item.key == key)
    }

    /// Whether it is a hash that holds a person's name.
    pub fn is_person_name(&self) -> bool {
        self.item("first").is_some() && self.item("last").is_some()
    }

    /// Whether it is a hash that holds a document's number, or a list of such hashes.
    pub fn is_documents(&self) -> bool {
        match self {
            Self::Array { item } => item.kind.is_documents(),
            _ => self.item("identification_number").is_some(),
        }
    }

    /// Whether it holds texts: itself, or each item of a list.
    pub fn is_text_list(&self) -> bool {
        matches!(self, Self::Array { item } if item.kind.is_text())
    }

    /// Whether it holds one text.
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::String { .. } | Self::Choices(_) | Self::EmailAddress)
    }

    /// Whether accounts may be found by its values: single values, or lists of them.
    pub fn can_be_indexed(&self) -> bool {
        match self {
            Self::String { .. }
            | Self::Integer
            | Self::Number
            | Self::Boolean
            | Self::Date { .. }
            | Self::Datetime
            | Self::Choices(_)
            | Self::MultiChoices(_)
            | Self::EmailAddress => true,
            Self::Array { item } => {
                !matches!(item.kind, Self::Array { .. } | Self::MultiChoices(_)) && item.kind.can_be_indexed()
            }
            Self::Hash { .. } | Self::Json | Self::File => false,
        }
    }
}

/// `date_of_birth` reads `Date of birth`.
pub fn label_of(key: &str) -> String {
    let mut words = key.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Whether a text may be a field's key: `snake_case`, from a letter on, at most 63 characters.
pub fn is_field_key(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Serialize for FieldKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// Also reads what earlier versions wrote: a word, or the choices alone.
impl<'de> Deserialize<'de> for FieldKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Some(choices) = value.get("choices").filter(|_| value.get("type").is_none()) {
            let options = serde_json::from_value(choices.clone()).map_err(D::Error::custom)?;
            return Ok(Self::Choices(Options::plain(options)));
        }
        match value.as_str() {
            None => Self::deserialize(value).map_err(D::Error::custom),
            Some("string") => Ok(Self::TEXT),
            Some("integer") => Ok(Self::Integer),
            Some("number") => Ok(Self::Number),
            Some("boolean") => Ok(Self::Boolean),
            Some("date") => Ok(Self::DATE),
            Some("string-list") => Ok(Self::texts()),
            Some("person-name") => Ok(Self::person_name()),
            Some(_) => Err(D::Error::custom("is no kind of field")),
        }
    }
}
