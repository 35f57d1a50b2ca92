//! What an account of a type consists of: its fields, its statuses, and what of it is screened.
//!
//! A field marked `pii` is sealed by the vault; the others stay plain, so that schedules and lists
//! can filter on them. No fault quotes the value that was refused: it may be about a person.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    date::PartialDate,
    personal::Personal,
    relation::Relation,
    subject::{Subject, SubjectKind},
};

/// The longest text that a field takes, in characters.
pub const LONGEST_TEXT: usize = 1024;

/// The most texts that a list field takes.
pub const LONGEST_LIST: usize = 100;

/// The parts of a person's name, in the order in which they are written.
const NAME_PARTS: [&str; 3] = ["first", "middle", "last"];

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// A text of one line.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A [`PartialDate`].
    Date,
    /// One of these texts.
    Choices(Vec<String>),
    /// Several texts of one line.
    StringList,
    /// An object of `first`, `middle` and `last`; what the API calls a hash.
    PersonName,
}

/// One field of an account type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
}

/// Why a field refuses a value. The text never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// A required field without a value.
    #[error("is required")]
    Required,
    /// Not a text.
    #[error("accepted is a text of at most 1024 characters without control characters")]
    Text,
    /// Not a whole number.
    #[error("accepted is a whole number of 64 bits")]
    Integer,
    /// Not a number.
    #[error("accepted is a number")]
    Number,
    /// Neither true nor false.
    #[error("accepted is true or false")]
    Boolean,
    /// Not a date.
    #[error("accepted is a date: YYYY-MM-DD, YYYY-MM or YYYY")]
    Date,
    /// None of the choices, which the text names.
    #[error("accepted is one of: {}", .0.join(", "))]
    Choice(Vec<String>),
    /// Not a list of texts.
    #[error("accepted is a list of at most 100 texts of at most 1024 characters without control characters")]
    TextList,
    /// Not a person's name.
    #[error("accepted is an object of the texts first, middle and last")]
    PersonName,
}

impl Field {
    /// Accepts `value` in the form in which it is kept, or says what would be accepted.
    ///
    /// Nothing (null, an empty text, an empty list) is kept as null and refused where the field is
    /// required. Numbers and truths are also taken from texts, as imports bring them.
    pub fn check(&self, value: &Value) -> Result<Value, ValueFault> {
        let kept = if value.as_str().is_some_and(|text| text.trim().is_empty()) || value.is_null() {
            Value::Null
        } else {
            self.kind.check(value)?
        };
        if self.required && kept.is_null() { Err(ValueFault::Required) } else { Ok(kept) }
    }
}

impl FieldKind {
    /// Whether a value has parts that may be said one by one, such as the last name.
    pub const fn has_parts(&self) -> bool {
        matches!(self, Self::PersonName)
    }

    /// The kind's word in the configuration.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Choices(_) => "choices",
            Self::StringList => "string-list",
            Self::PersonName => "person-name",
        }
    }

    fn check(&self, value: &Value) -> Result<Value, ValueFault> {
        match self {
            Self::String => text(value).map(Value::from).ok_or(ValueFault::Text),
            Self::Integer => integer(value).map(Value::from).ok_or(ValueFault::Integer),
            Self::Number => number(value).ok_or(ValueFault::Number),
            Self::Boolean => boolean(value).map(Value::from).ok_or(ValueFault::Boolean),
            Self::Date => {
                let date = value.as_str().and_then(|text| text.parse::<PartialDate>().ok());
                date.map(|date| Value::from(date.to_string())).ok_or(ValueFault::Date)
            }
            Self::Choices(choices) => {
                let choice = text(value).filter(|text| choices.iter().any(|choice| choice == text));
                choice.map(Value::from).ok_or_else(|| ValueFault::Choice(choices.clone()))
            }
            Self::StringList => text_list(value).ok_or(ValueFault::TextList),
            Self::PersonName => person_name(value).ok_or(ValueFault::PersonName),
        }
    }
}

/// Which fields of an account a report asks about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Screened {
    /// Fields that hold names; the main name first.
    pub names: Vec<String>,
    /// The field that holds the date of birth or foundation.
    pub birth_date: Option<String>,
    /// Fields that hold countries.
    pub countries: Vec<String>,
}

/// A sort of account: its fields, its statuses, and what of it is screened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountType {
    /// Its name in the configuration and the API.
    pub name: String,
    /// Whom its accounts stand for.
    pub kind: SubjectKind,
    /// Its fields, each key once.
    pub fields: Vec<Field>,
    /// The statuses that its accounts may have.
    pub statuses: Vec<String>,
    /// The status of a new account; one of the statuses.
    pub default_status: String,
    /// What reports ask about.
    pub screened: Screened,
    /// What its accounts may be related to.
    #[serde(default)]
    pub relations: Vec<Relation>,
}

impl AccountType {
    /// The field of a key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// Whether its accounts may have a status.
    pub fn has_status(&self, status: &str) -> bool {
        self.statuses.iter().any(|known| known == status)
    }

