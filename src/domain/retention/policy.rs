//! What a policy says: which objects, what to do, counted from when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Facts, period, period::Period};
use crate::domain::monitor::words;

words! {
    /// What a policy is about.
    RetainedKind {
        /// Accounts, with all that belongs to them; or single fields of theirs.
        Account = "account",
        /// Inquiries.
        Inquiry = "inquiry",
        /// Reports, with their runs and hits.
        Report = "report",
        /// Transactions, or single fields of theirs.
        Transaction = "transaction",
        /// Items of the customer's own lists.
        ListItem = "list-item",
    }
}

/// Whether a period is the longest or the shortest for which something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// When the period is over, the object is redacted.
    Redact,
    /// Until the period is over, nobody redacts the object.
    Keep,
}

/// What a period is counted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from", rename_all_fields = "kebab-case")]
pub enum Clock {
    /// When the object was made.
    Creation,
    /// When the object came to its end: an inquiry was completed, a report ended.
    Completion,
    /// When the object last changed; an account changes with its inquiries.
    LastActivity,
    /// When the account was archived, or came into one of these statuses, whatever was first: from one of them into
    /// another it has ended already. What is made after the end is counted from when it is made. A list item ends by
    /// being archived.
    EndOfRelationship {
        /// The statuses, by name.
        end_statuses: Vec<String>,
    },
    /// The end of a day that a field holds.
    DateField {
        /// The field's key.
        date_field: String,
    },
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    /// Its name in the configuration.
    pub name: String,
    /// What it is about.
    pub object: RetainedKind,
    /// Which end of the period it sets.
    pub rule: Rule,
    /// The account types, transaction types or lists, by name; any when empty.
    pub types: Vec<String>,
    /// The statuses, by name; any when empty.
    pub statuses: Vec<String>,
    /// The fields that it is about, by key; the whole object when empty.
    pub fields: Vec<String>,
    /// How long.
    pub period: Period,
    /// From when on.
    #[serde(flatten)]
    pub clock: Clock,
}

impl Policy {
    /// Whether it is about an object, or the field of one that the facts are of. What is said of a whole object holds
    /// for each of its fields too.
    pub fn is_about(&self, facts: &Facts) -> bool {
        let any = |list: &[String], word: &String| list.is_empty() || list.contains(word);
        self.object == facts.object
            && any(&self.types, &facts.type_name)
            && any(&self.statuses, &facts.status)
            && (self.fields.is_empty()
                || facts.field.as_ref().is_some_and(|field| self.fields.contains(field)))
    }

    /// When its period is over for an object that it is about; none while the period has not begun.
    ///
    /// An object that was filled again after its redaction is counted from then at the earliest.
    pub fn end(&self, facts: &Facts) -> Option<DateTime<Utc>> {
        let start = match &self.clock {
            Clock::Creation => Some(facts.created_at),
            Clock::Completion => facts.completed_at,
            Clock::LastActivity => Some(facts.active_at),
            Clock::EndOfRelationship { end_statuses } => {
                let ended = facts.account_statuses.iter().rev();
                let ended = ended.take_while(|(status, _)| end_statuses.contains(status)).last();
                let end = facts.archived_at.into_iter().chain(ended.map(|(_, since)| *since)).min();
                end.map(|end| end.max(facts.created_at))
            }
            Clock::DateField { date_field } => {
                facts.dates.get(date_field).and_then(|date| period::over(*date))
            }
        }?;
        // Beyond the calendar is never.
        self.period.end(facts.filled_at.map_or(start, |filled| filled.max(start)))
    }

    /// What it does, in words.
    pub fn describe(&self) -> String {
        let what = match self.rule {
            Rule::Redact => "redact",
            Rule::Keep => "keep for at least",
        };
        let from = match &self.clock {
            Clock::Creation => "creation".to_owned(),
            Clock::Completion => "completion".to_owned(),
            Clock::LastActivity => "the last activity".to_owned(),
            Clock::EndOfRelationship { .. } => "the end of the relationship".to_owned(),
            Clock::DateField { date_field } => format!("the date in {date_field}"),
        };
        match self.rule {
            Rule::Redact => format!("{what} {} after {from}", self.period),
            Rule::Keep => format!("{what} {} from {from}", self.period),
        }
    }
}

impl Serialize for RetainedKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for RetainedKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::from_word(&word).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.word()).collect();
            serde::de::Error::custom(format!("accepted is one of {}", known.join(", ")))
        })
    }
}
