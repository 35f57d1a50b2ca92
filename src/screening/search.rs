//! Which names of a list an account's name has to be compared with.
//!
//! A subject's parts find the parts alike to them, and these mark the names that hold them:
//! which of the subject's parts a name answers is one small number. From it follows the most that
//! the name could score; only names that could reach the threshold are scored. Nothing is left out
//! for being common, so a screening finds exactly what comparing with every name would find, and a
//! key that half the list shares costs one look at each different part under it.

use crate::names::align::{SINGLE_PART_CAP, join_similarity};
use crate::names::likeness::{How, compare};
use crate::names::similarity::{could_be_alike, could_be_two_off};
use crate::names::{Name, NameKind, Part, Rules};

use super::arrangement::{Arrangement, Unit, low_bits};
use super::marks::{LISTED_JOIN, Marks, Sieve, WHOLE, equal_mark_of, mark_of};

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
        .filter(|(name, mark)| names.summary(*name).is_some_and(|summary| sieve.passes(summary, *mark)))
        .map(|(name, _)| name)
        .collect()
}

fn mark_parts(names: &Arrangement, account: &Name, sieve: &Sieve<'_>, marks: &mut Marks) {
    let mut parts: Vec<(usize, &Part, Vec<u32>)> = account
        .parts
        .iter()
        .enumerate()
        .filter(|(_, part)| !part.likeness.initial)
        .map(|(place, part)| (place, part, units_like(names, part)))
        .collect();
    // A name that only the last part answers is out, so the longest search goes last and looks
    // only where the others have been.
    parts.sort_by_key(|(_, _, like)| like.len());
    let is_guarded = parts.len() > 1 && !account.has_initials && sieve.least() > SINGLE_PART_CAP;
    let guarded = if is_guarded { parts.len() - 1 } else { parts.len() };
    for (turn, (place, part, like)) in parts.iter().enumerate() {
        for (number, unit) in names.units_of(like) {
            let held_by = names.names_with(number);
            let wanted = turn != guarded || unit.beside_initials || marks.any(held_by);
            if wanted {
                if let Some(how) = answers(part, unit) {
                    let equal = if how == How::Equal { equal_mark_of(*place) } else { 0 };
                    marks.set(held_by.iter().copied(), mark_of(*place) | equal);
                }
            } else if parts.len() == 2 && answers(part, unit) == Some(How::Equal) {
                let slips = held_by.iter().copied();
                let slips = slips
                    .filter(|name| names.summary(*name).is_some_and(|summary| sieve.may_be_a_slip(summary)));
                marks.set(slips, mark_of(*place) | equal_mark_of(*place));
            }
        }
    }
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
        for (number, unit) in names.units_of(&units_like(names, join)) {
            if join_similarity(&join.likeness, &unit.likeness) > 0.0 {
                marks.set(names.names_with(number).iter().copied(), mark_of(place) | mark_of(place + 1));
            }
        }
    }
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
