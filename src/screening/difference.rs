//! What changed between two versions of a list: pure, so that a person, a refusal and a reason to screen again
//! go by the same.

mod property;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

use super::list::ListEntity;
pub use property::Property;

/// An entity, by what a person calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its main name.
    pub name: String,
}

/// What became different of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PropertyChange {
    /// Which.
    pub property: Property,
    /// What it has now and had not.
    pub added: BTreeSet<String>,
    /// What it had and has not.
    pub removed: BTreeSet<String>,
}

/// An entity that both versions have, and that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its id.
    pub id: String,
    /// Its main name, now.
    pub name: String,
    /// What is different, in the order of [`Property::ALL`].
    pub properties: Vec<PropertyChange>,
}

/// An id that went because its entity is another's now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Merged {
    /// The id that went.
    pub id: String,
    /// The id of the entity that names it among its former ids.
    pub into: String,
}

/// What changed between two versions; each part sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Entities that came, those that others were merged into aside when these were all their ids.
    pub added: Vec<Named>,
    /// Entities that went and are nobody's former id.
    pub removed: Vec<Named>,
    /// Entities that are different.
    pub changed: Vec<Changed>,
    /// Ids that went because their entity has another now.
    pub merged: Vec<Merged>,
}

/// How much a difference holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Entities that came.
    pub added: usize,
    /// Entities that went.
    pub removed: usize,
    /// Entities that are different.
    pub changed: usize,
    /// Ids that were merged into others.
    pub merged: usize,
    /// In how many entities a property is different.
    pub properties: BTreeMap<Property, usize>,
}

impl Difference {
    /// What changed from `before` to `after`.
    ///
    /// An entity keeps its identity by its id or, where that changed, by a former id of the new one: then it is
    /// merged, and compared with what it was merged into only when that is new.
    pub fn between(before: &[ListEntity], after: &[ListEntity]) -> Self {
        let old: HashMap<&str, &ListEntity> = by_id(before);
        let new: HashMap<&str, &ListEntity> = by_id(after);
        let mut difference = Self { merged: merged(before, after, &new), ..Self::default() };
        let went: HashMap<&str, &str> =
            difference.merged.iter().map(|merged| (merged.id.as_str(), merged.into.as_str())).collect();
        let mut continued: HashMap<&str, &ListEntity> = HashMap::new();
        for (id, into) in &went {
            if let (Some(entity), false) = (old.get(id), old.contains_key(into)) {
                // Of several that became one the first by id counts: the same every time.
                let known = continued.entry(into).or_insert(entity);
                if entity.id < known.id {
                    *known = entity;
                }
            }
        }
        for entity in after {
            match old.get(entity.id.as_str()).or_else(|| continued.get(entity.id.as_str())) {
                None => difference.added.push(named(entity)),
                Some(was) => difference.changed.extend(changed(was, entity)),
            }
        }
        let gone = |entity: &&ListEntity| {
            !new.contains_key(entity.id.as_str()) && !went.contains_key(entity.id.as_str())
        };
        difference.removed = before.iter().filter(gone).map(named).collect();
        difference.added.sort_by(|a, b| a.id.cmp(&b.id));
        difference.removed.sort_by(|a, b| a.id.cmp(&b.id));
        difference.changed.sort_by(|a, b| a.id.cmp(&b.id));
        difference
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && self.merged.is_empty()
    }

    /// The ids of all that is different, in either version.
    pub fn touched(&self) -> HashSet<&str> {
        let named = self.added.iter().chain(&self.removed).map(|one| one.id.as_str());
        let changed = self.changed.iter().map(|one| one.id.as_str());
        let merged = self.merged.iter().flat_map(|one| [one.id.as_str(), one.into.as_str()]);
        named.chain(changed).chain(merged).collect()
    }

    /// The ids under which accounts may have a hit of anything that is different, sorted.
    pub fn hit_ids(&self, after: &[ListEntity]) -> Vec<String> {
        let touched = self.touched();
        let former = after.iter().filter(|entity| touched.contains(entity.id.as_str()));
        let former = former.flat_map(|entity| &entity.former_ids).map(String::as_str);
        let ids: BTreeSet<&str> = touched.iter().copied().chain(former).collect();
        ids.into_iter().map(str::to_owned).collect()
    }

