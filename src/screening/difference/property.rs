//! What of an entity may differ between two versions of a list.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::screening::list::{ListEntity, NameQuality, NameUse};

/// A property of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Person, organisation, ship, aircraft.
    Kind,
    /// Names, with their quality and use.
    Names,
    /// Dates of birth or foundation.
    BirthDates,
    /// Countries, nationalities among them.
    Countries,
    /// Nationalities.
    Nationalities,
    /// Gender.
    Gender,
    /// Documents and registrations.
    Documents,
    /// Addresses.
    Addresses,
    /// Sanctions programmes.
    Programs,
    /// Why it is listed.
    Topics,
    /// Where the publisher says more.
    Source,
    /// The publisher's remarks.
    Remarks,
}

impl Property {
    /// Every property.
    pub const ALL: [Self; 12] = [
        Self::Kind,
        Self::Names,
        Self::BirthDates,
        Self::Countries,
        Self::Nationalities,
        Self::Gender,
        Self::Documents,
        Self::Addresses,
        Self::Programs,
        Self::Topics,
        Self::Source,
        Self::Remarks,
    ];

    /// Whether an account may match otherwise, or a decision rest on something else, when it changes.
    pub const fn is_decisive(self) -> bool {
        match self {
            Self::Kind
            | Self::Names
            | Self::BirthDates
            | Self::Countries
            | Self::Nationalities
            | Self::Gender
            | Self::Documents
            | Self::Programs
            | Self::Topics => true,
            Self::Addresses | Self::Source | Self::Remarks => false,
        }
    }

    /// Whether an account may come to match, and did not, when it changes.
    pub(super) const fn may_raise(self) -> bool {
        self.is_decisive() && !matches!(self, Self::Programs | Self::Topics)
    }

    /// What an entity has of it, as texts.
    pub(super) fn of(self, entity: &ListEntity) -> BTreeSet<String> {
        let dates = |dates: &[crate::domain::date::PartialDate]| {
            let about = &entity.approximate_dates;
            let shown = |date| if about.contains(date) { format!("circa {date}") } else { date.to_string() };
            dates.iter().map(shown).collect()
        };
        match self {
            Self::Kind => BTreeSet::from([entity.kind.word().to_owned()]),
            Self::Names => {
                entity.names.iter().map(|name| name_text(&name.text, name.quality, name.usage)).collect()
            }
            Self::BirthDates => dates(&entity.birth_dates),
            Self::Countries => entity.countries.iter().cloned().collect(),
            Self::Nationalities => entity.nationalities.iter().cloned().collect(),
            Self::Gender => entity.gender.iter().map(|gender| gender.word().to_owned()).collect(),
            Self::Documents => entity.documents.iter().map(ToString::to_string).collect(),
            Self::Addresses => entity.addresses.iter().cloned().collect(),
            Self::Programs => entity.programs.iter().cloned().collect(),
            Self::Topics => entity.topics.iter().cloned().collect(),
            Self::Source => entity.source.iter().cloned().collect(),
            Self::Remarks => {
                Some(entity.remarks.clone()).into_iter().filter(|text| !text.is_empty()).collect()
            }
        }
    }

    /// Whether two entities have the same of it; quicker than comparing texts.
    pub(super) fn is_same(self, before: &ListEntity, after: &ListEntity) -> bool {
        match self {
            Self::Kind => before.kind == after.kind,
            Self::Names => before.names == after.names,
            Self::BirthDates => {
                before.birth_dates == after.birth_dates && before.approximate_dates == after.approximate_dates
            }
            Self::Countries => before.countries == after.countries,
            Self::Nationalities => before.nationalities == after.nationalities,
            Self::Gender => before.gender == after.gender,
            Self::Documents => before.documents == after.documents,
            Self::Addresses => before.addresses == after.addresses,
            Self::Programs => before.programs == after.programs,
            Self::Topics => before.topics == after.topics,
            Self::Source => before.source == after.source,
            Self::Remarks => before.remarks == after.remarks,
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "kind",
            Self::Names => "names",
            Self::BirthDates => "birth dates",
            Self::Countries => "countries",
            Self::Nationalities => "nationalities",
            Self::Gender => "gender",
            Self::Documents => "documents",
            Self::Addresses => "addresses",
            Self::Programs => "programs",
            Self::Topics => "topics",
            Self::Source => "source",
            Self::Remarks => "remarks",
        })
    }
}

fn name_text(text: &str, quality: NameQuality, usage: NameUse) -> String {
    let quality = match quality {
        NameQuality::Primary => " (main)",
        NameQuality::Strong => "",
        NameQuality::Weak => " (weak)",
    };
    let usage = match usage {
        NameUse::Current => "",
        NameUse::Former => " (former)",
        NameUse::Original => " (original script)",
    };
    format!("{text}{quality}{usage}")
}
