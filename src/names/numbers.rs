//! Numbers in the names of organisations, ships and aircraft: in words, in Roman digits, as ordinals.
//!
//! All come out in digits, `44` or `1st`, so that they are compared strictly: another number is another thing.

use super::fold::Word;

/// Settles the numbers among `words`; neighbours that make one number become one word (`Forty-Four` is `44`).
pub(super) fn settle(words: Vec<Word>) -> Vec<Word> {
    let mut settled: Vec<Word> = Vec::with_capacity(words.len());
    // A number of tens that waits for its ones.
    let mut tens = None;
    let last = words.len().saturating_sub(1);
    for (place, mut word) in words.into_iter().enumerate() {
        let waiting = tens.take();
        if let Some(ones) = ones(&word.folded)
            && let Some(number) = waiting
            && let Some(before) = settled.last_mut()
        {
            before.folded = format!("{}", number + ones);
            before.written = format!("{} {}", before.written, word.written);
            continue;
        }
        if let Some(number) = whole_tens(&word.folded) {
            word.folded = number.to_string();
            tens = Some(number);
        } else if let Some(number) = small(&word.folded) {
            word.folded = number.to_string();
        } else if let Some(ordinal) = ordinal(&word.folded) {
            word.folded = format!("{ordinal}st");
        } else if place > 0
            && let Some(number) = roman(&word.folded, place == last)
        {
            word.folded = number.to_string();
        } else if word.folded.len() > 1 && word.folded.bytes().all(|byte| byte.is_ascii_digit()) {
            let bare = word.folded.trim_start_matches('0');
            word.folded = if bare.is_empty() { "0".to_owned() } else { bare.to_owned() };
        }
        settled.push(word);
    }
    settled
}

/// Whether the settled word is a number.
pub(super) fn is_number(word: &str) -> bool {
    let digits = word.strip_suffix("st").unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn ones(word: &str) -> Option<u32> {
    match word.parse() {
        Ok(number @ 1..=9) => Some(number),
        Ok(_) => None,
        Err(_) => small(word).filter(|number| (1..=9).contains(number)),
    }
}

fn small(word: &str) -> Option<u32> {
    let words = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    (0..).zip(words).find(|(_, known)| *known == word).map(|(number, _)| number)
}

fn whole_tens(word: &str) -> Option<u32> {
    Some(match word {
        "twenty" => 20,
        "thirty" => 30,
        "forty" | "fourty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        _ => return None,
    })
}

fn ordinal(word: &str) -> Option<u32> {
    let words = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
        "eleventh", "twelfth",
    ];
    if let Some((number, _)) = (1..).zip(words).find(|(_, known)| *known == word) {
        return Some(number);
    }
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end))?;
    digits.parse().ok()
}

/// A Roman number of two or more digits anywhere; one digit only at the end. However it is written: a name in capitals
/// is the same name.
fn roman(word: &str, last: bool) -> Option<u32> {
    let digits = word.as_bytes();
    let alone = digits.len() == 1;
    if digits.len() > 6 || alone && !last {
        return None;
    }
    let mut value = 0;
    let mut largest_after = 0;
    for digit in digits.iter().rev() {
        let worth = match digit {
            b'i' => 1,
            b'v' => 5,
            b'x' => 10,
            _ => return None,
        };
        if worth < largest_after {
            value -= worth;
        } else {
            value += worth;
            largest_after = worth;
        }
    }
    u32::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::super::fold::words;
    use super::*;

    fn settled(text: &str) -> Vec<String> {
        settle(words(text, true)).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn numbers_in_words_and_roman_digits_come_out_in_digits() {
        assert_eq!(settled("Brigade Forty-Four"), ["brigade", "44"]);
        assert_eq!(settled("Brigade Forty 4"), ["brigade", "44"]);
        assert_eq!(settled("Fund XIII"), ["fund", "13"]);
        assert_eq!(settled("Fund V"), ["fund", "5"]);
        assert_eq!(settled("fund v"), ["fund", "5"]);
        assert_eq!(settled("V Fund"), ["v", "fund"]);
        assert_eq!(settled("Snow Storm 007"), ["snow", "storm", "7"]);
    }

    #[test]
    fn ordinals_stay_apart_from_counts() {
        assert_eq!(settled("First Bank"), settled("1st Bank"));
        assert_ne!(settled("First Bank"), settled("One Bank"));
    }
}
