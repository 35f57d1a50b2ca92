//! The keys by which accounts and list entities find each other without being compared: an account keeps few, of which
//! each belongs to few accounts; a list entity is looked up by many.
//!
//! A name of several parts is a hit only when two of them are answered, so a key is made of two parts. Of a part that
//! many people share (`words`) the account's keys take the spelling alone, and the entity's all such words that it
//! answers, as the scorer says. Of other parts the account's keys take the sound, and beside it, as one slip
//! leaves a half as it is, either half: a pair of parts may be off in one of them. What that misses is measured in
//! `docs/matching.md`. The number of a document is a key of its own, for a little likeness of the names suffices beside it;
//! so is what only lists of the customer's own have: e-mail addresses and their domains, phone numbers, IP addresses.

use std::sync::LazyLock;

use crate::domain::document::Document;
use crate::domain::subject::{Subject, SubjectKind};
use crate::names::align::best_score;
use crate::names::likeness::{compare, is_slip_of};
pub use crate::names::sound::Key;
use crate::names::sound::{
    alone_key, beside_initials_key, first_letter_key, half_keys, initial_key, join_key, near_half_keys,
    number_key, pair_key, word_key,
};
use crate::names::{Name, NameKind, Part, Rules, nicknames, words};

use super::index::name_kind;
use super::list::ListEntity;
use super::values;

/// Counts the ways in which keys were ever made: those that are kept are made anew when it changes.
pub const VERSION: i16 = 4;

/// Names that score less are no hit of any preset, whatever else is known.
const LEAST_SCORE: f64 = 0.65;

/// The keys of an account; sorted, each once. A list entity that is a hit of it shares one with it.
pub fn account_keys(subject: &Subject) -> Vec<Key> {
    let kind = match subject.kind {
        SubjectKind::Person => NameKind::Person,
        SubjectKind::Organisation => NameKind::Organisation,
    };
    let mut keys = Vec::new();
    for name in &subject.names {
        keys_of_account_name(kind, &Name::new(kind, name.reveal()), &mut keys);
    }
    keys.extend(subject.documents.iter().flat_map(|document| values::document_keys(document.reveal())));
    keys.extend(subject.contacts.iter().flat_map(|contact| values::contact_keys(contact.reveal())));
    sorted(keys)
}

/// The keys by which the accounts are found whose hit an entity may be; sorted, each once.
pub fn entity_keys(entity: &ListEntity) -> Vec<Key> {
    let mut keys = Vec::new();
    for name in &entity.names {
        keys_of_listed_name(&Name::new(name_kind(entity.kind), &name.text), &mut keys);
    }
    keys.extend(entity.documents.iter().filter_map(document_key));
    sorted(keys)
}

/// The key of a document's number, whatever sort it is of: names that share no key may do beside it. None of a number that is not
/// compared.
pub fn document_key(document: &Document) -> Option<Key> {
    document.comparable().map(|number| number_key(&number))
}

/// What stands for one part.
struct Codes {
    /// Sounds of the whole part; none of an initial.
    whole: Vec<Key>,
    halves: Vec<Key>,
    first: Option<char>,
    common: bool,
}

impl Codes {
    /// Of a part of an account's name.
    fn of_account(part: &Part) -> Self {
        let mut codes = Self::of_first(part);
        if !part.likeness.initial {
            codes.whole.push(whole_of(part));
            if !codes.common {
                codes.halves.extend(half_keys(&part.letters));
            }
        }
        codes
    }

    fn of_first(part: &Part) -> Self {
        let first = part.letters.first().copied();
        Self { whole: Vec::new(), halves: Vec::new(), first, common: is_common(part) }
    }

