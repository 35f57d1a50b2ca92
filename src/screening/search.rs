//! Which names of a list an account's name has to be compared with.
//!
//! A subject's parts find the parts alike to them, and these mark the names that hold them:
//! which of the subject's parts a name answers is one small number. From it follows the most that
//! the name could score; only names that could reach the threshold are scored. Nothing is left out
//! for being common, so a screening finds exactly what comparing with every name would find, and a
//! key that half the list shares costs one look at each different part under it.

use crate::names::align::{SINGLE_PART_CAP, join_similarity};
use crate::names::likeness::{How, compare, is_equal};
use crate::names::similarity::{could_be_alike, could_be_two_off};
use crate::names::{Name, NameKind, Part, Rules};

use super::arrangement::{Answering, Arrangement, Entry, Unit, low_bits};
use super::marks::{Answer, LISTED_JOIN, Marks, Sieve, WHOLE, equal_mark_of, mark_of};
use super::postings::Postings;

/// The names of the list that could score `least` or more with `account`, by their numbers.
pub(super) fn candidates(
    names: &Arrangement,
    kind: NameKind,
    account: &Name,
    least: f64,
    marks: &mut Marks,
) -> Vec<u32> {
    marks.clear(names.len());
    let sieve = Sieve::new(kind, account, least);
    for key in account.direct_keys() {
        marks.set(names.direct.under(key).iter().copied(), WHOLE);
    }
    mark_joins(names, account, marks);
    mark_parts(names, account, &sieve, marks);
    marks
        .answered()
        .filter(|(name, mark)| sieve.may_pass(*mark) || names.has_initials(*name))
        .filter(|(name, mark)| names.summary(*name).is_some_and(|summary| sieve.passes(summary, *mark)))
        .map(|(name, _)| name)
        .collect()
}

fn mark_parts(names: &Arrangement, account: &Name, sieve: &Sieve<'_>, marks: &mut Marks) {
    let parts = account.parts.iter().enumerate().filter(|(_, part)| !part.likeness.initial);
    let mut parts: Vec<(usize, &Part, usize)> =
        parts.map(|(place, part)| (place, part, names.keys.count_under(&part.keys))).collect();
    // A name that only the last part answers is out, so the most toilsome search goes last: there is none, only a look at
    // the names that the others found.
    parts.sort_by_key(|(_, _, effort)| *effort);
    let is_guarded = parts.len() > 1 && !account.has_initials && sieve.least() > SINGLE_PART_CAP;
    let last = if is_guarded { parts.pop() } else { None };
    let is_of_two = parts.len() == 1;
    for (place, part, _) in parts {
        for found in names.answers.of(part, || answering(names, part)).iter() {
            let equal = if found.equal { equal_mark_of(place) } else { 0 };
            marks.set(names.names_with(found.unit).iter().copied(), mark_of(place) | equal);
        }
    }
    if let Some((place, part, _)) = last {
        mark_last(names, sieve, (place, part, is_of_two), marks);
    }
}

/// Every unit that answers a part.
fn answering(names: &Arrangement, part: &Part) -> Vec<Answering> {
    let like = units_like(&names.keys, part);
    let found = names.units_of(&like).filter_map(|(unit, kept)| {
        answers(part, kept).map(|how| Answering { unit, equal: how == How::Equal })
    });
    found.collect()
}

/// Marks what the last part answers of the names that answer another; beside them names with initials, and those that
/// are equal but for a slip in the other of two parts.
fn mark_last(
    names: &Arrangement,
    sieve: &Sieve<'_>,
    (place, part, is_of_two): (usize, &Part, bool),
    marks: &mut Marks,
) {
    let (alike, equal) = (mark_of(place), mark_of(place) | equal_mark_of(place));
    marks.begin_part(names.units());
    for at in 0..marks.len() {
        let Some(name) = marks.touched(at) else { break };
        for unit in names.units_in(name) {
            match answer_of(names, part, *unit, marks) {
                Answer::Alike => marks.set([name], alike),
                Answer::Equal => marks.set([name], equal),
                Answer::None | Answer::Unknown => {}
            }
        }
    }
    for number in units_like(&names.initial_keys, part) {
        let mark = match answer_of(names, part, number, marks) {
            Answer::Alike => alike,
            Answer::Equal => equal,
            Answer::None | Answer::Unknown => continue,
        };
        marks.set(names.names_with_initials(number).iter().copied(), mark);
    }
    if is_of_two {
        let same_sound = names.keys.under(part.likeness.sound).iter();
        let signature = part.likeness.spelling.signature();
        for entry in same_sound.filter(|entry| entry.signature == signature) {
            if names.unit(entry.unit).is_some_and(|unit| is_equal(&part.likeness, &unit.likeness)) {
                let slips = names.names_with(entry.unit).iter().copied();
                let slips = slips
                    .filter(|name| names.summary(*name).is_some_and(|summary| sieve.may_be_a_slip(summary)));
                marks.set(slips, equal);
            }
        }
    }
}

/// How a unit answers the part that is looked for, errs towards yes; compared the first time.
fn answer_of(names: &Arrangement, part: &Part, number: u32, marks: &mut Marks) -> Answer {
    let known = marks.known(number);
    if known != Answer::Unknown {
        return known;
    }
    let how = names.unit(number).and_then(|unit| answers(part, unit));
    let answer = match how {
        None => Answer::None,
        Some(How::Equal) => Answer::Equal,
        Some(_) => Answer::Alike,
    };
    marks.note(number, answer);
    answer
}

/// How a unit that was found under a key of the part answers it.
fn answers(part: &Part, unit: &Unit) -> Option<How> {
    compare(&Rules::ALL, &part.likeness, &unit.likeness, || true).map(|(_, how)| how)
}

/// Marks the names in which two neighbours, on either side, answer one part.
fn mark_joins(names: &Arrangement, account: &Name, marks: &mut Marks) {
    for (place, part) in account.parts.iter().enumerate().filter(|(_, part)| !part.likeness.initial) {
        marks.set(names.joins.under(part.likeness.sound).iter().copied(), mark_of(place) | LISTED_JOIN);
    }
    for (place, join) in account.joins.iter().enumerate() {
        let Some(join) = join else { continue };
        for (number, unit) in names.units_of(&units_like(&names.keys, join)) {
            if join_similarity(&join.likeness, &unit.likeness) > 0.0 {
                marks.set(names.names_with(number).iter().copied(), mark_of(place) | mark_of(place + 1));
            }
        }
    }
}

/// The list's parts that share a key with `part` and may be alike to it; each once.
fn units_like(keys: &Postings<Entry>, part: &Part) -> Vec<u32> {
    let spelling = &part.likeness.spelling;
    let (sounds, length, signature) = (spelling.sounds(), spelling.len(), spelling.signature());
    let sound = low_bits(part.likeness.sound);
    let mut numbers: Vec<u32> = Vec::new();
    for key in &part.keys {
        let sure = part.sure_keys.contains(key);
        let entries = keys.under(*key).iter();
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
