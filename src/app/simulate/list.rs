//! An invented list that some of the invented accounts stand on, and its versions.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus, seq::index::sample};
use serde_json::Value;

use super::super::demo::people::DemoAccount;
use crate::{
    domain::date::PartialDate,
    screening::{
        index::Index,
        list::{EntityKind, List, ListEntity, ListName, NameQuality, ParseFaults},
    },
};

/// The list's name.
pub(super) const NAME: &str = "simulated";

/// The share of those listed that a new version removes, that it changes, and that come new.
const TOUCHED: f64 = 0.02;

/// The list, in one version after the other.
pub(super) struct InventedList {
    /// Everybody who may come to stand on it.
    entities: Vec<ListEntity>,
    /// Who stands on it, by place, each with the version that last changed it.
    listed: Vec<(usize, u32)>,
    version: u32,
    random: Xoshiro256PlusPlus,
}

impl InventedList {
    /// The first version, on which a share of the accounts stands.
    pub(super) fn new(accounts: &[DemoAccount], share: f64, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let entities: Vec<ListEntity> = accounts.iter().filter_map(entity).collect();
        let listed = sample(&mut random, entities.len(), part(entities.len(), share));
        let mut listed: Vec<(usize, u32)> = listed.into_iter().map(|place| (place, 1)).collect();
        listed.sort_unstable();
        Self { entities, listed, version: 1, random }
    }

    /// Goes on to the next version: of those listed some go, some change, and as many come as went, one of each at least.
    pub(super) fn change(&mut self) {
        self.version += 1;
        let touched = part(self.listed.len(), TOUCHED).max(1);
        for _ in 0..touched.min(self.listed.len()) {
            let gone = self.random.random_range(0..self.listed.len());
            self.listed.remove(gone);
        }
        let version = self.version;
        for place in sample(&mut self.random, self.listed.len(), touched.min(self.listed.len())) {
            if let Some(listed) = self.listed.get_mut(place) {
                listed.1 = version;
            }
        }
        for _ in 0..touched {
            let new = self.random.random_range(0..self.entities.len().max(1));
            if new < self.entities.len() && !self.listed.iter().any(|(place, _)| *place == new) {
                self.listed.push((new, version));
            }
        }
        self.listed.sort_unstable();
    }

    /// The present version, to be screened against.
    pub(super) fn index(&self) -> Index {
        let entities = self.listed.iter().filter_map(|(place, version)| {
            let mut entity = self.entities.get(*place)?.clone();
            entity.programs = vec![format!("PROGRAMME-{version}")];
            Some(entity)
        });
        Index::build_of(List {
            name: NAME.to_owned(),
            version: self.version.to_string(),
            entities: entities.collect(),
            faults: ParseFaults::default(),
        })
    }
}

/// A share of `count`, rounded.
fn part(count: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "accounts are far below 2^52, and the share is from 0 to 1"
    )]
    let part = (count as f64 * share).round() as usize;
    part.min(count)
}

/// Somebody who is listed under an account's name.
fn entity(account: &DemoAccount) -> Option<ListEntity> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let of_name = |part: &str| text(account.fields.get("name").and_then(|name| name.get(part)));
    let business = text(account.fields.get("business_name"));
    let kind = if business.is_some() { EntityKind::Entity } else { EntityKind::Individual };
    let parts = [of_name("first"), of_name("middle"), of_name("last"), business];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let birth_date = text(account.fields.get("birthdate"));
    let birth_date: Option<PartialDate> = birth_date.and_then(|date| date.parse().ok());
    (!parts.is_empty()).then(|| ListEntity {
        names: vec![ListName::new(parts.join(" "), NameQuality::Primary)],
        birth_dates: birth_date.into_iter().collect(),
        countries: text(account.fields.get("country_code")).into_iter().collect(),
        ..ListEntity::new(format!("{NAME}:{}", account.reference_id), kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::demo::people;

    fn versions(seed: u64) -> Vec<Vec<ListEntity>> {
        let accounts: Vec<DemoAccount> = people::generate(1000, 1, &[]).collect();
        let mut list = InventedList::new(&accounts, 0.1, seed);
        let mut versions = vec![list.index().entities().to_vec()];
        for _ in 0..10 {
            list.change();
            versions.push(list.index().entities().to_vec());
        }
        versions
    }

    #[test]
    fn a_share_is_listed_each_version_touches_a_few_and_the_same_seed_gives_the_same_versions() {
        let made = versions(7);
        assert_eq!(made[0].len(), 100);
        assert!(made.iter().all(|version| (95..=100).contains(&version.len())));
        assert!(made.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(made == versions(7) && made != versions(8));
    }
}
