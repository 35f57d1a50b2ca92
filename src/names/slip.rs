//! The last part of two names that are equal but for it: how far it may be off and still be a slip.
//!
//! `Keir Starmer` and `Keir Starkey` share neither sound nor key in the part that differs; what speaks for a slip is
//! that all the rest is equal. So the limit is counted in letters, on the whole name.

use super::name::{Name, Part};

/// A name has to be this long, in letters, for two of them to be taken for slips.
const LONG_ENOUGH: usize = 9;

/// Letters past these are not looked at.
const LOOKED_AT: usize = 24;

/// How alike a slip of one letter, or of two, is taken to be.
const ONE_OFF: f64 = 0.86;
const TWO_OFF: f64 = 0.82;

/// What the rest of the two names is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    letters: usize,
    /// Three short parts on either side, as in Korea and China, whose syllables are spelled in many ways.
    syllabic: bool,
}

impl Rest {
    pub(super) fn of(left: &Name, right: &Name) -> Self {
        let letters = |name: &Name| name.parts.iter().map(|part| part.letters.len()).sum::<usize>();
        let syllabic =
            |name: &Name| name.parts.len() == 3 && name.parts.iter().all(|part| part.letters.len() <= 5);
        Self { letters: letters(left).min(letters(right)), syllabic: syllabic(left) && syllabic(right) }
    }
}

/// How alike the two are as slips of each other; none when they are more than that.
pub(super) fn similarity(left: &Part, right: &Part, rest: Rest) -> Option<f64> {
    if left.likeness.initial || right.likeness.initial || rest.letters < LONG_ENOUGH {
        return None;
    }
    let longest = left.letters.len().max(right.letters.len());
    if left.letters.len().abs_diff(right.letters.len()) > 2 || longest > LOOKED_AT {
        return None;
    }
    match distance(&left.letters, &right.letters) {
        1 => Some(ONE_OFF),
        2 if longest >= 5 || rest.syllabic => Some(TWO_OFF),
        _ => None,
    }
}

/// Letters to change, put in, leave out or exchange with a neighbour.
pub(super) fn distance<T: PartialEq>(left: &[T], right: &[T]) -> usize {
    let (left, right) = (left.get(..LOOKED_AT).unwrap_or(left), right.get(..LOOKED_AT).unwrap_or(right));
    let mut before = [0; LOOKED_AT + 1];
    let mut above: [usize; LOOKED_AT + 1] = std::array::from_fn(|at| at);
    let mut last_left = None;
    for (i, a) in left.iter().enumerate() {
        let mut row = [i + 1; LOOKED_AT + 1];
        let mut last_right = None;
        let (mut beside, mut swapped) = (i + 1, usize::MAX - 1);
        let cells = row.iter_mut().skip(1).zip(above.iter().zip(above.iter().skip(1)));
        for ((cell, (diagonal, straight)), (b, two_back)) in cells.zip(right.iter().zip(before.iter())) {
            let mut cost = (diagonal + usize::from(a != b)).min(straight + 1).min(beside + 1);
            if last_left == Some(b) && last_right == Some(a) {
                cost = cost.min(swapped + 1);
            }
            *cell = cost;
            beside = cost;
            swapped = *two_back;
            last_right = Some(b);
        }
        last_left = Some(a);
        before = above;
        above = row;
    }
    above.get(right.len()).copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        let of = |left: &str, right: &str| {
            distance(&left.chars().collect::<Vec<_>>(), &right.chars().collect::<Vec<_>>())
        };
        assert_eq!(of("starkey", "starmer"), 2);
        assert_eq!(of("on", "un"), 1);
        assert_eq!(of("jang", "bong"), 2);
        assert_eq!(of("abc", "acb"), 1);
        assert_eq!(of("", "ab"), 2);
        assert_eq!(of("khaja", "khan"), 2);
    }
}
