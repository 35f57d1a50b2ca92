//! Addresses taken apart into what is compared: house number, street, unit, postal code, city, subdivision, country.
//!
//! Order and punctuation of a street line do not count (`12 Main St.`, `Main Street 12`), nor do the spellings of
//! sorts of streets; units are parted from the house (`Apt 4`, `#4`, `Flat 4`, `12/4`).

use super::{
    fold::words,
    street_words::{Meaning, meaning, settled, without_ending},
};

/// An address as fields hold it; what is not known is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The lines of the street.
    pub street: String,
    /// The city.
    pub city: String,
    /// The state or province.
    pub subdivision: String,
    /// The postal code.
    pub postal_code: String,
    /// The country, ISO 3166-1 alpha-2.
    pub country: String,
}

/// Where somebody lives is personal.
impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[address]")
    }
}

/// An address in parts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Numbers of the house; `12a` and `12-14` too.
    pub house: Vec<String>,
    /// Words of the street's name, without the sort of street; sorted.
    pub street: Vec<String>,
    /// The sort of street, where it is said.
    pub sort: Option<&'static str>,
    /// Numbers and letters of flats, doors, floors; sorted.
    pub unit: Vec<String>,
    /// The postal code without blanks and dashes.
    pub postal_code: String,
    /// The city, folded, its words together.
    pub city: String,
    /// The subdivision's code, or its folded name where it has none here.
    pub subdivision: String,
    /// The country in capitals.
    pub country: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[address]")
    }
}

impl Address {
    /// Takes an address apart.
    pub fn new(written: &Written) -> Self {
        let mut address = Self {
            postal_code: folded(&written.postal_code).to_uppercase(),
            city: words(&written.city, true).iter().map(|word| settled(&word.folded)).collect(),
            subdivision: subdivision(&written.subdivision, &written.country),
            country: written.country.trim().to_uppercase(),
            ..Self::default()
        };
        address.take_street(&written.street);
        address
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.house.is_empty() && self.street.is_empty() && self.postal_code.is_empty() && self.city.is_empty()
    }

    fn take_street(&mut self, line: &str) {
        // `c/ Mayor` is a street; in `12/4` the second number is a unit.
        let line = line.to_lowercase().replace("c/", "calle ").replace("№", " nr ").replace('#', " unit ");
        let mut is_unit = false;
        let mut last_was_house = false;
        let mut others = Vec::new();
        for word in words(&line.replace('/', " slash "), true) {
            let word = word.folded;
            if word == "slash" {
                is_unit = last_was_house;
                continue;
            }
            let is_number = word.bytes().any(|byte| byte.is_ascii_digit());
            if is_unit && (is_number || word.chars().count() <= 2) {
                self.unit.push(without_ordinal(&word).to_owned());
                is_unit = false;
                continue;
            }
            is_unit = false;
            let was_house = std::mem::take(&mut last_was_house);
            if was_house && word.len() == 1 && !is_number {
                // `12 B` is a house; `12 N Main` stands in the north.
                match self.house.last_mut().filter(|_| !["n", "s", "e", "w"].contains(&word.as_str())) {
                    Some(house) => house.push_str(&word),
                    None => others.push((word, None)),
                }
                continue;
            }
            // `5, 3º`: the third floor of number five.
            if is_number && !self.house.is_empty() && word.ends_with('o') {
                self.unit.push(without_ordinal(&word).to_owned());
                continue;
            }
            match meaning(&word) {
                Some(Meaning::Unit) => is_unit = true,
                Some(Meaning::Number | Meaning::Filler) => {}
                Some(Meaning::Street(sort)) => others.push((word, Some(sort))),
                None if is_number && !is_ordinal(&word) => {
                    last_was_house = true;
                    self.house.push(word.trim_start_matches('0').to_owned());
                }
                None => others.push((word, None)),
            }
        }
        self.unit.sort_unstable();
        self.take_words(others);
    }

