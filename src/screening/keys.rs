//! The keys of accounts and of list entities: an account that an entity matches shares one with it.

use crate::domain::subject::{Subject, SubjectKind};
use crate::names::NameKind;

use super::index::blocking_keys;
use super::list::{EntityKind, ListEntity};

pub use crate::names::sound::Key;

/// Counts the ways in which keys were ever made: those that are kept are made anew when it changes.
pub const VERSION: i16 = 1;

/// The keys of an account, sorted, each once.
pub fn account_keys(subject: &Subject) -> Vec<Key> {
    let kind = match subject.kind {
        SubjectKind::Person => NameKind::Person,
        SubjectKind::Organisation => NameKind::Organisation,
    };
    let mut keys: Vec<Key> =
        subject.names.iter().flat_map(|name| blocking_keys(kind, name.reveal())).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The keys of a list's entity, sorted, each once.
pub fn entity_keys(entity: &ListEntity) -> Vec<Key> {
    let kind = if entity.kind == EntityKind::Individual { NameKind::Person } else { NameKind::Organisation };
    let mut keys: Vec<Key> = entity.names.iter().flat_map(|name| blocking_keys(kind, &name.text)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
