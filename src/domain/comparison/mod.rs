//! Whether what an inquiry collected agrees with what is known: per field a method, a result, a reason.
//!
//! A [`Rule`] says for one field how it is compared and how much must agree; of several alternatives any will do.
//! What comes out ([`Compared`]) holds words and no values: it is stored and shown as a check, and outlives the
//! redaction of both sides. Nothing here knows an account or an inquiry: two sets of fields are compared.

mod address;
mod date;
mod name;
mod phone;
mod reason;
mod texts;
mod values;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use reason::Reason;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The same characters.
    Exact,
    /// A person's name: short forms, other alphabets, initials, order, slips.
    NameFuzzy,
    /// An organisation's name: legal forms, other alphabets, slips.
    OrganisationName,
    /// A date: the day beside, day and month exchanged, one wrong digit.
    Date,
    /// An address: spellings of streets, units, postal codes.
    Address,
    /// A telephone number, in E.164.
    Phone,
    /// The number of a document.
    DocumentNumber,
    /// An e-mail address.
    Email,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Exact,
        Self::NameFuzzy,
        Self::OrganisationName,
        Self::Date,
        Self::Address,
        Self::Phone,
        Self::DocumentNumber,
        Self::Email,
    ];

    /// Its word in the configuration and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::NameFuzzy => "name-fuzzy",
            Self::OrganisationName => "organisation-name",
            Self::Date => "date",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::DocumentNumber => "document-number",
            Self::Email => "email",
        }
    }
}

/// How much must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// All of it.
    Full,
    /// So much that a slip or a custom explains the rest.
    #[default]
    Partial,
}

impl Level {
    /// Its word in the configuration and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
        }
    }
}

/// What a comparison came to, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// One side has no value.
    Missing,
    /// They differ.
    None,
    /// They agree but for a slip or a custom.
    Partial,
    /// They agree.
    Full,
}

impl Likeness {
    /// Its word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::None => "none",
            Self::Partial => "partial",
            Self::Full => "full",
        }
    }

    fn reaches(self, level: Level) -> bool {
        match level {
            Level::Full => self == Self::Full,
            Level::Partial => self >= Self::Partial,
        }
    }
}

/// Whether a mismatch fails the inquiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// It does.
    #[default]
    Required,
    /// It is shown, and the inquiry completes.
    NotRequired,
}

impl Requirement {
    /// As the API writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::NotRequired => "not_required",
        }
    }
}

/// One way of comparing a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alternative {
    /// How.
    pub method: Method,
    /// How much must agree.
    pub level: Level,
    /// The field of the account, when it is not of the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

/// How one field is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// The key of the field; `address` and `name` also stand for their parts (`address_city`, `name_first`).
    pub field: String,
    /// Whether a mismatch fails the inquiry.
    pub requirement: Requirement,
    /// At least one; any that agrees will do.
    pub any: Vec<Alternative>,
}

/// What the comparison of one field came to; no values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The key of the field.
    pub field: String,
    /// How: of several alternatives the one that agreed, or came nearest.
    pub method: Method,
    /// The field of the account, when it was not of the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// How much had to agree.
    pub level: Level,
    /// What it came to.
    pub result: Likeness,
    /// Why.
    pub reason: Reason,
    /// Whether a mismatch fails the inquiry.
    pub requirement: Requirement,
}

/// The verdict of a check, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStatus {
    /// It agrees as far as it must.
    Passed,
    /// It does not.
    Failed,
    /// There was nothing to compare with.
    NotApplicable,
}

impl CheckStatus {
    /// As the API writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotApplicable => "not_applicable",
        }
    }
}

impl Compared {
    /// The verdict. What the other side does not have cannot contradict; what the inquiry was to collect and did
    /// not, is a mismatch.
    pub const fn status(&self) -> CheckStatus {
        match (self.result, self.reason) {
            (Likeness::Missing, Reason::BaselineLacks | Reason::NoAccount) => CheckStatus::NotApplicable,
            (Likeness::Full, _) => CheckStatus::Passed,
            (Likeness::Partial, _) if matches!(self.level, Level::Partial) => CheckStatus::Passed,
            _ => CheckStatus::Failed,
        }
    }

    /// Whether it fails the inquiry.
    pub fn fails_inquiry(&self) -> bool {
        self.status() == CheckStatus::Failed && self.requirement == Requirement::Required
    }
}

/// What two values came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Outcome(Likeness, Reason);

impl Outcome {
    const fn full(reason: Reason) -> Self {
        Self(Likeness::Full, reason)
    }

    const fn partial(reason: Reason) -> Self {
        Self(Likeness::Partial, reason)
    }

    const fn none(reason: Reason) -> Self {
        Self(Likeness::None, reason)
    }
}

/// Compares one field as `rule` says: `collected` by an inquiry, with `known` before; none known where there is no
/// account.
pub fn compare(rule: &Rule, collected: &Map<String, Value>, known: Option<&Map<String, Value>>) -> Compared {
    let tried = rule.any.iter().map(|alternative| {
        let with = alternative.with.as_deref().unwrap_or(&rule.field);
        let outcome = match known {
            None => Outcome(Likeness::Missing, Reason::NoAccount),
            Some(known) => values(alternative.method, (&rule.field, collected), (with, known)),
        };
        (outcome.0.reaches(alternative.level), outcome, alternative)
    });
    // Of those that agree the best, else the nearest; the first of equals.
    let best = tried.reduce(|best, next| if (next.0, next.1.0) > (best.0, best.1.0) { next } else { best });
    let (_, outcome, alternative) = best.expect("a rule has at least one alternative");
    Compared {
        field: rule.field.clone(),
        method: alternative.method,
        with: alternative.with.clone(),
        level: alternative.level,
        result: outcome.0,
        reason: outcome.1,
        requirement: rule.requirement,
    }
}

type Side<'a> = (&'a str, &'a Map<String, Value>);

fn values(method: Method, collected: Side<'_>, known: Side<'_>) -> Outcome {
    match method {
        Method::NameFuzzy => each(&values::names(collected), &values::names(known), name::compare),
        Method::OrganisationName => each(&values::texts(collected), &values::texts(known), |one, other| {
            name::organisations(one, other)
        }),
        Method::Address => each(&values::addresses(collected), &values::addresses(known), address::compare),
        Method::Date => {
            each(&values::texts(collected), &values::texts(known), |one, other| date::compare(one, other))
        }
        Method::Exact => each(&values::whole(collected), &values::whole(known), texts::exact),
        Method::Phone => {
            let countries = (values::country(collected.1), values::country(known.1));
            each(&values::texts(collected), &values::texts(known), |one, other| {
                let here = (one.as_str(), countries.0.or(countries.1));
                phone::compare(here, (other.as_str(), countries.1.or(countries.0)))
            })
        }
        Method::DocumentNumber => each(&values::numbers(collected), &values::numbers(known), |one, other| {
            texts::document(one, other)
        }),
        Method::Email => {
            each(&values::texts(collected), &values::texts(known), |one, other| texts::email(one, other))
        }
    }
}

/// The best that any value of one side comes to with any of the other.
fn each<T>(collected: &[T], known: &[T], compare: impl Fn(&T, &T) -> Outcome) -> Outcome {
    if known.is_empty() {
        return Outcome(Likeness::Missing, Reason::BaselineLacks);
    }
    let pairs = collected.iter().flat_map(|one| known.iter().map(move |other| (one, other)));
    pairs
        .map(|(one, other)| compare(one, other))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .unwrap_or(Outcome(Likeness::Missing, Reason::InquiryLacks))
}

#[cfg(test)]
mod tests;
