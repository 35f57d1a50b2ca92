//! Which parts of a list answer a part of an account's name.
//!
//! Finding them is most of what a screening costs, and names repeat: of the parts that were asked for lately the
//! answers are kept. They follow from the part and the list alone, so nothing that is kept is ever out of date.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::names::likeness::{How, compare};
use crate::names::similarity::{could_be_alike, could_be_two_off};
use crate::names::sound::Key;
use crate::names::{Part, Rules};

use super::arrangement::{Arrangement, low_bits};

/// So many answers are kept of each list: 16 MB.
const MOST_KEPT: u64 = 1_000_000;

/// What an entry takes beside its key and its answers, counted as answers.
const ENTRY: u64 = 16;

/// How many parts are expected to be kept: where the cache begins, it grows.
const EXPECTED: usize = 1_000;

/// The parts of a list that answer one.
pub(super) struct Answers {
    /// In the order of their numbers.
    pub(super) units: Box<[Answer]>,
    /// How many names hold one of them; a name that holds two counts twice.
    pub(super) holders: usize,
}

/// A part that answers another by all rules.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) unit: u32,
    pub(super) how: How,
    pub(super) similarity: f64,
}

impl Answers {
    /// How a part of the list answers, if it does.
    pub(super) fn of(&self, unit: u32) -> Option<(f64, How)> {
        let at = self.units.binary_search_by_key(&unit, |answer| answer.unit).ok()?;
        self.units.get(at).map(|answer| (answer.similarity, answer.how))
    }
}

/// All of a part that its answers depend on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Asked {
    letters: Box<[char]>,
    keys: Box<[Key]>,
    has_few_vowels: bool,
    known: bool,
}

impl Asked {
    fn of(part: &Part) -> Self {
        Self {
            letters: part.letters.as_slice().into(),
            keys: part.keys.as_slice().into(),
            has_few_vowels: part.likeness.spelling.has_few_vowels(),
            known: part.likeness.known,
        }
    }
}

#[derive(Clone)]
struct BySize;

impl Weighter<Asked, Arc<Answers>> for BySize {
    fn weight(&self, asked: &Asked, answers: &Arc<Answers>) -> u64 {
        let key = size_of_val(&*asked.letters) + size_of_val(&*asked.keys);
        let weight = answers.units.len() + key.div_ceil(size_of::<Answer>());
        ENTRY + u64::try_from(weight).unwrap_or(MOST_KEPT)
    }
}

/// The answers to the parts that were asked for lately.
pub(super) struct Lately(Cache<Asked, Arc<Answers>, BySize>);

impl Lately {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(EXPECTED, MOST_KEPT, BySize))
    }

    /// The parts of `names` that answer `part`.
    pub(super) fn answers(&self, names: &Arrangement, part: &Part) -> Arc<Answers> {
        let asked = Asked::of(part);
        if let Some(kept) = self.0.get(&asked) {
            return kept;
        }
        let found = Arc::new(found(names, part));
        self.0.insert(asked, found.clone());
        found
    }
}

fn found(names: &Arrangement, part: &Part) -> Answers {
    let like = units_like(names, part);
    let answering = names.units_of(like.into_iter()).filter_map(|(number, unit)| {
        let (similarity, how) = compare(&Rules::ALL, &part.likeness, &unit.likeness, || true)?;
        Some(Answer { unit: number, how, similarity })
    });
    let units: Box<[Answer]> = answering.collect();
    let holders = units.iter().map(|answer| names.names_with(answer.unit).len()).sum();
    Answers { units, holders }
}

/// The list's parts that share a key with `part` and may be alike to it; each once.
fn units_like(names: &Arrangement, part: &Part) -> Vec<u32> {
    let spelling = &part.likeness.spelling;
    let (sounds, length, signature) = (spelling.sounds(), spelling.len(), spelling.signature());
    let sound = low_bits(part.likeness.sound);
    let mut numbers: Vec<u32> = Vec::new();
    for key in &part.keys {
        let sure = part.sure_keys.contains(key);
        let entries = names.keys.under(*key).iter();
        let like = entries.filter(|entry| {
            sure || entry.sure
                || (entry.sound == sound || could_be_two_off(signature, entry.signature))
                    && could_be_alike(sounds, length, entry.sounds, usize::from(entry.length))
        });
        numbers.extend(like.map(|entry| entry.unit));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
