//! How alike two parts of a name are spelled.
//!
//! An edit distance in which a slip of the ear costs less than one of the finger: a vowel for a
//! vowel, `k` for `q`, a doubled letter. How much is forgiven grows with the length: nothing in two
//! letters, two wrong ones in eight.

use super::sound::{is_vowel, sound_of};

/// Longer parts are compared by their beginnings.
const LONGEST: usize = 32;

/// Costs are counted in twentieths of a wrong letter: whole numbers are quick and exact.
type Cost = u16;

/// A wrong, missing or extra letter.
const LETTER: Cost = 20;

/// Two neighbours in each other's place.
const SWAP: Cost = 16;

/// A weak letter or a vowel that comes or goes, or letters that two languages exchange.
const WEAK: Cost = 10;

/// Another letter of the same sound.
const SAME_SOUND: Cost = 8;

/// Another vowel.
const VOWEL: Cost = 7;

/// A doubled letter: the cheapest.
const DOUBLING: Cost = 6;

/// How much of the share of wrong letters is taken from the similarity: one letter of six leaves 0.86.
const LOSS: f64 = 0.85;

/// A part of a name, prepared for comparing: a byte a letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Spelling {
    letters: Box<[u8]>,
    signature: u64,
    sounds: u32,
    digits: bool,
    few_vowels: bool,
}

impl Spelling {
    /// Prepares `letters`. What folding left as it is, of scripts without a reading, becomes one of 128 signs.
    pub fn new(letters: &[char]) -> Self {
        let codes: Box<[u8]> = letters.iter().take(LONGEST).map(|letter| code_of(*letter)).collect();
        Self {
            signature: signature_of(&codes),
            letters: codes,
            sounds: letters
                .iter()
                .filter_map(|letter| sound_of(*letter))
                .fold(0, |set, sound| set | bit(sound)),
            digits: letters.iter().any(char::is_ascii_digit),
            few_vowels: false,
        }
    }

    /// The same, from a script that leaves vowels to the reader.
    #[must_use]
    pub fn with_few_vowels(self, few_vowels: bool) -> Self {
        Self { few_vowels, ..self }
    }

    /// Whether it comes from a script that leaves vowels to the reader.
    pub const fn has_few_vowels(&self) -> bool {
        self.few_vowels
    }

    /// The sounds in it, vowels aside, as a set: most pairs are told apart by it alone.
    pub const fn sounds(&self) -> u32 {
        self.sounds
    }

    /// Which letters stand in it once, and which twice.
    pub const fn signature(&self) -> u64 {
        self.signature
    }

    /// Its letters, a byte each.
    pub const fn letters(&self) -> &[u8] {
        &self.letters
    }

    /// How many letters are compared.
    pub(crate) const fn len(&self) -> usize {
        self.letters.len()
    }
}

/// The letters as a set, a second one of a kind as a letter of its own; those beyond `a` to `z` share places with them.
pub(crate) fn signature_of(letters: &[u8]) -> u64 {
    letters.iter().fold(0, |set, letter| {
        let first = 1 << (letter % 32);
        if set & first == 0 { set | first } else { set | first << 32 }
    })
}

/// Whether letters with these signatures may be two slips apart at most: each wrong letter may be in one of them
/// alone, and the right one in the other.
pub const fn could_be_two_off(left: u64, right: u64) -> bool {
    (left ^ right).count_ones() <= 4
}

fn code_of(letter: char) -> u8 {
    u8::try_from(letter).ok().filter(u8::is_ascii).unwrap_or_else(|| {
        // The lowest seven bits of the code point, above ASCII.
        let low = u32::from(letter).to_le_bytes();
        low.first().copied().unwrap_or_default() | 0x80
    })
}

/// 0 when `left` and `right` are different names, else 0.6 to 1, where 1 is equal.
pub fn similarity(left: &Spelling, right: &Spelling) -> f64 {
    if left.letters == right.letters {
        return 1.0;
    }
    let longest = left.len().max(right.len());
    let lenient = left.few_vowels != right.few_vowels;
    // Short words without their vowels: one of these, and another letter of the same sound.
    let allowed = if lenient && longest == 3 { LETTER - 2 } else { tolerance(longest) };
    if allowed == 0
        || left.digits
        || right.digits
        || !could_be_alike(left.sounds, left.len(), right.sounds, right.len())
    {
        return 0.0;
    }
    let (mut left_letters, mut right_letters) = ([Letter::NONE; LONGEST], [Letter::NONE; LONGEST]);
    let (left, right) = (prepared(left, &mut left_letters), prepared(right, &mut right_letters));
    let cost = distance(left, right, allowed, lenient);
    let share =
        LOSS * f64::from(cost) / f64::from(LETTER) / f64::from(u32::try_from(longest).unwrap_or(u32::MAX));
    if cost > allowed { 0.0 } else { 1.0 - share }
}