    /// The entities that accounts may come to match which did not: each with the names alone that came, where nothing but
    /// names did.
    pub fn gains(&self, before: &[ListEntity], after: &[ListEntity]) -> Vec<ListEntity> {
        let old = by_id(before);
        let added: HashSet<&str> = self.added.iter().map(|one| one.id.as_str()).collect();
        let changed: HashMap<&str, &Changed> =
            self.changed.iter().map(|one| (one.id.as_str(), one)).collect();
        let gain = |entity: &ListEntity| -> Option<ListEntity> {
            let id = entity.id.as_str();
            if added.contains(id) {
                return Some(entity.clone());
            }
            let raising = changed.get(id)?.properties.iter().map(|change| change.property);
            let raising: Vec<Property> = raising.filter(|property| property.may_raise()).collect();
            let was = old.get(id).filter(|_| raising == [Property::Names]);
            match was {
                _ if raising.is_empty() => None,
                None => Some(entity.clone()),
                Some(was) => {
                    let mut gained = entity.clone();
                    gained.names.retain(|name| !was.names.contains(name));
                    gained.documents.clear();
                    (!gained.names.is_empty()).then_some(gained)
                }
            }
        };
        after.iter().filter_map(gain).collect()
    }

    /// How much it holds.
    pub fn counts(&self) -> Counts {
        let mut properties = BTreeMap::new();
        for change in self.changed.iter().flat_map(|changed| &changed.properties) {
            *properties.entry(change.property).or_default() += 1;
        }
        Counts {
            added: self.added.len(),
            removed: self.removed.len(),
            changed: self.changed.len(),
            merged: self.merged.len(),
            properties,
        }
    }
}

/// Which share of the entities with the ids `before` is gone, 0 to 1: neither there nor anybody's former id.
pub fn gone_share<'a>(before: impl ExactSizeIterator<Item = &'a str>, after: &[ListEntity]) -> f64 {
    let known: HashSet<&str> = after
        .iter()
        .flat_map(|entity| std::iter::once(&entity.id).chain(&entity.former_ids))
        .map(String::as_str)
        .collect();
    let all = before.len().max(1);
    let gone = before.filter(|id| !known.contains(id)).count();
    #[expect(clippy::cast_precision_loss, reason = "a list has far fewer entities than 2^52")]
    let share = gone as f64 / all as f64;
    share
}

fn by_id(entities: &[ListEntity]) -> HashMap<&str, &ListEntity> {
    entities.iter().map(|entity| (entity.id.as_str(), entity)).collect()
}

fn named(entity: &ListEntity) -> Named {
    Named { id: entity.id.clone(), name: entity.primary_name().to_owned() }
}

fn merged(before: &[ListEntity], after: &[ListEntity], new: &HashMap<&str, &ListEntity>) -> Vec<Merged> {
    let went: HashSet<&str> =
        before.iter().map(|entity| entity.id.as_str()).filter(|id| !new.contains_key(id)).collect();
    let of = |entity: &ListEntity| {
        let former = entity.former_ids.iter().filter(|id| went.contains(id.as_str()));
        former.map(|id| Merged { id: id.clone(), into: entity.id.clone() }).collect::<Vec<_>>()
    };
    let mut merged: Vec<Merged> = after.iter().flat_map(of).collect();
    merged.sort();
    // An id that two entities name was split: the first has it.
    merged.dedup_by(|later, earlier| later.id == earlier.id);
    merged
}

