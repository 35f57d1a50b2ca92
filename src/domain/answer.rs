//! What a provider answers, and the digest that tells whether an answer changed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of an explanation: what was compared, what it did to the score, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
    /// What was compared: `name`, `kind`, `birth-date`, `country`, `gender`, `document`, `provider`; or what is said of the score itself:
    /// `limit`, `threshold`.
    pub fact: String,
    /// A sentence for the analyst. It quotes the account, so it is personal and kept sealed.
    pub text: String,
    /// What the fact added to (or, below zero, took from) the score, -1 to 1.
    pub effect: f64,
}

impl Reason {
    /// Whether something was compared; else the line says something of the score itself.
    pub fn is_of_a_comparison(&self) -> bool {
        !matches!(self.fact.as_str(), "limit" | "threshold")
    }
}

/// An entity that a provider found to match the subject.
///
/// It quotes the subject in its reasons: sealed wherever it is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The provider's lasting name of the entity, unique within the provider, such as `ofac:7320`.
    pub entity: String,
    /// The list it stands on, such as `ofac-sdn`; the provider's name when it does not say.
    pub list: String,
    /// The entity's main name.
    pub name: String,
    /// 0 to 1; 1 is certain.
    pub score: f64,
    /// Facts that a decision would rest on (names, birth dates, countries, programs). A change of
    /// these is news; a change of score or order is not.
    pub facts: Value,
    /// Why it matches, most telling first.
    pub reasons: Vec<Reason>,
}

impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[finding]")
    }
}

/// A provider's whole answer about one subject. No findings means clear.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// The matched entities, in any order, each entity at most once.
    pub findings: Vec<Finding>,
}
