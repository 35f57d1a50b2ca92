//! Actions of an account type: steps that one call does to an account, all of them or none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::account_type::AccountType;

/// The most steps of an action.
pub const MOST_STEPS: usize = 20;

/// An action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountAction {
    /// Its name, unique within its account type.
    pub name: String,
    /// What it does, in this order.
    pub steps: Vec<Step>,
}

/// One thing that an action does.
///
/// A value that is `{{KEY}}` as a whole stands for the parameter of that key; `{{fields.KEY}}` and
/// `{{fields.KEY.PART}}` stand for what the account has there when the action is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Asks for a report by the template of a name.
    RunReport(String),
    /// Changes fields.
    UpdateFields(FieldsStep),
    /// Sets the status.
    SetStatus(String),
    /// Adds a tag.
    AddTag(String),
    /// Removes a tag.
    RemoveTag(String),
    /// Puts a value on a list of the customer's own.
    AddToList(ListStep),
    /// Destroys the account's personal data.
    Redact,
}

/// Which fields become what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldsStep {
    /// New values by key; null removes a field.
    pub fields: Map<String, Value>,
}

impl FieldsStep {
    /// The parameter that a field becomes, if it becomes one.
    pub fn parameter(&self, field: &str) -> Option<&str> {
        match placeholder_of(self.fields.get(field)?)? {
            Placeholder::Parameter(key) => Some(key),
            Placeholder::Field(..) => None,
        }
    }
}

/// What goes on which list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ListStep {
    /// The list, by name.
    pub list: String,
    /// The item's `name-first`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_first: Option<String>,
    /// The item's `name-last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_last: Option<String>,
    /// The item's `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The item's `country-code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The item's `id-class`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_class: Option<String>,
    /// The item's `id-number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_number: Option<String>,
}

impl ListStep {
    /// The texts that may stand for something else.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = [
            &self.name_first,
            &self.name_last,
            &self.value,
            &self.country_code,
            &self.id_class,
            &self.id_number,
        ];
        texts.into_iter().filter_map(|text| text.as_deref())
    }
}

/// Where something is wrong with an action (a JSON pointer below it), and what is accepted.
pub type ActionFault = (String, String);

impl Step {
    /// The words of all of them.
    pub const WORDS: [&str; 7] =
        ["run-report", "update-fields", "set-status", "add-tag", "remove-tag", "add-to-list", "redact"];

    /// Its word in definitions and outcomes.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::RunReport(_) => "run-report",
            Self::UpdateFields(_) => "update-fields",
            Self::SetStatus(_) => "set-status",
            Self::AddTag(_) => "add-tag",
            Self::RemoveTag(_) => "remove-tag",
            Self::AddToList(_) => "add-to-list",
            Self::Redact => "redact",
        }
    }

    /// What it reads of the account, as `KEY` or `KEY.PART` of its fields.
    pub fn fields_read(&self) -> Vec<String> {
        let read = |placeholder| match placeholder {
            Placeholder::Parameter(_) => None,
            Placeholder::Field(key, None) => Some(key.to_owned()),
            Placeholder::Field(key, Some(part)) => Some(format!("{key}.{part}")),
        };
        self.placeholders().into_iter().filter_map(read).collect()
    }

    /// Whether it says all itself: nothing of it stands for a parameter or for what the account has.
    pub fn is_literal(&self) -> bool {
        self.placeholders().is_empty()
    }

    fn placeholders(&self) -> Vec<Placeholder<'_>> {
        match self {
            Self::UpdateFields(step) => step.fields.values().filter_map(placeholder_of).collect(),
            Self::AddToList(step) => step.texts().filter_map(placeholder).collect(),
            Self::RunReport(_) | Self::SetStatus(_) | Self::AddTag(_) | Self::RemoveTag(_) | Self::Redact => {
                Vec::new()
            }
        }
    }

    /// What a key must be allowed to do that has others do it.
    pub const fn permission(&self) -> &'static str {
        match self {
            Self::RunReport(_) => "report.write",
            Self::UpdateFields(_) | Self::SetStatus(_) | Self::AddTag(_) | Self::RemoveTag(_) => {
                "account.write"
            }
            Self::AddToList(_) => "list.write",
            Self::Redact => "account.redact",
        }
    }
}