fn changed(was: &ListEntity, is: &ListEntity) -> Option<Changed> {
    let properties: Vec<PropertyChange> = Property::ALL
        .into_iter()
        .filter(|property| !property.is_same(was, is))
        .filter_map(|property| {
            let (old, new) = (property.of(was), property.of(is));
            let added: BTreeSet<String> = new.difference(&old).cloned().collect();
            let removed: BTreeSet<String> = old.difference(&new).cloned().collect();
            // Another order is no difference.
            (!added.is_empty() || !removed.is_empty()).then_some(PropertyChange { property, added, removed })
        })
        .collect();
    (!properties.is_empty()).then(|| Changed {
        id: is.id.clone(),
        name: is.primary_name().to_owned(),
        properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screening::list::{EntityKind, ListName, NameQuality};

    fn entity(id: &str, name: &str) -> ListEntity {
        let mut entity = ListEntity::new(id, EntityKind::Individual);
        entity.names.push(ListName::new(name, NameQuality::Primary));
        entity
    }

    fn ids(entities: &[ListEntity]) -> impl ExactSizeIterator<Item = &str> {
        entities.iter().map(|entity| entity.id.as_str())
    }

    fn formerly(id: &str, name: &str, former: &[&str]) -> ListEntity {
        let former_ids = former.iter().map(|id| (*id).to_owned()).collect();
        ListEntity { former_ids, ..entity(id, name) }
    }

    #[test]
    fn who_came_who_went_and_what_changed_is_told() {
        let before = [entity("1", "Anna Berg"), entity("2", "Boris Clav"), entity("3", "Same Man")];
        let mut changed = entity("1", "Anna Berg");
        changed.names.push(ListName::new("A. B.", NameQuality::Weak));
        changed.birth_dates = vec!["1970".parse().unwrap()];
        changed.approximate_dates = changed.birth_dates.clone();
        let after = [entity("4", "New One"), changed, entity("3", "Same Man")];
        let difference = Difference::between(&before, &after);
        assert_eq!(difference.added, [Named { id: "4".to_owned(), name: "New One".to_owned() }]);
        assert_eq!(difference.removed, [Named { id: "2".to_owned(), name: "Boris Clav".to_owned() }]);
        let [changed] = difference.changed.as_slice() else { panic!("one changed") };
        let told: Vec<_> = changed.properties.iter().map(|change| (change.property, &change.added)).collect();
        assert_eq!(
            told,
            [
                (Property::Names, &BTreeSet::from(["A. B. (weak)".to_owned()])),
                (Property::BirthDates, &BTreeSet::from(["circa 1970".to_owned()])),
            ]
        );
        let counts = difference.counts();
        assert_eq!((counts.added, counts.removed, counts.changed, counts.properties.len()), (1, 1, 1, 2));
    }

    #[test]
    fn an_id_that_lives_on_in_another_is_merged_and_not_gone() {
        let before = [entity("1", "Anna Berg"), entity("2", "Ana Berg"), entity("3", "Carl Dorn")];
        // Two became one that is new; one went into another that was there.
        let after = [formerly("9", "Anna Berg", &["2", "1", "0"])];
        let difference = Difference::between(&before, &after);
        let merged: Vec<_> =
            difference.merged.iter().map(|one| (one.id.as_str(), one.into.as_str())).collect();
        assert_eq!(merged, [("1", "9"), ("2", "9")]);
        assert!(difference.added.is_empty() && difference.changed.is_empty());
        assert_eq!(difference.removed.len(), 1);
        assert!((gone_share(ids(&before), &after) - 1.0 / 3.0).abs() < 1e-9);

        let after = [formerly("1", "Anna Berg", &["2"]), entity("3", "Carl Dorn")];
        let difference = Difference::between(&before, &after);
        assert_eq!((difference.merged.len(), difference.removed.len(), difference.changed.len()), (1, 0, 0));
    }

    #[test]
    fn only_what_came_can_make_somebody_match_who_did_not() {
        let was = entity("1", "Anna Berg");
        let gains = |change: &dyn Fn(&mut ListEntity)| {
            let mut is = was.clone();
            change(&mut is);
            let (before, after) = ([was.clone()], [is]);
            let difference = Difference::between(&before, &after);
            assert_eq!(difference.hit_ids(&after), ["1"]);
            let gains = difference.gains(&before, &after);
            gains.first().map(|entity| entity.names.iter().map(|name| name.text.clone()).collect::<Vec<_>>())
        };
        assert_eq!(gains(&|is| is.programs.push("X".to_owned())), None);
        assert_eq!(gains(&|is| is.topics.push("X".to_owned())), None);
        let alias = ListName::new("Hanna Berg", NameQuality::Strong);
        assert_eq!(gains(&|is| is.names.push(alias.clone())), Some(vec!["Hanna Berg".to_owned()]));
        assert_eq!(gains(&|is| is.names.clear()), None);
        let born = |is: &mut ListEntity| is.birth_dates.push("1970".parse().unwrap());
        assert_eq!(gains(&born), Some(vec!["Anna Berg".to_owned()]));
        let both = |is: &mut ListEntity| {
            born(is);
            is.names.push(alias.clone());
        };
        assert_eq!(gains(&both).map(|names| names.len()), Some(2));

        let after = [formerly("9", "Anna Berg", &["1"])];
        let difference = Difference::between(std::slice::from_ref(&was), &after);
        assert_eq!(difference.hit_ids(&after), ["1", "9"]);
        assert!(
            difference.gains(std::slice::from_ref(&was), &after).is_empty(),
            "it is the same under another id"
        );
    }

    #[test]
    fn another_order_is_no_difference() {
        let mut before = entity("1", "Anna Berg");
        before.addresses = vec!["A".to_owned(), "B".to_owned()];
        let after = ListEntity { addresses: vec!["B".to_owned(), "A".to_owned()], ..before.clone() };
        assert!(Difference::between(&[before], &[after]).is_empty());
    }

    #[test]
    fn an_empty_list_has_lost_nothing() {
        assert!(gone_share(ids(&[]), &[]).abs() < 1e-9);
        assert!((gone_share(ids(&[entity("1", "A")]), &[]) - 1.0).abs() < 1e-9);
    }
}
