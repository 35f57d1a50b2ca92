//! A name taken apart into what tells one bearer from another.

use super::fold::{Word, words};
use super::similarity::Spelling;
use super::sound::{Key, join_key, part_keys};
use super::words as tables;

/// By whose customs a name is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A person's: titles and particles go, single letters are initials.
    Person,
    /// An organisation's, a ship's, an aircraft's: legal forms go, letters with dots are one word.
    Organisation,
}

/// One part of a name, ready to be compared.
#[derive(Clone)]
pub struct Part {
    /// As it was written, for explanations.
    pub written: String,
    /// Folded letters.
    pub letters: Vec<char>,
    /// The same, prepared for comparing.
    pub spelling: Spelling,
    /// How much it tells, up to 1.
    pub weight: f64,
    /// Whether it is the first letter of a part that is not written out.
    pub initial: bool,
    /// The key of its whole sound, by which two neighbours read as one are found.
    pub sound: Key,
    /// Keys under which alike parts are found; sorted. Initials have none.
    pub keys: Vec<Key>,
}

/// Parts of a name are personal.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[part]")
    }
}

/// A name in parts.
#[derive(Clone, Debug)]
pub struct Name {
    /// The parts in the order in which they are written.
    pub parts: Vec<Part>,
    /// Each two neighbours read as one, `None` where one is an initial: `joins[i]` is parts `i`
    /// and `i + 1`. They find `Rami Makhlouf` in `Ramimakhlouf`.
    pub joins: Vec<Option<Part>>,
    /// The weight of all parts together.
    pub weight: f64,
    /// Whether any part is an initial.
    pub has_initials: bool,
}

impl Name {
    /// Takes `text` apart. A name of nothing but titles or legal forms keeps them; no letters at
    /// all make a name without parts, which matches nothing.
    pub fn new(kind: NameKind, text: &str) -> Self {
        let parts = match kind {
            NameKind::Person => person(text),
            NameKind::Organisation => organisation(text),
        };
        let joins =
            parts.iter().zip(parts.iter().skip(1)).map(|(first, second)| join(first, second)).collect();
        let weight = parts.iter().map(|part| part.weight).sum();
        let has_initials = parts.iter().any(|part| part.initial);
        Self { parts, joins, weight, has_initials }
    }

