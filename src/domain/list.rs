//! Lists of the customer's own: kinds, the values that they hold, and which values are the same.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{country, monitor::words};
use crate::names::fold::fold;

words! {
    /// What a list holds.
    ListKind {
        /// Names, of persons or of anything else.
        Names = "names",
        /// E-mail addresses, and whole domains.
        EmailAddresses = "email-addresses",
        /// Phone numbers.
        PhoneNumbers = "phone-numbers",
        /// Countries.
        Countries = "countries",
        /// Numbers of passports, identity cards and the like.
        GovernmentIdNumbers = "government-id-numbers",
        /// IP addresses and networks.
        IpAddresses = "ip-addresses",
        /// Any texts.
        Strings = "strings",
    }
}

/// Whether an item stands for an address or for all addresses of a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailMatch {
    /// One address.
    #[default]
    EmailAddress,
    /// Every address of a domain.
    Domain,
}

/// What somebody wrote for an item, whatever its kind. Personal data.
#[derive(Clone, Default)]
pub struct Given {
    /// `name-first`
    pub name_first: Option<String>,
    /// `name-last`; the whole name of what is no person.
    pub name_last: Option<String>,
    /// `value`
    pub value: Option<String>,
    /// `match-type`
    pub match_type: Option<EmailMatch>,
    /// `country-code`
    pub country_code: Option<String>,
    /// `id-class`
    pub id_class: Option<String>,
    /// `id-number`
    pub id_number: Option<String>,
}

/// The value of an item. Personal data: sealed wherever it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ListValue {
    /// A name. Without a first one, of anything that has one name.
    Name {
        /// The first name.
        first: Option<String>,
        /// The last name, or the only one.
        last: Option<String>,
    },
    /// An e-mail address, or a domain.
    Email {
        /// It.
        value: String,
        /// Which of them.
        matches: EmailMatch,
    },
    /// A phone number.
    Phone {
        /// As it was written.
        value: String,
    },
    /// A country.
    Country {
        /// Its ISO 3166-1 alpha-2 code.
        code: String,
    },
    /// The number of a document.
    GovernmentId {
        /// What sort of document, such as `pp`.
        class: String,
        /// Its number.
        number: String,
    },
    /// An IP address or network.
    Ip {
        /// As it was written.
        value: String,
    },
    /// A text.
    Text {
        /// It.
        value: String,
    },
}

/// Nothing personal.
impl fmt::Debug for ListValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[list value]")
    }
}

/// The attribute that is refused, and what is accepted.
pub type ValueFault = (&'static str, &'static str);

const TEXT: &str = "accepted is a text of 1 to 255 characters without control characters";