    /// Of every part that answers this one.
    fn of_listed(part: &Part) -> Self {
        let mut codes = Self::of_first(part);
        if part.likeness.initial {
            return codes;
        }
        codes.add_near(&part.letters);
        let answered = |word: &&Part| {
            is_slip_of(&part.likeness.spelling, &word.likeness.spelling)
                || compare(&Rules::ALL, &part.likeness, &word.likeness, || true).is_some()
        };
        codes.whole.extend(COMMON.iter().filter(answered).map(whole_of));
        for name in nicknames::names_of(&part.likeness.forms) {
            let letters: Vec<char> = name.chars().collect();
            codes.add_near(&letters);
            codes.whole.push(word_key(&letters));
        }
        // The servant of somebody, without and with the word for it.
        let letters = part.letters.as_slice();
        match letters.strip_prefix(&['a', 'b', 'd']) {
            Some(served) if served.len() >= 4 => codes.add_near(served),
            _ => codes.add_near(&[&['a', 'b', 'd'], letters].concat()),
        }
        Self { whole: sorted(codes.whole), halves: sorted(codes.halves), ..codes }
    }

    fn add_near(&mut self, letters: &[char]) {
        self.whole.push(join_key(letters));
        if letters.len() == 4 {
            // What is a letter shorter is known by its sound alone.
            for left_out in 0..4 {
                let mut shorter = letters.to_vec();
                shorter.remove(left_out);
                self.whole.push(join_key(&shorter));
            }
        }
        self.halves.extend(near_half_keys(letters));
    }
}

/// The words that many share, to be answered.
static COMMON: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let names = words::common().map(|word| Name::new(NameKind::Person, word));
    names.flat_map(|name| name.parts).collect()
});

/// Whether a part is not halved: one that many share, one too short, a number.
fn is_common(part: &Part) -> bool {
    part.letters.len() <= 3
        || part.likeness.known
        || is_word(part)
        || part.letters.iter().any(char::is_ascii_digit)
}

/// What stands for a whole part: of words that many share, which sound like many others, the spelling.
fn whole_of(part: &Part) -> Key {
    if is_word(part) { word_key(&part.letters) } else { part.likeness.sound }
}

fn is_word(part: &Part) -> bool {
    words::is_common(&part.letters.iter().collect::<String>())
}

fn keys_of_account_name(kind: NameKind, name: &Name, keys: &mut Vec<Key>) {
    let codes: Vec<Codes> = name.parts.iter().map(Codes::of_account).collect();
    keys.extend(&name.acronyms);
    if codes.len() > 2 {
        keys.push(name.whole);
    }
    if let [only] = codes.as_slice() {
        keys.extend(only.whole.iter().chain(&only.halves).map(|code| alone_key(*code)));
    }
    let pairs = Pairs::of(kind, name);
    for (i, one) in codes.iter().enumerate() {
        for (j, other) in codes.iter().enumerate().skip(i + 1) {
            if pairs.needs(i, j) {
                push_pairs(one, other, keys);
            }
            for (first, second) in [(one, other), (other, one)] {
                push_beside_initial(first, second, keys);
                // A listed name may have an initial for it.
                if second.common
                    && let Some(letter) = first.first
                {
                    keys.extend(second.whole.iter().map(|code| pair_key(first_letter_key(letter), *code)));
                }
            }
        }
    }
    if codes.len() > 1 {
        let rare = name.parts.iter().filter(|part| !part.likeness.initial && !is_common(part));
        keys.extend(rare.map(|part| beside_initials_key(word_key(&part.letters))));
    }
    if codes.len() == 2 {
        keys.extend(name.joins.iter().flatten().map(|join| alone_key(join.likeness.sound)));
    }
    push_joins(name, &codes, false, keys);
}

