//! What else is known, beside the name: alias quality, kind, birth date, country, gender, numbers of documents.
//!
//! The name decides whether there is anything to weigh; the rest moves the score by fixed amounts,
//! so that an analyst can add them up. Only a birth date can clear an equal name, and only together
//! can they lift a name that falls a little short. The number of a document makes do with half a name, and who has a listed
//! passport is worth a look whatever name is in it. The rules are a table in `docs/matching.md`.

use crate::domain::date::PartialDate;
use crate::domain::document::{Document, DocumentKind};
use crate::domain::personal::Personal;
use crate::domain::subject::{Gender, Subject, SubjectKind};

use super::list::{EntityKind, NameQuality};

/// The most that what is known of a subject beside its names and documents adds to the score of a name.
///
/// Documents are not part of it: the few entities that have an equal number are found by that number.
pub fn greatest_lift(subject: &Subject) -> f64 {
    let birth_date = if subject.birth_date.is_some() { SAME_DAY } else { 0.0 };
    let country = if subject.countries.is_empty() { 0.0 } else { SHARED_COUNTRY };
    let gender = if subject.gender.is_some() { SAME_GENDER } else { 0.0 };
    birth_date + country + gender
}

/// The most that a weak alias scores before birth date and country are weighed.
pub const WEAK_ALIAS_CAP: f64 = 0.8;

const SAME_DAY: f64 = 0.08;
const SHARED_COUNTRY: f64 = 0.03;
const SAME_GENDER: f64 = 0.01;
const OTHER_GENDER: f64 = -0.06;
const SAME_DOCUMENT: f64 = 0.1;
const LIKE_DOCUMENT: f64 = 0.03;
const OTHER_DOCUMENT: f64 = -0.03;

/// What the same number of the same document is worth at the least, beside a name of [`DOCUMENT_LIKENESS`] where it does not
/// tell its bearer under any name, whatever else is said: a hit of the presets standard and tolerant, none of those that want more.
pub const DOCUMENT_FLOOR: f64 = 0.9;

/// How alike names must be for the number of a document to count for that much: numbers are mistyped, and given twice.
pub const DOCUMENT_LIKENESS: f64 = 0.5;

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

/// The account's gender compared with the list's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// One side does not say, or is no person.
    Unknown,
    /// The same.
    Same(Gender),
    /// The list's, which is the other.
    Other(Gender),
}

impl Sex {
    /// Compares what both say.
    pub fn compare(account: Option<Gender>, listed: Option<Gender>) -> Self {
        match (account, listed) {
            (Some(account), Some(listed)) if account == listed => Self::Same(listed),
            (Some(_), Some(listed)) => Self::Other(listed),
            _ => Self::Unknown,
        }
    }

    /// What it adds to the score, or takes.
    pub const fn effect(self) -> f64 {
        match self {
            Self::Unknown => 0.0,
            Self::Same(_) => SAME_GENDER,
            Self::Other(_) => OTHER_GENDER,
        }
    }
}

