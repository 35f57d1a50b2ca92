//! Accounts that stand near a listed entity, each in a known way.

use std::collections::HashSet;

use rand::{Rng, RngExt, seq::IndexedRandom};

use super::{Draft, Listed, day_between, persons, respell, trades};

/// The ways in which a planted account stands near its entity.
///
/// `same-name-other-date` is the decoy: the same name on somebody born at least nine years apart,
/// which should score lower than the rest.
pub const PLANTED_KINDS: [&str; 8] = [
    "same-name-and-date",
    "same-name-other-date",
    "one-letter-typo",
    "parts-swapped",
    "middle-missing",
    "transliterated",
    "alias",
    "without-legal-form",
];

/// At most `wanted` drafts; the kinds take turns, and so do the entities as far as they go.
pub(super) fn invent(rng: &mut impl Rng, wanted: usize, listed: &[Listed]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut used = HashSet::new();
    for turn in 0..wanted {
        let kinds = PLANTED_KINDS.iter().cycle().skip(turn % PLANTED_KINDS.len()).take(PLANTED_KINDS.len());
        // A kind that no entity of these lists allows gives its turn to the next.
        let mut found = None;
        for &kind in kinds {
            found = fitting(rng, kind, listed, &used).or_else(|| fitting(rng, kind, listed, &HashSet::new()));
            if found.is_some() {
                break;
            }
        }
        let Some((place, draft)) = found else { break };
        used.insert(place);
        drafts.push(draft);
    }
    drafts
}

/// The first entity after a random one that is not used yet and allows the kind.
fn fitting(
    rng: &mut impl Rng,
    kind: &'static str,
    listed: &[Listed],
    used: &HashSet<usize>,
) -> Option<(usize, Draft)> {
    let start = if listed.is_empty() { 0 } else { rng.random_range(0..listed.len()) };
    let entities = listed.iter().enumerate();
    let mut around = entities.clone().skip(start).chain(entities.take(start));
    around.find_map(|(place, entity)| {
        let draft = if used.contains(&place) { None } else { near(rng, kind, entity) };
        Some((place, draft?))
    })
}

fn near(rng: &mut impl Rng, kind: &'static str, entity: &Listed) -> Option<Draft> {
    let main = entity.names.first()?;
    if entity.person {
        near_person(rng, kind, entity, main)
    } else {
        near_organisation(rng, kind, entity, main)
    }
}

fn near_person(rng: &mut impl Rng, kind: &'static str, entity: &Listed, main: &str) -> Option<Draft> {
    let parts = respell::parts(main)?;
    let mut birthdate = listed_date(rng, entity).unwrap_or_else(|| persons::birthday(rng));
    let respell::Parts { mut first, mut middle, mut last } = parts.clone();
    match kind {
        "same-name-and-date" => birthdate.clone_from(full_dates(entity).next()?),
        "same-name-other-date" => birthdate = other_birthdate(rng, entity)?,
        "one-letter-typo" => last = respell::typo(rng, &last)?,
        "parts-swapped" => std::mem::swap(&mut first, &mut last),
        "middle-missing" => drop(middle.take()?),
        "transliterated" => {
            let other = |part: &str| respell::transliterated(part);
            (first, last) = match (other(&first), other(&last)) {
                (None, None) => return None,
                (new_first, new_last) => (new_first.unwrap_or(first), new_last.unwrap_or(last)),
            };
        }
        "alias" => {
            let aliases: Vec<_> =
                entity.names.iter().skip(1).filter_map(|name| respell::parts(name)).collect();
            let alias = aliases.iter().filter(|alias| **alias != parts).collect::<Vec<_>>();
            respell::Parts { first, middle, last } = (*alias.choose(rng)?).clone();
        }
        _ => return None,
    }
    let country = country(rng, entity);
    let fields = persons::fields(&first, middle.as_deref(), &last, &birthdate, &country);
    Some(Draft { account_type: "individual", fields, planted: Some(kind) })
}

fn near_organisation(rng: &mut impl Rng, kind: &'static str, entity: &Listed, main: &str) -> Option<Draft> {
    let name = match kind {
        "one-letter-typo" => {
            let longest = main.split(' ').max_by_key(|word| word.chars().count())?;
            respell::spoken(&main.replacen(longest, &respell::typo(rng, longest)?, 1))
        }
        "alias" => {
            let aliases: Vec<_> = entity.names.iter().skip(1).filter(|name| *name != main).collect();
            respell::spoken(aliases.choose(rng)?)
        }
        "without-legal-form" => respell::spoken(respell::without_legal_form(main)?),
        _ => return None,
    };
    let country = country(rng, entity);
    let incorporated = listed_date(rng, entity).unwrap_or_else(|| trades::incorporated(rng));
    let mut draft = trades::account(rng, &name, &country, incorporated, "########");
    draft.planted = Some(kind);
    Some(draft)
}

/// The whole dates of birth.
fn full_dates(entity: &Listed) -> impl Iterator<Item = &String> {
    entity.birth_dates.iter().filter(|date| date.len() == "1970-05-21".len())
}

