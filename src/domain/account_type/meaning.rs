//! What a value must be by what its field is screened for, whatever kind of value the field takes: a country that is none
//! is compared with nobody's, and nobody would notice.

use std::net::IpAddr;

use chrono::NaiveDate;
use serde_json::Value;

use super::{
    AccountType, ContactKind, DOCUMENT_PARTS,
    value::{EMAIL_ADDRESS, FieldFault, is_email_address},
};
use crate::domain::{country, date::PartialDate};

/// What a screened field stands for.
#[derive(Clone, Copy)]
enum Meaning {
    Country,
    Birth,
    Contact(ContactKind),
}

impl Meaning {
    fn accepts(self, text: &str, today: NaiveDate) -> bool {
        match self {
            Self::Country => country::is_code(text),
            Self::Birth => text.parse::<PartialDate>().is_ok_and(|date| {
                let (month, day) = (date.month().unwrap_or(1), date.day().unwrap_or(1));
                // East of here it may be tomorrow already.
                let latest = today.succ_opt().unwrap_or(today);
                NaiveDate::from_ymd_opt(date.year(), month, day).is_none_or(|earliest| earliest <= latest)
            }),
            Self::Contact(ContactKind::EmailAddress) => is_email_address(text),
            Self::Contact(ContactKind::PhoneNumber) => text.contains(char::is_numeric),
            Self::Contact(ContactKind::IpAddress) => text.trim().parse::<IpAddr>().is_ok(),
        }
    }

    const fn accepted(self) -> &'static str {
        match self {
            Self::Country => "accepted is an ISO 3166-1 alpha-2 code of a country, such as DE",
            Self::Birth => "accepted is a date that is not in the future",
            Self::Contact(ContactKind::EmailAddress) => EMAIL_ADDRESS,
            Self::Contact(ContactKind::PhoneNumber) => "accepted is a phone number such as +49 30 123456",
            Self::Contact(ContactKind::IpAddress) => "accepted is an IP address such as 192.0.2.7",
        }
    }
}

/// What the fields of a type stand for: paths of fields and of parts of hashes, and what each is screened as.
pub struct Meanings(Vec<(String, Meaning)>);

impl AccountType {
    /// What its fields stand for.
    pub fn meanings(&self) -> Meanings {
        let [_, _, issuer] = DOCUMENT_PARTS;
        let screened = &self.screened;
        let mut meanings: Vec<(String, Meaning)> = Vec::new();
        meanings.extend(screened.countries.iter().map(|path| (path.clone(), Meaning::Country)));
        meanings.extend(screened.birth_date.iter().map(|path| (path.clone(), Meaning::Birth)));
        for document in &screened.documents {
            meanings.extend(document.country.iter().map(|path| (path.clone(), Meaning::Country)));
            meanings.push((format!("{}.{issuer}", document.field), Meaning::Country));
        }
        for kind in ContactKind::ALL {
            let paths = self.contact_paths(kind).into_iter();
            meanings.extend(paths.map(|path| (path, Meaning::Contact(kind))));
        }
        Meanings(meanings)
    }
}

impl Meanings {
    /// What is wrong with the value of the field `key`, as [`Field::check`](super::Field::check) left it; `today` is the
    /// day in UTC. What stood in the same place of `old` is left alone: it was taken before.
    pub fn faults(&self, key: &str, value: &Value, old: Option<&Value>, today: NaiveDate) -> Vec<FieldFault> {
        let mut faults: Vec<FieldFault> = Vec::new();
        for (path, meaning) in &self.0 {
            let mut parts = path.split('.');
            if parts.next() != Some(key) {
                continue;
            }
            let parts: Vec<&str> = parts.collect();
            let mut texts = Vec::new();
            add_texts(value, &parts, String::new(), &mut texts);
            for (at, text) in texts {
                let is_old = old.and_then(|old| old.pointer(&at)).and_then(Value::as_str) == Some(text);
                let is_told = faults.iter().any(|fault| fault.path == at);
                if !is_old && !is_told && !meaning.accepts(text, today) {
                    faults.push(FieldFault::at(at, meaning.accepted()));
                }
            }
        }
        faults
    }
}

/// The texts at a path, each with its JSON pointer; lists on the way are gone into.
fn add_texts<'a>(value: &'a Value, path: &[&str], at: String, texts: &mut Vec<(String, &'a str)>) {
    match (value, path.split_first()) {
        (Value::Array(list), _) => {
            for (index, one) in list.iter().enumerate() {
                add_texts(one, path, format!("{at}/{index}"), texts);
            }
        }
        (Value::Object(parts), Some((key, rest))) => {
            if let Some(part) = parts.get(*key) {
                add_texts(part, rest, format!("{at}/{key}"), texts);
            }
        }
        (Value::String(text), None) => texts.push((at, text)),
        _ => {}
    }
}
