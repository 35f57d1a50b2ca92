//! A list in memory, arranged so that a subject meets few names of it.
//!
//! Each different part of a name stands once in the index, under its keys, with the names that hold
//! it. A subject's parts find the parts alike to them, and these mark the names that hold them:
//! which of the subject's parts a name answers is one small number. From it follows the most that
//! the name could score; only names that could reach the threshold are scored. Nothing is left out
//! for being common, so a screening finds exactly what comparing with every name would find, and a
//! key that half the list shares costs one look at each different part under it.

use std::collections::HashMap;

use crate::domain::subject::{Subject, SubjectKind};
use crate::names::align::{SINGLE_PART_CAP, join_similarity, part_similarity};
use crate::names::similarity::could_be_alike;
use crate::names::sound::Key;
use crate::names::{Alignment, Name, NameKind, Part, align};

use super::evidence::{BirthDate, Country, GREATEST_LIFT, capped, kind_factor};
use super::list::{EntityKind, List, ListEntity, ListName};
use super::marks::{LISTED_JOIN, Marks, could_score, mark_of};

/// The keys of a name: two names that the scorer accepts share one. Sorted, each once.
///
/// The same function makes those of list entities, of subjects and of stored blind indexes.
pub fn blocking_keys(kind: NameKind, name: &str) -> Vec<Key> {
    Name::new(kind, name).keys()
}

/// A list, ready to screen against.
pub struct Index {
    list: String,
    version: String,
    entities: Vec<ListEntity>,
    names: Vec<IndexedName>,
    units: Vec<Unit>,
    /// Which parts stand under a key.
    keys: HashMap<Key, Vec<Entry>>,
    /// Which neighbours read as one have a sound.
    joins: HashMap<Key, Vec<u32>>,
}

/// An entity that matches a subject.
pub struct Match<'a> {
    /// The list's name.
    pub list: &'a str,
    /// The entity.
    pub entity: &'a ListEntity,
    /// Which of its names matched best.
    pub listed: &'a ListName,
    /// The same, in parts.
    pub listed_name: &'a Name,
    /// Which of the subject's names matched, in parts.
    pub account_name: Name,
    /// How the parts answer each other.
    pub alignment: Alignment,
    /// What the two kinds leave of the name's score.
    pub kind_factor: f64,
    /// How the birth dates compare.
    pub birth_date: BirthDate,
    /// How the countries compare.
    pub country: Country<'a>,
    /// Person or organisation.
    pub kind: SubjectKind,
    /// 0 to 1.
    pub score: f64,
}

impl std::fmt::Debug for Match<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[match]")
    }
}

struct IndexedName {
    entity: u32,
    /// Which of the entity's names.
    place: u32,
    name: Name,
}

/// A part of names, or two neighbours read as one, and the names that hold it.
struct Unit {
    part: Part,
    /// Whether a name that holds it has initials too.
    beside_initials: bool,
    names: Vec<u32>,
}

/// A unit under a key, with what tells most of them apart without looking at them.
#[derive(Clone, Copy)]
struct Entry {
    unit: u32,
    sounds: u32,
    length: u32,
}

impl Index {
    /// Arranges `list`.
    pub fn build(list: &List) -> Self {
        let mut index = Self {
            list: list.name.clone(),
            version: list.version.clone(),
            entities: list.entities.clone(),
            names: Vec::new(),
            units: Vec::new(),
            keys: HashMap::new(),
            joins: HashMap::new(),
        };
        let mut known: Known = HashMap::new();
        for (entity, listed) in list.entities.iter().enumerate() {
            for (place, listed_name) in listed.names.iter().enumerate() {
                let name = Name::new(name_kind(listed.kind), &listed_name.text);
                let number = small(index.names.len());
                for part in name.parts.iter().filter(|part| !part.initial) {
                    index.hold(&mut known, &name, part, false, number);
                }
                for join in name.joins.iter().flatten() {
                    index.hold(&mut known, &name, join, true, number);
                }
                index.names.push(IndexedName { entity: small(entity), place: small(place), name });
            }
        }
        index
    }

