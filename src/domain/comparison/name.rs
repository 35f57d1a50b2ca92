//! Names of persons and organisations: the same but for customs of writing, or for a slip.
//!
//! Where first, middle and last name are known apart, each is compared with its like, then first with last; where a
//! side is one text, its parts are compared in any order. A part answers another when it is the same, a form of the
//! same given name ([`crate::names::nicknames`]), its initial, or spelled alike; two given names that are known to
//! be different never pass for a slip of each other.

use super::{Outcome, Reason};
use crate::names::{
    Name, NameKind, Part,
    align::{align, part_similarity},
    fold::words,
    nicknames::{are_forms_of_one, are_known_and_different},
    script,
};

/// How alike two parts must be spelled to be a slip of each other, and two names of organisations.
const ALIKE: f64 = 0.82;
const ALIKE_AS_A_WHOLE: f64 = 0.9;

/// A name as fields hold it: in parts, or whole. What is not known is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct PersonName {
    pub(super) first: String,
    pub(super) middle: String,
    pub(super) last: String,
    pub(super) whole: String,
}

impl PersonName {
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_empty() && self.middle.is_empty() && self.last.is_empty() && self.whole.is_empty()
    }

    fn is_structured(&self) -> bool {
        !self.first.is_empty() && !self.last.is_empty()
    }

    /// All of it in the order in which it is read.
    fn text(&self) -> String {
        let parts = [&self.whole, &self.first, &self.middle, &self.last].map(String::as_str);
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// How the words of one name answer those of another, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Same,
    Nickname,
    Initial,
    Alike,
    /// Some words are on one side only; those on both answer each other.
    LeftOut,
    Different,
}

impl Answer {
    const fn reason(self) -> Option<Reason> {
        match self {
            Self::Same => None,
            Self::Nickname => Some(Reason::Nickname),
            Self::Initial => Some(Reason::Initial),
            Self::Alike => Some(Reason::SpelledAlike),
            Self::LeftOut => Some(Reason::PartLeftOut),
            Self::Different => Some(Reason::NameDiffers),
        }
    }

    fn is_like(self) -> bool {
        self < Self::LeftOut
    }
}

/// Which of a person's names words are: forms of given names are not forms of family names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Given,
    Family,
    Either,
}

pub(super) fn compare(one: &PersonName, other: &PersonName) -> Outcome {
    if one.is_structured() && other.is_structured() { in_parts(one, other) } else { whole(one, other) }
}

fn in_parts(one: &PersonName, other: &PersonName) -> Outcome {
    let (first, other_first) = (parts(&one.first), parts(&other.first));
    let (last, other_last) = (parts(&one.last), parts(&other.last));
    let (middle, other_middle) = (parts(&one.middle), parts(&other.middle));
    let firsts = answer(&first, &other_first, Sort::Given);
    let lasts = answer(&last, &other_last, Sort::Family);
    let middles = answer(&middle, &other_middle, Sort::Given);
    let is_middle_left_out = middle.is_empty() != other_middle.is_empty();
    if firsts == Answer::Same && lasts == Answer::Same && middles == Answer::Same {
        return Outcome::full(same(&one.text(), &other.text()));
    }
    let crossed = (answer(&first, &other_last, Sort::Either), answer(&last, &other_first, Sort::Either));
    if crossed.0.is_like() && crossed.1.is_like() && crossed.0.min(crossed.1) == Answer::Same {
        return Outcome::partial(Reason::Transposed);
    }
    // The same words, cut otherwise: `Mary Jane` as a first name, or as first and middle.
    if letters(&parts(&one.text())) == letters(&parts(&other.text())) {
        return Outcome::partial(Reason::DividedOtherwise);
    }
    // A lone initial is like half of all names: the other name must then be the same.
    let weak = [firsts, lasts].iter().filter(|answer| **answer == Answer::Initial).count();
    if firsts <= Answer::LeftOut && lasts <= Answer::LeftOut && weak < 2 && lasts != Answer::Initial {
        if middles.is_like() {
            let worst = firsts.max(lasts).max(middles);
            return Outcome::partial(worst.reason().unwrap_or(Reason::SpelledAlike));
        }
        if is_middle_left_out {
            let worst = firsts.max(lasts);
            return Outcome::partial(worst.reason().unwrap_or(Reason::MiddleNameLeftOut));
        }
        if middles == Answer::LeftOut {
            return Outcome::partial(Reason::MiddleNameLeftOut);
        }
    }
    // Cut otherwise, and with a slip in it.
    let (all, others) = (parts(&one.text()), parts(&other.text()));
    if all.len() > 2 && others.len() > 1 && answer(&all, &others, Sort::Either).is_like() {
        return Outcome::partial(Reason::DividedOtherwise);
    }
    Outcome::none(match (firsts <= Answer::LeftOut, lasts <= Answer::LeftOut) {
        (true, true) if middles == Answer::Different => Reason::MiddleNameDiffers,
        (true, false) => Reason::LastNameDiffers,
        (false, true) => Reason::FirstNameDiffers,
        _ => Reason::NameDiffers,
    })
}

