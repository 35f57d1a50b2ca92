//! Words of addresses in several languages, and the one form that stands for their spellings.

/// What a folded word of an address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A sort of street, in one form: `avenue`.
    Street(&'static str),
    /// What follows is a unit: a flat, a door, a floor.
    Unit,
    /// What follows is the number of the house; the word itself says nothing.
    Number,
    /// An article or the like: says nothing.
    Filler,
}

/// What the word means; none for a word that is a name.
pub fn meaning(word: &str) -> Option<Meaning> {
    if UNITS.binary_search(&word).is_ok() {
        return Some(Meaning::Unit);
    }
    if NUMBERS.binary_search(&word).is_ok() {
        return Some(Meaning::Number);
    }
    if FILLERS.binary_search(&word).is_ok() {
        return Some(Meaning::Filler);
    }
    STREETS
        .iter()
        .find(|(one, spellings)| *one == word || spellings.split(' ').any(|spelling| spelling == word))
        .map(|(one, _)| Meaning::Street(one))
}

/// Parts a sort of street off the word that it is written together with: `hauptstr` is `haupt` and `strasse`.
pub fn without_ending(word: &str) -> Option<(&str, &'static str)> {
    ENDINGS.iter().find_map(|(ending, one)| {
        let stem = word.strip_suffix(*ending)?;
        (stem.chars().count() >= 3).then_some((stem, *one))
    })
}

/// The one form of an ordinal, a direction or a title in a street's name.
pub fn settled(word: &str) -> &str {
    let found = SETTLED.binary_search_by_key(&word, |(spelling, _)| *spelling).ok();
    found.and_then(|at| SETTLED.get(at)).map_or(word, |(_, one)| *one)
}

/// Sorts of streets: the one form, and how else it is written.
#[rustfmt::skip]
const STREETS: &[(&str, &str)] = &[
    ("street", "st str strt"), ("road", "rd"), ("avenue", "ave av aven avn avnue"), ("boulevard", "blvd boul bd bvd bulvar bul"),
    ("lane", "ln"), ("drive", "dr drv"), ("court", "ct crt"), ("place", "pl"), ("square", "sq sqr"),
    ("terrace", "ter terr"), ("highway", "hwy hiway"), ("parkway", "pkwy pky parkwy"), ("circle", "cir circ"),
    ("crescent", "cres crsnt"), ("close", "cl"), ("grove", "grv"), ("gardens", "gdns gdn garden"), ("hill", "hl"),
    ("trail", "trl"), ("alley", "aly ally"), ("way", "wy"), ("mews", "mws"), ("walk", "wlk"), ("row", ""),
    ("quay", "qy"), ("park", "pk"), ("plaza", "plz pza"), ("expressway", "expy"), ("turnpike", "tpke"), ("route", "rte"),
    // German and Dutch.
    ("strasse", "str strass stra"), ("weg", ""), ("platz", "pltz"), ("allee", "all"), ("gasse", "gss"), ("ring", ""), ("ufer", ""),
    ("damm", ""), ("straat", ""), ("laan", ""), ("plein", ""), ("gracht", ""), ("kade", ""),
    // French.
    ("rue", ""), ("chemin", "che chem"), ("impasse", "imp"), ("allees", ""), ("quai", ""), ("cours", "crs"), ("faubourg", "fbg fg"),
    // Spanish and Portuguese.
    ("calle", "cl c/ cll"), ("avenida", "avda avd avenid"), ("carrera", "cra kra"), ("paseo", "pso po"), ("camino", "cno"),
    ("carretera", "ctra carr"), ("ronda", "rda"), ("travesia", "trva"), ("rua", ""), ("praca", "pca"), ("travessa", "trav tv"),
    ("estrada", "estr"), ("rodovia", "rod"), ("alameda", "alam"), ("largo", "lgo"),
    // Italian.
    ("via", ""), ("viale", "vle"), ("piazza", "pzza"), ("corso", "cso"), ("vicolo", "vlo"), ("strada", ""),
    // Polish, Czech and Slovak, Russian and Ukrainian, Turkish, Romanian.
    ("ulica", "ul ulice ulitsa vulitsya vulytsya vul"), ("aleja", "aleje"), ("plac", ""), ("osiedle", "os"),
    ("namesti", "nam namestie"), ("trida", "tr"), ("prospekt", "pr prt prosp prospect"), ("pereulok", "per provulok"),
    ("ploshchad", "ploshcha"), ("naberezhnaya", "nab"), ("shosse", "sh"), ("proezd", ""),
    ("cadde", "cad caddesi cd"), ("sokak", "sok sk sokagi"), ("mahalle", "mah mh mahallesi"), ("bulvari", "blv"),
    ("soseaua", "sos"),
    // Nordic.
    ("gatan", "gata"), ("vagen", "vag"), ("vej", ""), ("gade", ""), ("vei", "veien"), ("katu", ""), ("tie", ""),
    // Arabic, in Latin letters.
    ("sharia", "shari shara share sharaa"),
];