    /// Which version of the list this is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The list's name.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// How many entities it holds.
    pub const fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// The entities that match `subject` with at least `threshold`, best first; each once, by its
    /// best name.
    pub fn screen(&self, subject: &Subject, threshold: f64) -> Vec<Match<'_>> {
        let kind = match subject.kind {
            SubjectKind::Person => NameKind::Person,
            SubjectKind::Organisation => NameKind::Organisation,
        };
        let mut matches: Vec<Match<'_>> = Vec::new();
        for name in &subject.names {
            let account = Name::new(kind, name.reveal());
            for candidate in self.candidates(kind, &account, threshold - GREATEST_LIFT) {
                if let Some(found) = self.weigh(subject, kind, &account, candidate, threshold) {
                    matches.push(found);
                }
            }
        }
        matches.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entity.id.cmp(&b.entity.id)));
        // Best first, so the first of each entity stays.
        let mut seen: Vec<&str> = Vec::new();
        matches.retain(|found| {
            let new = !seen.contains(&found.entity.id.as_str());
            if new {
                seen.push(&found.entity.id);
            }
            new
        });
        matches
    }

    fn hold(&mut self, known: &mut Known, of: &Name, part: &Part, join: bool, name: u32) {
        let fresh = small(self.units.len());
        let number = *known.entry((part.letters.clone(), join)).or_insert(fresh);
        if number == fresh {
            if join {
                self.joins.entry(part.sound).or_default().push(number);
            } else {
                let entry = Entry {
                    unit: number,
                    sounds: part.spelling.sounds(),
                    length: small(part.spelling.len()),
                };
                for key in &part.keys {
                    self.keys.entry(*key).or_default().push(entry);
                }
            }
            self.units.push(Unit { part: part.clone(), beside_initials: false, names: Vec::new() });
        }
        if let Some(unit) = self.units.get_mut(number as usize)
            && unit.names.last() != Some(&name)
        {
            unit.names.push(name);
            unit.beside_initials |= of.has_initials;
        }
    }

    /// The names that could score `least` or more with `account`.
    fn candidates(&self, kind: NameKind, account: &Name, least: f64) -> Vec<&IndexedName> {
        let mut marks = Marks::new(self.names.len());
        self.mark_joins(account, &mut marks);
        let mut parts: Vec<(usize, &Part, Vec<u32>)> = account
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| !part.initial)
            .map(|(place, part)| (place, part, self.parts_like(part)))
            .collect();
        // A name that only the last part answers is out, so the longest search goes last and looks
        // only where the others have been.
        parts.sort_by_key(|(_, _, like)| like.len());
        let guarded = if parts.len() > 1 && !account.has_initials && least > SINGLE_PART_CAP {
            parts.len() - 1
        } else {
            parts.len()
        };
        for (turn, (place, part, like)) in parts.iter().enumerate() {
            for unit in self.units_of(like) {
                let wanted = turn != guarded || unit.beside_initials || marks.any(&unit.names);
                if wanted && part_similarity(part, &unit.part) > 0.0 {
                    marks.set(&unit.names, mark_of(*place));
                }
            }
        }
        marks
            .answered()
            .filter_map(|(name, mark)| Some((self.names.get(name)?, mark)))
            .filter(|(name, mark)| could_score(kind, account, &name.name, *mark, least))
            .map(|(name, _)| name)
            .collect()
    }

    /// Marks the names in which two neighbours, on either side, answer one part.
    fn mark_joins(&self, account: &Name, marks: &mut Marks) {
        for (place, part) in account.parts.iter().enumerate().filter(|(_, part)| !part.initial) {
            for unit in self.units_of(self.joins.get(&part.sound).into_iter().flatten()) {
                if join_similarity(&unit.part, part) > 0.0 {
                    marks.set(&unit.names, mark_of(place) | LISTED_JOIN);
                }
            }
        }
        for (place, join) in account.joins.iter().enumerate() {
            let Some(join) = join else { continue };
            for unit in self.units_of(&self.parts_like(join)) {
                if join_similarity(join, &unit.part) > 0.0 {
                    marks.set(&unit.names, mark_of(place) | mark_of(place + 1));
                }
            }
        }
    }

    /// The list's parts that share a key with `part` and may be alike to it; each once.
    fn parts_like(&self, part: &Part) -> Vec<u32> {
        let (sounds, length) = (part.spelling.sounds(), part.spelling.len());
        let mut numbers: Vec<u32> = part
            .keys
            .iter()
            .filter_map(|key| self.keys.get(key))
            .flatten()
            .filter(|entry| could_be_alike(sounds, length, entry.sounds, entry.length as usize))
            .map(|entry| entry.unit)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn units_of<'a>(&'a self, numbers: impl IntoIterator<Item = &'a u32>) -> impl Iterator<Item = &'a Unit> {
        numbers.into_iter().filter_map(|number| self.units.get(*number as usize))
    }

    /// Scores one name in full; none when it stays below the threshold.
    fn weigh<'a>(
        &'a self,
        subject: &Subject,
        kind: NameKind,
        account: &Name,
        candidate: &'a IndexedName,
        threshold: f64,
    ) -> Option<Match<'a>> {
        let entity = self.entities.get(candidate.entity as usize)?;
        let listed = entity.names.get(candidate.place as usize)?;
        let parts = account.parts.len().min(candidate.name.parts.len());
        let kind_factor = kind_factor(subject.kind, entity.kind, parts);
        if kind_factor < threshold - GREATEST_LIFT {
            return None;
        }
        let alignment = align(kind, account, &candidate.name);
        let name_score = capped(alignment.score * kind_factor, listed.quality);
        if name_score + GREATEST_LIFT < threshold {
            return None;
        }
        let birth_date = subject.birth_date.as_ref().map(|date| *date.reveal());
        let birth_date = BirthDate::compare(birth_date, &entity.birth_dates);
        let countries = subject.countries.iter().map(|country| country.reveal().as_str());
        let country = Country::compare(countries, &entity.countries);
        let score = (name_score + birth_date.effect(subject.kind) + country.effect()).clamp(0.0, 1.0);
        (score >= threshold).then(|| Match {
            list: &self.list,
            entity,
            listed,
            listed_name: &candidate.name,
            account_name: account.clone(),
            alignment,
            kind_factor,
            birth_date,
            country,
            kind: subject.kind,
            score,
        })
    }
}

/// The units of an index under way, by their letters and by whether they are joins.
type Known = HashMap<(Vec<char>, bool), u32>;

/// By whose customs an entity's names are read.
pub const fn name_kind(kind: EntityKind) -> NameKind {
    match kind {
        EntityKind::Individual => NameKind::Person,
        EntityKind::Entity | EntityKind::Vessel | EntityKind::Aircraft => NameKind::Organisation,
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a list has fewer names than 2^32")
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