/// Names of organisations: their legal forms tell less than the rest.
pub(super) fn organisations(one: &str, other: &str) -> Outcome {
    let folded = |text: &str| words(text, true).into_iter().map(|word| word.folded).collect::<String>();
    if folded(one) == folded(other) && !folded(one).is_empty() {
        return Outcome::full(same(one, other));
    }
    let (left, right) = (Name::new(NameKind::Organisation, one), Name::new(NameKind::Organisation, other));
    if left.parts.is_empty() || right.parts.is_empty() {
        return Outcome::none(Reason::NameDiffers);
    }
    if letters(&left.parts) == letters(&right.parts) {
        return Outcome::partial(Reason::LegalFormDiffers);
    }
    if align(NameKind::Organisation, &left, &right).score >= ALIKE_AS_A_WHOLE {
        return Outcome::partial(Reason::SpelledAlike);
    }
    Outcome::none(Reason::NameDiffers)
}

/// Where a side is one text.
fn whole(one: &PersonName, other: &PersonName) -> Outcome {
    let (text, other_text) = (one.text(), other.text());
    let (left, right) = (parts(&text), parts(&other_text));
    if left.is_empty() || right.is_empty() {
        return Outcome::none(Reason::NameDiffers);
    }
    if letters(&left) == letters(&right) {
        return Outcome::full(same(&text, &other_text));
    }
    if left.len() > 1 && right.len() > 1 {
        let sorted = |parts: &[Part]| {
            let mut words: Vec<String> = parts.iter().map(word).collect();
            words.sort_unstable();
            words
        };
        if sorted(&left) == sorted(&right) {
            return Outcome::partial(Reason::OtherOrder);
        }
    }
    match answer(&left, &right, Sort::Either) {
        // One word of several is shared by too many.
        Answer::LeftOut if left.len().min(right.len()) < 2 => Outcome::none(Reason::NameDiffers),
        found => found.reason().map_or(Outcome::full(Reason::SameWhenNormalised), |reason| match found {
            Answer::Different => Outcome::none(reason),
            _ => Outcome::partial(reason),
        }),
    }
}

/// How the words of two names, or of two like parts of names, answer each other.
fn answer(left: &[Part], right: &[Part], sort: Sort) -> Answer {
    // Blanks and hyphens within a name do not count: `Anna-Maria`, `Annamaria`.
    if letters(left) == letters(right) {
        return Answer::Same;
    }
    if left.is_empty() || right.is_empty() {
        return Answer::Different;
    }
    let mut free: Vec<&Part> = right.iter().collect();
    let mut worst = Answer::Same;
    let mut left_over = 0;
    for word in left {
        let answers = free.iter().enumerate().map(|(at, other)| (of_words(word, other, sort), at));
        match answers.min().filter(|(answer, _)| *answer != Answer::Different) {
            Some((answer, at)) => {
                worst = worst.max(answer);
                free.remove(at);
            }
            None => left_over += 1,
        }
    }
    if left_over == left.len() || (left_over > 0 && !free.is_empty()) {
        return if is_alike_together(left, right) { Answer::Alike } else { Answer::Different };
    }
    if left_over > 0 || !free.is_empty() { Answer::LeftOut } else { worst }
}

/// Whether two names are spelled alike when their words are read as one.
fn is_alike_together(left: &[Part], right: &[Part]) -> bool {
    let joined = |parts: &[Part]| parts.iter().map(word).collect::<String>();
    let (left, right) = (parts(&joined(left)), parts(&joined(right)));
    match (left.as_slice(), right.as_slice()) {
        ([left], [right]) => of_words(left, right, Sort::Either) == Answer::Alike,
        _ => false,
    }
}

fn of_words(left: &Part, right: &Part, sort: Sort) -> Answer {
    if left.letters == right.letters {
        return Answer::Same;
    }
    if left.likeness.initial || right.likeness.initial {
        let is_first = left.letters.first() == right.letters.first();
        return if is_first { Answer::Initial } else { Answer::Different };
    }
    let (one, other) = (word(left), word(right));
    if sort != Sort::Family {
        if are_forms_of_one(&one, &other) {
            return Answer::Nickname;
        }
        if are_known_and_different(&one, &other) {
            return Answer::Different;
        }
    }
    if part_similarity(left, right) >= ALIKE { Answer::Alike } else { Answer::Different }
}

/// In which way two texts of the same letters are the same.
fn same(one: &str, other: &str) -> Reason {
    let is_latin = |text: &str| {
        !text.chars().flat_map(char::to_lowercase).any(|c| c > '\u{024F}' && script::latin(c).is_some())
    };
    if one == other {
        Reason::Same
    } else if is_latin(one) == is_latin(other) {
        Reason::SameWhenNormalised
    } else {
        Reason::SameInOtherScript
    }
}

fn parts(text: &str) -> Vec<Part> {
    Name::new(NameKind::Person, text).parts
}

fn word(part: &Part) -> String {
    part.letters.iter().collect()
}

fn letters(parts: &[Part]) -> String {
    parts.iter().map(word).collect()
}
