//! Brings the blind index up to date after a field came to be searched by: a page of accounts at a time.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{actions::account_types, domain::id::AccountTypeId, telemetry::health::Health};

/// How often types are looked at that have fields without tokens.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// The task. Its place is in memory only: who begins anew finds the tokens that are there, and adds none.
pub(super) struct Index {
    engine: Engine,
    place: Option<(AccountTypeId, Uuid)>,
}

impl Index {
    pub(super) const fn new(engine: Engine) -> Self {
        Self { engine, place: None }
    }
}

impl Task for Index {
    const NAME: &'static str = "index";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        self.place = account_types::index(&self.engine.context, self.place.take()).await?;
        Ok(if self.place.is_some() { Activation::More } else { Activation::Done })
    }
}
