//! The names of a list, arranged so that a subject meets few of them.
//!
//! Each different part of a name stands once, under its keys, with the names that hold it. A name itself is kept as a
//! few numbers; its text stays with its entity, and is taken apart again when it is compared.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use crate::names::likeness::Likeness;
use crate::names::sound::Key;
use crate::names::{Name, Part};

use super::index::name_kind;
use super::list::{EntityKind, ListEntity};
use super::marks::Summary;
use super::postings::{Postings, small};

/// Lists of more names than this are taken apart anew for each comparison: kept, they would take gigabytes.
const MOST_KEPT_APART: usize = 400_000;

/// Lists of no more names than this are kept with the keys of their parts, which comparing would make anew.
const MOST_KEPT_WITH_KEYS: usize = 50_000;

/// Stands for an initial, which is no unit.
const NO_UNIT: u32 = u32::MAX;

/// A part of names.
pub(super) struct Unit {
    /// What it is compared by.
    pub(super) likeness: Likeness,
    /// Whether a name that holds it has initials too.
    pub(super) beside_initials: bool,
}

/// A unit under a key, with what tells most of them apart without looking at them.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// Which letters it has.
    pub(super) signature: u64,
    pub(super) unit: u32,
    /// The lowest bits of the key of its sound.
    pub(super) sound: u32,
    pub(super) sounds: u32,
    pub(super) length: u8,
    /// Whether it stands there for another reason than its letters.
    pub(super) sure: bool,
}

/// Whose name it is, and which.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) entity: u32,
    pub(super) name: u32,
}

/// All names of a list.
pub(super) struct Arrangement {
    places: Vec<Place>,
    /// Names that were compared before, so that each is taken apart once; none of a list too large to keep them.
    apart: Vec<OnceLock<Box<Name>>>,
    summaries: Vec<Summary>,
    units: Vec<Unit>,
    /// Where the parts of each name begin in `parts`, which are units, and [`NO_UNIT`] of initials.
    first_parts: Vec<u32>,
    parts: Vec<u32>,
    /// Where the names of each unit begin in `holders`.
    first_holders: Vec<u32>,
    holders: Vec<u32>,
    /// Which parts stand under a key.
    pub(super) keys: Postings<Entry>,
    /// In which names two neighbours, read as one, have a sound.
    pub(super) joins: Postings<u32>,
    /// Which names have all their letters, or their first letters, under a key.
    pub(super) direct: Postings<u32>,
}

impl Arrangement {
    /// Arranges the names of `entities`.
    pub(super) fn new(entities: &[ListEntity]) -> Self {
        let mut building = Building::default();
        for (entity, listed) in entities.iter().enumerate() {
            for (place, listed_name) in listed.names.iter().enumerate() {
                let name = Name::new(name_kind(listed.kind), &listed_name.text);
                building.add(Place { entity: small(entity), name: small(place) }, listed.kind, &name);
            }
        }
        building.finish()
    }

    /// How many names there are.
    pub(super) const fn len(&self) -> usize {
        self.places.len()
    }

