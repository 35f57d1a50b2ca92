//! Invented customers for the demo: many languages and scripts, and a few who are near a listed name.
//!
//! Everybody is made of common names and made-up words combined at random, so that nobody is meant.
//! To show that screening works, about four accounts of a thousand are planted: each stands near an
//! entity of the lists that the caller hands in, in a known way ([`PLANTED_KINDS`]), and says so in
//! [`DemoAccount::planted`]. The same count, seed and lists give the same accounts on every machine.

mod cultures;
mod latin;
mod persons;
mod planted;
mod respell;
mod scripts;
mod trade_tables;
mod trades;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use chrono::{Days, NaiveDate};
use rand::{Rng, RngExt, SeedableRng, rngs::Xoshiro256PlusPlus, seq::IndexedRandom};
use serde_json::{Map, Value};

use persons::Persons;
pub use planted::PLANTED_KINDS;

/// An entity of a watchlist, as far as the demo needs it to invent accounts near it.
pub struct Listed {
    /// Whether it is a natural person; everything else is an organisation.
    pub person: bool,
    /// The main name first, then aliases; as `LAST, First Middle` or in the order of speech.
    pub names: Vec<String>,
    /// ISO dates of birth, whole or partial (`1970`, `1970-05`).
    pub birth_dates: Vec<String>,
    /// ISO 3166-1 alpha-2 codes; others are passed over.
    pub countries: Vec<String>,
}

/// A customer who does not exist. Its `Debug` shows the reference and no field.
#[derive(Clone, PartialEq)]
pub struct DemoAccount {
    /// `DEMO-000001` and so on, unique within one generation.
    pub reference_id: String,
    /// `individual` or `business`.
    pub account_type: &'static str,
    /// What the customer told: names, dates, countries.
    pub fields: Map<String, Value>,
    /// Labels such as `tier:gold`, at times none.
    pub tags: Vec<String>,
    /// In which way it stands near a listed entity, if it does: one of [`PLANTED_KINDS`].
    pub planted: Option<&'static str>,
}

impl fmt::Debug for DemoAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DemoAccount({}, {})", self.reference_id, self.account_type)
    }
}

/// A customer without its number: what a culture, a trade or a listed entity makes.
struct Draft {
    account_type: &'static str,
    fields: Map<String, Value>,
    planted: Option<&'static str>,
}

/// Invents `count` accounts, one after the other, so that a million of them need no room at once.
///
/// Without `listed` nobody is planted; with it 0.4 % are, and at least twelve as far as `count` and
/// the lists allow.
pub fn generate(count: usize, seed: u64, listed: &[Listed]) -> impl Iterator<Item = DemoAccount> + use<> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut planted = places_of_the_planted(&mut rng, count, listed);
    let persons = Persons::new();
    let mut taken = HashSet::new();
    (0..count).map(move |place| {
        let draft = match planted.remove(&place) {
            Some(draft) => draft,
            None if rng.random_ratio(1, 5) => trades::invent(&mut rng, &mut taken),
            None => persons.invent(&mut rng, &mut taken),
        };
        DemoAccount {
            reference_id: format!("DEMO-{:06}", place + 1),
            account_type: draft.account_type,
            fields: draft.fields,
            tags: tags(&mut rng),
            planted: draft.planted,
        }
    })
}

fn places_of_the_planted(rng: &mut impl Rng, count: usize, listed: &[Listed]) -> BTreeMap<usize, Draft> {
    let wanted = (count * 4).div_ceil(1000).max(12).min(count);
    let drafts = planted::invent(rng, wanted, listed);
    let places = rand::seq::index::sample(rng, count, drafts.len());
    places.into_iter().zip(drafts).collect()
}

/// Makes until the name is new. After many tries a name comes twice: then the words have run out.
fn first_not_taken<T>(
    taken: &mut HashSet<String>,
    mut make: impl FnMut() -> T,
    name: impl Fn(&T) -> &String,
) -> T {
    let mut draft = make();
    for _ in 0..64 {
        if taken.insert(name(&draft).clone()) {
            break;
        }
        draft = make();
    }
    draft
}

/// A day from the first to the last, as ISO 8601.
fn day_between(rng: &mut impl Rng, first: (i32, u32, u32), last: (i32, u32, u32)) -> String {
    let day =
        |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day).expect("the calendar has the day");
    let (first, last) = (day(first), day(last));
    let length = u64::try_from((last - first).num_days()).expect("the last day is not before the first");
    (first + Days::new(rng.random_range(0..=length))).to_string()
}

