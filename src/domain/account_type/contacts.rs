//! Which fields of an account hold what lists of the customer's own have besides names and countries: e-mail addresses,
//! phone numbers, IP addresses.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::{AccountType, Field, FieldKind, Screened, at, each_once, texts_of};
use crate::{
    domain::{
        list::{EmailMatch, ListValue},
        personal::Personal,
    },
    names::phone::Phone,
};

/// What a contact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactKind {
    /// An e-mail address.
    EmailAddress,
    /// A phone number.
    PhoneNumber,
    /// An IP address.
    IpAddress,
}

impl ContactKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EmailAddress, Self::PhoneNumber, Self::IpAddress];

    /// Its word among what is screened, in the configuration and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::EmailAddress => "email-addresses",
            Self::PhoneNumber => "phone-numbers",
            Self::IpAddress => "ip-addresses",
        }
    }

    /// The keys that fields of it usually have.
    const fn usual_keys(self) -> &'static [&'static str] {
        match self {
            Self::EmailAddress => &["email_address", "email_addresses"],
            Self::PhoneNumber => &["phone_number", "phone_numbers"],
            Self::IpAddress => &["ip_address", "ip_addresses"],
        }
    }

    fn is_usual(self, field: &Field) -> bool {
        let is_address = match &field.kind {
            FieldKind::Array { item } => item.kind == FieldKind::EmailAddress,
            kind => *kind == FieldKind::EmailAddress,
        };
        let holds_texts = field.kind.is_text() || field.kind.is_text_list();
        (self == Self::EmailAddress && is_address)
            || (holds_texts && self.usual_keys().contains(&field.key.as_str()))
    }

    /// What an account's text stands for. `home` is the country whose customs of dialling hold.
    fn values(self, text: &str, home: Option<&str>) -> Vec<ListValue> {
        let text = text.trim();
        match self {
            Self::EmailAddress if text.contains('@') => {
                vec![ListValue::Email { value: text.to_lowercase(), matches: EmailMatch::EmailAddress }]
            }
            Self::EmailAddress => Vec::new(),
            Self::PhoneNumber => {
                let read = Phone::read(text, home).filter(|phone| phone.is_international);
                let read = read.map(|phone| ListValue::Phone { value: format!("+{}", phone.digits) });
                let mut values: Vec<ListValue> = read.into_iter().collect();
                // A list may have it as people at home write it.
                let written = ListValue::Phone { value: text.to_owned() };
                let digits = written.canonical();
                if !digits.is_empty() && values.iter().all(|known| known.canonical() != digits) {
                    values.push(written);
                }
                values
            }
            Self::IpAddress => {
                let address = text.parse::<IpAddr>().ok();
                let value =
                    address.map(|address| ListValue::Ip { value: address.to_canonical().to_string() });
                value.into_iter().collect()
            }
        }
    }
}

impl Screened {
    /// Where its contacts of a kind are; none when it does not say.
    pub const fn contacts(&self, kind: ContactKind) -> Option<&Vec<String>> {
        match kind {
            ContactKind::EmailAddress => self.email_addresses.as_ref(),
            ContactKind::PhoneNumber => self.phone_numbers.as_ref(),
            ContactKind::IpAddress => self.ip_addresses.as_ref(),
        }
    }

    /// The same, to be changed.
    pub const fn contacts_mut(&mut self, kind: ContactKind) -> Option<&mut Vec<String>> {
        match kind {
            ContactKind::EmailAddress => self.email_addresses.as_mut(),
            ContactKind::PhoneNumber => self.phone_numbers.as_mut(),
            ContactKind::IpAddress => self.ip_addresses.as_mut(),
        }
    }
}

impl AccountType {
    /// The fields, or parts of hashes, that hold contacts of a kind: those that are named as screened; where nothing is
    /// said, the fields in use that are called so, and those of e-mail addresses by their type.
    pub fn contact_paths(&self, kind: ContactKind) -> Vec<String> {
        match self.screened.contacts(kind) {
            Some(paths) => paths.clone(),
            None => {
                let usual = self.active_fields().filter(|field| kind.is_usual(field));
                usual.map(|field| field.key.clone()).collect()
            }
        }
    }

    /// The contacts among an account's fields, each once.
    pub(super) fn contacts(
        &self,
        fields: &Map<String, Value>,
        home: Option<&str>,
    ) -> Vec<Personal<ListValue>> {
        let mut values: Vec<ListValue> = Vec::new();
        for kind in ContactKind::ALL {
            for path in self.contact_paths(kind) {
                for text in texts_of(at(fields, &path)) {
                    values.extend(kind.values(&text, home));
                }
            }
        }
        each_once(values.into_iter())
    }
}