impl ListValue {
    /// Accepts what was written for an item of a list of `kind`, or says which attribute is at fault. An attribute
    /// that items of the kind do not have is a fault too.
    pub fn of(kind: ListKind, given: &Given) -> Result<Self, ValueFault> {
        refuse_others(kind, given)?;
        let text = |name: &'static str, value: &Option<String>| match value.as_deref().map(str::trim) {
            Some(text) if is_text(text) => Ok(text.to_owned()),
            Some(_) => Err((name, TEXT)),
            None => Err((name, "is required")),
        };
        let part = |name: &'static str, value: &Option<String>| match value.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) if is_text(text) => Ok(Some(text.to_owned())),
            Some(_) => Err((name, TEXT)),
        };
        let value = match kind {
            ListKind::Names => {
                let first = part("name-first", &given.name_first)?;
                let last = part("name-last", &given.name_last)?;
                if first.is_none() && last.is_none() {
                    return Err(("name-last", "is required, or name-first"));
                }
                Self::Name { first, last }
            }
            ListKind::EmailAddresses => {
                let value = text("value", &given.value)?;
                let matches = given.match_type.unwrap_or_default();
                if !is_email(&value, matches) {
                    return Err((
                        "value",
                        "accepted is an e-mail address, or a domain with match-type domain",
                    ));
                }
                Self::Email { value, matches }
            }
            ListKind::PhoneNumbers => {
                let value = text("value", &given.value)?;
                if !(4..=20).contains(&digits(&value).len()) || value.contains(char::is_alphabetic) {
                    return Err(("value", "accepted is a phone number such as +49 30 123456"));
                }
                Self::Phone { value }
            }
            ListKind::Countries => {
                let code = text("country-code", &given.country_code)?.to_ascii_uppercase();
                if !country::is_code(&code) {
                    return Err(("country-code", "accepted is an ISO 3166-1 alpha-2 code such as DE"));
                }
                Self::Country { code }
            }
            ListKind::GovernmentIdNumbers => Self::GovernmentId {
                class: text("id-class", &given.id_class)?,
                number: text("id-number", &given.id_number)?,
            },
            ListKind::IpAddresses => {
                let value = text("value", &given.value)?;
                if network(&value).is_none() {
                    return Err(("value", "accepted is an IP address, or a network such as 192.0.2.0/24"));
                }
                Self::Ip { value }
            }
            ListKind::Strings => Self::Text { value: text("value", &given.value)? },
        };
        Ok(value)
    }

    /// What the value comes down to: equal for values that are the same.
    pub fn canonical(&self) -> String {
        match self {
            Self::Name { first, last } => {
                let parts = [first, last].map(|part| plain(part.as_deref().unwrap_or_default()));
                parts.join("\u{1f}")
            }
            Self::Email { value, matches: EmailMatch::EmailAddress } => value.to_lowercase(),
            Self::Email { value, matches: EmailMatch::Domain } => {
                format!("@{}", value.trim_start_matches('@').to_lowercase())
            }
            Self::Phone { value } => digits(value),
            Self::Country { code } => code.clone(),
            Self::GovernmentId { class, number } => {
                let number: String = number.chars().filter(|letter| letter.is_alphanumeric()).collect();
                format!("{}\u{1f}{}", class.to_lowercase(), number.to_uppercase())
            }
            Self::Ip { value } => {
                let (address, length) = network(value).unwrap_or((IpAddr::from([0; 16]), 0));
                format!("{address}/{length}")
            }
            Self::Text { value } => plain(value),
        }
    }

    /// What items come down to that stand for the value: itself; the domain of an address; each network that an
    /// address is in.
    pub fn covering(&self) -> Vec<String> {
        match self {
            Self::Email { value, matches: EmailMatch::EmailAddress } => {
                let domain = value.rsplit_once('@').map_or("", |(_, domain)| domain);
                vec![self.canonical(), format!("@{}", domain.to_lowercase())]
            }
            Self::Ip { value } => {
                let Some((address, length)) = network(value) else { return Vec::new() };
                (0..=length).map(|length| format!("{}/{length}", masked(address, length))).collect()
            }
            _ => vec![self.canonical()],
        }
    }
}

/// Refuses attributes that items of a kind do not have.
fn refuse_others(kind: ListKind, given: &Given) -> Result<(), ValueFault> {
    let own: &[&str] = match kind {
        ListKind::Names => &["name-first", "name-last"],
        ListKind::EmailAddresses => &["value", "match-type"],
        ListKind::PhoneNumbers | ListKind::IpAddresses | ListKind::Strings => &["value"],
        ListKind::Countries => &["country-code"],
        ListKind::GovernmentIdNumbers => &["id-class", "id-number"],
    };
    let written = [
        ("name-first", given.name_first.is_some()),
        ("name-last", given.name_last.is_some()),
        ("value", given.value.is_some()),
        ("match-type", given.match_type.is_some()),
        ("country-code", given.country_code.is_some()),
        ("id-class", given.id_class.is_some()),
        ("id-number", given.id_number.is_some()),
    ];
    let foreign = written.into_iter().find(|(name, written)| *written && !own.contains(name));
    foreign.map_or(Ok(()), |(name, _)| Err((name, "is no attribute of items of this kind")))
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control)
}