fn tags(rng: &mut impl Rng) -> Vec<String> {
    const TIERS: &[&str] = &["tier:gold", "tier:silver", "tier:silver", "tier:basic"];
    const CHANNELS: &[&str] =
        &["channel:web", "channel:web", "channel:app", "channel:branch", "channel:partner"];
    let mut tags = Vec::new();
    for (table, percent) in [(TIERS, 40), (CHANNELS, 50), (&["risk:high"], 3)] {
        if rng.random_ratio(percent, 100) {
            tags.extend(table.choose(rng).map(|tag| (*tag).to_owned()));
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> Vec<Listed> {
        let entity = |person, names: &[&str], birth_dates: &[&str]| Listed {
            person,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            birth_dates: birth_dates.iter().map(|&date| date.to_owned()).collect(),
            countries: vec!["BY".to_owned()],
        };
        vec![
            entity(true, &["SAMPLESHCHIKOV, Yuriy Invented", "SAMPLOV, Yura"], &["1962-03-04"]),
            entity(true, &["EXAMPLEKHANI, Farouk Youssef Madeup"], &["1955"]),
            entity(true, &["Madeup Sample Nobodyev"], &["1970-05-21", "1971"]),
            entity(false, &["INVENTED SAMPLE SHIPPING CO., LTD.", "ISS LINES"], &[]),
            entity(false, &["MADE-UP BANK"], &[]),
        ]
    }

    fn accounts(count: usize, seed: u64) -> Vec<DemoAccount> {
        generate(count, seed, &listed()).collect()
    }

    fn spoken(account: &DemoAccount) -> String {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let part = |name: &str| text(account.fields.get("name").and_then(|parts| parts.get(name)));
        let name = [part("first"), part("middle"), part("last"), text(account.fields.get("business_name"))];
        name.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_same_seed_gives_the_same_accounts_and_another_seed_others() {
        assert!(accounts(500, 7) == accounts(500, 7));
        assert!(accounts(500, 7) != accounts(500, 8));
    }

    #[test]
    fn ten_thousand_references_and_names_are_distinct() {
        let accounts = accounts(10_000, 1);
        let references: HashSet<_> = accounts.iter().map(|account| &account.reference_id).collect();
        assert_eq!(references.len(), 10_000);
        assert_eq!(accounts[0].reference_id, "DEMO-000001");
        let invented = || accounts.iter().filter(|account| account.planted.is_none());
        let names: HashSet<_> = invented().map(spoken).collect();
        assert_eq!(names.len(), invented().count());
    }

    #[test]
    fn four_of_five_are_individuals_and_each_type_has_its_fields() {
        let accounts = accounts(10_000, 2);
        let individuals = accounts.iter().filter(|account| account.account_type == "individual").count();
        assert!((7_800..8_200).contains(&individuals), "{individuals}");
        for account in &accounts {
            let needed: &[&str] = match account.account_type {
                "individual" => &["name", "birthdate", "country_code", "nationality"],
                _ => &["business_name", "country_code", "incorporation_date", "registration_number"],
            };
            for field in needed {
                assert!(account.fields.contains_key(*field), "{account:?} lacks {field}");
            }
            let code = account.fields["country_code"].as_str().unwrap();
            assert!(code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()), "{code}");
            let date = account.fields.get("birthdate").or(account.fields.get("incorporation_date"));
            assert!(date.unwrap().as_str().unwrap().parse::<NaiveDate>().is_ok(), "{account:?}");
        }
    }

    #[test]
    fn many_scripts_are_written_by_persons_and_by_businesses() {
        let accounts = accounts(10_000, 3);
        let scripts = [
            ("Latin with marks", 'À'..='ỹ'),
            ("Greek", 'Ά'..='ώ'),
            ("Cyrillic", 'А'..='я'),
            ("Armenian", 'Ա'..='և'),
            ("Hebrew", 'א'..='ת'),
            ("Arabic", 'ء'..='ي'),
            ("Devanagari", 'अ'..='ह'),
            ("Thai", 'ก'..='ฮ'),
            ("Georgian", 'ა'..='ჰ'),
            ("Hangul", '가'..='힣'),
            ("Han", '一'..='龥'),
        ];
        for (script, letters) in scripts {
            let written = |kind| {
                accounts
                    .iter()
                    .any(|a| a.account_type == kind && spoken(a).chars().any(|c| letters.contains(&c)))
            };
            assert!(written("individual"), "{script}");
            assert!(written("business"), "{script}");
        }
    }

    #[test]
    fn at_least_twelve_are_planted_and_every_kind_is_among_them() {
        let planted: Vec<_> = accounts(1_000, 4).into_iter().filter_map(|account| account.planted).collect();
        assert_eq!(planted.len(), 12);
        for kind in PLANTED_KINDS {
            assert!(planted.contains(&kind), "{kind}");
        }
        assert_eq!(accounts(10_000, 4).iter().filter(|account| account.planted.is_some()).count(), 40);
    }

    #[test]
    fn without_lists_and_without_room_nobody_is_planted() {
        assert!(generate(1_000, 5, &[]).all(|account| account.planted.is_none()));
        assert_eq!(generate(0, 5, &listed()).count(), 0);
        assert_eq!(generate(3, 5, &listed()).count(), 3);
    }

    #[test]
    fn tags_are_on_some() {
        let accounts = accounts(1_000, 6);
        assert!(accounts.iter().any(|account| account.tags.contains(&"tier:gold".to_owned())));
        assert!(accounts.iter().any(|account| account.tags.is_empty()));
    }

    #[test]
    fn debug_names_nobody() {
        let text = format!("{:?}", accounts(50, 9));
        assert!(text.contains("DEMO-000050") && !text.contains("name"), "{text}");
    }
}
