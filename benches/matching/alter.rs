//! What data entry makes of a name.

/// A small generator of numbers: the same sequence in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit.max(1)
    }

    fn one_of<'a, T>(&mut self, values: &'a [T]) -> Option<&'a T> {
        let at = self.below(values.len());
        values.get(at)
    }
}

/// An alteration: its name, and what it does; none when the name has nothing to do it to.
pub(crate) type Alteration = (&'static str, fn(&str, &mut Dice) -> Option<String>);

/// All alterations.
pub(crate) const ALTERATIONS: &[Alteration] = &[
    ("order turned", |name, _| {
        let words = parts_of(name);
        let (last, first) = words.split_last()?;
        (!first.is_empty()).then(|| format!("{last}, {}", first.join(" ")))
    }),
    ("one initial", |name, _| {
        let mut words = parts_of(name);
        let first = words.first_mut()?;
        let initial = first.chars().next()?;
        *first = format!("{initial}.");
        (words.len() > 2).then(|| words.join(" "))
    }),
    ("transliteration", |name, dice| {
        let lower = name.to_lowercase();
        let fitting: Vec<_> = VARIANTS.iter().filter(|(from, _)| lower.contains(from)).collect();
        let first = dice.one_of(&fitting)?;
        let once = lower.replace(first.0, first.1);
        let second = dice.one_of(&fitting)?;
        Some(if second.0 == first.0 || second.0 == first.1 {
            once
        } else {
            once.replacen(second.0, second.1, 1)
        })
    }),
    ("letter left out", |name, dice| in_a_long_word(name, dice, |letters, at, _| _ = letters.remove(at))),
    ("letter added", |name, dice| in_a_long_word(name, dice, |letters, at, other| letters.insert(at, other))),
    ("letter doubled", |name, dice| {
        in_a_long_word(name, dice, |letters, at, _| {
            if let Some(letter) = letters.get(at).copied() {
                letters.insert(at, letter);
            }
        })
    }),
    ("wrong letter", |name, dice| {
        in_a_long_word(name, dice, |letters, at, other| {
            letters.iter_mut().skip(at).take(1).for_each(|slot| *slot = other);
        })
    }),
    ("letters swapped", |name, dice| in_a_long_word(name, dice, |letters, at, _| letters.swap(at - 1, at))),
    ("misread", |name, dice| {
        let lower = name.to_lowercase();
        let fitting: Vec<_> = MISREAD.iter().filter(|(from, _)| lower.contains(from)).collect();
        let (from, to) = dice.one_of(&fitting)?;
        Some(lower.replacen(from, to, 1))
    }),
    ("part left out", |name, dice| {
        let mut words = parts_of(name);
        (words.len() > 2).then(|| {
            words.remove(1 + dice.below(words.len() - 2));
            words.join(" ")
        })
    }),
    ("parts joined", |name, _| {
        let words = parts_of(name);
        let (first, rest) = words.split_first()?;
        (!rest.is_empty()).then(|| format!("{first}{}", rest.join(" ")))
    }),
    ("part split", |name, _| {
        let words: Vec<&str> = name.split(' ').collect();
        let long = words
            .iter()
            .filter(|word| word.is_ascii())
            .max_by_key(|word| word.len())
            .filter(|word| word.len() > 6)?;
        let (first, second) = long.split_at(long.len() / 2);
        Some(name.replacen(long, &format!("{first} {second}"), 1))
    }),
    ("hyphens", |name, _| name.contains(' ').then(|| name.replacen(' ', "-", 1))),
    ("title added", |name, dice| {
        Some(format!("{} {name}", dice.one_of(&["Mr.", "Dr", "Sheikh", "Haji", "Mullah"])?))
    }),
    ("capitals and accents", |name, _| Some(name.to_uppercase().replace('A', "Á").replace('U', "Ü"))),
];

/// The words of a name; `Abd` and particles stay with what they belong to.
fn parts_of(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut lead = String::new();
    for word in name.split(' ') {
        let bare: String = word.chars().filter(|c| c.is_alphabetic()).collect::<String>().to_lowercase();
        lead.push_str(word);
        if ["abd", "abdul", "abdel", "abdal", "bin", "ben", "ibn", "al", "el", "abu", "de", "van"]
            .contains(&bare.as_str())
        {
            lead.push(' ');
        } else {
            parts.push(std::mem::take(&mut lead));
        }
    }
    if !lead.is_empty() {
        parts.push(lead.trim_end().to_owned());
    }
    parts
}

/// What one alphabet's letters become in the hands of several clerks.
const VARIANTS: &[(&str, &str)] = &[
    ("kh", "h"),
    ("kh", "x"),
    ("q", "k"),
    ("q", "g"),
    ("ou", "u"),
    ("u", "ou"),
    ("oo", "u"),
    ("ee", "i"),
    ("i", "ee"),
    ("i", "y"),
    ("y", "i"),
    ("sh", "ch"),
    ("j", "dj"),
    ("dh", "d"),
    ("th", "t"),
    ("w", "v"),
    ("v", "w"),
    ("e", "i"),
    ("o", "u"),
    ("ei", "ai"),
    ("ay", "ei"),
    ("ah", "a"),
    ("mohammad", "muhammed"),
    ("mohammed", "mohamad"),
    ("muhammad", "mohamed"),
    ("ahmad", "ahmed"),
    ("hussein", "husayn"),
    ("abdul", "abd al"),
    ("al-", "el-"),
    ("al-", "al "),
    ("ov", "off"),
    ("zh", "j"),
    ("ts", "tz"),
    ("ya", "ia"),
    ("yu", "iu"),
    ("ch", "tch"),
    ("f", "ph"),
    ("k", "c"),
    ("ss", "s"),
    ("ll", "l"),
    ("mm", "m"),
    ("ullah", "ollah"),
    ("uddin", "eddine"),
    ("gh", "g"),
    ("z", "s"),
];

/// What a machine, or a tired eye, takes for something else.
const MISREAD: &[(&str, &str)] = &[
    ("rn", "m"),
    ("m", "rn"),
    ("l", "1"),
    ("i", "l"),
    ("o", "0"),
    ("e", "c"),
    ("a", "o"),
    ("s", "5"),
    ("b", "8"),
    ("u", "v"),
    ("n", "ri"),
    ("h", "b"),
    ("w", "vv"),
    ("d", "cl"),
    ("g", "q"),
];

/// Alters a word of at least five letters at a place within it.
fn in_a_long_word(name: &str, dice: &mut Dice, change: fn(&mut Vec<char>, usize, char)) -> Option<String> {
    let mut words: Vec<String> = name.to_lowercase().split(' ').map(str::to_owned).collect();
    let long: Vec<usize> =
        words.iter().enumerate().filter(|(_, word)| word.chars().count() > 4).map(|(at, _)| at).collect();
    let word = words.get_mut(*dice.one_of(&long)?)?;
    let mut letters: Vec<char> = word.chars().collect();
    let at = 1 + dice.below(letters.len() - 1);
    let other = char::from(b'a' + u8::try_from(dice.below(26)).unwrap_or_default());
    change(&mut letters, at, other);
    *word = letters.into_iter().collect();
    Some(words.join(" "))
}