/// The greatest cost that two parts may differ by, of which the longer has `letters` letters.
const fn tolerance(letters: usize) -> Cost {
    match letters {
        0..=2 => 0,
        3 => LETTER / 2,
        4..=5 => LETTER,
        6..=7 => LETTER * 3 / 2,
        8..=11 => LETTER * 2,
        _ => LETTER * 5 / 2,
    }
}

/// Whether parts with these sounds and lengths may be alike at all; errs towards yes.
pub fn could_be_alike(left: u32, left_length: usize, right: u32, right_length: usize) -> bool {
    let allowed = u32::from(tolerance(left_length.max(right_length)));
    // A sound that only one side has was put in, left out or changed for one that only the other
    // has, at the price of a letter; or, if it is one that w and j are exchanged for, at half.
    let least = |only: u32| {
        let cheap = (only & EXCHANGED).count_ones();
        cheap * u32::from(WEAK) + (only.count_ones() - cheap) * u32::from(LETTER)
    };
    least(left & !right).max(least(right & !left)) <= allowed
        && left_length.abs_diff(right_length) * usize::from(DOUBLING) <= allowed as usize
}

/// The sounds that a weak letter may stand for: see [`substitution`].
const EXCHANGED: u32 = bit('f') | bit('p') | bit('k') | bit('s');

const fn bit(sound: char) -> u32 {
    1 << (sound as u32 % 32)
}

/// Fills `letters` with those of `spelling`.
fn prepared<'a>(spelling: &Spelling, letters: &'a mut [Letter; LONGEST]) -> &'a [Letter] {
    let mut previous = None;
    let last = spelling.letters.len();
    for (place, (slot, code)) in letters.iter_mut().zip(&spelling.letters).enumerate() {
        *slot = Letter::new(*code, previous, place + 1 == last);
        previous = Some(*code);
    }
    letters.get(..last).unwrap_or(letters)
}

/// The sound of each code, 0 for none.
#[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
const SOUNDS: [u8; 256] = {
    let mut sounds = [0; 256];
    let mut code: u8 = 0;
    loop {
        if let Some(sound) = sound_of(code as char) {
            sounds[code as usize] = sound as u8;
        }
        if code == u8::MAX {
            break sounds;
        }
        code += 1;
    }
};

/// A letter with what its edits cost.
#[derive(Clone, Copy)]
struct Letter {
    itself: u8,
    /// 0 for none.
    sound: u8,
    vowel: bool,
    /// What it costs to leave it out or put it in.
    insertion: Cost,
}

type Row = [Cost; LONGEST + 1];

impl Letter {
    const NONE: Self = Self { itself: b' ', sound: 0, vowel: false, insertion: 0 };

    fn new(letter: u8, previous: Option<u8>, last: bool) -> Self {
        let sound = SOUNDS.get(usize::from(letter)).copied().unwrap_or_default();
        let insertion = match sound {
            _ if previous == Some(letter) => DOUBLING,
            0 => WEAK,
            // The nominative of the Baltic languages, and many a plural.
            b's' if letter == b's' && last && previous.is_some() => WEAK,
            _ => LETTER,
        };
        Self { itself: letter, sound, vowel: is_vowel(char::from(letter)), insertion }
    }

    const fn insertion(self, lenient: bool) -> Cost {
        if lenient && self.sound == 0 && self.insertion > DOUBLING { DOUBLING } else { self.insertion }
    }
}