/// Endings that are sorts of streets, and their one form; longer ones first.
const ENDINGS: &[(&str, &str)] = &[
    ("strasse", "strasse"),
    ("strase", "strasse"),
    ("gracht", "gracht"),
    ("straat", "straat"),
    ("gatan", "gatan"),
    ("vagen", "vagen"),
    ("gasse", "gasse"),
    ("platz", "platz"),
    ("allee", "allee"),
    ("plein", "plein"),
    ("laan", "laan"),
    ("gata", "gatan"),
    ("gade", "gade"),
    ("katu", "katu"),
    ("damm", "damm"),
    ("ufer", "ufer"),
    ("ring", "ring"),
    ("str", "strasse"),
    ("weg", "weg"),
    ("vej", "vej"),
    ("vei", "vei"),
];

/// Words before the number of a flat, a door, a floor or a block.
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "apartamento", "apartman", "apartment", "appartement", "appt", "apt", "apto", "bldg", "bloc", "block",
    "bloque", "building", "bus", "byt", "daire", "dept", "depto", "door", "escalera", "etage", "flat",
    "floor", "hus", "int", "interno", "kat", "korp", "korpus", "kv", "kvartira", "lgh", "lokal", "lot", "m",
    "mieszkanie", "office", "oficina", "ofis", "piso", "pko", "planta", "pta", "puerta", "rm", "room",
    "sala", "scala", "ste", "stiege", "stroenie", "suite", "top", "tuer", "tur", "unit", "whg",
    "wohnung",
];

/// Words before the number of a house.
#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "budinok", "d", "dom", "haus", "hausnr", "hausnummer", "house", "n", "nbr", "no", "nr", "num", "number",
    "numero", "nummer",
];

/// Words without a meaning of their own.
#[rustfmt::skip]
const FILLERS: &[&str] = &[
    "al", "an", "da", "das", "de", "degli", "dei", "del", "della", "delle", "dello", "der", "des", "di", "do",
    "dos", "du", "el", "la", "las", "le", "les", "los", "of", "the", "van", "von", "zum", "zur",
];

/// Ordinals, directions and titles of names.
#[rustfmt::skip]
const SETTLED: &[(&str, &str)] = &[
    ("1st", "1"), ("2nd", "2"), ("3rd", "3"), ("4th", "4"), ("5th", "5"), ("6th", "6"), ("7th", "7"),
    ("8th", "8"), ("9th", "9"), ("doctor", "dr"), ("doktor", "dr"), ("e", "east"), ("eighth", "8"),
    ("fifth", "5"), ("first", "1"), ("fort", "ft"), ("fourth", "4"), ("general", "gen"), ("mount", "mt"),
    ("n", "north"), ("ne", "northeast"), ("ninth", "9"), ("nw", "northwest"), ("ost", "east"), ("s", "south"),
    ("saint", "st"), ("sainte", "st"), ("san", "st"), ("sankt", "st"), ("santa", "st"), ("se", "southeast"),
    ("second", "2"), ("seventh", "7"), ("sixth", "6"), ("sw", "southwest"), ("tenth", "10"), ("third", "3"),
    ("w", "west"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_that_are_searched_are_sorted() {
        for table in [UNITS, NUMBERS, FILLERS] {
            let mut sorted = table.to_vec();
            sorted.sort_unstable();
            assert_eq!(table, sorted);
        }
        let mut sorted = SETTLED.to_vec();
        sorted.sort_unstable();
        assert_eq!(SETTLED, sorted);
    }

    #[test]
    fn spellings_of_a_sort_of_street_are_one() {
        for (word, one) in
            [("st", "street"), ("ave", "avenue"), ("blvd", "boulevard"), ("avda", "avenida"), ("ul", "ulica")]
        {
            assert_eq!(meaning(word), Some(Meaning::Street(one)));
        }
        assert_eq!(without_ending("hauptstr"), Some(("haupt", "strasse")));
        assert_eq!(without_ending("hauptstrasse"), Some(("haupt", "strasse")));
        assert_eq!(without_ending("ring"), None, "a name of nothing but an ending stays whole");
    }
}
