//! The `config` of a field schema.

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::{
    account_type::{
        field::{Item, Options},
        value::{FieldFault, pointer_part},
    },
    date::PartialDate,
};

/// The most parts of a hash, and options of a choice.
const MOST_ITEMS: usize = 100;
const MOST_OPTIONS: usize = 500;

/// The `config` of a schema under way.
pub(super) struct Config {
    pub(super) rest: Map<String, Value>,
    pub(super) at: String,
}

impl Config {
    pub(super) fn has(&self, name: &str) -> bool {
        self.rest.get(name).is_some_and(|value| !value.is_null())
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    fn refuse(&self, name: &str, details: &str, faults: &mut Vec<FieldFault>) {
        faults.push(FieldFault::at(format!("{}/{name}", self.at), details));
    }

    pub(super) fn flag(&mut self, name: &str, faults: &mut Vec<FieldFault>) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.refuse(name, "accepted is true or false", faults);
                false
            }
        }
    }

    pub(super) fn word<'w>(
        &mut self,
        name: &str,
        words: &[&'w str],
        faults: &mut Vec<FieldFault>,
    ) -> Option<&'w str> {
        let value = self.take(name)?;
        let word = words.iter().copied().find(|word| value.as_str() == Some(word));
        if word.is_none() {
            self.refuse(name, &format!("accepted is {}", words.join(" or ")), faults);
        }
        word
    }

    pub(super) fn count(
        &mut self,
        name: &str,
        bounds: RangeInclusive<usize>,
        faults: &mut Vec<FieldFault>,
    ) -> Option<usize> {
        let value = self.take(name)?;
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| bounds.contains(count));
        if count.is_none() {
            let details = format!("accepted is a whole number from {} to {}", bounds.start(), bounds.end());
            self.refuse(name, &details, faults);
        }
        count
    }

    pub(super) fn date(&mut self, name: &str, faults: &mut Vec<FieldFault>) -> Option<PartialDate> {
        let value = self.take(name)?;
        let date = value.as_str().and_then(|text| text.parse().ok());
        if date.is_none() {
            self.refuse(name, "accepted is a date: YYYY-MM-DD", faults);
        }
        date
    }

    pub(super) fn moment(&mut self, name: &str, faults: &mut Vec<FieldFault>) -> Option<DateTime<Utc>> {
        let value = self.take(name)?;
        let moment = value.as_str().and_then(|text| text.parse().ok());
        if moment.is_none() {
            self.refuse(name, "accepted is a moment as 2026-01-31T12:00:00Z (RFC 3339)", faults);
        }
        moment
    }

    pub(super) fn options(&mut self, faults: &mut Vec<FieldFault>) -> Option<Options> {
        let texts = |value: Option<Value>| -> Option<Vec<String>> {
            let list = value?.as_array()?.clone();
            let plain = |text: &&str| {
                !text.trim().is_empty()
                    && text.trim() == *text
                    && text.chars().count() <= 255
                    && !text.contains(char::is_control)
            };
            let texts: Option<Vec<String>> =
                list.iter().map(|one| one.as_str().filter(plain).map(str::to_owned)).collect();
            texts.filter(|texts| (1..=MOST_OPTIONS).contains(&texts.len()))
        };
        let (options, labels) = (self.take("options"), self.take("option-labels"));
        self.take("allow-empty");
        let options = texts(options).filter(|options| {
            let mut once = options.clone();
            once.sort_unstable();
            once.dedup();
            once.len() == options.len()
        });
        let Some(options) = options else {
            let details = format!(
                "accepted is a list of 1 to {MOST_OPTIONS} texts of at most 255 characters, each once"
            );
            self.refuse("options", &details, faults);
            return None;
        };
        let labels = match labels {
            None => BTreeMap::new(),
            some => match texts(some).filter(|labels| labels.len() == options.len()) {
                Some(labels) => {
                    options.iter().cloned().zip(labels).filter(|(option, label)| option != label).collect()
                }
                None => {
                    self.refuse(
                        "option-labels",
                        "accepted is a list of as many texts as there are options",
                        faults,
                    );
                    BTreeMap::new()
                }
            },
        };
        Some(Options { options, labels })
    }

    pub(super) fn items(&mut self, depth: usize, faults: &mut Vec<FieldFault>) -> Option<Vec<Item>> {
        let schemas = self.take("item-schemas");
        let schemas = schemas.as_ref().and_then(Value::as_array);
        let Some(schemas) = schemas.filter(|list| (1..=MOST_ITEMS).contains(&list.len())) else {
            let details = format!("accepted is a list of 1 to {MOST_ITEMS} schemas");
            self.refuse("item-schemas", &details, faults);
            return None;
        };
        let mut items: Vec<Item> = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            let at = format!("{}/item-schemas/{index}", self.at);
            let Some(item) = super::read_item(schema, &at, depth, false, faults) else { continue };
            if items.iter().any(|known| known.key == item.key) {
                faults.push(FieldFault::at(format!("{at}/key"), "accepted is each key once"));
            }
            items.push(item);
        }
        Some(items)
    }

    pub(super) fn finish(self, faults: &mut Vec<FieldFault>) {
        for key in self.rest.keys() {
            let at = format!("{}/{}", self.at, pointer_part(key));
            faults.push(FieldFault::at(at, "is unknown for a field of this type"));
        }
    }
}
