//! What else is known, beside the name: alias quality, kind, birth date, country.
//!
//! The name decides whether there is anything to weigh; the rest moves the score by fixed amounts,
//! so that an analyst can add them up. Only a birth date can clear an equal name, and only together
//! can they lift a name that falls a little short.

use crate::domain::date::PartialDate;
use crate::domain::subject::{Subject, SubjectKind};

use super::list::{EntityKind, NameQuality};

/// The most that what is known of a subject beside its names adds to the score of a name.
pub fn greatest_lift(subject: &Subject) -> f64 {
    let birth_date = if subject.birth_date.is_some() { SAME_DAY } else { 0.0 };
    let country = if subject.countries.is_empty() { 0.0 } else { SHARED_COUNTRY };
    birth_date + country
}

/// The most that a weak alias scores before birth date and country are weighed.
pub const WEAK_ALIAS_CAP: f64 = 0.8;

const SAME_DAY: f64 = 0.08;
const SHARED_COUNTRY: f64 = 0.03;

/// Two birth dates compared: the account's and the closest of the list's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BirthDate {
    /// One side has none.
    Unknown,
    /// The same day.
    SameDay(PartialDate),
    /// The same day, but month and day have changed places.
    Swapped(PartialDate),
    /// The same year, or month of a year; neither contradicts the other.
    SameYear(PartialDate),
    /// The same year, but another month or day.
    OtherDay(PartialDate),
    /// So many years apart.
    Apart(PartialDate, i32),
}

impl BirthDate {
    /// Compares `account` with each date that is listed; the closest counts.
    pub fn compare(account: Option<PartialDate>, listed: &[PartialDate]) -> Self {
        let Some(account) = account else { return Self::Unknown };
        listed
            .iter()
            .map(|listed| Self::one(account, *listed))
            .max_by(|a, b| a.effect(SubjectKind::Person).total_cmp(&b.effect(SubjectKind::Person)))
            .unwrap_or(Self::Unknown)
    }

    fn one(account: PartialDate, listed: PartialDate) -> Self {
        let years = account.year().abs_diff(listed.year());
        if years > 0 {
            return Self::Apart(listed, i32::try_from(years).unwrap_or(i32::MAX));
        }
        let same = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        if account.day().is_some() && account == listed {
            Self::SameDay(listed)
        } else if account.day().is_some()
            && account.month() == listed.day()
            && account.day() == listed.month()
        {
            Self::Swapped(listed)
        } else if same(account.month(), listed.month()) && same(account.day(), listed.day()) {
            Self::SameYear(listed)
        } else {
            Self::OtherDay(listed)
        }
    }

    /// What it adds to the score, or takes. Dates of foundation are written down less carefully
    /// than those of birth, so they take less.
    pub fn effect(self, kind: SubjectKind) -> f64 {
        let person = kind == SubjectKind::Person;
        match self {
            Self::Unknown => 0.0,
            Self::SameDay(_) => SAME_DAY,
            Self::Swapped(_) => 0.05,
            Self::SameYear(_) => 0.03,
            Self::OtherDay(_) => -0.01,
            Self::Apart(_, 1) => -0.04,
            Self::Apart(_, 2) => -0.1,
            Self::Apart(_, 3..=5) if person => -0.2,
            Self::Apart(..) if person => -0.3,
            Self::Apart(..) => -0.1,
        }
    }
}

/// The account's countries compared with the list's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country<'a> {
    /// One side has none.
    Unknown,
    /// This one, at least, is on both sides.
    Shared(&'a str),
    /// None is on both sides.
    NoneShared,
}

impl<'a> Country<'a> {
    /// Compares two sets of ISO codes.
    pub fn compare<'b>(mut account: impl Iterator<Item = &'b str>, listed: &'a [String]) -> Self {
        let mut known = false;
        let shared = account.find_map(|code| {
            known = true;
            listed.iter().find(|listed| listed.as_str() == code)
        });
        match shared {
            Some(code) => Self::Shared(code),
            None if known && !listed.is_empty() => Self::NoneShared,
            None => Self::Unknown,
        }
    }

    /// What it adds to the score, or takes.
    pub const fn effect(self) -> f64 {
        match self {
            Self::Unknown => 0.0,
            Self::Shared(_) => SHARED_COUNTRY,
            Self::NoneShared => -SHARED_COUNTRY,
        }
    }
}

/// What is left of a name's score when the account and the entity are of these kinds: a factor.
///
/// An account filed under the wrong kind is still found by an equal name of several parts; a ship
/// is compared with organisations only, and a ship's name of one word is too common to alert.
pub const fn kind_factor(account: SubjectKind, listed: EntityKind, parts: usize) -> f64 {
    match (account, listed) {
        (SubjectKind::Person, EntityKind::Individual) | (SubjectKind::Organisation, EntityKind::Entity) => {
            1.0
        }
        (SubjectKind::Person, EntityKind::Vessel | EntityKind::Aircraft) => 0.0,
        (SubjectKind::Organisation, EntityKind::Vessel | EntityKind::Aircraft) if parts > 1 => 0.9,
        (SubjectKind::Organisation, EntityKind::Vessel | EntityKind::Aircraft) => 0.7,
        (SubjectKind::Person, EntityKind::Entity) | (SubjectKind::Organisation, EntityKind::Individual) => {
            if parts > 1 {
                0.88
            } else {
                0.7
            }
        }
    }
}

/// The score of a name after its alias's quality.
pub fn capped(score: f64, quality: NameQuality) -> f64 {
    match quality {
        NameQuality::Primary | NameQuality::Strong => score,
        NameQuality::Weak => score.min(WEAK_ALIAS_CAP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth(account: &str, listed: &[&str]) -> f64 {
        let listed: Vec<PartialDate> = listed.iter().map(|date| date.parse().unwrap()).collect();
        BirthDate::compare(Some(account.parse().unwrap()), &listed).effect(SubjectKind::Person)
    }

    #[test]
    fn the_closest_listed_date_counts() {
        assert!(birth("1970-05-21", &["1950", "1970-05-21"]) > birth("1970-05-21", &["1970"]));
        assert!(birth("1970-05-06", &["1970-06-05"]) > birth("1970-05-06", &["1970"]));
        assert!(birth("1970", &["1970-05-21"]) > 0.0, "a year does not contradict a day of it");
        assert!(birth("1970-05-21", &["1970-08-01"]) < 0.0);
        assert!(birth("1970-05-21", &["1990"]) <= -0.3);
        assert!(birth("1970-05-21", &[]).abs() < 1e-9);
    }

    #[test]
    fn countries_move_the_score_a_little() {
        let listed = ["IR".to_owned(), "SY".to_owned()];
        assert_eq!(Country::compare(["DE", "SY"].into_iter(), &listed), Country::Shared("SY"));
        assert_eq!(Country::compare(["DE"].into_iter(), &listed), Country::NoneShared);
        assert_eq!(Country::compare(["DE"].into_iter(), &[]), Country::Unknown);
        assert_eq!(Country::compare([].into_iter(), &listed), Country::Unknown);
    }
}
