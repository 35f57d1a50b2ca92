//! A name taken apart into what tells one bearer from another.

use super::fold::Word;
use super::forms::Forms;
use super::likeness::{LONG_ENOUGH_TO_BE_MISREAD, Likeness};
use super::similarity::Spelling;
use super::sound::{Key, acronym_key, join_key, part_keys, shape_key, whole_key};
use super::{nicknames, organisations, people, syllables};

/// By whose customs a name is taken apart and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A person's: titles and particles go, single letters are initials.
    Person,
    /// An organisation's: legal forms go, letters with dots are one word.
    Organisation,
    /// A ship's or an aircraft's: as an organisation's, but another number is another craft.
    Craft,
}

impl NameKind {
    /// By whose customs the names of a schema of `FollowTheMoney`, such as `Person` or `Vessel`, are compared. More than
    /// one where the schema leaves it open: then the best score counts.
    pub fn of_schema(schema: &str) -> &'static [Self] {
        match schema {
            "Person" => &[Self::Person],
            "Vessel" | "Airplane" | "Aircraft" | "Vehicle" => &[Self::Craft],
            "LegalEntity" | "Thing" => &[Self::Person, Self::Organisation],
            _ => &[Self::Organisation],
        }
    }
}

/// Parts past these are no longer looked at: the longest listed names have some twenty, and nobody makes the program
/// work by sending more.
pub const MOST_PARTS: usize = 30;

/// One part of a name, ready to be compared.
#[derive(Clone)]
pub struct Part {
    /// As it was written, for explanations.
    pub written: String,
    /// Folded letters.
    pub letters: Vec<char>,
    /// What it is compared by.
    pub likeness: Likeness,
    /// How much it tells, up to 1.
    pub weight: f64,
    /// How much is lost when the other name leaves it out, up to `weight`: a patronymic comes and goes.
    pub omission: f64,
    /// Whether the next part is said to be this one's parent (`bin`).
    pub descends: bool,
    /// Keys under which alike parts are found; sorted. Initials have none.
    pub keys: Vec<Key>,
    /// Those of `keys` that parts share for another reason than their letters: forms of one name, looks, `Abd`.
    pub sure_keys: Vec<Key>,
}

impl Part {
    /// Whether it may be the number of one fund or trust among several of one house.
    pub fn may_number_a_series(&self) -> bool {
        self.letters.len() <= 4 && self.letters.iter().any(char::is_ascii_digit)
    }
}

/// Parts of a name are personal.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[part]")
    }
}

/// A name in parts.
#[derive(Clone)]
pub struct Name {
    /// The parts in the order in which they are written.
    pub parts: Vec<Part>,
    /// Each two neighbours read as one, `None` where one is an initial: `joins[i]` is parts `i`
    /// and `i + 1`. They find `Rami Makhlouf` in `Ramimakhlouf`.
    pub joins: Vec<Option<Part>>,
    /// The weight of all parts together.
    pub weight: f64,
    /// What is lost, of all parts together, when they are left out.
    pub omission: f64,
    /// Whether any part is an initial.
    pub has_initials: bool,
    /// What its legal form says.
    pub legal_forms: Forms,
    /// The key of all its letters in a row: names that differ by their spaces alone share it.
    pub whole: Key,
    /// The keys of its first letters, and of what in it may be first letters of another; sorted.
    pub acronyms: Vec<Key>,
    /// The characters, when all are Han or all are Hangul: between two such names these are compared.
    pub characters: Vec<char>,
}

/// Parts of a name are personal.
impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[name]")
    }
}

impl Name {
    /// Takes `text` apart. A name of nothing but titles or legal forms keeps them; no letters at
    /// all make a name without parts, which matches nothing.
    pub fn new(kind: NameKind, text: &str) -> Self {
        Self::made(kind, text, true)
    }

