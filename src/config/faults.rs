//! What is wrong with the settings: where it was said, which setting, what would be accepted.

use std::fmt;

use config::{Value, ValueKind};

use super::key::{Key, Step};

/// The longest text that a fault quotes, in characters.
const LONGEST_QUOTE: usize = 60;

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, the environment variable, or the built-in defaults.
    pub source: String,
    /// The line of the file.
    pub line: Option<usize>,
    /// The setting, such as `engine.claim-batch`; empty when the whole source is at fault.
    pub key: String,
    /// What is accepted, and what was found unless it may be a secret.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Everything that is wrong with the settings, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Sorts the faults by where they were made.
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort();
        faults.dedup();
        Self(faults)
    }

    /// The faults, by source, line and setting.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A fault of the setting at `key`: with the origin of what stands there, or else around it.
pub(super) fn fault(tree: &Value, key: &Key, text: String) -> Fault {
    let mut nearest = Some(key.clone());
    let mut origin = None;
    while let (None, Some(here)) = (&origin, nearest) {
        origin = here.find(tree).and_then(Value::origin).map(str::to_owned);
        nearest = here.parent();
    }
    let origin = origin.unwrap_or_else(|| "the configuration".to_owned());
    let (source, line) = match origin.rsplit_once(':').map(|(source, line)| (source, line.parse())) {
        Some((source, Ok(line))) => (source.to_owned(), Some(line)),
        _ => (origin, None),
    };
    Fault { source, line, key: key.to_string(), text }
}

/// What was found at `key`, as `, found …`; nothing where it is absent, long-winded or may be a secret.
pub(super) fn found(tree: &Value, key: &Key) -> String {
    let Some(value) = key.find(tree).filter(|_| !may_be_secret(key)) else {
        return String::new();
    };
    match &value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => String::new(),
        ValueKind::String(text) if text.chars().count() > LONGEST_QUOTE => String::new(),
        ValueKind::String(text) => format!(", found {text:?}"),
        other => format!(", found {other}"),
    }
}

/// Whether people put secrets there: the database's URL, what is sent to a provider, or a text in
/// place of the table around them.
fn may_be_secret(key: &Key) -> bool {
    let word = |step: Option<&Step>| match step {
        Some(Step::Key(key)) => key.clone(),
        Some(Step::Index(_)) | None => String::new(),
    };
    let mut steps = key.steps().iter();
    let (section, second, third) = (word(steps.next()), word(steps.next()), word(steps.next()));
    match section.as_str() {
        "database" => ["", "url"].contains(&second.as_str()),
        "providers" => ["", "url", "headers", "query", "body"].contains(&third.as_str()),
        _ => false,
    }
}

/// Turns serde's word about a value into what is accepted, without the value.
pub(super) fn accepted(message: &str) -> String {
    if message.starts_with("unknown field") {
        return format!("is not a known key; known here are {}", words_in_backticks(message));
    }
    if message.starts_with("unknown variant") {
        return format!("accepted is one of {}", words_in_backticks(message));
    }
    let expected = message.rsplit_once("expected ").map_or("", |(_, expected)| expected);
    let accepted = match expected {
        "u64" => "a whole number from 0 up",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string or map" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        structure if structure.starts_with("struct ") => "a table",
        "" => "another value",
        other => other,
    };
    format!("accepted is {accepted}")
}

/// The words that serde offers: those in backticks after `expected`.
fn words_in_backticks(message: &str) -> String {
    let offered = message.rsplit_once(", expected ").map_or("", |(_, offered)| offered);
    let words: Vec<&str> = offered.split('`').skip(1).step_by(2).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_becomes_what_is_accepted() {
        let says = [
            ("invalid type: string \"a, expected b\", expected u64", "accepted is a whole number from 0 up"),
            ("invalid type: map, expected a string", "accepted is a text"),
            ("invalid type: integer `1`, expected struct RawHttp", "accepted is a table"),
            ("unknown variant `x`, expected `text` or `json`", "accepted is one of text, json"),
            (
                "unknown field `x`, expected one of `a`, `b`, `c`",
                "is not a known key; known here are a, b, c",
            ),
            ("unknown field `x`, expected `a`", "is not a known key; known here are a"),
            ("something else", "accepted is another value"),
        ];
        for (message, text) in says {
            assert_eq!(accepted(message), text);
        }
    }
}