    /// Tells the sort of street from its name. `St` is a saint before a name and a street after one, and the last
    /// word of `Park Avenue` or `Via Roma` decides nothing alone: one word is the sort, the rest is the name.
    fn take_words(&mut self, words: Vec<(String, Option<&'static str>)>) {
        let last = words.len().saturating_sub(1);
        let at_end = words.get(last).is_some_and(|(_, sort)| sort.is_some()).then_some(last);
        let at_start = words.first().is_some_and(|(word, sort)| sort.is_some() && word != "st").then_some(0);
        let place = at_end.filter(|_| words.len() > 1).or(at_start.filter(|_| words.len() > 1));
        for (at, (word, sort)) in words.into_iter().enumerate() {
            if Some(at) == place {
                self.sort = sort;
            } else if let (None, None, Some((stem, sort))) = (place, self.sort, without_ending(&word)) {
                self.sort = Some(sort);
                self.street.push(stem.to_owned());
            } else {
                // A sort of street within the name, in one spelling too; but `St Mary` stays a saint.
                let word = if word == "st" { word } else { sort.map_or(word, str::to_owned) };
                self.street.push(settled(&word).to_owned());
            }
        }
        self.street.sort_unstable();
    }
}

/// `5th`, `3o`: which floor, which avenue.
fn is_ordinal(word: &str) -> bool {
    without_ordinal(word) != word
}

fn without_ordinal(word: &str) -> &str {
    let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ending = word.get(number.len()..).unwrap_or_default();
    let is_ordinal = ["st", "nd", "rd", "th", "er", "eme", "o", "a"].contains(&ending) && !number.is_empty();
    // `12a` is a house.
    if is_ordinal && ending != "a" { number } else { word }
}

fn folded(text: &str) -> String {
    words(text, false).into_iter().map(|word| word.folded).collect()
}

/// `US-CA`, `CA`, `California` are one.
fn subdivision(text: &str, country: &str) -> String {
    let text = text.trim();
    let prefix = format!("{}-", country.trim());
    let text = match text.get(..prefix.len()) {
        Some(start) if prefix.len() > 1 && start.eq_ignore_ascii_case(&prefix) => {
            text.get(prefix.len()..).unwrap_or_default()
        }
        _ => text,
    };
    let name = folded(text);
    let table = match country.trim().to_ascii_uppercase().as_str() {
        "US" => UNITED_STATES,
        "CA" => CANADA,
        "AU" => AUSTRALIA,
        _ => return name,
    };
    table.iter().find(|(_, known)| *known == name).map_or(name, |(code, _)| (*code).to_owned())
}

#[rustfmt::skip]
const UNITED_STATES: &[(&str, &str)] = &[
    ("al", "alabama"), ("ak", "alaska"), ("az", "arizona"), ("ar", "arkansas"), ("ca", "california"), ("co", "colorado"),
    ("ct", "connecticut"), ("de", "delaware"), ("dc", "districtofcolumbia"), ("fl", "florida"), ("ga", "georgia"),
    ("hi", "hawaii"), ("id", "idaho"), ("il", "illinois"), ("in", "indiana"), ("ia", "iowa"), ("ks", "kansas"),
    ("ky", "kentucky"), ("la", "louisiana"), ("me", "maine"), ("md", "maryland"), ("ma", "massachusetts"),
    ("mi", "michigan"), ("mn", "minnesota"), ("ms", "mississippi"), ("mo", "missouri"), ("mt", "montana"),
    ("ne", "nebraska"), ("nv", "nevada"), ("nh", "newhampshire"), ("nj", "newjersey"), ("nm", "newmexico"),
    ("ny", "newyork"), ("nc", "northcarolina"), ("nd", "northdakota"), ("oh", "ohio"), ("ok", "oklahoma"),
    ("or", "oregon"), ("pa", "pennsylvania"), ("pr", "puertorico"), ("ri", "rhodeisland"), ("sc", "southcarolina"),
    ("sd", "southdakota"), ("tn", "tennessee"), ("tx", "texas"), ("ut", "utah"), ("vt", "vermont"), ("va", "virginia"),
    ("wa", "washington"), ("wv", "westvirginia"), ("wi", "wisconsin"), ("wy", "wyoming"),
];

#[rustfmt::skip]
const CANADA: &[(&str, &str)] = &[
    ("ab", "alberta"), ("bc", "britishcolumbia"), ("mb", "manitoba"), ("nb", "newbrunswick"),
    ("nl", "newfoundlandandlabrador"), ("ns", "novascotia"), ("nt", "northwestterritories"), ("nu", "nunavut"),
    ("on", "ontario"), ("pe", "princeedwardisland"), ("qc", "quebec"), ("sk", "saskatchewan"), ("yt", "yukon"),
];

#[rustfmt::skip]
const AUSTRALIA: &[(&str, &str)] = &[
    ("act", "australiancapitalterritory"), ("nsw", "newsouthwales"), ("nt", "northernterritory"), ("qld", "queensland"),
    ("sa", "southaustralia"), ("tas", "tasmania"), ("vic", "victoria"), ("wa", "westernaustralia"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn street(line: &str) -> (Vec<String>, Vec<String>, Option<&'static str>, Vec<String>) {
        let address = Address::new(&Written { street: line.to_owned(), ..Written::default() });
        (address.house, address.street, address.sort, address.unit)
    }

    fn of(
        house: &[&str],
        street: &[&str],
        sort: &'static str,
        unit: &[&str],
    ) -> (Vec<String>, Vec<String>, Option<&'static str>, Vec<String>) {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        (owned(house), owned(street), Some(sort), owned(unit))
    }

    #[test]
    fn a_street_line_comes_apart_whatever_its_customs() {
        for (line, wanted) in [
            ("123 Main St.", of(&["123"], &["main"], "street", &[])),
            ("123 MAIN STREET, Apt 4B", of(&["123"], &["main"], "street", &["4b"])),
            ("Apt. 4b, 123 Main Street", of(&["123"], &["main"], "street", &["4b"])),
            ("123 Main St #4B", of(&["123"], &["main"], "street", &["4b"])),
            ("Hauptstr. 12a", of(&["12a"], &["haupt"], "strasse", &[])),
            ("Hauptstraße 12 A", of(&["12a"], &["haupt"], "strasse", &[])),
            ("12, rue de la République", of(&["12"], &["republique"], "rue", &[])),
            ("C/ Mayor, 5, 3º", of(&["5"], &["mayor"], "calle", &["3"])),
            ("Avda. de la Constitución 7", of(&["7"], &["constitucion"], "avenida", &[])),
            ("ul. Marszałkowska 10/12", of(&["10"], &["marszalkowska"], "ulica", &["12"])),
            ("улица Ленина, д. 5, кв. 12", of(&["5"], &["lenina"], "ulica", &["12"])),
            ("Via Roma 1", of(&["1"], &["roma"], "via", &[])),
            ("500 5th Ave", of(&["500"], &["5"], "avenue", &[])),
            ("10 St Mary St", of(&["10"], &["mary", "st"], "street", &[])),
        ] {
            assert_eq!(street(line), wanted, "{line}");
        }
    }

    #[test]
    fn postal_codes_cities_and_subdivisions_have_one_form() {
        let one = Address::new(&Written {
            city: "St. Louis".to_owned(),
            postal_code: "63101-1234".to_owned(),
            subdivision: "Missouri".to_owned(),
            country: "us".to_owned(),
            ..Written::default()
        });
        let other = Address::new(&Written {
            city: "Saint Louis".to_owned(),
            postal_code: "63101 1234".to_owned(),
            subdivision: "US-MO".to_owned(),
            country: "US".to_owned(),
            ..Written::default()
        });
        assert!(one == other);
        assert_eq!((one.postal_code.as_str(), one.subdivision.as_str()), ("631011234", "mo"));
    }
}
