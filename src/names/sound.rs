//! The sound of a name's part, and the keys under which alike parts are found.
//!
//! A *skeleton* is what remains when vowels and weak letters go and letters that one name's
//! spellings exchange become one: `Gaddafi`, `Qadhafi` and `Kadafi` are all `ktf`. Keys allow for a
//! slip: a long skeleton is also kept with each of its sounds left out in turn, and a short one,
//! which would then say too little, with each letter of the spelling left out instead.

/// A hash under which an index and a blind index look parts up. Stable between machines.
pub type Key = u64;

/// The letters after which a part is no longer looked at.
const LONGEST: usize = 40;

/// The sounds of a part of a name, without vowels; the first letter keeps its place.
///
/// ```text
/// mohammed, muhamad, mhmd -> mmt      yevgeny, evgeni -> afkn
/// ```
pub fn skeleton(letters: &[char]) -> Vec<char> {
    let mut sounds: Vec<char> = Vec::with_capacity(8);
    let mut previous = None;
    let mut rest = letters.iter().copied().take(LONGEST).peekable();
    while let Some(letter) = rest.next() {
        let next = rest.peek().copied();
        let sound = match (letter, next) {
            ('c' | 's' | 'z', Some('h')) => Some('s'),
            ('p', Some('h')) => Some('f'),
            // The `s` or `j` after it is what is heard.
            ('t', Some('s' | 'z')) | ('d', Some('z' | 'j')) => None,
            (letter, _) => sound_of(letter),
        };
        let first = sounds.is_empty() && previous.is_none();
        match sound {
            // The start of a name is heard; which vowel it is differs between spellings.
            None if first && is_open(letter) => sounds.push('a'),
            Some(sound) if previous != Some(sound) || sounds.is_empty() => sounds.push(sound),
            _ => {}
        }
        // `tt` is one sound; `tat` is two.
        previous = sound.or(Some('a'));
    }
    sounds
}