/// A listed year of birth.
fn years(entity: &Listed) -> impl Iterator<Item = i32> {
    entity.birth_dates.iter().filter_map(|date| date.get(..4)?.parse().ok())
}

/// The listed date, or some day of the listed month or year; none when the list has no date.
fn listed_date(rng: &mut impl Rng, entity: &Listed) -> Option<String> {
    if let Some(date) = full_dates(entity).next() {
        return Some(date.clone());
    }
    let year = years(entity).next()?;
    let month = entity.birth_dates.iter().find_map(|date| date.get(5..7)?.parse().ok());
    let (first, last) = match month.filter(|month| (1..=12).contains(month)) {
        Some(month) => ((year, month, 1), (year, month, 28)),
        None => ((year, 1, 1), (year, 12, 31)),
    };
    Some(day_between(rng, first, last))
}

/// A day at least nine years from every listed one; none when the list has no date.
fn other_birthdate(rng: &mut impl Rng, entity: &Listed) -> Option<String> {
    years(entity).next()?;
    let far = |year: &i32| years(entity).all(|listed| listed.abs_diff(*year) > 9);
    let years: Vec<i32> = (1938..=2006).filter(far).collect();
    let year = *years.choose(rng)?;
    Some(day_between(rng, (year, 1, 1), (year, 12, 31)))
}

fn country(rng: &mut impl Rng, entity: &Listed) -> String {
    let code = |country: &&String| country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    entity.countries.iter().find(code).cloned().unwrap_or_else(|| persons::country(rng).to_owned())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};

    use super::*;

    fn person() -> Listed {
        Listed {
            person: true,
            names: vec!["SAMPLESHCHIKOV, Yuriy Invented".to_owned(), "SAMPLOV, Yura".to_owned()],
            birth_dates: vec!["1962-03-04".to_owned(), "1965".to_owned()],
            countries: vec!["Belarus".to_owned(), "BY".to_owned()],
        }
    }

    fn fields(kind: &'static str, entity: &Listed) -> serde_json::Value {
        near(&mut Xoshiro256PlusPlus::seed_from_u64(3), kind, entity).unwrap().fields.into()
    }

    #[test]
    fn each_kind_of_person_stands_near_in_its_own_way() {
        let of = |kind| fields(kind, &person());
        let exact = of("same-name-and-date");
        assert_eq!(
            exact["name"],
            serde_json::json!({"first": "Yuriy", "middle": "Invented", "last": "Sampleshchikov"})
        );
        assert_eq!((&exact["birthdate"], &exact["country_code"]), (&"1962-03-04".into(), &"BY".into()));
        let decoy = of("same-name-other-date");
        let year: i32 = decoy["birthdate"].as_str().unwrap()[..4].parse().unwrap();
        assert!(
            decoy["name"] == exact["name"] && (year.abs_diff(1962) > 9 && year.abs_diff(1965) > 9),
            "{year}"
        );
        assert_ne!(of("one-letter-typo")["name"]["last"], exact["name"]["last"]);
        assert_eq!(of("parts-swapped")["name"]["first"], "Sampleshchikov");
        assert_eq!(
            of("middle-missing")["name"],
            serde_json::json!({"first": "Yuriy", "last": "Sampleshchikov"})
        );
        assert_ne!(of("transliterated")["name"], exact["name"]);
        assert_eq!(of("alias")["name"], serde_json::json!({"first": "Yura", "last": "Samplov"}));
    }

    #[test]
    fn an_organisation_loses_its_legal_form_and_takes_its_alias() {
        let names = ["INVENTED SAMPLE SHIPPING CO., LTD.", "ISS LINES"].map(str::to_owned).to_vec();
        let entity = Listed { person: false, names, birth_dates: vec![], countries: vec![] };
        assert_eq!(fields("without-legal-form", &entity)["business_name"], "Invented Sample Shipping");
        assert_eq!(fields("alias", &entity)["business_name"], "Iss Lines");
        assert!(near(&mut Xoshiro256PlusPlus::seed_from_u64(3), "parts-swapped", &entity).is_none());
    }

    #[test]
    fn a_partial_date_becomes_a_day_within_it() {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(3);
        let mut date =
            |listed: &str| listed_date(rng, &Listed { birth_dates: vec![listed.to_owned()], ..person() });
        assert!(date("1964-02").unwrap().starts_with("1964-02-"));
        assert!(date("1964").unwrap().starts_with("1964-"));
        assert!(date("unknown").is_none());
    }

    #[test]
    fn a_list_that_allows_few_kinds_is_used_for_those() {
        let nameless = Listed {
            person: true,
            names: vec!["MONONYM".to_owned()],
            birth_dates: vec![],
            countries: vec![],
        };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        assert!(invent(&mut rng, 12, &[nameless]).is_empty());
        let drafts = invent(&mut rng, 12, &[Listed { birth_dates: vec![], ..person() }]);
        assert_eq!(drafts.len(), 12);
        assert!(drafts.iter().all(|draft| !draft.planted.unwrap().starts_with("same-name")));
    }
}