impl AccountAction {
    /// What is wrong with the action for accounts of a type.
    pub fn faults(&self, account_type: &AccountType) -> Vec<ActionFault> {
        let mut faults = Vec::new();
        let is_name = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control)
        };
        if !is_name(&self.name) {
            let details = "accepted is a text of 1 to 255 characters without control characters";
            faults.push(("/name".to_owned(), details.to_owned()));
        }
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            faults.push(("/steps".to_owned(), format!("accepted are 1 to {MOST_STEPS} steps")));
        }
        for (place, step) in self.steps.iter().enumerate() {
            let at = format!("/steps/{place}/{}", step.word());
            match step {
                Step::SetStatus(status) if !account_type.has_status(status) => {
                    let known = account_type.status_names().join(", ");
                    faults.push((at, format!("accepted is one of {known}")));
                }
                Step::AddTag(text) | Step::RemoveTag(text) | Step::RunReport(text) if !is_name(text) => {
                    faults.push((at, "accepted is a name".to_owned()));
                }
                Step::AddToList(step) if !is_name(&step.list) => {
                    faults.push((format!("{at}/list"), "accepted is the name of a list".to_owned()));
                }
                Step::UpdateFields(step) => {
                    for (key, value) in &step.fields {
                        let at = format!("{at}/fields/{key}");
                        match account_type.field(key) {
                            None => {
                                let name = &account_type.name;
                                faults.push((at, format!("accounts of type {name} have no such field")));
                            }
                            Some(_) if placeholder_of(value).is_some() => {}
                            Some(field) => {
                                let refused = field.check(value).err().unwrap_or_default();
                                faults.extend(
                                    refused
                                        .into_iter()
                                        .map(|fault| (format!("{at}{}", fault.path), fault.details)),
                                );
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        faults
    }

    /// The keys of the parameters that the steps name.
    pub fn parameters(&self) -> BTreeSet<String> {
        let named = self.steps.iter().flat_map(Step::placeholders);
        named
            .filter_map(|placeholder| match placeholder {
                Placeholder::Parameter(key) => Some(key.to_owned()),
                Placeholder::Field(..) => None,
            })
            .collect()
    }
}

/// What a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placeholder<'a> {
    Parameter(&'a str),
    Field(&'a str, Option<&'a str>),
}

fn placeholder_of(value: &Value) -> Option<Placeholder<'_>> {
    placeholder(value.as_str()?)
}

fn placeholder(text: &str) -> Option<Placeholder<'_>> {
    let key = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let Some(field) = key.strip_prefix("fields.") else { return Some(Placeholder::Parameter(key)) };
    Some(match field.split_once('.') {
        Some((field, part)) => Placeholder::Field(field, Some(part)),
        None => Placeholder::Field(field, None),
    })
}

/// What a value of a step comes to: itself, or what it stands for; null when that is not there.
pub fn resolved(value: &Value, parameters: &Map<String, Value>, fields: &Map<String, Value>) -> Value {
    match placeholder_of(value) {
        None => value.clone(),
        Some(Placeholder::Parameter(key)) => parameters.get(key).cloned().unwrap_or_default(),
        Some(Placeholder::Field(key, None)) => fields.get(key).cloned().unwrap_or_default(),
        Some(Placeholder::Field(key, Some(part))) => {
            fields.get(key).and_then(|hash| hash.get(part)).cloned().unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(steps: &Value) -> AccountAction {
        serde_json::from_value(json!({ "name": "block", "steps": steps })).unwrap()
    }

    #[test]
    fn steps_read_as_they_are_written_and_name_their_parameters() {
        let written = json!([
            { "set-status": "blocked" },
            { "update-fields": { "fields": { "note": "{{why}}", "risk": "high" } } },
            { "add-to-list": { "list": "blocked", "name-last": "{{fields.name.last}}", "value": "{{ text }}" } },
            "redact",
        ]);
        let action = action(&written);
        assert_eq!(serde_json::to_value(&action.steps).unwrap(), written);
        assert!(action.steps.iter().all(|step| Step::WORDS.contains(&step.word())));
        assert_eq!(action.steps.iter().map(Step::is_literal).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(action.parameters().into_iter().collect::<Vec<_>>(), ["text", "why"]);
    }

    #[test]
    fn a_value_stands_for_a_parameter_or_for_what_the_account_has() {
        let parameters = json!({ "why": ["a"] });
        let fields = json!({ "name": { "last": "Doe" }, "note": "x" });
        let (parameters, fields) = (parameters.as_object().unwrap(), fields.as_object().unwrap());
        let resolved = |text: &str| resolved(&json!(text), parameters, fields);
        assert_eq!(resolved("{{why}}"), json!(["a"]));
        assert_eq!(resolved("{{fields.name.last}}"), json!("Doe"));
        assert_eq!(resolved("{{fields.note}}"), json!("x"));
        assert_eq!(resolved("{{fields.name.first}}"), Value::Null);
        assert_eq!(resolved("as {{why}} it is"), json!("as {{why}} it is"));
    }
}