    /// The required fields that these lack.
    pub fn lacking<'a>(&'a self, fields: &'a Map<String, Value>) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(|field| field.required && !fields.contains_key(&field.key))
    }

    /// What reports ask about an account with these fields, as [`Field::check`] left them.
    ///
    /// What is absent or cannot be read is left out; each name and each country comes once.
    pub fn subject(&self, fields: &Map<String, Value>) -> Subject {
        let value = |key: &String| fields.get(key).unwrap_or(&Value::Null);
        let names = self.screened.names.iter().flat_map(|key| texts_of(value(key)));
        let birth_date = self.screened.birth_date.as_ref().and_then(|key| value(key).as_str());
        let countries = self.screened.countries.iter().flat_map(|key| texts_of(value(key)));
        let countries = countries
            .map(|country| country.trim().to_ascii_uppercase())
            .filter(|country| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()));
        Subject {
            kind: self.kind,
            names: each_once(names.filter(|name| !name.trim().is_empty())),
            birth_date: birth_date.and_then(|text| text.parse().ok()).map(Personal::new),
            countries: each_once(countries),
        }
    }

    /// Whether a field outlasts that its account is redacted. One that the type does not know (any more) does not:
    /// nobody has said that it is harmless.
    pub fn stays_on_redaction(&self, key: &str) -> bool {
        self.field(key).is_some_and(|field| !field.pii)
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

/// Whether a text may be a field's key: `snake_case`, from a letter on, at most 63 characters.
pub fn is_field_key(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn text(value: &Value) -> Option<&str> {
    let text = value.as_str()?.trim();
    let accepted = !text.contains(char::is_control) && text.chars().count() <= LONGEST_TEXT;
    accepted.then_some(text)
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn number(value: &Value) -> Option<Value> {
    if value.is_number() {
        return Some(value.clone());
    }
    let text = value.as_str()?.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    // `inf` and `nan` are numbers to Rust, and not to JSON.
    serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number)
}

fn boolean(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.trim().parse().ok())
}

fn text_list(value: &Value) -> Option<Value> {
    let list = value.as_array().filter(|list| list.len() <= LONGEST_LIST)?;
    let texts = list.iter().map(text).collect::<Option<Vec<&str>>>()?;
    let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    Some(if texts.is_empty() { Value::Null } else { Value::from(texts) })
}

fn person_name(value: &Value) -> Option<Value> {
    let parts = value.as_object()?;
    if !parts.keys().all(|key| NAME_PARTS.contains(&key.as_str())) {
        return None;
    }
    let mut kept = Map::new();
    for (key, part) in parts.iter().filter(|(_, part)| !part.is_null()) {
        let part = text(part)?;
        if !part.is_empty() {
            kept.insert(key.clone(), Value::from(part));
        }
    }
    Some(if kept.is_empty() { Value::Null } else { Value::Object(kept) })
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

fn each_once(texts: impl Iterator<Item = String>) -> Vec<Personal<String>> {
    let mut once: Vec<Personal<String>> = Vec::new();
    for text in texts.map(Personal::new) {
        if !once.contains(&text) {
            once.push(text);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(key: &str, kind: FieldKind, pii: bool) -> Field {
        Field { key: key.to_owned(), label: key.to_owned(), kind, pii, required: false }
    }

    fn check(kind: FieldKind, value: &Value) -> Result<Value, ValueFault> {
        field("key", kind, true).check(value)
    }

    fn individual() -> AccountType {
        AccountType {
            name: "individual".to_owned(),
            kind: SubjectKind::Person,
            fields: vec![
                field("name", FieldKind::PersonName, true),
                field("other_names", FieldKind::StringList, true),
                field("birthdate", FieldKind::Date, true),
                field("country_code", FieldKind::String, false),
                field("nationality", FieldKind::String, false),
            ],
            statuses: vec!["active".to_owned()],
            default_status: "active".to_owned(),
            screened: Screened {
                names: vec!["name".to_owned(), "other_names".to_owned()],
                birth_date: Some("birthdate".to_owned()),
                countries: vec!["country_code".to_owned(), "nationality".to_owned()],
            },
            relations: Vec::new(),
        }
    }

    #[test]
    fn texts_are_trimmed_and_control_characters_are_refused() {
        assert_eq!(check(FieldKind::String, &json!("  Jane ")), Ok(json!("Jane")));
        for value in [json!("a\0b"), json!("a\nb"), json!("x".repeat(1025)), json!(5), json!(["a"])] {
            assert_eq!(check(FieldKind::String, &value), Err(ValueFault::Text));
        }
        assert_eq!(check(FieldKind::String, &json!("ä".repeat(1024))), Ok(json!("ä".repeat(1024))));
    }

    #[test]
    fn numbers_and_truths_are_taken_from_json_and_from_texts() {
        assert_eq!(check(FieldKind::Integer, &json!("42")), Ok(json!(42)));
        assert_eq!(check(FieldKind::Integer, &json!(-1)), Ok(json!(-1)));
        assert_eq!(check(FieldKind::Number, &json!(" 4.5 ")), Ok(json!(4.5)));
        assert_eq!(check(FieldKind::Number, &json!("7")), Ok(json!(7)));
        assert_eq!(check(FieldKind::Boolean, &json!("true")), Ok(json!(true)));
        for value in [json!("1.5"), json!(1.5), json!(true), json!("9223372036854775808")] {
            assert_eq!(check(FieldKind::Integer, &value), Err(ValueFault::Integer), "{value}");
        }
        for value in [json!("inf"), json!("NaN"), json!("1,5"), json!({})] {
            assert_eq!(check(FieldKind::Number, &value), Err(ValueFault::Number), "{value}");
        }
        assert_eq!(check(FieldKind::Boolean, &json!(1)), Err(ValueFault::Boolean));
    }

    #[test]
    fn dates_may_be_partial_and_must_exist() {
        assert_eq!(check(FieldKind::Date, &json!(" 1970-05")), Ok(json!("1970-05")));
        assert_eq!(check(FieldKind::Date, &json!("1970-02-30")), Err(ValueFault::Date));
        assert_eq!(check(FieldKind::Date, &json!(1970)), Err(ValueFault::Date));
    }

    #[test]
    fn a_choice_is_one_of_the_choices_and_its_fault_names_them() {
        let tiers = FieldKind::Choices(vec!["low".to_owned(), "high".to_owned()]);
        assert_eq!(check(tiers.clone(), &json!("low")), Ok(json!("low")));
        let fault = check(tiers, &json!("secret")).unwrap_err();
        assert_eq!(fault.to_string(), "accepted is one of: low, high");
    }

    #[test]
    fn lists_and_names_keep_only_what_is_there() {
        assert_eq!(check(FieldKind::StringList, &json!([" a ", ""])), Ok(json!(["a"])));
        assert_eq!(check(FieldKind::StringList, &json!([])), Ok(Value::Null));
        assert_eq!(check(FieldKind::StringList, &json!(["a", 1])), Err(ValueFault::TextList));
        assert_eq!(check(FieldKind::StringList, &json!(vec!["a"; 101])), Err(ValueFault::TextList));
        let name = json!({"first": " Jane", "middle": null, "last": "Doe"});
        assert_eq!(check(FieldKind::PersonName, &name), Ok(json!({"first": "Jane", "last": "Doe"})));
        assert_eq!(check(FieldKind::PersonName, &json!({"nick": "J"})), Err(ValueFault::PersonName));
        assert_eq!(check(FieldKind::PersonName, &json!("Jane Doe")), Err(ValueFault::PersonName));
    }

    #[test]
    fn nothing_is_kept_as_null_unless_the_field_is_required() {
        let mut name = field("name", FieldKind::PersonName, true);
        assert_eq!(name.check(&json!("")), Ok(Value::Null));
        assert_eq!(name.check(&json!({"first": " "})), Ok(Value::Null));
        name.required = true;
        for value in [Value::Null, json!(""), json!({})] {
            assert_eq!(name.check(&value), Err(ValueFault::Required), "{value}");
        }
    }

    #[test]
    fn no_fault_quotes_the_value() {
        let kinds = [
            FieldKind::String,
            FieldKind::Integer,
            FieldKind::Number,
            FieldKind::Boolean,
            FieldKind::Date,
            FieldKind::Choices(vec!["low".to_owned()]),
            FieldKind::StringList,
            FieldKind::PersonName,
        ];
        for kind in kinds {
            let fault = check(kind, &json!("Zaphod\u{7}")).unwrap_err();
            assert!(!format!("{fault} {fault:?}").contains("Zaphod"), "{fault}");
        }
    }

    #[test]
    fn a_subject_is_built_from_the_screened_fields() {
        let fields = json!({
            "name": {"last": "Doe", "first": "Jane"}, "other_names": ["J. Doe", "Jane Doe"],
            "birthdate": "1970-05", "country_code": "de", "nationality": "Germany", "unscreened": "x",
        });
        let subject = individual().subject(fields.as_object().unwrap());
        let names: Vec<&String> = subject.names.iter().map(Personal::reveal).collect();
        assert_eq!(names, ["Jane Doe", "J. Doe"]);
        assert_eq!(subject.birth_date.unwrap().reveal().to_string(), "1970-05");
        assert_eq!(subject.countries, [Personal::new("DE".to_owned())]);
    }

    #[test]
    fn a_subject_of_no_fields_lacks_a_name() {
        let subject = individual().subject(&Map::new());
        assert_eq!(subject.missing(), Some("name"));
        assert_eq!(subject.birth_date, None);
    }

    #[test]
    fn fields_that_are_personal_or_unknown_are_sealed() {
        let fields = json!({"name": {"first": "Jane"}, "country_code": "DE", "retired_field": "x"});
        let (plain, personal) = individual().split(fields.as_object().unwrap());
        assert_eq!(Value::Object(plain), json!({"country_code": "DE"}));
        assert_eq!(Value::Object(personal), json!({"name": {"first": "Jane"}, "retired_field": "x"}));
    }

    #[test]
    fn field_keys_are_snake_case() {
        assert!(is_field_key("country_code") && is_field_key("address_street_1"));
        for key in ["", "Name", "country-code", "1st", "_x", "naïve", &"x".repeat(64)] {
            assert!(!is_field_key(key), "{key}");
        }
    }
}
