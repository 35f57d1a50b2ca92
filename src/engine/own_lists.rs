//! Lists of the customer's own, kept in memory as the database has them.
//!
//! Every process asks twice a second for the lists' versions, and reads those anew that changed: a new item counts
//! within seconds, in every process. The version that a process answers from is part of what its runs rest on.

use std::time::Duration;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::{ActionError, Context, lists},
    providers::local::OwnList,
    screening::own::OwnIndex,
    telemetry::health::Health,
};

/// How often the database is asked.
pub const EVERY: Duration = Duration::from_millis(500);

/// The version of a list that is not there: nobody made it yet, or it is archived. It matches nobody.
const ABSENT: &str = "absent";

/// Reads the lists whose versions changed.
pub async fn refresh(context: &Context, own: &[OwnList]) -> Result<(), ActionError> {
    if own.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = own.iter().map(|list| list.name().to_owned()).collect();
    let versions = lists::versions(context, &names).await?;
    for list in own {
        let now = versions.iter().find(|(name, _)| name == list.name()).map(|(_, version)| version.as_str());
        if list.version().as_deref() == Some(now.unwrap_or(ABSENT)) {
            continue;
        }
        let loaded = lists::load(context, list.name()).await?;
        if loaded.is_none() {
            tracing::warn!(
                list.name = list.name(),
                "there is no list of this name in use: it matches nobody"
            );
        }
        let (version, items) = loaded.unwrap_or_else(|| (ABSENT.to_owned(), Vec::new()));
        tracing::info!(list.name = list.name(), list.version = version, items = items.len(), "own list read");
        let name = list.name().to_owned();
        // A large list takes a moment to arrange: no worker of the runtime waits for it.
        let index = tokio::task::spawn_blocking(move || OwnIndex::build(&name, &version, &items)).await;
        if let Ok(index) = index {
            list.replace(index);
        }
    }
    Ok(())
}

/// Keeps the lists up to date.
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
    const NAME: &'static str = "own lists";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        refresh(&self.engine.context, &self.engine.plan.own_lists).await?;
        Ok(Activation::Done)
    }
}
