//! Readiness: the reasons why the daemon should not be relied on now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

/// What can keep the daemon from being ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// PostgreSQL does not answer.
    Database,
    /// The schema is older than the program.
    Schema,
    /// The fleet holds a newer configuration.
    Configuration,
    /// This process's master keys are not those of the fleet.
    Keys,
    /// Erasures are to be done again after a restore.
    Erasures,
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
            Self::Schema => "schema",
            Self::Configuration => "configuration",
            Self::Keys => "keys",
            Self::Erasures => "erasures",
            Self::Stalled => "stalled",
            Self::Stopping => "stopping",
        }
    }
}

/// The present reasons, and what else is to be known, shared by the parts that know it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    concerns: Arc<Mutex<BTreeMap<Concern, Raised>>>,
    details: Arc<Mutex<BTreeMap<&'static str, Value>>>,
}

#[derive(Debug)]
struct Raised {
    reason: String,
    /// When it was last raised.
    at: Instant,
}

impl Health {
    /// Raises a concern. Returns whether it is new: the caller then logs it, once.
    pub fn raise(&self, concern: Concern, reason: impl Into<String>) -> bool {
        let raised = Raised { reason: reason.into(), at: Instant::now() };
        self.concerns.lock().unwrap_or_else(PoisonError::into_inner).insert(concern, raised).is_none()
    }

    /// Lays a concern to rest. Returns whether it had been raised.
    pub fn clear(&self, concern: Concern) -> bool {
        self.concerns.lock().unwrap_or_else(PoisonError::into_inner).remove(&concern).is_some()
    }

    /// Tells what `/readyz` shows in its details: something to know that keeps nobody from being ready; null
    /// takes it back. It is shown without a login, so it holds nothing about a person.
    pub fn tell(&self, what: &'static str, value: Value) {
        let mut details = self.details.lock().unwrap_or_else(PoisonError::into_inner);
        if value.is_null() {
            details.remove(what);
        } else {
            details.insert(what, value);
        }
    }

    /// What was told last of each thing.
    pub fn details(&self) -> BTreeMap<&'static str, Value> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lays a concern to rest that nobody has raised for `quiet`: one that several parts raise and clear by
    /// turns must not come and go, with a line in the log each time. Returns whether it does.
    pub fn clear_after(&self, concern: Concern, quiet: Duration) -> bool {
        let mut reasons = self.concerns.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = reasons.get(&concern).is_some_and(|raised| raised.at.elapsed() >= quiet);
        rests && reasons.remove(&concern).is_some()
    }

    /// The present reasons; none means ready.
    pub fn reasons(&self) -> Vec<(Concern, String)> {
        let reasons = self.concerns.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(concern, raised)| (*concern, raised.reason.clone())).collect()
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

    #[test]
    fn a_concern_that_was_raised_just_now_does_not_rest_yet() {
        let health = Health::default();
        assert!(!health.clear_after(Concern::Database, Duration::ZERO), "nobody raised it");
        health.raise(Concern::Database, "away");
        assert!(!health.clear_after(Concern::Database, Duration::from_hours(1)));
        assert_eq!(health.reasons().len(), 1);
        assert!(health.clear_after(Concern::Database, Duration::ZERO));
        assert!(health.reasons().is_empty());
    }
}
