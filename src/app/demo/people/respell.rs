//! Names as somebody else would write them: other letters, fewer parts, no legal form.

use rand::{Rng, RngExt};

/// The parts of a listed person's name, capitalised as in speech.
#[derive(Clone, PartialEq)]
pub(super) struct Parts {
    pub(super) first: String,
    pub(super) middle: Option<String>,
    pub(super) last: String,
}

/// Parts `LAST, First Middle` and `First Middle LAST`, where a family name of several words is in capitals;
/// else the last word is the family name. None for a name of one word.
pub(super) fn parts(name: &str) -> Option<Parts> {
    let (given, last): (Vec<&str>, String) = if let Some((last, given)) = name.split_once(',') {
        (given.split_whitespace().collect(), last.trim().to_owned())
    } else {
        let mut words: Vec<_> = name.split_whitespace().collect();
        let family =
            words.iter().rposition(|word| word.contains(char::is_lowercase)).map_or(0, |place| place + 1);
        let all_or_none = family == 0 || family == words.len();
        let last = words.split_off(if all_or_none { words.len().checked_sub(1)? } else { family });
        (words, last.join(" "))
    };
    let (first, rest) = given.split_first()?;
    let middle = (!rest.is_empty()).then(|| spoken(&rest.join(" ")));
    (!last.is_empty()).then(|| Parts { first: spoken(first), middle, last: spoken(&last) })
}

/// Turns words in capitals into capitalised ones; others stay as they are.
pub(super) fn spoken(name: &str) -> String {
    name.split_inclusive([' ', '-']).map(spoken_word).collect()
}

fn spoken_word(word: &str) -> String {
    if word.chars().any(char::is_lowercase) {
        return word.to_owned();
    }
    let mut first = true;
    let mut spoken = String::with_capacity(word.len());
    for letter in word.chars() {
        if first {
            spoken.push(letter);
        } else {
            spoken.extend(letter.to_lowercase());
        }
        first = first && !letter.is_alphanumeric();
    }
    spoken
}

/// One letter within the word is left out or another one; none for words of less than five letters.
pub(super) fn typo(rng: &mut impl Rng, word: &str) -> Option<String> {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 5 {
        return None;
    }
    let place = rng.random_range(1..letters.len() - 1);
    let letter = letters.get_mut(place).filter(|letter| letter.is_alphabetic())?;
    if rng.random_bool(0.5) {
        letters.remove(place);
    } else {
        let upper = letter.is_uppercase();
        let other = match letter.to_lowercase().next()? {
            'a' | 'i' => 'e',
            'e' => 'a',
            'o' => 'u',
            'u' => 'o',
            'n' => 'm',
            'm' => 'n',
            'd' => 't',
            't' => 'd',
            'b' => 'p',
            'k' => 'g',
            _ => 'r',
        };
        if letter.to_lowercase().eq([other]) {
            letters.remove(place);
        } else {
            *letter = if upper { other.to_ascii_uppercase() } else { other };
        }
    }
    Some(letters.into_iter().collect())
}

/// What other transliterations write; both the letters and their replacement are lower-case.
const TRANSLITERATIONS: &[(&str, &str)] = &[
    ("shch", "sch"),
    ("sch", "sh"),
    ("kh", "h"),
    ("zh", "j"),
    ("ou", "u"),
    ("oo", "u"),
    ("ey", "ei"),
    ("iy", "y"),
    ("yev", "ev"),
    ("dj", "j"),
    ("gh", "g"),
    ("ks", "x"),
    ("ts", "tz"),
    ("q", "k"),
    ("y", "i"),
    ("u", "ou"),
];

/// The word in another transliteration; none when there is nothing to write otherwise.
pub(super) fn transliterated(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let (letters, instead) = TRANSLITERATIONS.iter().find(|(letters, _)| lower.contains(letters))?;
    let changed = lower.replacen(letters, instead, 1);
    Some(capitalised(&changed))
}

fn capitalised(words: &str) -> String {
    spoken(&words.to_uppercase())
}