    /// The same without keys, which takes half the time: to be compared with a name that has them, not to be found.
    pub fn without_keys(kind: NameKind, text: &str) -> Self {
        Self::made(kind, text, false)
    }

    fn made(kind: NameKind, text: &str, with_keys: bool) -> Self {
        let mut name = match kind {
            NameKind::Person => Self::of_parts(people::parts(text, with_keys)),
            NameKind::Organisation | NameKind::Craft => organisations::name(text, with_keys),
        };
        name.characters = characters(text);
        name
    }

    /// A name of these parts, up to [`MOST_PARTS`].
    pub(super) fn of_parts(mut parts: Vec<Part>) -> Self {
        parts.truncate(MOST_PARTS);
        let joins =
            parts.iter().zip(parts.iter().skip(1)).map(|(first, second)| join(first, second)).collect();
        let weight = parts.iter().map(|part| part.weight).sum();
        let omission = parts.iter().map(|part| part.omission).sum();
        let has_initials = parts.iter().any(|part| part.likeness.initial);
        let whole = whole_key(parts.iter().flat_map(|part| &part.letters));
        Self {
            parts,
            joins,
            weight,
            omission,
            has_initials,
            whole,
            legal_forms: Forms::default(),
            acronyms: Vec::new(),
            characters: Vec::new(),
        }
    }

    /// Adds that `initials` are the first letters of the whole name.
    pub(super) fn add_acronym(&mut self, initials: &str) {
        self.acronyms.push(acronym_key(initials));
        self.acronyms.sort_unstable();
        self.acronyms.dedup();
    }

    /// The keys by which a name is found as a whole: all its letters in a row, and its first letters.
    pub fn direct_keys(&self) -> impl Iterator<Item = Key> {
        let whole = (!self.parts.is_empty()).then_some(self.whole);
        whole.into_iter().chain(self.acronyms.iter().copied())
    }

    /// Every key under which a name like this one is found; sorted, each once.
    pub fn keys(&self) -> Vec<Key> {
        let units = self.parts.iter().chain(self.joins.iter().flatten());
        let mut keys: Vec<Key> = units.flat_map(|part| part.keys.iter().copied()).collect();
        keys.extend(self.direct_keys());
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// The characters of a name that is written in Han or in Hangul throughout.
fn characters(text: &str) -> Vec<char> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut letters = text.chars().filter(|c| c.is_alphanumeric()).peekable();
    let is_hangul = letters.peek().copied().is_some_and(syllables::is_hangul);
    let all: Vec<char> = letters.collect();
    let fits = |c: &char| if is_hangul { syllables::is_hangul(*c) } else { syllables::is_han(*c) };
    if all.iter().all(fits) { all } else { Vec::new() }
}

/// What a part is beside its letters.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub(super) struct Traits {
    pub(super) weight: f64,
    pub(super) omission: f64,
    pub(super) initial: bool,
    pub(super) known: bool,
    pub(super) descends: bool,
    /// Whether keys are made.
    pub(super) with_keys: bool,
    /// Whether nicknames are looked up.
    pub(super) given: bool,
}

/// The part that `word` makes.
pub(super) fn part(Word { written, folded }: Word, traits: Traits) -> Part {
    let letters: Vec<char> = folded.chars().collect();
    let forms = if traits.given && !traits.initial { nicknames::keys(&folded) } else { Vec::new() };
    let shape = shape_key(&letters);
    let mut sure_keys = Vec::new();
    if !traits.initial && traits.with_keys {
        sure_keys.extend(&forms);
        if letters.len() >= LONG_ENOUGH_TO_BE_MISREAD {
            sure_keys.push(shape);
        }
        // `Abdul Saifullah` is found as `Saifullah`.
        sure_keys.extend(people::served(&letters).map(join_key));
    }
    let mut keys = if traits.initial || !traits.with_keys { Vec::new() } else { part_keys(&letters) };
    keys.extend(&sure_keys);
    keys.sort_unstable();
    keys.dedup();
    let few_vowels = !written.is_ascii() && written.chars().any(syllables::writes_few_vowels);
    let likeness = Likeness {
        spelling: Spelling::new(&letters).with_few_vowels(few_vowels),
        sound: join_key(&letters),
        shape,
        forms: forms.into(),
        initial: traits.initial,
        known: traits.known,
    };
    let Traits { weight, omission, descends, .. } = traits;
    Part { written, letters, likeness, weight, omission, descends, keys, sure_keys }
}