fn keys_of_listed_name(name: &Name, keys: &mut Vec<Key>) {
    keys.extend(name.direct_keys());
    let codes: Vec<Codes> = name.parts.iter().map(Codes::of_listed).collect();
    for (part, code) in name.parts.iter().zip(&codes) {
        if name.has_initials && !part.likeness.initial {
            keys.push(beside_initials_key(word_key(&part.letters)));
        }
        if codes.len() == 1 {
            keys.extend(code.whole.iter().chain(&code.halves).map(|code| alone_key(*code)));
        } else if !part.likeness.initial {
            keys.push(alone_key(part.likeness.sound));
        }
    }
    for (i, one) in codes.iter().enumerate() {
        for other in codes.iter().skip(i + 1) {
            push_pairs(one, other, keys);
            for (first, second) in [(one, other), (other, one)] {
                let Some(letter) = first.first else { continue };
                // An account may have an initial for it, and the list may have.
                let near = second.whole.iter().chain(&second.halves);
                keys.extend(near.map(|code| pair_key(initial_key(letter), *code)));
                if first.whole.is_empty() {
                    keys.extend(second.whole.iter().map(|code| pair_key(first_letter_key(letter), *code)));
                }
            }
        }
    }
    keys.extend(name.joins.iter().flatten().map(|join| alone_key(join.likeness.sound)));
    push_joins(name, &codes, true, keys);
}

/// Both whole, or one of them by a half.
fn push_pairs(one: &Codes, other: &Codes, keys: &mut Vec<Key>) {
    for code in &one.whole {
        keys.extend(other.whole.iter().chain(&other.halves).map(|with| pair_key(*code, *with)));
    }
    for code in &one.halves {
        keys.extend(other.whole.iter().map(|with| pair_key(*code, *with)));
    }
}

/// An initial with all that stands for the other.
fn push_beside_initial(initial: &Codes, other: &Codes, keys: &mut Vec<Key>) {
    if let Some(letter) = initial.first
        && initial.whole.is_empty()
    {
        let codes = other.whole.iter().chain(&other.halves);
        keys.extend(codes.map(|code| pair_key(initial_key(letter), *code)));
    }
}

/// Two neighbours read as one, with each other part.
fn push_joins(name: &Name, codes: &[Codes], with_halves: bool, keys: &mut Vec<Key>) {
    for (at, join) in name.joins.iter().enumerate() {
        let Some(join) = join else { continue };
        let sound = join.likeness.sound;
        for (_, other) in codes.iter().enumerate().filter(|(place, _)| *place != at && *place != at + 1) {
            let halves = if with_halves { other.halves.as_slice() } else { &[] };
            keys.extend(other.whole.iter().chain(halves).map(|code| pair_key(sound, *code)));
        }
    }
}

/// Which pairs of an account's parts every hit has one of.
struct Pairs {
    /// Parts of different groups need no pair: so many parts are answered that two of them are in one group.
    groups: usize,
    common: Vec<bool>,
    /// Whether parts that many share may suffice without any other. Only asked in one group.
    common_suffice: bool,
}

impl Pairs {
    fn of(kind: NameKind, name: &Name) -> Self {
        let common: Vec<bool> = name.parts.iter().map(is_common).collect();
        let score = |answered: &dyn Fn(usize) -> bool| {
            let (mut told, mut lost) = (0.0, 0.0);
            for (place, part) in name.parts.iter().enumerate() {
                if answered(place) {
                    told += part.weight;
                } else {
                    lost += part.omission;
                }
            }
            best_score(kind, told / (told + lost), 1.0, told)
        };
        let is_enough =
            |answered: &dyn Fn(usize) -> bool| name.has_initials || score(answered) >= LEAST_SCORE;
        let mut heaviest: Vec<usize> = (0..name.parts.len()).collect();
        let weight = |place: &usize| name.parts.get(*place).map_or(0.0, |part| part.weight);
        heaviest.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        let fewest = (2..heaviest.len())
            .find(|count| is_enough(&|place| heaviest.iter().take(*count).any(|heavy| *heavy == place)));
        Self {
            groups: fewest.unwrap_or(heaviest.len()).saturating_sub(1).max(1),
            common_suffice: is_enough(&|place| common.get(place) == Some(&true)),
            common,
        }
    }

    fn needs(&self, one: usize, other: usize) -> bool {
        let is_common = |place: usize| self.common.get(place) == Some(&true);
        if self.groups > 1 {
            return one % self.groups == other % self.groups;
        }
        self.common_suffice || !is_common(one) || !is_common(other)
    }
}

fn sorted(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
