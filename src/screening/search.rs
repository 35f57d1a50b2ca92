//! Which names of a list an account's name has to be compared with.
//!
//! A subject's parts find the parts alike to them, and these mark the names that hold them:
//! which of the subject's parts a name answers is one small number. From it follows the most that
//! the name could score; only names that could reach the threshold are scored. Nothing is left out
//! for being common, so a screening finds exactly what comparing with every name would find, and a
//! key that half the list shares costs one look at each different part under it.

use std::sync::Arc;

use crate::names::align::{How, SINGLE_PART_CAP, join_similarity};
use crate::names::{Name, NameKind};

use super::answers::{Answer, Answers, Lately};
use super::arrangement::{Arrangement, low_bits};
use super::marks::{LISTED_JOIN, Marks, Sieve, WHOLE, equal_mark_of, mark_of};

/// What could be a hit of an account's name.
#[derive(Default)]
pub(super) struct Found {
    /// The names of the list that are to be compared, by their numbers.
    pub(super) names: Vec<u32>,
    /// What answers each part of the account's name, by its place; none of an initial.
    pub(super) answers: Vec<Option<Arc<Answers>>>,
}

/// The names of the list that could score `least` or more with `account`, by their numbers.
pub(super) fn candidates(
    names: &Arrangement,
    kind: NameKind,
    account: &Name,
    least: f64,
    (lately, marks): (&Lately, &mut Marks),
) -> Found {
    marks.clear(names.len());
    let sieve = Sieve::new(kind, account, least);
    for key in account.direct_keys() {
        marks.set(names.direct.under(key).iter().copied(), WHOLE);
    }
    mark_joins(names, account, marks);
    let answers: Vec<Option<Arc<Answers>>> = account
        .parts
        .iter()
        .map(|part| (!part.likeness.initial).then(|| lately.answers(names, part)))
        .collect();
    mark_parts(names, &answers, account, &sieve, marks);
    let passing = marks
        .answered()
        .filter(|(name, mark)| names.summary(*name).is_some_and(|summary| sieve.passes(summary, *mark)));
    Found { names: passing.map(|(name, _)| name).collect(), answers }
}

fn mark_parts(
    names: &Arrangement,
    answers: &[Option<Arc<Answers>>],
    account: &Name,
    sieve: &Sieve<'_>,
    marks: &mut Marks,
) {
    let parts = answers.iter().enumerate();
    let mut parts: Vec<_> = parts.filter_map(|(place, answers)| Some((place, answers.as_ref()?))).collect();
    // A name that only the last part answers is out, so the part that most names answer goes last and looks
    // only where the others have been.
    parts.sort_by_key(|(_, answers)| answers.holders);
    let is_guarded = parts.len() > 1
        && !account.has_initials
        && !sieve.may_be_numbered()
        && sieve.least() > SINGLE_PART_CAP;
    let guarded = if is_guarded { parts.len() - 1 } else { parts.len() };
    for (turn, (place, answers)) in parts.iter().enumerate() {
        for Answer { unit, how, .. } in &answers.units {
            let held_by = names.names_with(*unit);
            let is_equal = *how == How::Equal;
            let answered = if is_equal { mark_of(*place) | equal_mark_of(*place) } else { mark_of(*place) };
            if turn != guarded || names.is_beside_initials(*unit) {
                marks.set(held_by.iter().copied(), answered);
                continue;
            }
            marks.add(held_by, answered);
            if parts.len() == 2 && is_equal {
                let slips = held_by.iter().copied();
                let slips = slips
                    .filter(|name| names.summary(*name).is_some_and(|summary| sieve.may_be_a_slip(summary)));
                marks.set(slips, answered);
            }
        }
    }
}

/// Marks the names in which two neighbours, on either side, answer one part.
fn mark_joins(names: &Arrangement, account: &Name, marks: &mut Marks) {
    for (place, part) in account.parts.iter().enumerate().filter(|(_, part)| !part.likeness.initial) {
        marks.set(names.joins.under(part.likeness.sound).iter().copied(), mark_of(place) | LISTED_JOIN);
    }
    for (place, join) in account.joins.iter().enumerate() {
        let Some(join) = join else { continue };
        let (key, sound) = (join.likeness.sound, low_bits(join.likeness.sound));
        let alike = names.keys.under(key).iter().filter(|entry| entry.sound == sound).map(|entry| entry.unit);
        for (number, unit) in names.units_of(alike) {
            if join_similarity(&join.likeness, &unit.likeness) > 0.0 {
                marks.set(names.names_with(number).iter().copied(), mark_of(place) | mark_of(place + 1));
            }
        }
    }
}
