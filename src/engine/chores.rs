//! What requests asked for and that takes longer than a request: consolidations, the accounts of merged tags, what hits
//! have of redacted items of lists.
//!
//! Each is in the database until it is done, a transaction at a time: whoever is killed leaves it to the next.

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::{consolidate, lists, tags},
    telemetry::health::Health,
};

/// The task.
pub struct Chores {
    engine: Engine,
}

impl Chores {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Chores {
    const NAME: &'static str = "chores";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        let context = &self.engine.context;
        let consolidated = consolidate::do_next(context).await?;
        let merged = tags::merge_page(context).await?;
        let renamed = tags::rename_page(context).await?;
        let destroyed = lists::destroy_copies(context).await?;
        Ok(if consolidated || merged || renamed || destroyed { Activation::More } else { Activation::Done })
    }
}