fn is_email(value: &str, matches: EmailMatch) -> bool {
    let is_domain = |text: &str| {
        text.contains('.') && !text.contains(['@', ' ']) && !text.starts_with('.') && !text.ends_with('.')
    };
    match matches {
        EmailMatch::Domain => is_domain(value.trim_start_matches('@')),
        EmailMatch::EmailAddress => value
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !local.contains(' ') && is_domain(domain)),
    }
}

/// Folded, with single blanks.
fn plain(text: &str) -> String {
    fold(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // `00` and `+` begin the same number.
    if text.trim_start().starts_with("00") { digits.trim_start_matches('0').to_owned() } else { digits }
}

/// The network that a text names: its first address, and the length of its prefix.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(longest);
    (length <= longest).then(|| (masked(address, length), length))
}

/// An address without its last bits.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ListKind, given: &Given) -> Result<ListValue, ValueFault> {
        ListValue::of(kind, given)
    }

    fn value(kind: ListKind, text: &str) -> ListValue {
        of(kind, &Given { value: Some(text.to_owned()), ..Given::default() }).unwrap()
    }

    #[test]
    fn values_that_are_the_same_come_down_to_the_same() {
        for (kind, one, other) in [
            (ListKind::EmailAddresses, "Jane@Example.com", "jane@example.COM"),
            (ListKind::PhoneNumbers, "+49 (30) 12-34", "0049301234"),
            (ListKind::IpAddresses, "192.0.2.77/24", "192.0.2.0/24"),
            (ListKind::IpAddresses, "2001:DB8::1", "2001:db8:0::1/128"),
            (ListKind::Strings, "  Café   Noir ", "cafe noir"),
        ] {
            assert_eq!(value(kind, one).canonical(), value(kind, other).canonical(), "{one}");
        }
        let name = |first: &str, last: &str| Given {
            name_first: Some(first.to_owned()),
            name_last: Some(last.to_owned()),
            ..Given::default()
        };
        let jane = of(ListKind::Names, &name("Jané", "DOE")).unwrap();
        assert_eq!(jane.canonical(), of(ListKind::Names, &name("Jane", "Doe")).unwrap().canonical());
        assert_ne!(jane.canonical(), of(ListKind::Names, &name("Doe", "Jane")).unwrap().canonical());
    }

    #[test]
    fn an_address_is_covered_by_its_domain_and_its_networks() {
        let email = value(ListKind::EmailAddresses, "jane@example.com").covering();
        assert!(email.contains(&"@example.com".to_owned()));
        let ip = value(ListKind::IpAddresses, "192.0.2.77").covering();
        assert!(ip.contains(&"192.0.2.0/24".to_owned()) && ip.contains(&"0.0.0.0/0".to_owned()));
        assert!(ip.contains(&"192.0.2.77/32".to_owned()) && !ip.contains(&"192.0.3.0/24".to_owned()));
    }

    #[test]
    fn what_is_no_value_of_its_kind_is_refused_by_its_attribute() {
        let given = |text: &str| Given { value: Some(text.to_owned()), ..Given::default() };
        for (kind, text) in [
            (ListKind::EmailAddresses, "jane"),
            (ListKind::EmailAddresses, "@"),
            (ListKind::PhoneNumbers, "call me"),
            (ListKind::IpAddresses, "192.0.2.0/33"),
            (ListKind::IpAddresses, "300.1.1.1"),
            (ListKind::Strings, "a\0b"),
            (ListKind::Strings, " "),
        ] {
            assert_eq!(of(kind, &given(text)).unwrap_err().0, "value", "{text}");
        }
        assert_eq!(of(ListKind::Names, &Given::default()).unwrap_err().0, "name-last");
        assert_eq!(of(ListKind::Countries, &given("DE")).unwrap_err().0, "value");
    }
}
