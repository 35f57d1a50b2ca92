//! Names that are both written in Han, or both in Hangul: compared by their characters, because the reading of one
//! character fits many.

use super::syllables;

/// What two Han characters with one reading count, as forms of one (`张`, `張`) are: nearly equal.
const SAME_READING: f64 = 0.97;

/// How alike two names in the same characters are; none when one of them is not written so.
pub(super) fn similarity(left: &[char], right: &[char]) -> Option<f64> {
    let (first, other) = (left.first()?, right.first()?);
    if syllables::is_hangul(*first) != syllables::is_hangul(*other) {
        return None;
    }
    if left == right {
        return Some(1.0);
    }
    let sorted = |letters: &[char]| {
        let mut letters = letters.to_vec();
        letters.sort_unstable();
        letters
    };
    if sorted(left) == sorted(right) {
        return Some(0.95);
    }
    let longest = left.len().max(right.len());
    let alike: f64 = left.iter().zip(right).map(|(a, b)| alike(*a, *b)).sum();
    // From the end as well: something may stand before.
    let from_end: f64 = left.iter().rev().zip(right.iter().rev()).map(|(a, b)| self::alike(*a, *b)).sum();
    Some(alike.max(from_end) / f64::from(u32::try_from(longest).unwrap_or(u32::MAX)))
}

fn alike(a: char, b: char) -> f64 {
    let read = |letter| {
        let mut read = String::new();
        syllables::push(letter, &mut read);
        read
    };
    if a == b {
        1.0
    } else if syllables::is_han(a) && read(a) == read(b) {
        SAME_READING
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_character_is_another_name() {
        let of = |left: &str, right: &str| {
            similarity(&left.chars().collect::<Vec<_>>(), &right.chars().collect::<Vec<_>>())
        };
        assert!(of("김종은", "김정은").unwrap() < 0.7);
        assert!(of("张伟", "張偉").unwrap() > 0.9);
        assert_eq!(of("张伟", ""), None);
    }
}
