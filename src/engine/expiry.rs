//! Inquiries that nobody completed in time expire.

use std::time::Duration;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{actions::inquiries, store, telemetry::health::Health};

/// How often it is looked for inquiries whose time is over.
pub const EVERY: Duration = Duration::from_secs(5);

/// How many one transaction ends.
const PAGE: u16 = 500;

/// The task that ends them; one process of a fleet does it at a time.
pub struct Expiry {
    engine: Engine,
}

impl Expiry {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Expiry {
    const NAME: &'static str = "expiry";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let context = &self.engine.context;
        let mut transaction = context.store.transaction().await?;
        if !store::lock_task(&mut transaction, "expiry").await? {
            return Ok(Activation::Done);
        }
        let expired = inquiries::expire_overdue(context, &mut transaction, PAGE).await?;
        transaction.commit().await?;
        if expired > 0 {
            tracing::info!(count = expired, "inquiries expired");
        }
        Ok(if expired < usize::from(PAGE) { Activation::Done } else { Activation::More })
    }
}
