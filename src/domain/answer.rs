//! What a provider answers, and the digest that tells whether an answer changed.

use std::collections::BTreeSet;

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
    /// Ids that the entity had before and that decisions may still name, where the provider says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_ids: Vec<String>,
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

/// The word for facts that differ as a whole.
pub const FACTS: &str = "facts";

impl Finding {
    /// Which facts differ from those of `other`: `list`, `name`, and the keys of facts, which are words of the list's format
    /// or of the configuration and say nothing of anybody. Score and reasons are no facts.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.list != other.list {
            differences.push("list".to_owned());
        }
        if self.name != other.name {
            differences.push("name".to_owned());
        }
        match (self.facts.as_object(), other.facts.as_object()) {
            (Some(one), Some(another)) => {
                let keys: BTreeSet<&String> = one.keys().chain(another.keys()).collect();
                let differ = keys.into_iter().filter(|key| one.get(*key) != another.get(*key));
                differences.extend(differ.cloned());
            }
            _ if self.facts != other.facts => differences.push(FACTS.to_owned()),
            _ => {}
        }
        differences
    }
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
