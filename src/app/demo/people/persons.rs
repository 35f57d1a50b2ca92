//! Invented natural persons.

use std::collections::HashSet;

use rand::{
    Rng, RngExt,
    distr::{Distribution, weighted::WeightedIndex},
    seq::IndexedRandom,
};
use serde_json::{Map, Value, json};

use super::{
    Draft,
    cultures::{self, Culture, Middle, Order},
    day_between, first_not_taken,
};

/// The first and the last birthday that an adult customer has.
const BORN: ((i32, u32, u32), (i32, u32, u32)) = ((1938, 1, 1), (2006, 12, 31));

/// Where people live who do not live where their family comes from.
const ABROAD: &[&str] =
    &["US", "GB", "DE", "FR", "AE", "CA", "AU", "CH", "NL", "ES", "SG", "TR", "PL", "IT", "SE"];

/// Each culture's tables, ready to be drawn from.
pub(super) struct Persons {
    tables: Vec<Tables>,
    weights: WeightedIndex<u32>,
}

struct Tables {
    culture: &'static Culture,
    countries: Vec<&'static str>,
    men: Vec<&'static str>,
    women: Vec<&'static str>,
    family: Vec<&'static str>,
    /// Men's and women's.
    middle: (Vec<&'static str>, Vec<&'static str>),
}

/// A name in one script, its parts in the order given, middle, family.
struct Name {
    first: String,
    middle: Option<String>,
    last: String,
}

impl Persons {
    pub(super) fn new() -> Self {
        let tables: Vec<_> = cultures::all().map(Tables::new).collect();
        let weights = WeightedIndex::new(tables.iter().map(|tables| tables.culture.weight));
        Self { tables, weights: weights.expect("every culture has a weight") }
    }

    /// A person whose name nobody in `taken` has.
    pub(super) fn invent(&self, rng: &mut impl Rng, taken: &mut HashSet<String>) -> Draft {
        let (person, _) = first_not_taken(taken, || self.try_one(rng), |(_, spoken)| spoken);
        person
    }

    fn try_one(&self, rng: &mut impl Rng) -> (Draft, String) {
        let tables = self.tables.get(self.weights.sample(rng)).expect("there is a weight for each culture");
        let (native, latin) = tables.name(rng);
        let culture = tables.culture;
        let (name, other) = match latin {
            // Some customers give the name as in the passport, some as at home, and some both.
            Some(latin) if rng.random_ratio(55, 100) => {
                let other = native.spoken(culture.order);
                (latin, rng.random_ratio(45, 100).then_some(other))
            }
            Some(latin) => {
                let other = latin.spoken(culture.latin_order);
                (native, rng.random_ratio(55, 100).then_some(other))
            }
            None => {
                let maiden =
                    Name { first: native.first.clone(), middle: None, last: tables.name(rng).0.last };
                let other = maiden.spoken(culture.order);
                (native, rng.random_ratio(5, 100).then_some(other))
            }
        };
        let nationality = *tables.countries.choose(rng).expect("every culture has a country");
        let country = if rng.random_ratio(1, 8) { one_of(rng, ABROAD) } else { nationality };
        let birthdate = day_between(rng, BORN.0, BORN.1);
        let mut fields = fields(&name.first, name.middle.as_deref(), &name.last, &birthdate, country);
        fields.insert("nationality".to_owned(), nationality.into());
        if let Some(other) = other {
            fields.insert("other_names".to_owned(), json!([other]));
        }
        let spoken = name.spoken(Order::Given);
        (Draft { account_type: "individual", fields, planted: None }, spoken)
    }
}

/// The fields of a person whose nationality is that of the country of residence.
pub(super) fn fields(
    first: &str,
    middle: Option<&str>,
    last: &str,
    birthdate: &str,
    country: &str,
) -> Map<String, Value> {
    let mut name = Map::new();
    name.insert("first".to_owned(), first.into());
    if let Some(middle) = middle {
        name.insert("middle".to_owned(), middle.into());
    }
    name.insert("last".to_owned(), last.into());
    let mut fields = Map::new();
    fields.insert("name".to_owned(), name.into());
    fields.insert("birthdate".to_owned(), birthdate.into());
    fields.insert("country_code".to_owned(), country.into());
    fields.insert("nationality".to_owned(), country.into());
    fields
}

/// A birthday of an adult.
pub(super) fn birthday(rng: &mut impl Rng) -> String {
    day_between(rng, BORN.0, BORN.1)
}

/// A country where people live who are not at home.
pub(super) fn country(rng: &mut impl Rng) -> &'static str {
    one_of(rng, ABROAD)
}

