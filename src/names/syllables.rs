//! Syllables and signs in Latin letters: Hangul by its own arithmetic, the scripts of India by theirs, and the rest
//! (Han in pinyin, kana, Thai, Khmer, Burmese, Ethiopic, …) by the table of `deunicode`.
//!
//! The scripts of India share one arrangement: the same letter stands at the same place of each block of 128. What
//! they read without writing, the `a` after a consonant, is not put in: see [`writes_few_vowels`].

use deunicode::deunicode_char;

const FIRST_SYLLABLE: u32 = 0xAC00;
const LAST_SYLLABLE: u32 = 0xD7A3;

/// Readings of `McCune` and Reischauer without their marks, as lists and passports of both Koreas mostly have them.
const LEADS: [&str; 19] =
    ["k", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"];

const VOWELS: [&str; 21] = [
    "a", "ae", "ya", "yae", "o", "e", "yo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu",
    "u", "ui", "i",
];

const TAILS: [&str; 28] = [
    "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t",
    "ng", "t", "t", "k", "t", "p", "t",
];

/// Letters of the scripts of India at their places from 0x05 on, the same in each block; the vowels are signs as well.
#[rustfmt::skip]
const INDIC: [&str; 0x4D] = [
    // 0x05: letters for vowels.
    "a", "a", "i", "i", "u", "u", "ri", "l", "e", "e", "e", "ai", "o", "o", "o", "au",
    // 0x15: consonants.
    "k", "kh", "g", "gh", "n", "ch", "chh", "j", "jh", "n", "t", "th", "d", "dh", "n", "t", "th", "d", "dh", "n", "n",
    "p", "ph", "b", "bh", "m", "y", "r", "r", "l", "l", "l", "v", "sh", "sh", "s", "h",
    // 0x3A: marks, then signs for vowels.
    "", "", "", "", "a", "i", "i", "u", "u", "ri", "ri", "e", "e", "e", "ai", "o", "o", "o", "au", "",
    "", "", "", "",
];

/// Whether the letter is a syllable, or a picture of one, that canonical decomposition would only take apart.
pub(super) fn is_syllabic(letter: char) -> bool {
    is_hangul(letter) || is_han(letter) || ('\u{3040}'..='\u{30FF}').contains(&letter)
}

/// Whether the letter is a syllable of Hangul.
pub(super) fn is_hangul(letter: char) -> bool {
    (FIRST_SYLLABLE..=LAST_SYLLABLE).contains(&u32::from(letter))
}

/// Whether the letter is a Han character.
pub(super) fn is_han(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// Whether the letter's script leaves most vowels, or the commonest one, to the reader: Hebrew, Arabic, and the
/// scripts of India and south-east Asia. A vowel that the other spelling has then tells nothing.
pub(super) const fn writes_few_vowels(letter: char) -> bool {
    matches!(letter, '\u{05D0}'..='\u{05EA}' | '\u{0620}'..='\u{06FF}' | '\u{0900}'..='\u{109F}' | '\u{1780}'..='\u{17FF}')
}

/// Adds the reading of `letter`, lower case; the letter itself where none is known.
pub(super) fn push(letter: char, to: &mut String) {
    let code = u32::from(letter);
    if is_hangul(letter) {
        let place = usize::try_from(code - FIRST_SYLLABLE).unwrap_or_default();
        for sound in [LEADS.get(place / 588), VOWELS.get(place % 588 / 28), TAILS.get(place % 28)] {
            to.push_str(sound.copied().unwrap_or_default());
        }
    } else if let Some(glide) = glide(letter) {
        // `ki` and a small `yo` are `kyo`.
        if to.ends_with('i') {
            to.pop();
        }
        to.push_str(glide);
    } else if let Some(read) = indic(code) {
        to.push_str(read);
    } else if let Some(read) = deunicode_char(letter) {
        to.extend(read.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
    } else {
        to.push(letter);
    }
}

/// Small kana, and those that only lengthen or double.
const fn glide(letter: char) -> Option<&'static str> {
    match letter {
        'ゃ' | 'ャ' => Some("ya"),
        'ゅ' | 'ュ' => Some("yu"),
        'ょ' | 'ョ' => Some("yo"),
        'っ' | 'ッ' | 'ー' => Some(""),
        _ => None,
    }
}

fn indic(code: u32) -> Option<&'static str> {
    // Devanagari to Malayalam.
    if !(0x0900..0x0D80).contains(&code) {
        return None;
    }
    match code % 0x80 {
        // Nasal signs.
        0x01 | 0x02 => Some("n"),
        0x03 | 0x00 | 0x04 => Some(""),
        place @ 0x05..0x52 => INDIC.get(usize::try_from(place - 5).unwrap_or_default()).copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let mut read = String::new();
        text.chars().for_each(|letter| push(letter, &mut read));
        read
    }

    #[test]
    fn hangul_is_read_by_syllables() {
        assert_eq!(read("박근혜"), "bakkunhye");
        assert_eq!(read("문재인"), "munjaein");
    }

    #[test]
    fn one_name_in_several_scripts_of_india_reads_alike() {
        let spellings = ["राम", "রাম", "ராம", "రామ", "രാമ"];
        assert!(spellings.iter().all(|spelling| read(spelling) == "ram"), "{:?}", spellings.map(read));
        assert_eq!(read("मोहन"), "mohn");
        assert_eq!(read("कुमार"), "kumar");
    }

    #[test]
    fn characters_are_read_in_pinyin() {
        assert_eq!(read("习近平"), "xijinping");
    }
}
