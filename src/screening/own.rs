//! Lists of the customer's own as watchlists: their names, texts and countries.
//!
//! Names and texts are matched as those of published lists are. Whatever else is on a list (a country, an e-mail address
//! or its domain, a phone number, an IP address or a network around it, the number of a document) matches every subject
//! that has it, for certain.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    index::Index,
    keys::{Key, entity_keys},
    list::{EntityKind, List, ListEntity, ListName, NameQuality, ParseFaults},
    matching::Matching,
    values::{listed_document, listed_forms, listed_keys, may_be_one, number_forms},
};
use crate::domain::{
    account_type::{AccountType, ContactKind},
    answer::{Finding, Reason},
    document::Document,
    list::{EmailMatch, ListValue},
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
    /// Accounts that have one of these keys.
    Some(Vec<Key>),
    /// Nothing tells whom.
    Everybody,
}

impl Concerned {
    /// By a value of a list.
    pub fn by(value: &ListValue) -> Self {
        let keys = entity("", value).map(|entity| entity_keys(&entity)).or_else(|| listed_keys(value));
        keys.map_or(Self::Everybody, Self::Some)
    }
}

/// One version of a list, ready to screen against.
pub struct OwnIndex {
    names: Index,
    countries: Vec<(String, String)>,
    /// E-mail addresses, domains, phone numbers, addresses, networks, by what they come down to.
    contacts: HashMap<String, Listed>,
    /// Numbers of documents, by each of their forms.
    documents: HashMap<String, Vec<(Listed, Document)>>,
    /// A value of the list: all are of one kind.
    sample: Option<ListValue>,
}

/// An item that is no name.
#[derive(Clone)]
struct Listed {
    entity: String,
    value: ListValue,
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
        let mut contacts = HashMap::new();
        let mut documents: HashMap<String, Vec<(Listed, Document)>> = HashMap::new();
        for (id, value) in items {
            let listed = || Listed { entity: entity_id(id), value: value.clone() };
            contacts.extend(listed_forms(value).into_iter().map(|form| (form, listed())));
            if let Some(document) = listed_document(value) {
                for form in number_forms(&document) {
                    documents.entry(form).or_default().push((listed(), document.clone()));
                }
            }
        }
        let sample = items.first().map(|(_, value)| value.clone());
        let list = List {
            name: name.to_owned(),
            version: version.to_owned(),
            entities,
            faults: ParseFaults::default(),
        };
        Self { names: Index::build(&list), countries, contacts, documents, sample }
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
                let text = format!("{code}, a country of the account, stands on the list.");
                findings.push(self.certain(entity, code, json!({ "countries": [code] }), ("country", text)));
            }
        }
        findings.extend(self.met(subject).into_iter().map(|listed| self.of_value(listed)));
        findings
    }

    /// Whether accounts of a type have a field of what is on the list. Otherwise it is compared with nothing of theirs.
    pub fn is_for(&self, account_type: &AccountType) -> bool {
        let has = |kind: ContactKind| !account_type.contact_paths(kind).is_empty();
        match &self.sample {
            None | Some(ListValue::Name { .. } | ListValue::Text { .. }) => true,
            Some(ListValue::Country { .. }) => !account_type.screened.countries.is_empty(),
            Some(ListValue::GovernmentId { .. }) => !account_type.screened.documents.is_empty(),
            Some(ListValue::Email { .. }) => has(ContactKind::EmailAddress),
            Some(ListValue::Phone { .. }) => has(ContactKind::PhoneNumber),
            Some(ListValue::Ip { .. }) => has(ContactKind::IpAddress),
        }
    }

    /// The items that stand for a contact or a document of `subject`, each once.
    fn met(&self, subject: &Subject) -> Vec<&Listed> {
        let mut met: Vec<&Listed> = Vec::new();
        if !self.contacts.is_empty() {
            for contact in &subject.contacts {
                met.extend(contact.reveal().covering().iter().filter_map(|form| self.contacts.get(form)));
            }
        }
        if !self.documents.is_empty() {
            for document in &subject.documents {
                let document = document.reveal();
                let forms = number_forms(document);
                let equal = forms.iter().filter_map(|form| self.documents.get(form)).flatten();
                let same = equal.filter(|(_, listed)| may_be_one(document, listed));
                met.extend(same.map(|(listed, _)| listed));
            }
        }
        met.sort_by(|one, other| one.entity.cmp(&other.entity));
        met.dedup_by(|one, other| one.entity == other.entity);
        met
    }

    fn of_value(&self, listed: &Listed) -> Finding {
        let (fact, name, facts, what) = match &listed.value {
            ListValue::Email { value, matches: EmailMatch::EmailAddress } => {
                ("email-address", value.clone(), json!({ "email-addresses": [value] }), "An e-mail address")
            }
            ListValue::Email { value, matches: EmailMatch::Domain } => {
                let facts = json!({ "email-domains": [value] });
                ("email-address", value.clone(), facts, "The domain of an e-mail address")
            }
            ListValue::Phone { value } => {
                ("phone-number", value.clone(), json!({ "phone-numbers": [value] }), "A phone number")
            }
            ListValue::Ip { value } => {
                let facts = json!({ "ip-addresses": [value] });
                ("ip-address", value.clone(), facts, "An IP address, or a network around it,")
            }
            ListValue::GovernmentId { class, number } => {
                let facts = json!({ "documents": [format!("{class} {number}")] });
                ("document", number.clone(), facts, "The number of a document")
            }
            ListValue::Name { .. } | ListValue::Text { .. } | ListValue::Country { .. } => {
                ("item", String::new(), json!({}), "Something")
            }
        };
        let text = format!("{what} of the account stands on the list.");
        self.certain(&listed.entity, &name, facts, (fact, text))
    }

    /// What is the same, and not alike.
    fn certain(&self, entity: &str, name: &str, facts: Value, (fact, text): (&str, String)) -> Finding {
        Finding {
            entity: entity.to_owned(),
            former_ids: Vec::new(),
            list: self.list().to_owned(),
            name: name.to_owned(),
            score: 1.0,
            facts,
            reasons: vec![Reason { fact: fact.to_owned(), text, effect: 1.0 }],
        }
    }
}

