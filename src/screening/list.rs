//! A watchlist, whoever publishes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::date::PartialDate;
pub use crate::domain::document::Document;
pub use crate::domain::subject::Gender;

/// What a list entity is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A natural person.
    Individual,
    /// A company, authority, group; also what a list does not say the kind of.
    #[default]
    Entity,
    /// A ship.
    Vessel,
    /// An aircraft.
    Aircraft,
}

impl EntityKind {
    /// The word for it, in evidence and in lists of our own form.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Entity => "entity",
            Self::Vessel => "vessel",
            Self::Aircraft => "aircraft",
        }
    }
}

/// How well a name identifies its bearer, in the publisher's judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameQuality {
    /// The main name.
    Primary,
    /// A name as good as the main one.
    #[default]
    Strong,
    /// A nickname or an acronym: too common to match alone.
    Weak,
}

/// Which of an entity's names a name is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameUse {
    /// The main name, or one beside it.
    #[default]
    Current,
    /// One that it had before.
    Former,
    /// The main name in the script of its country.
    Original,
}

/// One name of an entity, as one string in the order of speech.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListName {
    /// The name.
    pub text: String,
    /// How much it counts.
    pub quality: NameQuality,
    /// Which name it is.
    pub usage: NameUse,
}

impl ListName {
    /// A name that the entity has now.
    pub fn new(text: impl Into<String>, quality: NameQuality) -> Self {
        Self { text: text.into(), quality, usage: NameUse::Current }
    }
}

/// Somebody or something that a list names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListEntity {
    /// Unique and lasting within all lists, such as `ofac:7320`.
    pub id: String,
    /// Person, organisation, ship or aircraft.
    pub kind: EntityKind,
    /// The main name first.
    pub names: Vec<ListName>,
    /// Dates of birth, or of foundation; a range of years gives each year of it.
    pub birth_dates: Vec<PartialDate>,
    /// ISO 3166-1 alpha-2 codes, upper case, sorted: nationalities, citizenships, addresses.
    pub countries: Vec<String>,
    /// The sanctions programmes, sorted.
    pub programs: Vec<String>,
    /// The publisher's remarks as written.
    pub remarks: String,
    /// Those of `birth_dates` that the publisher calls approximate.
    pub approximate_dates: Vec<PartialDate>,
    /// Those of `countries` that are nationalities or citizenships, sorted.
    pub nationalities: Vec<String>,
    /// Of a person, where the list says so.
    pub gender: Option<Gender>,
    /// Passports, registrations, IMO numbers, sorted.
    pub documents: Vec<Document>,
    /// Each as one line, as written.
    pub addresses: Vec<String>,
    /// Why it is listed, in the words of OpenSanctions (`sanction`, `role.pep`), sorted.
    pub topics: Vec<String>,
    /// Where the publisher says more.
    pub source: Option<String>,
    /// Ids that it had before, which decisions may still name, sorted.
    pub former_ids: Vec<String>,
}

impl ListEntity {
    /// An entity of which nothing is known yet.
    pub fn new(id: impl Into<String>, kind: EntityKind) -> Self {
        Self { id: id.into(), kind, ..Self::default() }
    }

    /// Adds a name that it does not have yet.
    pub fn add_name(&mut self, text: &str, quality: NameQuality, usage: NameUse) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() && self.names.iter().all(|name| name.text != text) {
            self.names.push(ListName { text, quality, usage });
        }
    }

    /// Brings its facts into their order, each once: equal entities are written alike, however their list
    /// was.
    pub fn tidy(&mut self) {
        // The main name first; the others stay in the publisher's order.
        self.names.sort_by_key(|name| name.quality != NameQuality::Primary);
        self.countries.extend(self.nationalities.iter().cloned());
        for facts in [
            &mut self.countries,
            &mut self.nationalities,
            &mut self.programs,
            &mut self.topics,
            &mut self.former_ids,
        ] {
            facts.sort();
            facts.dedup();
        }
        for dates in [&mut self.birth_dates, &mut self.approximate_dates] {
            dates.sort();
            dates.dedup();
        }
        self.documents.sort();
        self.documents.dedup();
        let mut seen = std::collections::HashSet::new();
        self.addresses.retain(|address| seen.insert(address.clone()));
    }

    /// The main name; empty when the entity has none.
    pub fn primary_name(&self) -> &str {
        self.names.first().map_or("", |name| &name.text)
    }
}

