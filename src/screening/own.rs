//! Lists of the customer's own as watchlists: their names, texts and countries.
//!
//! Names and texts are matched as those of published lists are. A country on a list matches every subject that has
//! it, for certain. What else a list may hold (addresses, numbers) no subject has: such a list matches nobody here.

use serde_json::json;

use super::{
    index::Index,
    keys::{Key, entity_keys},
    list::{EntityKind, List, ListEntity, ListName, NameQuality, ParseFaults},
    matching::Matching,
};
use crate::domain::{
    answer::{Finding, Reason},
    list::ListValue,
    subject::Subject,
};

/// What entities of own lists are called, before the id of their item.
pub const PREFIX: &str = "own:";

/// What a list of this name is called among the lists that schedules use, and in rescreens.
pub fn used_as(name: &str) -> String {
    format!("{PREFIX}{}", name.to_lowercase())
}

/// Whom a value concerns that came to a list, or went.
#[derive(Debug, PartialEq, Eq)]
pub enum Concerned {
    /// Nobody: no account has such a thing.
    Nobody,
    /// Accounts that have one of these keys.
    Some(Vec<Key>),
    /// Nothing tells whom.
    Everybody,
}

impl Concerned {
    /// By a value of a list.
    pub fn by(value: &ListValue) -> Self {
        match (value, entity("", value)) {
            (ListValue::Country { .. }, _) => Self::Everybody,
            (_, Some(entity)) => Self::Some(entity_keys(&entity)),
            (_, None) => Self::Nobody,
        }
    }
}

/// One version of a list, ready to screen against.
pub struct OwnIndex {
    names: Index,
    countries: Vec<(String, String)>,
}

impl OwnIndex {
    /// Arranges the items of a list: their ids and values. `name` is the list's name in the configuration.
    pub fn build(name: &str, version: &str, items: &[(String, ListValue)]) -> Self {
        let entities = items.iter().filter_map(|(id, value)| entity(id, value)).collect();
        let countries = items
            .iter()
            .filter_map(|(id, value)| match value {
                ListValue::Country { code } => Some((entity_id(id), code.clone())),
                _ => None,
            })
            .collect();
        let list = List {
            name: name.to_owned(),
            version: version.to_owned(),
            entities,
            faults: ParseFaults::default(),
        };
        Self { names: Index::build(&list), countries }
    }

    /// The list's name.
    pub fn list(&self) -> &str {
        self.names.list()
    }

    /// Which version of the list this is.
    pub fn version(&self) -> &str {
        self.names.version()
    }

    /// What of the list matches `subject` by `matching`.
    pub fn screen(&self, subject: &Subject, matching: &Matching) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            self.names.screen_by(subject, matching).iter().map(Finding::from).collect();
        for (entity, code) in &self.countries {
            if subject.countries.iter().any(|country| country.reveal() == code) {
                findings.push(self.of_country(entity, code));
            }
        }
        findings
    }

    fn of_country(&self, entity: &str, code: &str) -> Finding {
        Finding {
            entity: entity.to_owned(),
            former_ids: Vec::new(),
            list: self.list().to_owned(),
            name: code.to_owned(),
            score: 1.0,
            facts: json!({ "countries": [code] }),
            reasons: vec![Reason {
                fact: "country".to_owned(),
                text: format!("{code}, a country of the account, stands on the list."),
                effect: 1.0,
            }],
        }
    }
}

/// A size says what it is; nothing personal.
impl std::fmt::Debug for OwnIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[own list of {} names]", self.names.len())
    }
}

fn entity_id(item: &str) -> String {
    format!("{PREFIX}{item}")
}

fn entity(item: &str, value: &ListValue) -> Option<ListEntity> {
    let (kind, text) = match value {
        // A first name has only a person.
        ListValue::Name { first: Some(first), last } => {
            let last = last.as_deref().unwrap_or_default();
            (EntityKind::Individual, format!("{first} {last}"))
        }
        ListValue::Name { first: None, last } => (EntityKind::Entity, last.clone()?),
        ListValue::Text { value } => (EntityKind::Entity, value.clone()),
        _ => return None,
    };
    let mut entity = ListEntity::new(entity_id(item), kind);
    entity.names.push(ListName::new(text.trim(), NameQuality::Primary));
    Some(entity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{personal::Personal, subject::SubjectKind};

    fn subject(kind: SubjectKind, name: &str, country: &str) -> Subject {
        Subject { countries: vec![Personal::new(country.to_owned())], ..Subject::named(kind, name) }
    }

    #[test]
    fn names_texts_and_countries_of_a_list_match_and_say_by_which_item() {
        let name = ListValue::Name { first: Some("Boris".to_owned()), last: Some("Tarkhanov".to_owned()) };
        let text = ListValue::Text { value: "Acme Trading".to_owned() };
        let country = ListValue::Country { code: "KP".to_owned() };
        let phone = ListValue::Phone { value: "+491234".to_owned() };
        let items = [
            ("li_1".to_owned(), name),
            ("li_2".to_owned(), text),
            ("li_3".to_owned(), country),
            ("li_4".to_owned(), phone),
        ];
        let index = OwnIndex::build("blocked", "7", &items);
        assert_eq!((index.list(), index.version()), ("blocked", "7"));
        let found = |subject: &Subject| -> Vec<String> {
            index.screen(subject, &Matching::default()).into_iter().map(|finding| finding.entity).collect()
        };
        assert_eq!(found(&subject(SubjectKind::Person, "Boris Tarkhanov", "DE")), ["own:li_1"]);
        assert_eq!(found(&subject(SubjectKind::Organisation, "Acme Trading", "DE")), ["own:li_2"]);
        assert_eq!(found(&subject(SubjectKind::Person, "Maria Lindqvist", "KP")), ["own:li_3"]);
        assert_eq!(found(&subject(SubjectKind::Person, "Maria Lindqvist", "DE")), [""; 0]);
    }
}