fn one_of(rng: &mut impl Rng, from: &[&'static str]) -> &'static str {
    from.choose(rng).expect("no table is empty")
}

impl Tables {
    fn new(culture: &'static Culture) -> Self {
        let (men, women) = (cultures::words(culture.men), cultures::words(culture.women));
        let middle = match culture.middle {
            Middle::Nothing => (Vec::new(), Vec::new()),
            Middle::SecondGiven(_) => (men.clone(), women.clone()),
            Middle::FathersName(_) => (men.clone(), men.clone()),
            Middle::Patronymic(table) => (cultures::words(table), cultures::words(table)),
            Middle::Words(men, women) => (cultures::words(men), cultures::words(women)),
        };
        let (countries, family) = (cultures::words(culture.countries), cultures::words(culture.family));
        Self { culture, countries, men, women, family, middle }
    }

    /// A name in the culture's own script, and in Latin letters when those are others.
    fn name(&self, rng: &mut impl Rng) -> (Name, Option<Name>) {
        let woman = rng.random_bool(0.5);
        let (given, middle) = if woman { (&self.women, &self.middle.1) } else { (&self.men, &self.middle.0) };
        let (first, first_latin) = cultures::spellings(one_of(rng, given));
        let (last, last_latin) = self.family(rng, woman);
        let (middle, middle_latin) = match self.middle_word(rng, middle, woman) {
            Some((middle, latin)) if middle != first => (Some(middle), latin),
            _ => (None, None),
        };
        let latin =
            first_latin.zip(last_latin).map(|(first, last)| Name { first, middle: middle_latin, last });
        (Name { first, middle, last }, latin)
    }

    fn family(&self, rng: &mut impl Rng, woman: bool) -> (String, Option<String>) {
        let word = one_of(rng, &self.family);
        let (mut native, latin) = self.borne(word, woman);
        if self.culture.two_families {
            let second = one_of(rng, &self.family);
            if second != word {
                native = format!("{native} {}", cultures::spellings(second).0);
            }
        }
        (native, latin)
    }

    /// The word as a man or a woman bears it, in each spelling.
    fn borne(&self, word: &str, woman: bool) -> (String, Option<String>) {
        let (native, latin) = cultures::spellings(word);
        if !woman {
            return (native, latin);
        }
        let feminine = |name: String| cultures::feminine(&name, self.culture.feminine);
        (feminine(native), latin.map(feminine))
    }

    fn middle_word(
        &self,
        rng: &mut impl Rng,
        table: &[&'static str],
        woman: bool,
    ) -> Option<(String, Option<String>)> {
        match self.culture.middle {
            Middle::Nothing => None,
            Middle::SecondGiven(percent) | Middle::FathersName(percent) => {
                rng.random_ratio(percent, 100).then(|| cultures::spellings(one_of(rng, table)))
            }
            Middle::Patronymic(_) => Some(self.borne(one_of(rng, table), woman)),
            Middle::Words(..) => Some(cultures::spellings(one_of(rng, table))),
        }
    }
}

impl Name {
    /// The parts in one string, as people say them.
    fn spoken(&self, order: Order) -> String {
        let (first, middle, last) =
            (Some(self.first.as_str()), self.middle.as_deref(), Some(self.last.as_str()));
        let (parts, glue) = match order {
            Order::Given => ([first, middle, last], " "),
            Order::Family => ([last, middle, first], " "),
            Order::FamilyJoined => ([last, middle, first], ""),
        };
        parts.into_iter().flatten().collect::<Vec<_>>().join(glue)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};

    use super::*;

    fn many() -> Vec<Map<String, Value>> {
        let (mut rng, mut taken) = (Xoshiro256PlusPlus::seed_from_u64(1), HashSet::new());
        let persons = Persons::new();
        (0..5_000).map(|_| persons.invent(&mut rng, &mut taken).fields).collect()
    }

    #[test]
    fn other_names_are_in_the_other_script_with_the_family_first_where_that_is_the_custom() {
        let chinese = many().into_iter().find(|fields| {
            fields["nationality"] == "CN"
                && fields["name"]["first"].as_str().unwrap().is_ascii()
                && fields.contains_key("other_names")
        });
        let other = chinese.unwrap()["other_names"][0].as_str().unwrap().to_owned();
        assert!(!other.contains(' ') && other.chars().all(|c| ('一'..='龥').contains(&c)), "{other}");
    }

    #[test]
    fn slavic_women_bear_the_feminine_form_and_everybody_a_patronymic() {
        let russians: Vec<_> = many().into_iter().filter(|fields| fields["nationality"] == "RU").collect();
        let ends = |fields: &Map<String, Value>, part: &str, endings: &[&str]| {
            endings
                .iter()
                .any(|ending| fields["name"][part].as_str().is_some_and(|name| name.ends_with(ending)))
        };
        assert!(russians.len() > 50);
        for person in &russians {
            let woman = ends(person, "middle", &["вна", "vna"]);
            assert!(woman || ends(person, "middle", &["ич", "ich"]), "{person:?}");
            assert_eq!(woman, ends(person, "last", &["а", "ая", "a", "aya"]), "{person:?}");
        }
    }

    #[test]
    fn some_live_abroad_and_most_at_home() {
        let people = many();
        let abroad = people.iter().filter(|fields| fields["country_code"] != fields["nationality"]).count();
        assert!((people.len() / 20..people.len() / 5).contains(&abroad), "{abroad}");
    }
}
