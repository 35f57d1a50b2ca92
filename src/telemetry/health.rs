//! Readiness: the reasons why the daemon should not be relied on now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

/// What can keep the daemon from being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// PostgreSQL does not answer.
    Database,
    /// The fleet holds a newer configuration.
    Configuration,
    /// A part of the engine does not move, or a call holds its thread.
    Stalled,
    /// The daemon is stopping.
    Stopping,
}

impl Concern {
    /// The concern's word in `/readyz`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Configuration => "configuration",
            Self::Stalled => "stalled",
            Self::Stopping => "stopping",
        }
    }
}

/// The present reasons, and what else is to be known, shared by the parts that know it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    concerns: Arc<Mutex<BTreeMap<Concern, String>>>,
    notes: Arc<Mutex<BTreeMap<&'static str, String>>>,
    details: Arc<Mutex<BTreeMap<&'static str, Value>>>,
}

impl Health {
    /// Raises a concern. Returns whether it is new: the caller then logs it, once.
    pub fn raise(&self, concern: Concern, reason: impl Into<String>) -> bool {
        self.concerns.lock().unwrap_or_else(PoisonError::into_inner).insert(concern, reason.into()).is_none()
    }

    /// Lays a concern to rest. Returns whether it had been raised.
    pub fn clear(&self, concern: Concern) -> bool {
        self.concerns.lock().unwrap_or_else(PoisonError::into_inner).remove(&concern).is_some()
    }

    /// Says something that an operator should know and that does not keep the daemon from being ready; or
    /// takes it back.
    pub fn note(&self, about: &'static str, text: Option<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => notes.insert(about, text),
            None => notes.remove(about),
        };
    }

    /// The present notes.
    pub fn notes(&self) -> BTreeMap<&'static str, String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells what `/readyz` shows in its details: how things stand, good or bad. It is shown without a login,
    /// so it holds nothing about a person.
    pub fn tell(&self, what: &'static str, value: Value) {
        self.details.lock().unwrap_or_else(PoisonError::into_inner).insert(what, value);
    }

    /// What was told last of each thing.
    pub fn details(&self) -> BTreeMap<&'static str, Value> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The present reasons; none means ready.
    pub fn reasons(&self) -> Vec<(Concern, String)> {
        let reasons = self.concerns.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(concern, reason)| (*concern, reason.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concern_is_new_once_until_it_is_cleared() {
        let health = Health::default();
        assert!(health.raise(Concern::Database, "away"));
        assert!(!health.raise(Concern::Database, "still away"));
        assert_eq!(health.reasons(), [(Concern::Database, "still away".to_owned())]);
        assert!(health.clear(Concern::Database));
        assert!(!health.clear(Concern::Database));
        assert!(health.reasons().is_empty());
    }
}