/// Words that say in which form an organisation was founded, without their stops.
const LEGAL_FORMS: &[&str] = &[
    "ag",
    "bv",
    "cia",
    "co",
    "company",
    "corp",
    "corporation",
    "cv",
    "de",
    "est",
    "fze",
    "fzco",
    "gmbh",
    "inc",
    "incorporated",
    "jsc",
    "kg",
    "kft",
    "lc",
    "liability",
    "limited",
    "llc",
    "llp",
    "ltd",
    "ltda",
    "nv",
    "ojsc",
    "ooo",
    "pjsc",
    "plc",
    "pte",
    "pty",
    "pvt",
    "sa",
    "sal",
    "sarl",
    "sas",
    "sl",
    "sociedad",
    "spa",
    "spc",
    "srl",
];

/// The name without the legal form at its end; none when it has none or little else is left.
pub(super) fn without_legal_form(name: &str) -> Option<&str> {
    let mut rest = name.trim();
    while let Some((before, word)) = rest.rsplit_once(' ') {
        let word: String = word.chars().filter(|c| c.is_alphanumeric()).collect();
        if !LEGAL_FORMS.contains(&word.to_lowercase().as_str()) {
            break;
        }
        rest = before.trim_end_matches([',', ' ', '-', '&']);
    }
    (rest.len() < name.trim().len() && rest.contains(' ')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};

    use super::*;

    #[test]
    fn a_listed_name_comes_apart_in_both_orders() {
        let told = |name| parts(name).map(|parts| (parts.first, parts.middle, parts.last));
        let whole = Some(("Abu".to_owned(), Some("Bin Sample".to_owned()), "Al-Madeup".to_owned()));
        assert_eq!(told("AL-MADEUP, Abu Bin Sample"), whole);
        assert_eq!(told("Abu Bin Sample Al-Madeup"), whole);
        assert_eq!(told("SAMPLE, Ann"), Some(("Ann".to_owned(), None, "Sample".to_owned())));
        assert_eq!(told("Ann SAMPLE MADEUP"), Some(("Ann".to_owned(), None, "Sample Madeup".to_owned())));
        assert_eq!(
            told("ANN BO SAMPLE"),
            Some(("Ann".to_owned(), Some("Bo".to_owned()), "Sample".to_owned()))
        );
        assert!(told("SAMPLE").is_none() && told("SAMPLE,").is_none() && told("").is_none());
    }

    #[test]
    fn capitals_become_speech_and_speech_stays() {
        assert_eq!(spoken("O'SAMPLE-MADEUP (NORTH) 7"), "O'sample-Madeup (North) 7");
        assert_eq!(spoken("van den Sample"), "van den Sample");
    }

    #[test]
    fn a_typo_is_one_letter_and_never_none() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..200 {
            let typo = typo(&mut rng, "Derrortmun").unwrap();
            let changed = typo.chars().zip("Derrortmun".chars()).filter(|(one, other)| one != other).count();
            assert!(typo != "Derrortmun" && (typo.len() == 9 || changed == 1), "{typo}");
        }
        assert!(typo(&mut rng, "Kim").is_none());
    }

    #[test]
    fn transliterations_differ_where_they_can() {
        for (word, other) in [
            ("Khalilov", Some("Halilov")),
            ("Zhanov", Some("Janov")),
            ("Mansour", Some("Mansur")),
            ("Shchukin", Some("Schukin")),
            ("Yusha", Some("Iusha")),
            ("AL-QADI", Some("Al-Kadi")),
            ("Petrov", None),
        ] {
            assert_eq!(transliterated(word).as_deref(), other, "{word}");
        }
    }

    #[test]
    fn legal_forms_go_and_names_stay() {
        for (name, rest) in [
            ("SAMPLE TRADE CO., LTD.", Some("SAMPLE TRADE")),
            ("SAMPLE TRADE S.A. DE C.V.", Some("SAMPLE TRADE")),
            ("SAMPLE MADEUP LIMITED LIABILITY COMPANY", Some("SAMPLE MADEUP")),
            ("SAMPLE GMBH", None),
            ("SAMPLE TRADE BANK", None),
        ] {
            assert_eq!(without_legal_form(name), rest, "{name}");
        }
    }
}
