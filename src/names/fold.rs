//! From written words to plain letters.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{script, syllables};

/// A word of a name: as it was written, and folded to plain lower-case letters and digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    /// As written, for explanations.
    pub written: String,
    /// Folded: what is compared.
    pub folded: String,
}

/// Words are personal: they are parts of names.
impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[word]")
    }
}

/// Folds `text`: compatibility forms undone, accents and apostrophes gone, lower case, other
/// alphabets in Latin letters. Spaces and punctuation stay.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        folded.extend(text.chars().filter(|c| !matches!(c, '\'' | '`')).map(|c| c.to_ascii_lowercase()));
        return folded;
    }
    for whole in text.nfkc() {
        if syllables::is_syllabic(whole) {
            syllables::push(whole, &mut folded);
        } else {
            for letter in std::iter::once(whole).nfkd().flat_map(char::to_lowercase) {
                push_letter(letter, &mut folded);
            }
        }
    }
    folded
}

fn push_letter(letter: char, folded: &mut String) {
    if letter.is_ascii() {
        if letter != '\'' && letter != '`' {
            folded.push(letter);
        }
    } else if script::is_accent(letter) || is_apostrophe(letter) {
        // An accent refines; what it stands on is the letter.
    } else if let Some(latin) = script::latin(letter) {
        folded.push_str(latin);
    } else {
        syllables::push(letter, folded);
    }
}

/// Splits `text` into words at everything that is neither letter, digit nor mark.
///
/// With `keep_abbreviations`, dots between single letters join them (`L.L.C.` is `llc`); otherwise
/// they part them (`A.B. Smith` has two initials). Words that fold to nothing are left out.
pub fn words(text: &str, keep_abbreviations: bool) -> Vec<Word> {
    let mut words = Vec::new();
    for chunk in text.split(|c: char| !belongs_to_word(c) && !matches!(c, '.' | '&' | '%')) {
        if keep_abbreviations && is_abbreviation(chunk) {
            push(&mut words, chunk, &chunk.replace('.', ""));
            continue;
        }
        if let Some((share, rest)) = chunk.split_once('%') {
            for (written, text) in [(share, share), ("%", "percent"), (rest, rest)] {
                push(&mut words, written, text);
            }
            continue;
        }
        for piece in chunk.split('.') {
            // An ampersand that stands alone is a word; in `AT&T` it only parts letters.
            if piece == "&" {
                push(&mut words, piece, "and");
            } else {
                for letters in piece.split('&') {
                    push(&mut words, letters, letters);
                }
            }
        }
    }
    words
}

fn push(words: &mut Vec<Word>, written: &str, text: &str) {
    let mut folded = fold(text);
    folded.retain(|c| c.is_alphanumeric() || is_combining_mark(c));
    if !folded.is_empty() {
        words.push(Word { written: written.to_owned(), folded });
    }
}

/// Whether `chunk` is single letters with dots between them, such as `L.L.C.`.
fn is_abbreviation(chunk: &str) -> bool {
    chunk.contains('.')
        && chunk.split('.').all(|piece| piece.chars().count() <= 1)
        && chunk.chars().filter(|c| c.is_alphanumeric()).count() > 1
}

fn belongs_to_word(c: char) -> bool {
    c.is_alphanumeric()
        || is_combining_mark(c)
        || script::is_accent(c)
        || c == '\''
        || c == '`'
        || is_apostrophe(c)
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, '‘' | '’' | '‛' | '´' | '′' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | 'ʾ' | 'ʿ' | 'ˈ' | '׳' | '＇')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str, keep_abbreviations: bool) -> Vec<String> {
        words(text, keep_abbreviations).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn accents_apostrophes_and_case_are_folded_away() {
        assert_eq!(fold("Usāma Qa'ida ŁÓDŹ Straße Ö’Brien"), "usama qaida lodz strasse obrien");
    }

    #[test]
    fn other_alphabets_are_read_in_latin_letters() {
        assert_eq!(fold("Владимир Путин"), "vladimir putin");
        assert_eq!(fold("Παπαδόπουλος"), "papadopoylos");
        assert_eq!(fold("باراك"), "barak");
        assert_eq!(fold("ბარაკ ობამა"), "barak obama");
        assert_eq!(fold("Բարակ Օբամա"), "barak obama");
        assert_eq!(fold("שלמה"), "shlmh");
    }

    #[test]
    fn syllables_and_signs_are_read_too() {
        assert_eq!(folded("桂荣 兰", false), ["guirong", "lan"]);
        assert_eq!(folded("김정은", false), ["kimjongun"]);
        assert_eq!(folded("がくきょう", false), ["gakukyou"]);
        assert_eq!(folded("इला", false), ["ila"], "a vowel sign does not part a word");
        assert_eq!(folded("ប៉ុល", false).len(), 1);
    }

    #[test]
    fn dots_join_letters_of_an_abbreviation_and_part_those_of_initials() {
        assert_eq!(folded("Bowne, L.L.C.", true), ["bowne", "llc"]);
        assert_eq!(folded("A.B. Smith", false), ["a", "b", "smith"]);
        assert_eq!(folded("Smith & Son Ltd.", true), ["smith", "and", "son", "ltd"]);
    }
}
