//! Queries of searches, as the API writes them: `and`, `or`, `not`, or an attribute with an operator and a value.
//!
//! Which attributes there are, and what a condition on one means, says whoever searches. How conditions are joined, and
//! how many there may be, is the same for all objects.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{ActionError, Invalid};
use crate::{
    domain::{account_type::pointer_part, date::moment},
    store::search::Compare,
};

/// How deep `and`, `or` and `not` may lie in each other, and how many conditions there may be.
const DEEPEST: usize = 2;
const MOST: usize = 50;

/// Conditions that are joined to one.
pub(super) enum Joined<C> {
    /// All of these; with none, whatever there is.
    All(Vec<C>),
    /// Any of these.
    Any(Vec<C>),
    /// Not this.
    Not(C),
}

/// One condition, as somebody wrote it.
pub(super) struct Predicate<'a> {
    /// The attribute: a word of ours in whatever spelling, or `fields.KEY`.
    pub(super) attribute: &'a str,
    /// How it is compared.
    pub(super) compare: Compare,
    /// With what; null when nothing was given.
    pub(super) value: &'a Value,
    /// Where it stands, as a JSON pointer.
    at: &'a str,
}

impl Predicate<'_> {
    /// The attribute in one spelling: `created_at`.
    pub(super) fn word(&self) -> String {
        plain_word(self.attribute)
    }

    /// That a part of it (`attribute`, `operator`, `value`) is refused, and what is accepted.
    pub(super) fn refuse(&self, part: &str, details: impl Into<String>) -> Invalid {
        Invalid::at(format!("{}/{part}", self.at), details)
    }

    /// The time that it compares with: a time, or the beginning of a day in UTC.
    pub(super) fn time(&self) -> Result<DateTime<Utc>, Invalid> {
        self.value.as_str().and_then(time).ok_or_else(|| {
            self.refuse("value", "accepted is a time as 2026-01-31T12:00:00Z (RFC 3339), or a date")
        })
    }

    /// The text that it asks for; an attribute with a text is the same or not, and in no order.
    pub(super) fn text(&self) -> Result<&str, Invalid> {
        self.must_ask_for_the_same()?;
        self.value.as_str().ok_or_else(|| self.refuse("value", "accepted is a text"))
    }

    /// Refuses an order where there is none.
    pub(super) fn must_ask_for_the_same(&self) -> Result<(), Invalid> {
        if self.compare == Compare::Equal {
            return Ok(());
        }
        Err(self.refuse("operator", "accepted is eq for this attribute"))
    }
}

/// Reads a query, or says all that is wrong with it; null asks for everything. `condition` says what one condition
/// means, `join` what joined ones are.
pub(super) fn read<C>(
    wanted: &Value,
    condition: &dyn Fn(&Predicate<'_>) -> Result<C, Invalid>,
    join: fn(Joined<C>) -> C,
) -> Result<C, ActionError> {
    let mut reader = Reader { condition, join, count: 0, faults: Vec::new() };
    let read = match wanted {
        Value::Null => Some(join(Joined::All(Vec::new()))),
        Value::Object(parts) if parts.is_empty() => Some(join(Joined::All(Vec::new()))),
        wanted => reader.node(wanted, "/query", 0),
    };
    if reader.count > MOST {
        reader.faults.push(Invalid::at("/query", format!("accepted are at most {MOST} conditions")));
    }
    match read {
        Some(read) if reader.faults.is_empty() => Ok(read),
        _ => Err(ActionError::Invalid(reader.faults)),
    }
}

/// A word of ours in whatever spelling: `createdAt`, `created-at`.
pub(super) fn plain_word(word: &str) -> String {
    let mut plain = String::with_capacity(word.len() + 2);
    for letter in word.trim().chars() {
        if letter.is_ascii_uppercase() {
            plain.push('_');
        }
        plain.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    plain
}

struct Reader<'a, C> {
    condition: &'a dyn Fn(&Predicate<'_>) -> Result<C, Invalid>,
    join: fn(Joined<C>) -> C,
    count: usize,
    faults: Vec<Invalid>,
}

impl<C> Reader<'_, C> {
    fn refuse(&mut self, at: &str, details: impl Into<String>) -> Option<C> {
        self.faults.push(Invalid::at(at, details));
        None
    }

    /// What a part of the query asks; none when it was refused.
    fn node(&mut self, node: &Value, at: &str, depth: usize) -> Option<C> {
        self.count += 1;
        let Some(parts) = node.as_object() else {
            return self
                .refuse(at, "accepted is an object of and, or, not, or attribute, operator and value");
        };
        let mut keys = parts.iter();
        if let (Some((word, inner)), None) = (keys.next(), keys.next())
            && ["and", "or", "not"].contains(&word.as_str())
        {
            return self.joined(word, inner, &format!("{at}/{word}"), depth);
        }
        let condition = self.condition;
        let read = predicate(parts, at).and_then(|predicate| condition(&predicate));
        match read {
            Ok(condition) => Some(condition),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn joined(&mut self, word: &str, inner: &Value, at: &str, depth: usize) -> Option<C> {
        if depth == DEEPEST {
            return self.refuse(at, format!("accepted are {DEEPEST} levels of and, or and not"));
        }
        if word == "not" {
            let inner = self.node(inner, at, depth + 1)?;
            return Some((self.join)(Joined::Not(inner)));
        }
        let Some(list) = inner.as_array().filter(|list| (1..=MOST).contains(&list.len())) else {
            return self.refuse(at, format!("accepted is a list of 1 to {MOST} conditions"));
        };
        let mut conditions = Vec::with_capacity(list.len());
        for (index, node) in list.iter().enumerate() {
            // One that is refused has the whole refused.
            conditions.extend(self.node(node, &format!("{at}/{index}"), depth + 1));
        }
        Some((self.join)(if word == "and" { Joined::All(conditions) } else { Joined::Any(conditions) }))
    }
}

fn predicate<'a>(parts: &'a Map<String, Value>, at: &'a str) -> Result<Predicate<'a>, Invalid> {
    let known = ["attribute", "operator", "value"];
    if parts.len() > 1 && parts.keys().any(|key| ["and", "or", "not"].contains(&key.as_str())) {
        let details = "accepted is exactly one of and, or, not, and nothing beside it, or attribute, operator and value";
        return Err(Invalid::at(at, details));
    }
    if let Some(key) = parts.keys().find(|key| !known.contains(&key.as_str())) {
        let details = "is unknown; accepted is and, or, not, or attribute, operator and value";
        return Err(Invalid::at(format!("{at}/{}", pointer_part(key)), details));
    }
    let compare = match parts.get("operator").map_or(Some("eq"), Value::as_str) {
        Some("eq") => Compare::Equal,
        Some("gt") => Compare::Greater,
        Some("gte") => Compare::AtLeast,
        Some("lt") => Compare::Less,
        Some("lte") => Compare::AtMost,
        _ => return Err(Invalid::at(format!("{at}/operator"), "accepted is eq, gt, gte, lt or lte")),
    };
    let Some(attribute) = parts.get("attribute").and_then(Value::as_str) else {
        return Err(Invalid::at(format!("{at}/attribute"), "accepted is the name of an attribute"));
    };
    Ok(Predicate { attribute, compare, value: parts.get("value").unwrap_or(&Value::Null), at })
}

/// A time, or the beginning of a day in UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    moment(text).or_else(|| moment(&format!("{text}T00:00:00Z")))
}
