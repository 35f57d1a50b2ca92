//! What is sent: texts and JSON with placeholders, checked once and filled for each subject.
//!
//! A placeholder that is a whole string becomes the JSON value itself (`{{names}}` a list,
//! `{{birth_year}}` a number); inside a longer string it becomes text. A string that holds a
//! placeholder without a value is left out of its object or list, so that a vendor never sees an
//! empty date. Values are filled in after the template was read: a name that looks like a
//! placeholder stays a name, and JSON is written by a serialiser, so a quote in a name breaks nothing.

use serde_json::{Map, Number, Value};

use crate::domain::{
    document::Document,
    personal::Personal,
    subject::{Subject, SubjectKind},
};

use super::SettingsFault;

/// What the placeholders stand for in one request.
pub(super) struct Values<'a> {
    /// Who is asked about.
    pub(super) subject: &'a Subject,
    /// The vendor's word for the subject's kind.
    pub(super) kind: &'a str,
    /// The threshold on the vendor's scale.
    pub(super) threshold: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder {
    Name,
    Names,
    BirthDate,
    BirthYear,
    Country,
    Countries,
    Kind,
    Gender,
    Born,
    Founded,
    Documents,
    Threshold,
}

impl Placeholder {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Name,
            "names" => Self::Names,
            "birth_date" => Self::BirthDate,
            "birth_year" => Self::BirthYear,
            "country" => Self::Country,
            "countries" => Self::Countries,
            "kind" => Self::Kind,
            "gender" => Self::Gender,
            "born" => Self::Born,
            "founded" => Self::Founded,
            "documents" => Self::Documents,
            "threshold" => Self::Threshold,
            _ => return None,
        })
    }

    const fn is_list(self) -> bool {
        matches!(self, Self::Names | Self::Countries | Self::Documents)
    }

    fn value(self, values: &Values<'_>) -> Option<Value> {
        let subject = values.subject;
        match self {
            Self::Name => filled(&subject.names).next().map(Value::from),
            Self::Names => list(&subject.names),
            Self::BirthDate => subject.birth_date.as_ref().map(|date| date.reveal().to_string().into()),
            Self::BirthYear => subject.birth_date.as_ref().map(|date| date.reveal().year().into()),
            Self::Country => filled(&subject.countries).next().map(Value::from),
            Self::Countries => list(&subject.countries),
            Self::Kind => Some(values.kind.into()),
            Self::Born => Self::BirthDate.value(values).filter(|_| subject.kind == SubjectKind::Person),
            Self::Founded => {
                Self::BirthDate.value(values).filter(|_| subject.kind == SubjectKind::Organisation)
            }
            Self::Gender => subject.gender.as_ref().map(|gender| gender.reveal().word().into()),
            Self::Documents => {
                let number = |one: &Personal<Document>| Personal::new(one.reveal().number.clone());
                list(&subject.documents.iter().map(number).collect::<Vec<_>>())
            }
            Self::Threshold => values.threshold.and_then(number).map(Value::Number),
        }
    }
}

fn filled(texts: &[Personal<String>]) -> impl Iterator<Item = &str> {
    texts.iter().map(|text| text.reveal().trim()).filter(|text| !text.is_empty())
}

fn list(texts: &[Personal<String>]) -> Option<Value> {
    let texts: Vec<Value> = filled(texts).map(Value::from).collect();
    (!texts.is_empty()).then_some(Value::Array(texts))
}

/// Whole numbers without a fraction: a vendor who wants `70` may refuse `70.0`.
fn number(value: f64) -> Option<Number> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small, as checked")]
    if value.fract() == 0.0 && value.abs() < 1e9 {
        Some((value as i64).into())
    } else {
        Number::from_f64(value)
    }
}

enum Piece {
    Fixed(String),
    Filled(Placeholder),
}

/// A text with placeholders.
pub(super) struct TextTemplate(Vec<Piece>);

