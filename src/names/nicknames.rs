//! Given names that stand for each other: short forms, pet forms, and settled spellings of one name.
//!
//! The groups are general knowledge of naming customs (the usual diminutives that dictionaries of given names
//! list), written down for this program; no list of persons went into them. Words are as [`super::fold`] leaves
//! them, so a form in another alphabet is found by its Latin reading (`Саша` is `sasha`). A form may stand for
//! several names: `sasha` is Aleksandr and Aleksandra.

mod asian;
mod eastern;
mod western;

use std::{collections::HashMap, sync::LazyLock};

use super::sound::{Key, form_key};

/// Which groups hold a form, by their first names: a constant, arranged for a quick look.
static GROUPS_OF: LazyLock<HashMap<&'static str, Vec<Key>>> = LazyLock::new(|| {
    let mut groups_of: HashMap<&str, Vec<Key>> = HashMap::new();
    for group in groups().chain(asian::FAMILY_NAMES.iter().copied()) {
        let mut forms = group.split(' ').peekable();
        let key = forms.peek().map_or(0, |first| form_key(first));
        for form in forms {
            groups_of.entry(form).or_default().push(key);
        }
    }
    for keys in groups_of.values_mut() {
        keys.sort_unstable();
        keys.dedup();
    }
    groups_of
});

/// Which names each group holds.
static NAMES_OF: LazyLock<HashMap<Key, Vec<&'static str>>> = LazyLock::new(|| {
    let mut names_of: HashMap<Key, Vec<&str>> = HashMap::new();
    for (name, groups) in GROUPS_OF.iter() {
        for group in groups {
            names_of.entry(*group).or_default().push(name);
        }
    }
    names_of
});

/// The keys of the groups that hold the folded `name`: two names that share one are forms of one. Family names that
/// alphabets and dialects write differently (`Zhang`, `Cheung`) have groups too. Sorted.
pub fn keys(name: &str) -> Vec<Key> {
    GROUPS_OF.get(name).cloned().unwrap_or_default()
}

/// The names that the groups with these keys hold.
pub fn names_of(groups_wanted: &[Key]) -> impl Iterator<Item = &'static str> {
    groups_wanted.iter().filter_map(|key| NAMES_OF.get(key)).flatten().copied()
}

/// Whether two folded given names are forms of one name, such as `bill` and `william`.
pub fn are_forms_of_one(left: &str, right: &str) -> bool {
    left == right || groups().any(|group| has(group, left) && has(group, right))
}

/// Whether both are names that the groups know, and not of each other: what looks like a slip (`mario`, `maria`)
/// is then another name.
pub fn are_known_and_different(left: &str, right: &str) -> bool {
    is_known(left) && is_known(right) && !are_forms_of_one(left, right)
}

fn is_known(name: &str) -> bool {
    groups().any(|group| has(group, name))
}

fn groups() -> impl Iterator<Item = &'static str> {
    western::GROUPS.iter().chain(eastern::GROUPS).copied()
}

fn has(group: &str, name: &str) -> bool {
    group.split(' ').any(|form| form == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::names::{Name, NameKind};

    #[test]
    fn short_forms_of_several_languages_are_known() {
        for (full, short) in [
            ("william", "bill"),
            ("margaret", "peggy"),
            ("elizabeth", "betty"),
            ("francisco", "paco"),
            ("jose", "pepe"),
            ("giuseppe", "beppe"),
            ("johannes", "hannes"),
            ("katarzyna", "kasia"),
            ("aleksandr", "sasha"),
            ("evgeniya", "zhenya"),
            ("dmitry", "dima"),
            ("mohammed", "hamada"),
            ("ibrahim", "hima"),
        ] {
            assert!(are_forms_of_one(full, short), "{full} {short}");
            assert!(are_forms_of_one(short, full), "{short} {full}");
        }
    }

    #[test]
    fn different_names_are_no_forms_of_one() {
        for (one, other) in [("bill", "bob"), ("maria", "mario"), ("ivan", "igor"), ("xyz", "william")] {
            assert!(!are_forms_of_one(one, other), "{one} {other}");
        }
        assert!(are_known_and_different("maria", "mario"));
        assert!(!are_known_and_different("maria", "mariq"), "an unknown word may be a slip");
        assert!(!are_known_and_different("sasha", "aleksandra"));
    }

    #[test]
    fn a_pet_form_may_stand_for_several_names() {
        assert!(are_forms_of_one("sasha", "aleksandr") && are_forms_of_one("sasha", "aleksandra"));
        assert!(!are_forms_of_one("aleksandr", "aleksandra"));
    }

    /// A word that folding would change is never found.
    #[test]
    fn every_form_is_as_folding_leaves_it_and_stands_once_in_its_group() {
        assert!(groups().count() > 300);
        for group in groups() {
            let forms: Vec<&str> = group.split(' ').collect();
            assert!(forms.len() > 1, "{group}");
            assert_eq!(forms.iter().collect::<BTreeSet<_>>().len(), forms.len(), "{group}");
            for form in forms {
                let parts = Name::new(NameKind::Person, form).parts;
                let [part] = parts.as_slice() else { panic!("{form} is {} parts", parts.len()) };
                assert_eq!(part.letters.iter().collect::<String>(), form, "{group}");
            }
        }
    }
}