/// What a parser did not understand: counted, so that nothing is dropped silently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParseFaults {
    /// Rows or entries left out: too few columns, no id, no name, an id given twice.
    pub rows: usize,
    /// Aliases, addresses and comments of an entity that the list does not have.
    pub orphans: usize,
    /// Types of entity that are unknown; taken for organisations.
    pub kinds: usize,
    /// Birth dates not understood.
    pub dates: usize,
    /// Country names not understood. What names no country (`undetermined`) is no fault.
    pub countries: usize,
    /// Columns, elements, properties and words that are unknown, by name: what they hold was not read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, usize>,
}

impl ParseFaults {
    /// All faults together.
    pub fn total(&self) -> usize {
        let unknown: usize = self.unknown.values().sum();
        self.rows + self.orphans + self.kinds + self.dates + self.countries + unknown
    }

    /// Counts what is not known by name.
    pub fn unknown(&mut self, what: &str) {
        // A list of garbage must not fill the memory with its words.
        let is_full = self.unknown.len() >= 100 && !self.unknown.contains_key(what);
        let what = if is_full { "others" } else { what };
        *self.unknown.entry(what.to_owned()).or_default() += 1;
    }
}

/// One version of a list.
#[derive(Clone, Debug)]
pub struct List {
    /// Which list, such as `ofac-sdn`.
    pub name: String,
    /// A short hash of the files' contents: equal files have equal versions.
    pub version: String,
    /// Whom it names; ids are unique.
    pub entities: Vec<ListEntity>,
    /// What was not understood.
    pub faults: ParseFaults,
}

/// A list that cannot be used. The list in use stays in use.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A file is absent or unreadable.
    #[error("the list file {file} could not be read")]
    Unreadable {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file has no usable row.
    #[error("the list file {file} has no entries")]
    Empty {
        /// Which file.
        file: String,
    },
    /// A file ends before its end.
    #[error("the list file {file} is cut off: {fault}")]
    Truncated {
        /// Which file.
        file: String,
        /// By what it shows.
        fault: String,
    },
    /// A file is not what it is said to be.
    #[error("the list file {file} is not of its format: {fault}; accepted is {accepted}")]
    OtherFormat {
        /// Which file.
        file: String,
        /// What it is instead.
        fault: String,
        /// What it has to be.
        accepted: String,
    },
    /// Too many rows are broken for the rest to be trusted.
    #[error("the list file {file} is broken: {broken} of {rows} rows, the first at line {line}: {fault}")]
    Broken {
        /// Which file.
        file: String,
        /// How many rows are broken.
        broken: usize,
        /// Of how many.
        rows: usize,
        /// The line of the first broken row.
        line: u64,
        /// What is wrong there.
        fault: String,
    },
}

/// The version of a list that `files` (name, contents) make: 16 hex digits of a SHA-256.
pub fn version_of(files: &[(&str, &[u8])]) -> String {
    let mut hash = Sha256::new();
    for (name, contents) in files {
        // Lengths keep two files from reading like one.
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update((contents.len() as u64).to_be_bytes());
        hash.update(contents);
    }
    let first = hash.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_contents_and_files_apart() {
        let version = version_of(&[("sdn.csv", b"1"), ("alt.csv", b"")]);
        assert_eq!(version.len(), 16);
        assert_eq!(version, version_of(&[("sdn.csv", b"1"), ("alt.csv", b"")]));
        assert_ne!(version, version_of(&[("sdn.csv", b""), ("alt.csv", b"1")]));
        assert_ne!(version, version_of(&[("sdn.csv", b"2"), ("alt.csv", b"")]));
    }
}
