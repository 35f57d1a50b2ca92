//! What a table of names is, and how its words are put together.
//!
//! A table is a text of words parted by spaces; `_` stands for a space within a word, and `/` parts
//! the spelling in the culture's own script from the Latin one.

use super::{latin, scripts};

/// The order in which a culture writes a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Given name first: `Anna Schmidt`.
    Given,
    /// Family name first: `Kovács Anna`.
    Family,
    /// Family name first and no space between: `王伟`.
    FamilyJoined,
}

/// What stands between the given and the family name.
#[derive(Clone, Copy)]
pub(super) enum Middle {
    /// Nothing.
    Nothing,
    /// A second given name, for so many people of a hundred.
    SecondGiven(u32),
    /// The father's given name, for so many people of a hundred.
    FathersName(u32),
    /// The father's name, in a form of its own, always.
    Patronymic(&'static str),
    /// A word of the man's or the woman's table, always.
    Words(&'static str, &'static str),
}

/// The names of people who share a language, and where they live.
pub(super) struct Culture {
    /// How many accounts of all it has, in proportion to the others.
    pub(super) weight: u32,
    /// Countries by ISO 3166-1 alpha-2; one named twice has twice the people.
    pub(super) countries: &'static str,
    /// Given names of men.
    pub(super) men: &'static str,
    /// Given names of women.
    pub(super) women: &'static str,
    /// Family names, as men bear them.
    pub(super) family: &'static str,
    /// Whether people have two family names.
    pub(super) two_families: bool,
    /// What stands in the middle.
    pub(super) middle: Middle,
    /// Endings that change in a woman's family name and patronymic; the first that fits is taken.
    pub(super) feminine: &'static [(&'static str, &'static str)],
    /// The order in the culture's own script.
    pub(super) order: Order,
    /// The order in Latin letters, for a culture of another script.
    pub(super) latin_order: Order,
}

/// A culture from which a table takes what it does not say itself.
pub(super) const PLAIN: Culture = Culture {
    weight: 1,
    countries: "",
    men: "",
    women: "",
    family: "",
    two_families: false,
    middle: Middle::Nothing,
    feminine: &[],
    order: Order::Given,
    latin_order: Order::Given,
};

/// Every culture there is.
pub(super) fn all() -> impl Iterator<Item = &'static Culture> {
    latin::CULTURES.iter().chain(scripts::CULTURES)
}

/// The words of a table.
pub(super) fn words(table: &'static str) -> Vec<&'static str> {
    table.split_whitespace().collect()
}

/// A word of a table in the culture's own script, and in Latin letters when those are others.
pub(super) fn spellings(word: &str) -> (String, Option<String>) {
    let spaced = |text: &str| text.replace('_', " ");
    match word.split_once('/') {
        Some((native, latin)) => (spaced(native), Some(spaced(latin))),
        None => (spaced(word), None),
    }
}

/// The form of `name` that a woman bears.
pub(super) fn feminine(name: &str, endings: &[(&str, &str)]) -> String {
    endings
        .iter()
        .find_map(|(ending, instead)| Some(format!("{}{instead}", name.strip_suffix(ending)?)))
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_culture_has_enough_names_and_both_spellings_of_each() {
        for culture in all() {
            let (men, women) = (words(culture.men), words(culture.women));
            let family = words(culture.family);
            let least = if culture.weight >= 4 { 20 } else { 10 };
            assert!(men.len() >= least && women.len() >= least, "{}: given", culture.countries);
            assert!(family.len() >= 2 * least.min(20) - 4, "{}: {}", culture.countries, family.len());
            assert!(words(culture.countries).iter().all(|code| code.len() == 2));
            let both = family.iter().filter(|name| name.contains('/')).count();
            assert!(both == 0 || both == family.len(), "{}: spellings", culture.countries);
            for word in [&men, &women, &family].into_iter().flatten() {
                assert_eq!(word.contains('/'), both > 0, "{word}");
                if let Some((native, latin)) = word.split_once('/') {
                    let script = |text: &str| text.chars().all(|c| c.is_alphabetic() && !c.is_ascii());
                    assert!(!native.chars().any(|c| c.is_ascii_alphabetic()), "{word}");
                    assert!(!latin.is_empty() && !script(latin), "{word}");
                }
            }
        }
    }

    #[test]
    fn a_table_names_nobody_twice() {
        for culture in all() {
            for table in [culture.men, culture.women, culture.family] {
                let mut names = words(table);
                names.sort_unstable();
                for pair in names.windows(2) {
                    assert_ne!(pair[0], pair[1], "{}", culture.countries);
                }
            }
        }
    }

    #[test]
    fn a_womans_name_takes_the_first_ending_that_fits() {
        let endings = [("ský", "ská"), ("ek", "ková"), ("", "ová")];
        assert_eq!(feminine("Hájek", &endings), "Hájková");
        assert_eq!(feminine("Dvorský", &endings), "Dvorská");
        assert_eq!(feminine("Novák", &endings), "Nováková");
        assert_eq!(feminine("Silva", &[]), "Silva");
    }
}
