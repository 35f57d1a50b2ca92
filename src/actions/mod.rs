//! One function for each thing that a person or a timer can do. An action owns its transaction, and
//! writes the event of what it did in it.

pub mod account_actions;
pub mod account_types;
pub mod accounts;
pub mod api_keys;
pub mod apply;
pub mod audit;
pub mod consolidate;
pub mod decide;
pub mod erasure;
pub mod events;
pub mod evidence;
pub mod export;
pub mod flags;
pub mod hits;
pub mod idempotency;
pub mod import;
pub mod importers;
pub mod inquiries;
pub mod inspect;
pub mod ledger;
pub mod lists;
pub mod master_keys;
pub mod overview;
pub mod pause;
mod query;
pub mod redact;
pub mod relation_schemas;
pub mod relations;
pub mod release;
pub mod reports;
pub mod rescreen;
pub mod retention;
pub mod retire;
pub mod reverify;
pub mod run_now;
pub mod subjects;
pub mod tags;
pub mod transaction_types;
pub mod transactions;
pub mod what_if;

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use ledger::Ledger;

use crate::{
    ambient::{Clock, Random},
    domain::{
        audit::Origin,
        id::{self, AccountId, EventId, Shard},
    },
    screening::keys::Key,
    store::{
        Store, StoreError,
        data_keys::{self, KeyError},
        events::Event,
    },
    vault::{DataKey, Keyring, VaultError},
};

/// What every action and every part of the engine works with.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Random,
    /// The master keys.
    pub keyring: Keyring,
    /// The key of answer digests and idempotency keys; the same for the life of a database.
    pub digest_key: DataKey,
    /// By what means things are done with it.
    pub origin: Origin,
    /// Where redactions are noted outside the database, if anywhere.
    pub ledger: Option<Arc<Ledger>>,
    /// New accounts lie in the shards up to this one: in all of them, but in a simulation.
    pub last_shard: Shard,
}

impl Context {
    /// Makes the context of a database whose schema is this program's; refuses wrong master keys.
    pub async fn open(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Random,
        keyring: Keyring,
    ) -> Result<Self, ActionError> {
        let now = clock.now();
        let mut transaction = store.transaction().await?;
        data_keys::check_master_keys(&mut transaction, &keyring, now).await?;
        // The database itself is the object of this key.
        let mut keys = data_keys::get_or_insert(&mut transaction, &keyring, &[Uuid::nil()], now).await?;
        let digest_key = keys.remove(&Uuid::nil()).expect("`get_or_insert` makes what is missing");
        transaction.commit().await.map_err(StoreError::from)?;
        let (origin, last_shard) = (Origin::System, Shard(u8::MAX));
        Ok(Self { store, clock, random, keyring, digest_key, origin, ledger: None, last_shard })
    }

    /// The same for what is done by other means.
    #[must_use]
    pub fn by(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The same, which notes redactions in the erasure ledger in `folder`.
    #[must_use]
    pub fn with_ledger(self, folder: &Path) -> Self {
        let ledger = Ledger::new(folder, self.digest_key.chain());
        Self { ledger: Some(ledger), ..self }
    }

    /// A new id's UUID, of now and of `shard`.
    pub fn new_uuid(&self, shard: Shard) -> Uuid {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        id::version_7(millis, self.random.bytes(), shard)
    }

    /// The shard of a new account.
    pub fn new_shard(&self) -> Shard {
        let [drawn] = self.random.bytes::<1>();
        self.last_shard.0.checked_add(1).map_or(Shard(drawn), |count| Shard(drawn % count))
    }

    /// What stands for screening keys in the database, sorted, each once.
    pub fn screening_tokens(&self, keys: &[Key]) -> Vec<i64> {
        let mut tokens = self.digest_key.screening_tokens(keys);
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// An event about an account.
    pub fn event(
        &self,
        account: AccountId,
        kind: &'static str,
        actor: &str,
        detail: serde_json::Value,
    ) -> Event {
        Event {
            id: EventId(self.new_uuid(account.shard())),
            account: Some(account),
            object: None,
            kind,
            actor: actor.to_owned(),
            origin: self.origin.clone(),
            detail,
        }
    }

    /// An event about no account.
    pub fn event_of_all(&self, kind: &'static str, actor: &str, detail: serde_json::Value) -> Event {
        Event {
            id: EventId(self.new_uuid(Shard(0))),
            account: None,
            object: None,
            kind,
            actor: actor.to_owned(),
            origin: self.origin.clone(),
            detail,
        }
    }

    /// The present time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// A page of what was listed with one more than the page holds, newest first, and whether there was that one: it is the
/// farthest from where the page begins.
fn one_too_many<T>(mut found: Vec<T>, size: u16, backwards: bool) -> (Vec<T>, bool) {
    let more = found.len() > usize::from(size);
    if more {
        if backwards { drop(found.remove(0)) } else { drop(found.pop()) }
    }
    (found, more)
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// There is none of that name.
    #[error("there is no {what} {name:?}; there are: {}", known.join(", "))]
    UnknownName {
        /// A provider, a schedule.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// More than one account has that reference id, in different types.
    #[error("{0} accounts have that reference id, of different types: give the account id instead")]
    Ambiguous(usize),
    /// The thing is in a state that does not allow it.
    #[error("{0}")]
    Refused(&'static str),
    /// The thing, or another that it goes with, is in a state that does not allow it; the text names which.
    #[error("{0}")]
    Conflict(String),
    /// The account is archived: it can be read, and nothing else.
    #[error("the account is archived")]
    Archived,
    /// The account changed since the version that a change was made for.
    #[error("the account has changed since")]
    Stale,
    /// Another account of the type has the value of an attribute, or of a field, that must be unique.
    #[error("another account of the type has the same {0}")]
    NotUnique(String),
    /// Something that was handed in is not what it must be.
    #[error("{}", said(.0))]
    Invalid(Vec<Invalid>),
    /// A file could not be read.
    #[error("{path} could not be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file as a whole is not what it must be.
    #[error("{path}: {fault}")]
    Form {
        /// The file.
        path: String,
        /// What is wrong, and what is accepted.
        fault: String,
    },
}

/// One thing that was handed in and is refused. It never quotes the value: that may be about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where it stands, as a JSON pointer into the request, such as `/data/attributes/fields/address/city`.
    pub pointer: String,
    /// What is accepted.
    pub details: String,
}

impl Invalid {
    /// What is wrong at a place.
    pub fn at(pointer: impl Into<String>, details: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), details: details.into() }
    }
}

fn said(faults: &[Invalid]) -> String {
    let faults: Vec<String> =
        faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.details)).collect();
    faults.join("; ")
}

impl From<KeyError> for ActionError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => Self::Store(error),
            KeyError::Vault(error) => Self::Vault(error),
        }
    }
}

impl From<sqlx::Error> for ActionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