/// A size says what it is; nothing personal.
impl std::fmt::Debug for OwnIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[own list of {} names, {} values]", self.names.len(), self.contacts.len())
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
        let phone = ListValue::Phone { value: "+49 1234".to_owned() };
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

    #[test]
    fn addresses_and_numbers_of_a_list_match_whoever_has_them_and_say_which_kind() {
        let text = |text: &str| text.to_owned();
        let email = |value: &str, matches| ListValue::Email { value: text(value), matches };
        let id =
            |class: &str, number: &str| ListValue::GovernmentId { class: text(class), number: text(number) };
        let items = [
            (text("li_1"), email("Jane@Mail.invalid", EmailMatch::EmailAddress)),
            (text("li_2"), email("mail.invalid", EmailMatch::Domain)),
            (text("li_3"), ListValue::Phone { value: text("+44 (0)20 7946 0018") }),
            (text("li_4"), ListValue::Ip { value: text("192.0.2.0/24") }),
            (text("li_5"), id("pp", "C01 X0006H1")),
            (text("li_6"), id("visa", "12")),
        ];
        let index = OwnIndex::build("blocked", "1", &items);
        let found = |contacts: &[ListValue], documents: &[(&str, &str)]| -> Vec<String> {
            let document = |(kind, number): &(&str, &str)| {
                Personal::new(Document { kind: text(kind), number: text(number), country: None })
            };
            let subject = Subject {
                contacts: contacts.iter().cloned().map(Personal::new).collect(),
                documents: documents.iter().map(document).collect(),
                ..Subject::named(SubjectKind::Person, "Maria Lindqvist")
            };
            let findings = index.screen(&subject, &Matching::default());
            let told = |finding: &Finding| {
                assert!((finding.score - 1.0).abs() < f64::EPSILON && !finding.name.is_empty());
                let reason = &finding.reasons[0];
                assert!(!reason.text.contains(&finding.name), "{}", reason.text);
                format!("{} {}", finding.entity, reason.fact)
            };
            findings.iter().map(told).collect()
        };
        let address = |value: &str| email(value, EmailMatch::EmailAddress);
        assert_eq!(
            found(&[address("jane@mail.invalid"), address("x@mail.invalid")], &[]),
            ["own:li_1 email-address", "own:li_2 email-address"],
            "each once"
        );
        assert_eq!(found(&[address("jane@other.invalid")], &[]), [""; 0]);
        let phone = |value: &str| ListValue::Phone { value: text(value) };
        assert_eq!(found(&[phone("+442079460018")], &[]), ["own:li_3 phone-number"]);
        assert_eq!(found(&[ListValue::Ip { value: text("192.0.2.77") }], &[]), ["own:li_4 ip-address"]);
        assert_eq!(
            found(&[], &[("passport", "c01x0006h1"), ("tax-id", "12")]),
            ["own:li_5 document", "own:li_6 document"]
        );
        assert_eq!(found(&[], &[("national-id", "C01X0006H1")]), [""; 0], "another sort of document");
        assert_eq!(Concerned::by(&ListValue::Country { code: text("DE") }), Concerned::Everybody);
    }
}
