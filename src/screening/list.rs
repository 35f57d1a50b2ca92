//! A watchlist, whoever publishes it.

use sha2::{Digest, Sha256};

use crate::domain::date::PartialDate;

/// What a list entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A natural person.
    Individual,
    /// A company, authority, group.
    Entity,
    /// A ship.
    Vessel,
    /// An aircraft.
    Aircraft,
}

/// How well a name identifies its bearer, in the publisher's judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameQuality {
    /// The main name.
    Primary,
    /// A name as good as the main one.
    Strong,
    /// A nickname or an acronym: too common to match alone.
    Weak,
}

/// One name of an entity, as one string in the order of speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListName {
    /// The name.
    pub text: String,
    /// How much it counts.
    pub quality: NameQuality,
}

/// Somebody or something that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl ListEntity {
    /// The main name; empty when the entity has none.
    pub fn primary_name(&self) -> &str {
        self.names.first().map_or("", |name| &name.text)
    }
}

/// What a parser did not understand: counted, so that nothing is dropped silently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParseFaults {
    /// Rows left out: too few columns, no number, no name, not CSV.
    pub rows: usize,
    /// Aliases, addresses and comments of an entity that the list does not have.
    pub orphans: usize,
    /// Types of entity that are unknown; taken for organisations.
    pub kinds: usize,
    /// Birth dates not understood.
    pub dates: usize,
    /// Country names not understood. What names no country (`undetermined`) is no fault.
    pub countries: usize,
}

impl ParseFaults {
    /// All faults together.
    pub const fn total(self) -> usize {
        self.rows + self.orphans + self.kinds + self.dates + self.countries
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
