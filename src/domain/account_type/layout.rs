//! How an account's fields are laid out on its page.

use serde::{Deserialize, Serialize};

use super::{AccountType, FieldFault};

/// The most sections, columns of one, and fields.
const MOST_SECTIONS: usize = 50;
const MOST_COLUMNS: u8 = 4;

/// Sections of fields, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Layout {
    /// The sections, the topmost first.
    pub sections: Vec<Section>,
}

/// A part of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// How many columns it has.
    #[serde(default = "one")]
    pub columns: u8,
    /// Its fields, in order.
    #[serde(default)]
    pub fields: Vec<PlacedField>,
}

/// A field in a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlacedField {
    /// The field's key.
    pub key: String,
    /// How many columns it takes.
    #[serde(default = "one")]
    pub width: u8,
    /// When it is shown.
    #[serde(default)]
    pub visibility: Visibility,
}

/// When a field is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Always.
    #[default]
    Always,
    /// When it has a value.
    Filled,
    /// Never.
    Hidden,
}

const fn one() -> u8 {
    1
}

impl Layout {
    /// All fields of a type in one section, in its order: what is shown until somebody says otherwise.
    pub fn of_all(account_type: &AccountType) -> Self {
        let fields = account_type.active_fields().map(|field| PlacedField {
            key: field.key.clone(),
            width: 1,
            visibility: Visibility::Always,
        });
        Self { sections: vec![Section { title: "Details".to_owned(), columns: 2, fields: fields.collect() }] }
    }

    /// What is wrong with it for a type; places start from the list of sections.
    pub fn faults(&self, account_type: &AccountType) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        if self.sections.is_empty() || self.sections.len() > MOST_SECTIONS {
            faults.push(FieldFault::at("", format!("accepted are 1 to {MOST_SECTIONS} sections")));
        }
        let mut seen: Vec<&str> = Vec::new();
        for (number, section) in self.sections.iter().enumerate() {
            let title = section.title.trim();
            if title.is_empty() || title.chars().count() > 128 || title.contains(char::is_control) {
                faults.push(FieldFault::at(
                    format!("/{number}/title"),
                    "accepted is a text of 1 to 128 characters without control characters",
                ));
            }
            if !(1..=MOST_COLUMNS).contains(&section.columns) {
                faults.push(FieldFault::at(
                    format!("/{number}/columns"),
                    format!("accepted is a whole number from 1 to {MOST_COLUMNS}"),
                ));
            }
            for (place, field) in section.fields.iter().enumerate() {
                let at = format!("/{number}/fields/{place}");
                if account_type.any_field(&field.key).is_none() {
                    let details = format!("accounts of type {} have no such field", account_type.name);
                    faults.push(FieldFault::at(format!("{at}/key"), details));
                } else if seen.contains(&field.key.as_str()) {
                    faults.push(FieldFault::at(format!("{at}/key"), "accepted is each field once"));
                }
                if !(1..=section.columns.max(1)).contains(&field.width) {
                    faults.push(FieldFault::at(
                        format!("{at}/width"),
                        "accepted is a whole number from 1 to the section's columns",
                    ));
                }
                seen.push(&field.key);
            }
        }
        faults
    }
}
