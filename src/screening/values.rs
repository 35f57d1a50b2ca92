//! Values of lists of the customer's own that are no names, and what of an account stands for them: e-mail addresses and
//! their domains, phone numbers, IP addresses and networks, numbers of documents. They are equal or they are not.

use crate::domain::{document::Document, list::ListValue};
use crate::names::phone::Phone;
use crate::names::sound::{Key, number_key, value_key};

/// The lengths of the networks by which an account's IP address is found. One around a network of another length is the
/// next shorter of these.
const NETWORKS: [u8; 8] = [8, 16, 24, 32, 48, 64, 96, 128];

/// What a listed contact comes down to, in each of its writings; nothing of other values.
pub(super) fn listed_forms(value: &ListValue) -> Vec<String> {
    match value {
        ListValue::Email { .. } | ListValue::Ip { .. } => vec![value.canonical()],
        ListValue::Phone { value: written } => {
            let mut forms = vec![value.canonical()];
            // `+44 (0)20 …` has a zero that is dialled at home alone.
            forms.extend(Phone::read(written, None).map(|phone| phone.digits));
            each_once(forms)
        }
        ListValue::Name { .. }
        | ListValue::Country { .. }
        | ListValue::GovernmentId { .. }
        | ListValue::Text { .. } => Vec::new(),
    }
}

/// The forms of a document's number, one of which two equal numbers share: what is compared with published lists, where
/// that tells anybody, and all of its letters and digits.
pub(super) fn number_forms(document: &Document) -> Vec<String> {
    let letters = document.number.chars().filter(|letter| letter.is_alphanumeric());
    let plain: String = letters.flat_map(char::to_uppercase).collect();
    let forms = document.comparable().into_iter().chain(Some(plain).filter(|plain| !plain.is_empty()));
    each_once(forms.collect())
}

/// The document that a listed number is of.
pub(super) fn listed_document(value: &ListValue) -> Option<Document> {
    match value {
        ListValue::GovernmentId { class, number } => {
            Some(Document { kind: class.clone(), number: number.clone(), country: None })
        }
        _ => None,
    }
}

/// Whether two documents of equal numbers may be one: unless both say what they are, and that differs.
pub(super) fn may_be_one(account: &Document, listed: &Document) -> bool {
    account.sort().zip(listed.sort()).is_none_or(|(one, other)| one == other)
}

/// The keys of an account's document; that by which published lists find it among them.
pub(super) fn document_keys(document: &Document) -> Vec<Key> {
    number_forms(document).iter().map(|number| number_key(number)).collect()
}

/// The keys of an account's contact.
pub(super) fn contact_keys(contact: &ListValue) -> Vec<Key> {
    let is_looked_up = |form: &&String| match contact {
        ListValue::Ip { .. } => length_of(form).is_some_and(|length| NETWORKS.contains(&length)),
        _ => true,
    };
    contact.covering().iter().filter(is_looked_up).map(|form| value_key(form)).collect()
}

/// The keys by which the accounts are found that have a listed value; none when nothing tells which those are.
pub(super) fn listed_keys(value: &ListValue) -> Option<Vec<Key>> {
    match value {
        ListValue::Email { .. } | ListValue::Phone { .. } => {
            Some(listed_forms(value).iter().map(|form| value_key(form)).collect())
        }
        ListValue::Ip { .. } => {
            let form = value.canonical();
            let length = length_of(&form)?;
            let around = NETWORKS.into_iter().rev().find(|known| *known <= length)?;
            // Of the networks around it the one of that length.
            let covering = value.covering();
            let network = covering.iter().find(|form| length_of(form) == Some(around))?;
            Some(vec![value_key(network)])
        }
        ListValue::GovernmentId { .. } => Some(document_keys(&listed_document(value)?)),
        ListValue::Name { .. } | ListValue::Country { .. } | ListValue::Text { .. } => None,
    }
}

/// The length of the prefix of a network as [`ListValue::canonical`] writes it.
fn length_of(network: &str) -> Option<u8> {
    network.rsplit_once('/')?.1.parse().ok()
}

fn each_once(mut forms: Vec<String>) -> Vec<String> {
    forms.sort_unstable();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::list::EmailMatch;
    use crate::names::sound::share_key;

    fn ip(value: &str) -> ListValue {
        ListValue::Ip { value: value.to_owned() }
    }

    #[test]
    fn an_address_shares_a_key_with_each_network_around_it() {
        let keys = |value: &str| {
            let mut keys = contact_keys(&ip(value));
            keys.sort_unstable();
            keys
        };
        for (address, network) in [
            ("192.0.2.77", "192.0.2.77"),
            ("192.0.2.77", "192.0.2.64/27"),
            ("192.0.2.77", "192.0.0.0/9"),
            ("2001:db8::1", "2001:db8::/33"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            assert!(share_key(&keys(address), &listed_keys(&ip(network)).unwrap()), "{network}");
        }
        assert!(!share_key(&keys("192.0.2.77"), &listed_keys(&ip("192.0.3.0/24")).unwrap()));
        assert_eq!(listed_keys(&ip("128.0.0.0/1")), None, "nothing tells whose those are");
    }

    #[test]
    fn an_account_shares_a_key_with_its_address_its_domain_and_its_numbers() {
        let email = |value: &str, matches| ListValue::Email { value: value.to_owned(), matches };
        let of_account = contact_keys(&email("jane@example.com", EmailMatch::EmailAddress));
        for listed in [
            email("Jane@Example.com", EmailMatch::EmailAddress),
            email("example.com", EmailMatch::Domain),
            email("@EXAMPLE.com", EmailMatch::Domain),
        ] {
            let keys = listed_keys(&listed).unwrap();
            assert!(keys.iter().all(|key| of_account.contains(key)));
        }
        let phone = |value: &str| ListValue::Phone { value: value.to_owned() };
        let keys = listed_keys(&phone("+44 (0)20 7946 0018")).unwrap();
        assert!(contact_keys(&phone("+442079460018")).iter().all(|key| keys.contains(key)));
        let number = |class: &str, number: &str| ListValue::GovernmentId {
            class: class.to_owned(),
            number: number.to_owned(),
        };
        let document = Document { kind: "passport".to_owned(), number: "A-12".to_owned(), country: None };
        let short = listed_keys(&number("pp", "a12")).unwrap();
        assert!(document_keys(&document).iter().any(|key| short.contains(key)), "a short one, too");
    }
}
