//! Account types as the engine knows them: the API makes and changes them while the daemon runs.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    domain::{account_type::AccountType, id::AccountTypeId},
    store::{StoreError, account_types},
    telemetry::health::Health,
};

/// The account types when the database was last asked.
#[derive(Debug, Default)]
pub struct Types(RwLock<Arc<Known>>);

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<AccountTypeId, Arc<AccountType>>,
    ids: HashMap<String, AccountTypeId>,
    stamp: Option<(i64, i64)>,
}

impl Types {
    /// The type of an id.
    pub fn get(&self, id: AccountTypeId) -> Option<Arc<AccountType>> {
        self.now().by_id.get(&id).cloned()
    }

    /// The id of a name.
    pub fn id(&self, name: &str) -> Option<AccountTypeId> {
        self.now().ids.get(name).copied()
    }

    /// Whether any type is as `is_so` says; none are known before they were read.
    pub fn any(&self, is_so: impl Fn(&AccountType) -> bool) -> bool {
        self.now().by_id.values().any(|account_type| is_so(account_type))
    }

    /// Takes other types up.
    pub(super) fn set(
        &self,
        types: impl Iterator<Item = (AccountTypeId, AccountType)>,
        stamp: Option<(i64, i64)>,
    ) {
        let mut known = Known { stamp, ..Known::default() };
        for (id, account_type) in types {
            known.ids.insert(account_type.name.clone(), id);
            known.by_id.insert(id, Arc::new(account_type));
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    /// Reads the types again if any of them changed.
    pub async fn refresh(&self, conn: &mut PgConnection) -> Result<(), StoreError> {
        let stamp = account_types::stamp(conn).await?;
        if self.now().stamp != Some(stamp) {
            self.set(account_types::list(conn).await?.into_iter(), Some(stamp));
        }
        Ok(())
    }

    fn now(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps [`Types`] up to date.
pub struct Poll {
    engine: Engine,
}

impl Poll {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Poll {
    const NAME: &'static str = "types";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let mut connection = self.engine.context.store.connection().await?;
        self.engine.plan.types.refresh(&mut connection).await?;
        Ok(Activation::Done)
    }
}