fn join(first: &Part, second: &Part) -> Option<Part> {
    let (one, other) = (&first.likeness, &second.likeness);
    if one.initial || other.initial {
        return None;
    }
    let letters: Vec<char> = first.letters.iter().chain(&second.letters).copied().collect();
    let sound = join_key(&letters);
    let few_vowels = one.spelling.has_few_vowels() || other.spelling.has_few_vowels();
    Some(Part {
        written: format!("{} {}", first.written, second.written),
        likeness: Likeness {
            spelling: Spelling::new(&letters).with_few_vowels(few_vowels),
            sound,
            shape: sound,
            forms: Box::default(),
            initial: false,
            known: false,
        },
        weight: first.weight + second.weight,
        omission: first.omission + second.omission,
        descends: false,
        keys: vec![sound],
        sure_keys: Vec::new(),
        letters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(kind: NameKind, text: &str) -> Vec<String> {
        Name::new(kind, text).parts.iter().map(|part| part.letters.iter().collect()).collect()
    }

    #[test]
    fn titles_and_particles_are_no_parts_of_a_person() {
        assert_eq!(parts(NameKind::Person, "Dr. Rami van der Makhlouf"), ["rami", "makhlouf"]);
        assert_eq!(parts(NameKind::Person, "Osama bin Laden"), ["osama", "laden"]);
        assert_eq!(parts(NameKind::Person, "Bin"), ["bin"], "a name of particles keeps them");
        assert_eq!(parts(NameKind::Person, "Ben Johnson"), ["ben", "johnson"], "a given name here");
    }

    #[test]
    fn arabic_compounds_are_one_part_however_they_are_written() {
        for spelling in ["Abd al Aziz", "Abdul Aziz", "'Abd-al-'Aziz", "Abdulaziz", "Abdelaziz"] {
            assert_eq!(parts(NameKind::Person, spelling), ["abdaziz"], "{spelling}");
        }
        for spelling in ["Abdullah", "Abdallah", "Abd Allah", "ABDOLLAH"] {
            assert_eq!(parts(NameKind::Person, spelling), ["abdlah"], "{spelling}");
        }
        for spelling in ["Saif al-Din", "Saifuddin", "Saifeddine"] {
            assert_eq!(parts(NameKind::Person, spelling), ["saifdin"], "{spelling}");
        }
    }

    #[test]
    fn a_name_in_characters_is_parted_after_the_family_name() {
        assert_eq!(parts(NameKind::Person, "习近平"), ["xi", "jinping"]);
        assert_eq!(parts(NameKind::Person, "司马南"), ["sima", "nan"]);
        assert_eq!(parts(NameKind::Person, "김정은"), ["kim", "jongun"]);
    }

    #[test]
    fn single_letters_are_initials_of_a_person_only() {
        assert!(Name::new(NameKind::Person, "A. Khamenei").has_initials);
        assert_eq!(parts(NameKind::Organisation, "A.B.C. Company"), ["abc"]);
    }

    #[test]
    fn legal_forms_are_no_parts_of_an_organisation() {
        for spelling in [
            "Gazprom OAO",
            "Open Joint Stock Company \"Gazprom\"",
            "Gazprom, L.L.C.",
            "ООО Газпром",
            "GazpromAG",
        ] {
            assert_eq!(parts(NameKind::Organisation, spelling), ["gazprom"], "{spelling}");
        }
    }
}
