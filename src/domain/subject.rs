//! Who a report asks about.

use serde::{Deserialize, Serialize};

use super::{date::PartialDate, document::Document, list::ListValue, personal::Personal};

/// What sort of party an account stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A natural person.
    Person,
    /// A company, authority, association: anything that is not a natural person.
    Organisation,
}

impl SubjectKind {
    /// What a word says that somebody is: our own, and those of the `FollowTheMoney` model, in any case.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "person" | "individual" => Self::Person,
            "organisation" | "organization" | "company" | "business" | "entity" | "legalentity"
            | "publicbody" | "vessel" | "airplane" | "vehicle" | "asset" | "thing" => Self::Organisation,
            _ => return None,
        })
    }
}

/// What an account or a list says of a person's gender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gender {
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Gender {
    /// Reads `F`, `female`, `M`, `male`, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "f" | "female" => Some(Self::Female),
            "m" | "male" => Some(Self::Male),
            _ => None,
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// The facts about one account that a report may use: the input of every provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Subject {
    /// Person or organisation.
    pub kind: SubjectKind,
    /// The name first, then other names; each as one string, in the order in which it is written.
    pub names: Vec<Personal<String>>,
    /// Date of birth, or of foundation.
    pub birth_date: Option<Personal<PartialDate>>,
    /// ISO 3166-1 alpha-2 codes, upper case: residence, nationality, jurisdiction.
    pub countries: Vec<Personal<String>>,
    /// Of a person, where the account says so.
    #[serde(default)]
    pub gender: Option<Personal<Gender>>,
    /// Passports, national ids, registrations: what has a number.
    #[serde(default)]
    pub documents: Vec<Personal<Document>>,
    /// E-mail addresses, phone numbers and IP addresses: only lists of the customer's own have such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Personal<ListValue>>,
}

impl Subject {
    /// Somebody of whom a name is known and nothing else.
    pub fn named(kind: SubjectKind, name: &str) -> Self {
        Self {
            kind,
            names: vec![Personal::new(name.to_owned())],
            birth_date: None,
            countries: Vec::new(),
            gender: None,
            documents: Vec::new(),
            contacts: Vec::new(),
        }
    }

    /// What a subject lacks to be screened at all, if anything.
    pub fn missing(&self) -> Option<&'static str> {
        let named = self.names.iter().any(|name| !name.reveal().trim().is_empty());
        (!named).then_some("name")
    }
}
