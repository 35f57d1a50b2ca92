//! Two parts of names side by side.

use super::people::served;
use super::rules::Rules;
use super::similarity::{Spelling, could_be_two_off, similarity};
use super::slip;
use super::sound::{Key, share_key};

/// How a pair of parts answers each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The same letters.
    Equal,
    /// Spelled, sounding or looking alike.
    Alike,
    /// Forms of one given name, or of one family name.
    Nickname,
    /// The same with and without `Abd`, servant of.
    Servant,
    /// The same letters with other spaces.
    Joined,
    /// One is the first letter of the other.
    Initial,
    /// A letter or two off, all else being equal.
    Slip,
    /// One is the first letters of the other's words.
    Acronym,
    /// Numbers within one series.
    Series,
}

/// So many wrong letters make another name of a part.
const MANY: usize = 3;

/// The similarities of parts that are alike by a rule and not by their letters.
const NICKNAME: f64 = 0.95;
const SAME_LOOKS: f64 = 0.9;
const SERVANT: f64 = 0.88;

/// Forms of one name that are this alike are spellings of it.
const SPELLED_ALIKE: f64 = 0.85;

/// Shorter parts look like too many others.
pub(super) const LONG_ENOUGH_TO_BE_MISREAD: usize = 4;

/// All that a part is compared by.
#[derive(Clone)]
pub struct Likeness {
    /// Its letters.
    pub spelling: Spelling,
    /// The key of its whole sound, by which two neighbours read as one are found.
    pub sound: Key,
    /// The key of how it looks: letters that are misread for each other are one.
    pub shape: Key,
    /// The given or family names that it is a form of, as keys; sorted.
    pub forms: Box<[Key]>,
    /// Whether it is the first letter of a part that is not written out.
    pub initial: bool,
    /// Whether it is a number, or a word that is known in the names of organisations: then another
    /// one is no slip of it.
    pub known: bool,
}

/// Whether two parts are at most two letters off, as slips may be when all else is equal.
pub fn is_slip_of(one: &Spelling, other: &Spelling) -> bool {
    could_be_two_off(one.signature(), other.signature())
        && slip::distance(one.letters(), other.letters()) < MANY
}

/// Whether two parts, known to share a key or not, answer each other, how alike they are and in which way.
pub fn compare(
    rules: &Rules,
    left: &Likeness,
    right: &Likeness,
    share: impl FnOnce() -> bool,
) -> Option<(f64, How)> {
    let (one, other) = (&left.spelling, &right.spelling);
    // The sound tells letters apart that share a code.
    if one.letters() == other.letters() && left.sound == right.sound {
        return Some((1.0, How::Equal));
    }
    if !rules.spelling || left.initial || right.initial {
        return None;
    }
    if rules.nicknames && !left.forms.is_empty() && share_key(&left.forms, &right.forms) {
        let alike = similarity(one, other);
        // `Usama` and `Osama` need no table.
        let how = if alike >= SPELLED_ALIKE { How::Alike } else { How::Nickname };
        return Some((alike.max(NICKNAME), how));
    }
    let known = left.known && right.known;
    if left.shape == right.shape && one.len().min(other.len()) >= LONG_ENOUGH_TO_BE_MISREAD && !known {
        return Some((similarity(one, other).max(SAME_LOOKS), How::Alike));
    }
    // Three wrong letters are another name, unless both sound the same.
    let same_sound = left.sound == right.sound;
    if !known && (same_sound || could_be_two_off(one.signature(), other.signature())) {
        let alike = similarity(one, other);
        if alike > 0.0 && (same_sound || slip::distance(one.letters(), other.letters()) < MANY) && share() {
            return Some((alike, How::Alike));
        }
    }
    let serves = |one: &Likeness, other: &Likeness| {
        served(one.spelling.letters()).is_some_and(|served| served == other.spelling.letters())
    };
    (serves(left, right) || serves(right, left)).then_some((SERVANT, How::Servant))
}