/// The account's documents compared with the list's: the most telling pair counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Papers<'a> {
    /// One side has none, or none of a sort that the other has.
    Unknown,
    /// The same number of one sort of document that tells its bearer under any name: this one of the list.
    Own(&'a Document),
    /// The same number of one sort of document, or of one country: this one of the list.
    Same(&'a Document),
    /// The same number, but nothing says that it is the same document.
    Alike(&'a Document),
    /// Both have such a document, with other numbers: this one of the list.
    Other(&'a Document),
}

impl<'a> Papers<'a> {
    /// Compares each document of the account with each that is listed.
    pub fn compare(account: &[Personal<Document>], listed: &'a [Document]) -> Self {
        let mut best = Self::Unknown;
        for one in account {
            let one = one.reveal();
            let Some(number) = one.comparable() else { continue };
            for other in listed {
                let found = Self::one(one, &number, other);
                if found.rank() > best.rank() {
                    best = found;
                }
            }
        }
        best
    }

    fn one(account: &Document, number: &str, listed: &'a Document) -> Self {
        let Some(other) = listed.comparable() else { return Self::Unknown };
        let same_sort = account.sort().zip(listed.sort()).map(|(one, other)| one == other);
        let same_country =
            account.country.as_ref().zip(listed.country.as_ref()).map(|(one, other)| one == other);
        let tells_its_bearer = account.sort().is_some_and(DocumentKind::tells_its_bearer);
        let is_of_all_states = account.sort() == Some(DocumentKind::Imo);
        match (number == other, same_sort, same_country) {
            (true, Some(true), Some(true)) if tells_its_bearer => Self::Own(listed),
            // A ship changes its flag and keeps the number.
            (true, Some(true), _) if is_of_all_states => Self::Own(listed),
            (true, Some(true), None | Some(true)) | (true, None, Some(true)) => Self::Same(listed),
            (true, _, _) => Self::Alike(listed),
            // Another state's number says nothing, and so does one of another sort, or of a document that is renewed.
            (false, Some(true), Some(true)) if account.sort().is_some_and(DocumentKind::is_for_life) => {
                Self::Other(listed)
            }
            (false, Some(true), _) if is_of_all_states => Self::Other(listed),
            (false, _, _) => Self::Unknown,
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Other(_) => 1,
            Self::Alike(_) => 2,
            Self::Same(_) => 3,
            Self::Own(_) => 4,
        }
    }

    /// What it adds to the score, or takes; beside a name that is alike enough, [`Papers::floor`] is the least.
    pub const fn effect(self) -> f64 {
        match self {
            Self::Unknown => 0.0,
            Self::Own(_) | Self::Same(_) => SAME_DOCUMENT,
            Self::Alike(_) => LIKE_DOCUMENT,
            Self::Other(_) => OTHER_DOCUMENT,
        }
    }

    /// What a score is at the least when the names are so alike, 0 to 1.
    pub fn floor(self, likeness: f64) -> f64 {
        match self {
            Self::Own(_) => DOCUMENT_FLOOR,
            Self::Same(_) if likeness >= DOCUMENT_LIKENESS => DOCUMENT_FLOOR,
            Self::Same(_) | Self::Unknown | Self::Alike(_) | Self::Other(_) => 0.0,
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

    #[test]
    fn gender_moves_the_score_only_where_both_sides_say_it() {
        let (female, male) = (Some(Gender::Female), Some(Gender::Male));
        assert_eq!(Sex::compare(female, female), Sex::Same(Gender::Female));
        assert_eq!(Sex::compare(female, male), Sex::Other(Gender::Male));
        assert_eq!((Sex::compare(None, male), Sex::compare(female, None)), (Sex::Unknown, Sex::Unknown));
        assert!(Sex::Same(Gender::Male).effect() > 0.0 && Sex::Other(Gender::Male).effect() < 0.0);
    }

    fn document(text: &str) -> Document {
        let mut parts = text.split('|').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Document { kind: next(), number: next(), country: Some(next()).filter(|code| !code.is_empty()) }
    }

    #[test]
    fn numbers_of_documents_are_evidence_by_sort_and_country() {
        for (account, listed, expected) in [
            ("passport|a-123456|", "Passport|A123456|IR", 0.1),
            ("passport|A123456|IR", "Passport|A123456|IR", 0.1),
            ("passport|A123456|IR", "Identifier|A123456|IR", 0.1),
            ("passport|A123456|IR", "Identifier|A123456|", 0.03),
            ("passport|A123456|IR", "National ID No.|A123456|IR", 0.03),
            ("passport|A123456|SY", "Passport|A123456|IR", 0.03),
            // Passports are renewed; another number for life of the same country is another bearer's.
            ("passport|B765432|IR", "Passport|A123456|IR", 0.0),
            ("passport|B765432|", "Passport|A123456|IR", 0.0),
            ("tax-id|B765432|IR", "Tax ID No.|A123456|IR", -0.03),
            ("tax-id|B765432|", "Tax ID No.|A123456|IR", 0.0),
            ("imo|IMO 9187629|", "IMO|9187630|", -0.03),
            ("imo|IMO 9187629|LR", "IMO|9187630|PA", -0.03),
            ("imo|IMO 9187629|LR", "IMO|9187629|PA", 0.1),
            ("passport|B765432|SY", "Passport|A123456|IR", 0.0),
            ("tax-id|B765432|", "Passport|A123456|IR", 0.0),
            ("passport|A1|", "Passport|A1|IR", 0.0),
        ] {
            let (accounts, list) = ([Personal::new(document(account))], [document(listed)]);
            let found = Papers::compare(&accounts, &list);
            assert!((found.effect() - expected).abs() < 1e-9, "{account} {listed} {found:?}");
            assert_eq!(found.floor(0.5) > 0.0, (expected - 0.1).abs() < 1e-9);
            let suffices_alone = (account == "passport|A123456|IR" && listed == "Passport|A123456|IR")
                || (account.starts_with("imo") && expected > 0.0);
            assert_eq!(found.floor(0.0) > 0.0, suffices_alone);
        }
        let old_and_new = [document("Passport|B765432|"), document("Passport|A123456|")];
        let account = [Personal::new(document("passport|A123456|"))];
        assert_eq!(
            Papers::compare(&account, &old_and_new),
            Papers::Same(&old_and_new[1]),
            "one equal suffices"
        );
    }
}