/// The keys of one part: never empty, at most a dozen for an ordinary name.
pub fn part_keys(letters: &[char]) -> Vec<Key> {
    let sounds = skeleton(letters);
    let mut keys = vec![join_key(letters)];
    if sounds.len() >= 4 {
        for left_out in 0..sounds.len() {
            keys.push(hash('s', &sounds, Some(left_out)));
        }
    }
    if sounds.len() <= 4 && letters.len() >= 4 {
        keys.push(hash('l', letters, None));
        for left_out in 0..letters.len().min(LONGEST) {
            keys.push(hash('l', letters, Some(left_out)));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The one key of two neighbouring parts read as one: the sound alone, without slips.
pub fn join_key(letters: &[char]) -> Key {
    let sounds = skeleton(letters);
    // A skeleton of one sound stands for half the short names there are: the spelling counts.
    if sounds.len() < 2 { hash('l', letters, None) } else { hash('s', &sounds, None) }
}

/// The two keys of a part's halves, of which a slip leaves one as it is: of its sounds when it has many, else of its
/// letters.
pub fn half_keys(letters: &[char]) -> [Key; 2] {
    let sounds = skeleton(letters);
    if sounds.len() >= MANY_SOUNDS {
        halves('s', &sounds, sounds.len())
    } else {
        halves('l', letters, letters.len())
    }
}

/// Every key of [`half_keys`] that a part has which is a slip away from this one.
pub fn near_half_keys(letters: &[char]) -> Vec<Key> {
    let sounds = skeleton(letters);
    let mut keys = Vec::with_capacity(12);
    for (space, row, is_fitting) in [
        ('s', sounds.as_slice(), sounds.len() + 1 >= MANY_SOUNDS),
        ('l', letters, sounds.len() <= MANY_SOUNDS),
    ] {
        if is_fitting {
            // The other has a letter less, as many, or one more.
            for length in row.len().saturating_sub(1)..=row.len() + 1 {
                keys.extend(halves(space, row, length));
                // Two that changed places in the middle would spoil both halves.
                let mut swapped = row.to_vec();
                if let Some([one, other]) =
                    swapped.get_mut((length / 2).saturating_sub(1)..).and_then(|rest| rest.first_chunk_mut())
                {
                    std::mem::swap(one, other);
                }
                keys.extend(halves(space, &swapped, length));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// So many sounds tell as much as the letters, and are spelled in fewer ways.
const MANY_SOUNDS: usize = 5;

/// The keys of the beginning and the end of `row`, as long as the halves of a row of this `length` are.
fn halves(space: char, row: &[char], length: usize) -> [Key; 2] {
    let (first, rest) = (length / 2, length - length / 2);
    let begin = row.iter().take(first).chain(std::iter::once(&'<')).chain(std::iter::once(&space));
    let end = row.iter().skip(row.len().saturating_sub(rest)).chain(std::iter::once(&'>'));
    [feed('h', begin), feed('h', end.chain(std::iter::once(&space)))]
}

/// One key of two that stand beside each other in any order.
pub fn pair_key(one: Key, other: Key) -> Key {
    mixed(one.min(other).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ one.max(other).rotate_left(32))
}

/// The key of a part beside an initial, which is that of the whole name or only of its first letters.
pub fn initial_key(letter: char) -> Key {
    feed('i', std::iter::once(&letter))
}

/// The key of what may be answered by an initial, as its first letter.
pub fn first_letter_key(letter: char) -> Key {
    feed('f', std::iter::once(&letter))
}

/// The key of a part that stands for a whole name.
pub fn alone_key(part: Key) -> Key {
    mixed(part ^ 0x5a17_e04a_6c0d_11ed)
}

/// The key of a part that is the only one written out.
pub fn beside_initials_key(part: Key) -> Key {
    mixed(part ^ 0x0b51_de1a_17a1_50f7)
}

/// The key of a word as it is spelled.
pub fn word_key(letters: &[char]) -> Key {
    feed('c', letters.iter())
}

/// The key of all letters of a name in a row, whatever its spaces.
pub fn whole_key<'a>(letters: impl Iterator<Item = &'a char>) -> Key {
    feed('w', letters)
}

/// The key of how a part looks: `rn` and `m`, `vv` and `w`, `cl` and `d`, and `i`, `l` and `j` are misread for each
/// other by eyes and machines.
pub fn shape_key(letters: &[char]) -> Key {
    let mut seen: Vec<char> = Vec::with_capacity(letters.len());
    for letter in letters.iter().take(LONGEST) {
        let looks = match (seen.last(), *letter) {
            (Some('r'), 'n') => 'm',
            (Some('v'), 'v') => 'w',
            (Some('c'), 'l') => 'd',
            (_, letter) => {
                seen.push(if matches!(letter, 'i' | 'j') { 'l' } else { letter });
                continue;
            }
        };
        seen.pop();
        seen.push(looks);
    }
    feed('o', seen.iter())
}

/// The key of the first letters of a name's words, and of a word that may be such letters.
pub fn acronym_key(initials: &str) -> Key {
    let letters: Vec<char> = initials.chars().collect();
    feed('a', letters.iter())
}

/// The key of the number of a document.
pub fn number_key(number: &str) -> Key {
    let letters: Vec<char> = number.chars().collect();
    feed('d', letters.iter())
}

/// The key of a value that is equal to another or not, such as a phone number.
pub fn value_key(value: &str) -> Key {
    let letters: Vec<char> = value.chars().collect();
    feed('v', letters.iter())
}

/// The key of a given name that others are forms of.
pub fn form_key(name: &str) -> Key {
    let letters: Vec<char> = name.chars().collect();
    feed('n', letters.iter())
}

/// Whether two sorted sets of keys have one in common.
pub fn share_key(left: &[Key], right: &[Key]) -> bool {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => left.next(),
            std::cmp::Ordering::Greater => right.next(),
            std::cmp::Ordering::Equal => return true,
        };
    }
    false
}

/// Whether the letter is a vowel or reads as one.
pub const fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// Letters that one name's spellings exchange have one sound; vowels and weak letters have none.
pub const fn sound_of(letter: char) -> Option<char> {
    Some(match letter {
        'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'j' | 'h' | 'w' => return None,
        'b' | 'p' => 'p',
        'f' | 'v' => 'f',
        'c' | 'k' | 'q' | 'g' | 'x' => 'k',
        'd' | 't' => 't',
        's' | 'z' => 's',
        other => other,
    })
}

const fn is_open(letter: char) -> bool {
    is_vowel(letter) || matches!(letter, 'j' | 'h' | 'w')
}

fn hash(space: char, letters: &[char], left_out: Option<usize>) -> Key {
    let kept = letters.iter().take(LONGEST).enumerate().filter(|(place, _)| Some(*place) != left_out);
    feed(space, kept.map(|(_, letter)| letter))
}

/// FNV-1a over the letters: fixed for ever, unlike the standard library's.
fn feed<'a>(space: char, letters: impl Iterator<Item = &'a char>) -> Key {
    let step =
        |hash: u64, letter: char| (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0000_0100_0000_01b3);
    mixed(letters.fold(step(0xcbf2_9ce4_8422_2325, space), |hash, letter| step(hash, *letter)))
}

/// Spreads a hash over all its bits, so that the highest ones alone tell keys apart.
const fn mixed(hash: Key) -> Key {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    fn sounds(text: &str) -> String {
        skeleton(&letters(text)).into_iter().collect()
    }

    #[test]
    fn spellings_of_one_name_sound_alike() {
        for spellings in [
            &["gaddafi", "qadhafi", "kadafi"][..],
            &["mohammed", "muhamad", "mhmd"],
            &["yevgeny", "evgeni", "evgenij"],
            &["hussein", "husayn", "hossein"],
            &["laden", "ladin"],
        ] {
            let first = sounds(spellings[0]);
            assert!(spellings.iter().all(|other| sounds(other) == first), "{spellings:?} {first}");
        }
    }

    #[test]
    fn one_slip_still_leaves_a_common_key() {
        for (right, wrong) in
            [("sechin", "sechim"), ("messi", "bessi"), ("lukashenko", "lukashnko"), ("makhlouf", "makhlout")]
        {
            assert!(share_key(&part_keys(&letters(right)), &part_keys(&letters(wrong))), "{right} {wrong}");
        }
    }

    #[test]
    fn different_names_share_no_key() {
        assert!(!share_key(&part_keys(&letters("putin")), &part_keys(&letters("khamenei"))));
        assert!(!share_key(&part_keys(&letters("wu")), &part_keys(&letters("he"))));
    }
}