    /// A name in its parts, as `take_apart` makes them the first time.
    pub(super) fn apart(&self, name: u32, take_apart: impl FnOnce() -> Name) -> Cow<'_, Name> {
        match self.apart.get(name as usize) {
            Some(kept) => Cow::Borrowed(kept.get_or_init(|| Box::new(take_apart()))),
            None => Cow::Owned(take_apart()),
        }
    }

    /// Whether names that are kept are kept with their keys.
    pub(super) const fn keeps_keys(&self) -> bool {
        self.places.len() <= MOST_KEPT_WITH_KEYS
    }

    /// Whose name it is, and which.
    pub(super) fn place(&self, name: u32) -> Option<Place> {
        self.places.get(name as usize).copied()
    }

    /// The names of an entity, which stand together.
    pub(super) fn names_of(&self, entity: u32) -> std::ops::Range<u32> {
        let first = self.places.partition_point(|place| place.entity < entity);
        let end = self.places.partition_point(|place| place.entity <= entity);
        small(first)..small(end)
    }

    /// The units that a name's parts are, in their order.
    pub(super) fn units_in(&self, name: u32) -> &[u32] {
        let name = name as usize;
        match (self.first_parts.get(name), self.first_parts.get(name + 1)) {
            (Some(first), Some(end)) => self.parts.get(*first as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// What the sieve knows of a name.
    pub(super) fn summary(&self, name: u32) -> Option<Summary> {
        self.summaries.get(name as usize).copied()
    }

    /// The units with these numbers.
    pub(super) fn units_of(&self, numbers: impl Iterator<Item = u32>) -> impl Iterator<Item = (u32, &Unit)> {
        numbers.filter_map(|number| Some((number, self.units.get(number as usize)?)))
    }

    /// Whether a name that holds a unit has initials too.
    pub(super) fn is_beside_initials(&self, unit: u32) -> bool {
        self.units.get(unit as usize).is_some_and(|unit| unit.beside_initials)
    }

    /// The names that hold a unit.
    pub(super) fn names_with(&self, unit: u32) -> &[u32] {
        let unit = unit as usize;
        match (self.first_holders.get(unit), self.first_holders.get(unit + 1)) {
            (Some(first), Some(end)) => self.holders.get(*first as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// The lowest bits of a key.
#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are meant")]
pub(super) const fn low_bits(key: Key) -> u32 {
    key as u32
}

/// An arrangement under way.
#[derive(Default)]
struct Building {
    places: Vec<Place>,
    summaries: Vec<Summary>,
    units: Vec<Unit>,
    /// Units by their letters, and whether they are compared as people's.
    known: HashMap<(Box<[char]>, bool, bool), u32>,
    first_parts: Vec<u32>,
    parts: Vec<u32>,
    holders: Vec<(u32, u32)>,
    keys: Vec<(Key, Entry)>,
    joins: Vec<(Key, u32)>,
    direct: Vec<(Key, u32)>,
}

impl Building {
    fn add(&mut self, place: Place, kind: EntityKind, name: &Name) {
        let number = small(self.places.len());
        self.first_parts.push(small(self.parts.len()));
        for part in &name.parts {
            if part.likeness.initial {
                self.parts.push(NO_UNIT);
                continue;
            }
            let unit = self.unit(kind, part);
            self.parts.push(unit);
            self.holders.push((unit, number));
            if let Some(unit) = self.units.get_mut(unit as usize) {
                unit.beside_initials |= name.has_initials;
            }
        }
        self.joins.extend(name.joins.iter().flatten().map(|join| (join.likeness.sound, number)));
        self.direct.extend(name.direct_keys().map(|key| (key, number)));
        self.places.push(place);
        self.summaries.push(Summary::of(name));
    }

    fn unit(&mut self, kind: EntityKind, part: &Part) -> u32 {
        let spelling = &part.likeness.spelling;
        // The same letters from a script with few vowels are another unit; so are those of people and organisations.
        let letters = part.letters.clone().into_boxed_slice();
        let which = (letters, spelling.has_few_vowels(), kind == EntityKind::Individual);
        let fresh = small(self.units.len());
        let number = *self.known.entry(which).or_insert(fresh);
        if number == fresh {
            self.keys.extend(part.keys.iter().map(|key| {
                let entry = Entry {
                    signature: spelling.signature(),
                    unit: number,
                    sound: low_bits(part.likeness.sound),
                    sounds: spelling.sounds(),
                    length: u8::try_from(spelling.len()).unwrap_or(u8::MAX),
                    sure: part.sure_keys.contains(key),
                };
                (*key, entry)
            }));
            self.units.push(Unit { likeness: part.likeness.clone(), beside_initials: false });
        }
        number
    }

    fn finish(self) -> Arrangement {
        let Self {
            mut places,
            mut summaries,
            mut units,
            known,
            mut first_parts,
            mut parts,
            mut holders,
            keys,
            mut joins,
            direct,
        } = self;
        drop(known);
        first_parts.push(small(parts.len()));
        parts.shrink_to_fit();
        holders.sort_unstable();
        holders.dedup();
        joins.sort_unstable();
        joins.dedup();
        let mut first_holders = Vec::with_capacity(units.len() + 1);
        for (place, (unit, _)) in holders.iter().enumerate() {
            // Each unit has a holder.
            if first_holders.len() == *unit as usize {
                first_holders.push(small(place));
            }
        }
        first_holders.push(small(holders.len()));
        places.shrink_to_fit();
        summaries.shrink_to_fit();
        units.shrink_to_fit();
        let kept = if places.len() <= MOST_KEPT_APART { places.len() } else { 0 };
        Arrangement {
            places,
            apart: std::iter::repeat_with(OnceLock::new).take(kept).collect(),
            summaries,
            units,
            first_parts,
            parts,
            first_holders,
            holders: holders.into_iter().map(|(_, name)| name).collect(),
            keys: Postings::new(keys),
            joins: Postings::new(joins),
            direct: Postings::new(direct),
        }
    }
}