impl TextTemplate {
    /// Reads a template; `key` names it in a fault.
    pub(super) fn new(key: &str, text: &str) -> Result<Self, SettingsFault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after
                .split_once("}}")
                .ok_or_else(|| SettingsFault::new(key, "has a placeholder without its end"))?;
            let placeholder = Placeholder::named(name.trim()).ok_or_else(|| {
                SettingsFault::new(key, format!("has an unknown placeholder {{{{{}}}}}", name.trim()))
            })?;
            if placeholder.is_list() && before.len() + behind.len() + pieces.len() > 0 {
                return Err(SettingsFault::new(
                    key,
                    format!("puts text around the list {{{{{}}}}}", name.trim()),
                ));
            }
            if !before.is_empty() {
                pieces.push(Piece::Fixed(before.to_owned()));
            }
            pieces.push(Piece::Filled(placeholder));
            rest = behind;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Fixed(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The value of a whole-string placeholder, or the text; none when a value is missing.
    fn fill(&self, values: &Values<'_>) -> Option<Value> {
        if let [Piece::Filled(whole)] = self.0.as_slice() {
            return whole.value(values);
        }
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Filled(placeholder) => text.push_str(&as_text(placeholder.value(values)?)),
            }
        }
        Some(Value::String(text))
    }

    /// The texts that stand for it in a query: one for each entry of a list, none for no value.
    pub(super) fn fill_texts(&self, values: &Values<'_>) -> Vec<String> {
        match self.fill(values) {
            None => Vec::new(),
            Some(Value::Array(entries)) => entries.into_iter().map(as_text).collect(),
            Some(value) => vec![as_text(value)],
        }
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A JSON value with placeholders in its strings.
pub(super) enum JsonTemplate {
    Fixed(Value),
    Text(TextTemplate),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Reads a template; faults name the way to the string below `key`.
    pub(super) fn new(key: &str, value: &Value) -> Result<Self, SettingsFault> {
        Ok(match value {
            Value::String(text) => Self::Text(TextTemplate::new(key, text)?),
            Value::Array(entries) => {
                let below = |(index, entry)| Self::new(&format!("{key}.{index}"), entry);
                Self::List(entries.iter().enumerate().map(below).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let below = |(name, member): (&String, &Value)| {
                    if name.contains("{{") {
                        return Err(SettingsFault::new(key, "has a placeholder in the name of a member"));
                    }
                    Ok((name.clone(), Self::new(&format!("{key}.{name}"), member)?))
                };
                Self::Object(members.iter().map(below).collect::<Result<_, _>>()?)
            }
            fixed @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Self::Fixed(fixed.clone()),
        })
    }

    /// Fills the placeholders; none when the whole of it is a placeholder without a value.
    pub(super) fn fill(&self, values: &Values<'_>) -> Option<Value> {
        Some(match self {
            Self::Fixed(fixed) => fixed.clone(),
            Self::Text(text) => return text.fill(values),
            Self::List(entries) => {
                Value::Array(entries.iter().filter_map(|entry| entry.fill(values)).collect())
            }
            Self::Object(members) => {
                let filled =
                    members.iter().filter_map(|(name, member)| Some((name.clone(), member.fill(values)?)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::subject::SubjectKind;

    use super::*;

    fn subject(names: &[&str], birth_date: Option<&str>, countries: &[&str]) -> Subject {
        let personal = |texts: &[&str]| texts.iter().map(|text| Personal::new((*text).to_owned())).collect();
        Subject {
            kind: SubjectKind::Person,
            names: personal(names),
            birth_date: birth_date.map(|date| Personal::new(date.parse().unwrap())),
            countries: personal(countries),
            gender: None,
            documents: Vec::new(),
            contacts: Vec::new(),
        }
    }

    fn fill(template: &Value, subject: &Subject, threshold: Option<f64>) -> Value {
        let values = Values { subject, kind: "Person", threshold };
        JsonTemplate::new("body", template).unwrap().fill(&values).unwrap()
    }

    #[test]
    fn whole_placeholders_become_values_of_their_own_kind() {
        let template = json!({
            "n": "{{name}}", "all": "{{names}}", "d": ["{{birth_date}}"], "y": "{{birth_year}}",
            "c": "{{country}}", "cs": "{{countries}}", "k": "{{ kind }}", "t": "{{threshold}}", "fixed": [1, null, true, "x"],
        });
        let subject = subject(&["Ana B", " ", "Anna B"], Some("1970-05"), &["DE", "FR"]);
        assert_eq!(
            fill(&template, &subject, Some(70.0)),
            json!({
                "n": "Ana B", "all": ["Ana B", "Anna B"], "d": ["1970-05"], "y": 1970,
                "c": "DE", "cs": ["DE", "FR"], "k": "Person", "t": 70, "fixed": [1, null, true, "x"],
            })
        );
    }

    #[test]
    fn members_and_entries_without_a_value_are_left_out() {
        let template = json!({
            "n": "{{name}}", "d": ["{{birth_date}}"], "y": "{{birth_year}}", "c": "{{country}}",
            "cs": "{{countries}}", "t": "{{threshold}}", "text": "born {{birth_year}}", "deep": {"d": "{{birth_date}}"},
        });
        let filled = fill(&template, &subject(&["Ana"], None, &[]), None);
        assert_eq!(filled, json!({"n": "Ana", "d": [], "deep": {}}));
    }

    #[test]
    fn names_are_never_read_as_template_or_json() {
        let odd = r#"{{kind}}","admin":"1"#;
        let filled = fill(&json!({"q": "name is {{name}}."}), &subject(&[odd], None, &[]), None);
        assert_eq!(filled, json!({"q": format!("name is {odd}.")}));
    }

    #[test]
    fn a_list_in_a_query_becomes_one_text_an_entry() {
        let subject = subject(&["Ana"], Some("1970"), &["DE", "FR"]);
        let values = Values { subject: &subject, kind: "person", threshold: Some(0.75) };
        let texts = |text| TextTemplate::new("query", text).unwrap().fill_texts(&values);
        assert_eq!(texts("{{countries}}"), ["DE", "FR"]);
        assert_eq!(texts("{{threshold}}"), ["0.75"]);
        assert_eq!(texts("{{name}} {{birth_year}}"), ["Ana 1970"]);
        assert_eq!(texts(""), [""]);
    }

    #[test]
    fn faults_name_the_string_that_has_them() {
        let fault = |value: Value| JsonTemplate::new("body", &value).err().unwrap();
        let unknown = fault(json!({"a": [{"b": "{{nmae}}"}]}));
        assert_eq!(unknown.to_string(), "body.a.0.b has an unknown placeholder {{nmae}}");
        assert_eq!(fault(json!({"a": "x {{name"})).key, "body.a");
        for around in ["x {{names}}", "{{names}} x", "{{kind}}{{names}}", "{{names}}{{kind}}"] {
            assert_eq!(
                fault(json!({ "a": around })).to_string(),
                "body.a puts text around the list {{names}}"
            );
        }
        assert_eq!(fault(json!({"{{name}}": 1})).key, "body");
    }
}