/// The least cost of turning `left` into `right`; anything above `allowed` when it is more.
///
/// `lenient`: one side's script leaves vowels to the reader, so those of the other cost next to nothing.
fn distance(left: &[Letter], right: &[Letter], allowed: Cost, lenient: bool) -> Cost {
    // Three rows: two back for swapped neighbours.
    let (mut first, mut second, mut third): (Row, Row, Row) =
        ([0; LONGEST + 1], [0; LONGEST + 1], [0; LONGEST + 1]);
    let (mut before, mut above, mut row) = (&mut first, &mut second, &mut third);
    let mut total = 0;
    for (cell, b) in above.iter_mut().skip(1).zip(right) {
        total += b.insertion(lenient);
        *cell = total;
    }
    let mut a_before = None;
    let mut least_above = 0;
    for a in left {
        let mut least = fill(row, above, before, (a, a_before), right, lenient);
        std::mem::swap(&mut least, &mut least_above);
        // A swap reaches over one row; when neither row can be saved, nothing can.
        if least > allowed && least_above > allowed {
            return Cost::MAX;
        }
        a_before = Some(a.itself);
        (before, above, row) = (above, row, before);
    }
    above.get(right.len()).copied().unwrap_or(Cost::MAX)
}

/// Fills one row from the two before it; returns the least cost in it.
fn fill(
    row: &mut Row,
    above: &Row,
    before: &Row,
    (a, a_before): (&Letter, Option<u8>),
    right: &[Letter],
    lenient: bool,
) -> Cost {
    let left_out = a.insertion(lenient);
    let [start, cells @ ..] = row;
    let [above_start, aboves @ ..] = above;
    let mut diagonal = *above_start;
    let mut beside = *above_start + left_out;
    *start = beside;
    let mut least = beside;
    let mut b_before = None;
    let mut swapped = Cost::MAX - SWAP;
    // `swapped` trails by one: it is the cell two rows up and two columns back.
    let mut trail = before.iter();
    for ((cell, straight), b) in cells.iter_mut().zip(aboves).zip(right) {
        let mut cost =
            (diagonal + substitution(*a, *b)).min(straight + left_out).min(beside + b.insertion(lenient));
        if a.itself != b.itself && a_before == Some(b.itself) && b_before == Some(a.itself) {
            cost = cost.min(swapped + SWAP);
        }
        *cell = cost;
        least = least.min(cost);
        diagonal = *straight;
        beside = cost;
        b_before = Some(b.itself);
        swapped = trail.next().copied().unwrap_or(Cost::MAX - SWAP);
    }
    least
}

fn substitution(a: Letter, b: Letter) -> Cost {
    if a.itself == b.itself {
        return 0;
    }
    match (a.sound, b.sound) {
        (0, 0) if a.vowel && b.vowel => VOWEL,
        (0, 0) => WEAK,
        (one, other) if one == other => SAME_SOUND,
        // w and v, j and g: one sound in two languages.
        (0, b'f' | b'p') if a.itself == b'w' => WEAK,
        (b'f' | b'p', 0) if b.itself == b'w' => WEAK,
        (0, b'k' | b's') if a.itself == b'j' => WEAK,
        (b'k' | b's', 0) if b.itself == b'j' => WEAK,
        _ => LETTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(left: &str, right: &str) -> f64 {
        let letters = |text: &str| Spelling::new(&text.chars().collect::<Vec<_>>());
        let forth = similarity(&letters(left), &letters(right));
        let back = similarity(&letters(right), &letters(left));
        assert!((forth - back).abs() < 1e-9, "{left} {right} depends on the order");
        forth
    }

    #[test]
    fn slips_of_the_ear_cost_less_than_slips_of_the_finger() {
        assert!(alike("laden", "ladin") > alike("laden", "lamen"));
        assert!(alike("qadhafi", "kadhafi") > alike("qadhafi", "madhafi"));
        assert!(alike("makhlouf", "makhlouff") > alike("makhlouf", "makhloufs"));
    }

    #[test]
    fn what_is_forgiven_grows_with_the_length() {
        assert!(alike("wu", "wo") < 0.1);
        assert!(alike("smith", "smath") > 0.8);
        assert!(alike("khodorkovsky", "khordorovsky") > 0.7);
        assert!(alike("paul", "saul") > 0.7);
        assert!(alike("paul", "sahl") < 0.1);
    }

    #[test]
    fn swapped_neighbours_are_one_slip() {
        assert!(alike("lukashenko", "luakshenko") > 0.85);
    }

    #[test]
    fn numbers_are_equal_or_different() {
        assert!(alike("2004", "2005") < 0.1);
        assert!((alike("44", "44") - 1.0).abs() < 1e-9);
    }
}