    /// Every key under which a name like this one is found; sorted, each once.
    pub fn keys(&self) -> Vec<Key> {
        let units = self.parts.iter().chain(self.joins.iter().flatten());
        let mut keys: Vec<Key> = units.flat_map(|part| part.keys.iter().copied()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn person(text: &str) -> Vec<Part> {
    let all = words(text, false);
    // `Bin Laden` is a name; `Dr. Al` still has to be one.
    let mut kept: Vec<Word> = all.iter().filter(|word| !tables::is_title(&word.folded)).cloned().collect();
    kept = without_particles(if kept.is_empty() { all.clone() } else { kept });
    if kept.is_empty() {
        kept = all;
    }
    kept.into_iter()
        .map(|Word { written, folded }| {
            let folded = settled_spelling(&folded);
            let initial = folded.len() == 1 && folded.bytes().all(|b| b.is_ascii_lowercase());
            let weight = if initial { tables::FAINT } else { tables::weight_in_person(&folded) };
            part(written, &folded, weight, initial)
        })
        .collect()
}

/// Drops particles, and joins the Arabic words that make one name together: `Abd al Aziz` is
/// `abdaziz`, `Saif al-Din` is `saifdin`.
fn without_particles(words: Vec<Word>) -> Vec<Word> {
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    let mut servant: Option<Word> = None;
    for word in words {
        if matches!(word.folded.as_str(), "abd" | "abdul" | "abdel" | "abdal" | "abdol" | "abdoul") {
            if let Some(lone) = servant.replace(word) {
                kept.push(lone);
            }
        } else if tables::is_particle(&word.folded) {
            // Gone, but an explanation quotes the whole of `Abd al Aziz`.
            if let Some(servant) = servant.as_mut() {
                servant.written = format!("{} {}", servant.written, word.written);
            }
        } else if let Some(lead) = servant.take() {
            let written = format!("{} {}", lead.written, word.written);
            kept.push(Word { written, folded: format!("abdul{}", word.folded) });
        } else if matches!(word.folded.as_str(), "din" | "deen" | "uddin" | "eddin" | "eddine" | "aldin")
            && let Some(last) = kept.last_mut()
        {
            last.written = format!("{} {}", last.written, word.written);
            last.folded.push_str("uddin");
        } else {
            kept.push(word);
        }
    }
    kept.extend(servant);
    kept
}

/// One spelling for what different alphabets and habits write differently.
fn settled_spelling(word: &str) -> String {
    if matches!(word, "mohd" | "md" | "muh" | "mohmd" | "mhmd") {
        return "mohammed".to_owned();
    }
    for lead in ["abdoul", "abdul", "abdel", "abdal", "abdol"] {
        if let Some(rest) = word.strip_prefix(lead)
            && rest.len() >= 3
        {
            // `Abdul Allah`, `Abdullah` and `Abdallah` are one.
            let rest = rest.strip_prefix("al").filter(|rest| rest.starts_with("lah")).unwrap_or(rest);
            return settled_ending(&format!("abd{rest}"));
        }
    }
    let word = settled_ending(word);
    // A zero or a one among letters is an `o` or an `i` that somebody hides.
    if word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_lowercase()) {
        return word
            .chars()
            .map(|c| match c {
                '0' => 'o',
                '1' => 'i',
                '3' => 'e',
                '4' => 'a',
                '5' => 's',
                '9' => 'g',
                other => other,
            })
            .collect();
    }
    word
}

fn settled_ending(word: &str) -> String {
    for end in
        ["uddin", "eddine", "eddin", "uddine", "addin", "aldin", "eldin", "aldeen", "udeen", "uddeen", "odin"]
    {
        if let Some(stem) = word.strip_suffix(end)
            && stem.len() >= 3
        {
            return format!("{stem}din");
        }
    }
    word.to_owned()
}

fn organisation(text: &str) -> Vec<Part> {
    let all = words(text, true);
    let mut kept: Vec<Word> = all.iter().filter(|word| !tables::is_form(&word.folded)).cloned().collect();
    if kept.is_empty() {
        kept = all;
    }
    kept.into_iter()
        .map(|Word { written, folded }| {
            let folded = settled_word(folded);
            let weight = tables::weight_in_organisation(&folded);
            part(written, &folded, weight, false)
        })
        .collect()
}

/// Number words and common short forms in one spelling.
fn settled_word(word: String) -> String {
    let settled = match word.as_str() {
        "one" | "1st" => "first",
        "2nd" => "second",
        "3rd" => "third",
        "three" => "3",
        "two" => "2",
        "four" => "4",
        "intl" | "internacional" | "internationale" => "international",
        "natl" | "nacional" | "nationale" => "national",
        "mfg" => "manufacturing",
        "bros" => "brothers",
        "assoc" | "assn" => "association",
        "dept" => "department",
        "govt" => "government",
        "organisation" => "organization",
        "centre" => "center",
        "defence" => "defense",
        _ => return word,
    };
    settled.to_owned()
}

fn part(written: String, folded: &str, weight: f64, initial: bool) -> Part {
    let letters: Vec<char> = folded.chars().collect();
    let keys = if initial { Vec::new() } else { part_keys(&letters) };
    Part {
        written,
        spelling: Spelling::new(&letters),
        weight,
        initial,
        sound: join_key(&letters),
        keys,
        letters,
    }
}

fn join(first: &Part, second: &Part) -> Option<Part> {
    if first.initial || second.initial {
        return None;
    }
    let letters: Vec<char> = first.letters.iter().chain(&second.letters).copied().collect();
    let sound = join_key(&letters);
    Some(Part {
        written: format!("{} {}", first.written, second.written),
        spelling: Spelling::new(&letters),
        weight: first.weight + second.weight,
        initial: false,
        sound,
        keys: vec![sound],
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
    fn single_letters_are_initials_of_a_person_only() {
        assert!(Name::new(NameKind::Person, "A. Khamenei").has_initials);
        assert_eq!(parts(NameKind::Organisation, "A.B.C. Company"), ["abc"]);
    }

    #[test]
    fn legal_forms_are_no_parts_of_an_organisation() {
        for spelling in
            ["Gazprom OAO", "Open Joint Stock Company \"Gazprom\"", "Gazprom, L.L.C.", "ООО Газпром"]
        {
            assert_eq!(parts(NameKind::Organisation, spelling), ["gazprom"], "{spelling}");
        }
    }
}
